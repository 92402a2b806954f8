#!/bin/sh
# The bill of materials of what the images install: an environment by the images' lock, read by CycloneDX's own tool,
# which lives in another environment.
set -eu
cd "$(dirname "$0")/.."
folder=.run/sbom
mkdir -p "$folder"
for part in runtime sbom; do
    rm -rf "$folder/$part"
    .venv/bin/uv venv -q --no-project --python .venv/bin/python "$folder/$part"
    .venv/bin/uv pip sync -q --require-hashes --python "$folder/$part/bin/python" "requirements.$part.lock"
done
"$folder/sbom/bin/cyclonedx-py" environment --pyproject pyproject.toml --output-reproducible \
    --of JSON -o "$folder/onewindow.cdx.json" "$folder/runtime/bin/python"
printf '%s: %s components\n' "$folder/onewindow.cdx.json" "$(grep -c '"purl"' "$folder/onewindow.cdx.json")"
