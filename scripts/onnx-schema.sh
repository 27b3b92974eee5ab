#!/usr/bin/env bash
# Makes src/model/formats/onnx/schema of the onnx.proto that the test environment's ONNX brings. Wanted are npm and python3 with venv; nothing of it stays.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly OUT="$PWD/src/model/formats/onnx/schema"
readonly PROTO=$(.toolchain/keras/bin/python -c 'import onnx, os; print(os.path.dirname(onnx.__file__))')
readonly WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
python3 -m venv "$WORK/python"
"$WORK/python/bin/pip" install --quiet grpcio-tools
(cd "$WORK" && npm install --silent --ignore-scripts --no-audit --no-fund @bufbuild/protoc-gen-es@2.17.0)
"$WORK/python/bin/python" -m grpc_tools.protoc -I "$PROTO" --plugin=protoc-gen-es="$WORK/node_modules/.bin/protoc-gen-es" \
  --es_out="$OUT" --es_opt=target=js+dts onnx.proto
