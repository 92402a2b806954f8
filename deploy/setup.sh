#!/bin/sh
# Makes the environment from the hashed lock; with "browser", also what browser tests need from Debian, with
# "prometheus" Prometheus and promtool.
# As root on Debian, what is missing is installed; otherwise the line to type is said.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

apt_install() { # packages...
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "Missing: $*. Type (as root): apt-get install -y $*"
        return 1
    fi
    say "Installing $*"
    export DEBIAN_FRONTEND=noninteractive
    guard=/usr/sbin/policy-rc.d # a package installed here starts no service
    if [ ! -e "$guard" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$guard"
        chmod 755 "$guard"
        trap 'rm -f "$guard"' EXIT
    fi
    apt-get install -y -q --no-install-recommends "$@" >/dev/null 2>&1 && return
    apt-get update -q >/dev/null
    apt-get install -y -q --no-install-recommends "$@" >/dev/null
}

python311() {
    for name in "${PYTHON:-python3.11}" python3; do
        if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            printf '%s' "$name"
            return
        fi
    done
    say "Python 3.11 or newer is missing. Type (as root): apt-get install -y python3 python3-venv"
    return 1
}

environment() {
    wanted="$(sha256sum requirements.lock | cut -d' ' -f1)"
    if [ -x .venv/bin/python ] && [ "$(cat .venv/.lock 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    python="$(python311)"
    if [ ! -x .venv/bin/python ]; then
        if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
            apt_install python3-venv
        fi
        say "Making .venv"
        "$python" -m venv .venv
    fi
    say "Installing the locked packages"
    if ! .venv/bin/uv --version >/dev/null 2>&1; then # uv itself comes from the lock, with its hashes
        awk '/^uv==/{on=1} on{print} on&&!/\\$/{exit}' requirements.lock >.venv/uv.lock
        .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r .venv/uv.lock ||
            say "uv could not be installed; pip does its work, slower"
    fi
    if ! .venv/bin/uv pip sync -q --require-hashes --python .venv/bin/python requirements.lock; then
        .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
    fi
    cat >.venv/bin/onewindow <<SCRIPT
#!/bin/sh
PYTHONPATH="$PWD\${PYTHONPATH:+:\$PYTHONPATH}" exec "$PWD/.venv/bin/python" -m deploy.launcher "\$@"
SCRIPT
    chmod 755 .venv/bin/onewindow
    printf '%s' "$wanted" >.venv/.lock
}

browser() {
    command -v chromium >/dev/null || apt_install chromium || say "Browser tests will say that they were skipped."
    [ -d /usr/share/fonts/opentype/noto ] || apt_install fonts-noto-cjk || true
}

prometheus() {
    command -v promtool >/dev/null || apt_install prometheus || say "Tests of rules and panels will say that they were skipped."
}

environment
for part in "$@"; do "$part"; done
