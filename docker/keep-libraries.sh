#!/bin/sh
# Leaves of the unpacked TensorFlow what is loaded at run time: its shared libraries and, for CUDA, NVIDIA's beside them, where the run paths
# ($ORIGIN/../nvidia/*/lib) look. Headers, Python and the set-up's own files go.
set -eu
cd "$(dirname "$0")/../.toolchain"
find . -mindepth 1 -maxdepth 1 ! -name 'tensorflow*' -exec rm -rf {} +
find tensorflow*/ -mindepth 1 -maxdepth 1 ! -name tensorflow ! -name nvidia -exec rm -rf {} +
find tensorflow*/tensorflow -mindepth 1 -maxdepth 1 ! -name '*.so' ! -name '*.so.*' -exec rm -rf {} +
find tensorflow*/ -type d -path '*/nvidia/*' \( -name include -o -name __pycache__ \) -prune -exec rm -rf {} +
