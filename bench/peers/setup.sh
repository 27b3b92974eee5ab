#!/usr/bin/env bash
# Installs a program that only measures and checks use into an environment of its own: bench/peers/setup.sh tfmot | torch-pruning | foolbox | schemathesis
# All go to .toolchain/peers/; for tfmot and foolbox `scripts/setup.sh test` must have run before.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly PEER=${1:?tfmot, torch-pruning, foolbox or schemathesis} HOME_OF_PEER=".toolchain/peers/${1}"
[ -f "$HOME_OF_PEER/complete" ] && exit 0
rm -rf "$HOME_OF_PEER"
mkdir -p .toolchain/peers
python3 -m venv "$HOME_OF_PEER"
pip() { "$HOME_OF_PEER/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile "$@"; }
# TensorFlow and NumPy are those of the environment with stock Keras.
with_keras() {
  local site
  site=$("$HOME_OF_PEER/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
  .toolchain/keras/bin/python -c 'import os, sysconfig; print(os.path.realpath(sysconfig.get_paths()["purelib"]))' > "$site/keras.pth"
}
case "$PEER" in
  tfmot)
    with_keras
    pip --no-deps tensorflow-model-optimization==0.8.1 tf-keras==2.21.0
    pip --no-deps dm-tree absl-py attrs wrapt six
    ;;
  torch-pruning)
    # The package index's build of torch wants its CUDA libraries even where there is no device: 5 GB in all.
    pip torch==2.15.0 torch-pruning==1.6.1
    ;;
  foolbox)
    with_keras
    # Of what it asks for, requests and GitPython only download models.
    pip --no-deps foolbox==3.3.4 eagerpy==0.30.0 scipy==1.16.3 requests GitPython gitdb smmap
    ;;
  schemathesis)
    pip schemathesis==4.32.5 hypothesis==6.170.17 hypothesis-graphql==0.13.5 jsonschema-rs==0.60.3
    ;;
  *) echo "there is no peer $PEER; tfmot, torch-pruning, foolbox and schemathesis are known" >&2; exit 1 ;;
esac
touch "$HOME_OF_PEER/complete"
