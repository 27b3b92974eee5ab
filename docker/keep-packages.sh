#!/bin/sh
# Leaves of node_modules what is loaded at run time: the binding's build folder and header links go, and the source maps, a quarter of the whole.
set -eu
cd "$(dirname "$0")/../node_modules"
rm -rf @tensorflow/tfjs-node-gpu/build-tmp-* @tensorflow/tfjs-node-gpu/deps/include
find . -name '*.map' -type f -delete
