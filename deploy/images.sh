#!/bin/sh
# lint: the Dockerfiles, by hadolint. sbom: the bill of materials of what the images install, read by CycloneDX's tool
# from an environment made by the images' own lock. The tools live in an environment of their own, below .run/images.
set -eu
cd "$(dirname "$0")/.."
folder=.run/images

environment() { # lock, folder
    [ "$(sha256sum "$1")" != "$(cat "$2/.made" 2>/dev/null)" ] || return 0
    rm -rf "$2"
    .venv/bin/uv venv -q --no-project --python .venv/bin/python "$2"
    .venv/bin/uv pip sync -q --require-hashes --python "$2/bin/python" "$1"
    sha256sum "$1" >"$2/.made"
}

mkdir -p "$folder"
environment requirements.images.lock "$folder/tools"
case "${1:-}" in
lint)
    "$folder/tools/bin/hadolint" deploy/Dockerfile deploy/provider/Dockerfile deploy/healing/Dockerfile
    ;;
sbom)
    for image in runtime healer provider; do # runtime: the five houses
        name=onewindow-$image
        [ "$image" != runtime ] || name=onewindow
        environment "requirements.$image.lock" "$folder/$image"
        "$folder/tools/bin/cyclonedx-py" environment --pyproject pyproject.toml --output-reproducible \
            --of JSON -o "$folder/$name.cdx.json" "$folder/$image/bin/python"
        printf '%s: %s components\n' "$folder/$name.cdx.json" "$(grep -c '"purl"' "$folder/$name.cdx.json")"
    done
    ;;
*)
    echo 'Say lint or sbom' >&2
    exit 2
    ;;
esac
