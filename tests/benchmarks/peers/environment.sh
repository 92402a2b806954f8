#!/bin/sh
# Makes the peers' own environment below .venv/bench: Python packages from requirements.bench.lock, Restate's server
# from npm, Redis from Debian. What cannot be had is said; its peer is then skipped.
set -u
cd "$(dirname "$0")/../../.."
lock=requirements.bench.lock
place=.venv/bench
wanted="$(sha256sum "$lock" | cut -d' ' -f1)"
if [ "$(cat "$place/.lock" 2>/dev/null)" != "$wanted" ]; then
    echo "Installing the peers" >&2
    .venv/bin/uv venv -q --clear --python .venv/bin/python "$place" &&
        .venv/bin/uv pip sync -q --require-hashes --python "$place/bin/python" "$lock" &&
        printf '%s' "$wanted" >"$place/.lock" || echo "The peers could not be installed." >&2
fi
if [ ! -x "$place/restate/node_modules/.bin/restate-server" ] && command -v npm >/dev/null; then
    npm install --silent --no-audit --no-fund --prefix "$place/restate" @restatedev/restate-server@1.7.12 >/dev/null 2>&1 ||
        echo "restate-server could not be had from npm." >&2
fi
if ! command -v redis-server >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    guard=/usr/sbin/policy-rc.d # a package installed here starts no service
    ours=
    if [ ! -e "$guard" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$guard" && chmod 755 "$guard" && ours=1
    fi
    { apt-get install -y -q --no-install-recommends redis-server ||
        { apt-get update -q && apt-get install -y -q --no-install-recommends redis-server; }; } >/dev/null 2>&1 ||
        echo "redis-server could not be installed." >&2
    [ -z "$ours" ] || rm -f "$guard"
fi
