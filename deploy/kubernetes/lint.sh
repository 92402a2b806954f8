#!/bin/sh
# Checkov over both overlays as a cluster would get them, in an environment of its own (.run/lint): it brings a
# hundred packages along that nothing else needs. Left out, with reasons:
#   CKV_K8S_43  digests: a release puts them into the production overlay's `images`; there is none to name here
#   CKV_K8S_15  pull always: tags are versions and never move
#   CKV_K8S_40  high user ids: 999 is the user of PostgreSQL's and RabbitMQ's own images
#   CKV_K8S_25  NET_BIND_SERVICE, which restricted pods may have: Caddy's program cannot be started without it
set -eu
cd "$(dirname "$0")/../.."
lock=requirements.k8s.lock
place=.run/lint
wanted="$(sha256sum $lock | cut -d' ' -f1)"
if [ "$(cat $place/.lock 2>/dev/null)" != "$wanted" ]; then
    .venv/bin/python -m venv --clear $place
    .venv/bin/uv pip install -q --require-hashes --python $place/bin/python -r $lock ||
        $place/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r $lock
    printf '%s' "$wanted" >$place/.lock
fi
mkdir -p .run/k8s
for overlay in local production; do
    .venv/bin/python -m deploy.kubernetes show $overlay >.run/k8s/$overlay.yaml
done
exec $place/bin/checkov --framework kubernetes --skip-download --directory .run/k8s --compact --quiet \
    --skip-check CKV_K8S_43,CKV_K8S_15,CKV_K8S_40,CKV_K8S_25 --output cli
