#!/usr/bin/env bash
# Installs everything Espalier needs and nothing twice. Called by the Makefile:
#
#   scripts/setup.sh runtime   Node, npm packages, native TensorFlow and its binding, redis-server
#   scripts/setup.sh test      the same, a Python environment with stock Keras, PostgreSQL, an S3 server and Chromium
#   scripts/setup.sh library   TensorFlow's C library alone      the container image is built with these two, a layer each;
#   scripts/setup.sh binding   its binding for Node alone        the rest of what they need is there
#
# ESPALIER_TENSORFLOW=cpu|cuda chooses the TensorFlow build (default: cuda when nvidia-smi lists a device).
# Everything lands in .toolchain/ and node_modules/, except redis-server, PostgreSQL and Chromium, which the system's package manager installs.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly NODE_MAJOR=24 NODE_OLDEST=22.18.0
readonly TENSORFLOW_VERSION=2.21.0 KERAS_VERSION=3.15.1 TFJS_CONVERTER_VERSION=4.22.0
readonly ONNX_VERSION=1.23.2 ONNXRUNTIME_VERSION=1.32.0
readonly HTTPX_VERSION=0.28.1
readonly VERSITYGW_VERSION=v1.8.0 GO_VERSION=1.26.8
readonly GO_ZIP_SHA256=30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7
readonly TOOLCHAIN="$PWD/.toolchain"
readonly BINDING=node_modules/@tensorflow/tfjs-node-gpu
readonly LOG="$TOOLCHAIN/setup.log"
mkdir -p "$TOOLCHAIN"
: > "$LOG"

# step "what it does" CHECK DO "what to do when it fails": skips DO when CHECK holds already.
step() {
  local title=$1 check=$2 action=$3 remedy=$4 started=$EPOCHREALTIME
  if $check >>"$LOG" 2>&1; then
    printf '  %-58s already there\n' "$title"
    return
  fi
  printf '  %-58s ' "$title"
  # A subshell of its own, so that `set -e` stays in force inside the action.
  set +e
  ( set -euo pipefail; $action ) >>"$LOG" 2>&1
  local status=$?
  set -e
  if [ $status -ne 0 ] || ! $check >>"$LOG" 2>&1; then
    printf 'FAILED\n\n'
    tail -n 25 "$LOG" | sed 's/^/    | /' >&2
    printf '\n%s failed.\nWhat to do: %s\nThe whole output: %s\n' "$title" "$remedy" "$LOG" >&2
    exit 1
  fi
  LC_ALL=C awk -v a="${started/,/.}" -v b="${EPOCHREALTIME/,/.}" 'BEGIN { printf "%.1f s\n", b - a }'
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else echo "root is needed for: $*" >&2; return 1
  fi
}

install_system_package() {
  if command -v apt-get >/dev/null; then as_root apt-get update && DEBIAN_FRONTEND=noninteractive as_root apt-get install -y --no-install-recommends "$@"
  elif command -v dnf >/dev/null; then as_root dnf install -y "$@"
  elif command -v apk >/dev/null; then as_root apk add "$@"
  elif command -v brew >/dev/null; then brew install "$@"
  else echo "no package manager that this script knows: install $* by hand" >&2; return 1
  fi
}

# --- Node ------------------------------------------------------------------------------------------------------------

node_version_suffices() {
  "$1" -e 'const [have, want] = process.argv.slice(1).map((v) => v.split(".").map(Number));
           const at = have.findIndex((part, i) => part !== want[i]);
           process.exit(at === -1 || have[at] > want[at] ? 0 : 1)' \
    "$("$1" -p process.versions.node)" "$NODE_OLDEST"
}
own_node() { [ -x "$TOOLCHAIN/node/bin/node" ] && [ -f "$TOOLCHAIN/node/include/node/node_api.h" ] && node_version_suffices "$TOOLCHAIN/node/bin/node"; }
node_prefix_of() { dirname "$(dirname "$(readlink -f "$(command -v "$1")")")"; }
# The system's Node serves when it is new enough and brings its headers, which the binding is built against.
system_node() { command -v node && node_version_suffices node && [ -f "$(node_prefix_of node)/include/node/node_api.h" ]; }
have_node() { own_node || system_node; }
fetch_node() {
  local arch unpack
  case "$(uname -sm)" in
    'Linux x86_64') arch=linux-x64 ;;
    'Linux aarch64') arch=linux-arm64 ;;
    *) echo "no prebuilt Node for $(uname -sm)"; return 1 ;;
  esac
  command -v npm || { echo 'npm is missing'; return 1; }
  unpack=$(mktemp -d "$TOOLCHAIN/unpack.XXXXXX")
  (cd "$unpack" && npm pack "node-$arch@$NODE_MAJOR" && tar -xzf node-*.tgz)
  rm -rf "$TOOLCHAIN/node"
  mv "$unpack/package" "$TOOLCHAIN/node"
  rm -rf "$unpack"
}

# --- npm packages ----------------------------------------------------------------------------------------------------

# The lock file and the Node that installed are the stamp: an edit of either installs again.
packages_stamp() { { cat package-lock.json; node -p process.versions.modules; } | sha256sum | cut -c1-64; }
have_packages() { [ -f node_modules/.espalier-stamp ] && [ "$(cat node_modules/.espalier-stamp)" = "$(packages_stamp)" ]; }
install_packages() { npm ci --ignore-scripts --no-audit --no-fund; packages_stamp > node_modules/.espalier-stamp; }

# --- TensorFlow ------------------------------------------------------------------------------------------------------

if [ -z "${ESPALIER_TENSORFLOW:-}" ]; then
  if command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q '^GPU'; then ESPALIER_TENSORFLOW=cuda; else ESPALIER_TENSORFLOW=cpu; fi
fi
case "$ESPALIER_TENSORFLOW" in
  cpu) TENSORFLOW_PACKAGE=tensorflow-cpu; [ "$(uname -m)" = x86_64 ] || TENSORFLOW_PACKAGE=tensorflow ;;
  cuda) TENSORFLOW_PACKAGE=tensorflow ;;
  *) echo "ESPALIER_TENSORFLOW is '$ESPALIER_TENSORFLOW'; it may be cpu or cuda" >&2; exit 1 ;;
esac
readonly TENSORFLOW_ROOT="$TOOLCHAIN/$TENSORFLOW_PACKAGE-$TENSORFLOW_VERSION"
readonly WHEELS="$TOOLCHAIN/wheels"

have_pip() { python3 -m pip --version && python3 -c 'import venv, ensurepip'; }
install_pip() { install_system_package python3-pip python3-venv; }
have_wheel() { compgen -G "$WHEELS/${TENSORFLOW_PACKAGE/-/_}-$TENSORFLOW_VERSION-*.whl"; }
# Only the C library inside is used, so the wheel's Python version does not matter to the service; the Keras environment shares the file.
download_wheel() { python3 -m pip download --no-deps --only-binary=:all: "$TENSORFLOW_PACKAGE==$TENSORFLOW_VERSION" -d "$WHEELS"; }
have_tensorflow() { [ -f "$TENSORFLOW_ROOT/complete" ]; }
unpack_tensorflow() {
  rm -rf "$TENSORFLOW_ROOT"
  mkdir -p "$TENSORFLOW_ROOT"
  if [ "$ESPALIER_TENSORFLOW" = cuda ]; then
    # The CUDA libraries must lie beside the tensorflow folder, where its $ORIGIN/../nvidia/*/lib run paths look for them.
    python3 -m pip install --no-compile --target "$TENSORFLOW_ROOT" --find-links "$WHEELS" "tensorflow[and-cuda]==$TENSORFLOW_VERSION"
  else
    python3 - "$WHEELS"/"${TENSORFLOW_PACKAGE/-/_}-$TENSORFLOW_VERSION"-*.whl "$TENSORFLOW_ROOT" <<'PYTHON'
import sys, zipfile
wheel, root = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        path = name.split('/')
        # libtensorflow_cc.so.2, libtensorflow_framework.so.2 and the C headers; no Python.
        if path[0] == 'tensorflow' and ((len(path) == 2 and '.so' in path[1]) or path[1] == 'include'):
            archive.extract(name, root)
PYTHON
  fi
  ln -sf libtensorflow_cc.so.2 "$TENSORFLOW_ROOT/tensorflow/libtensorflow.so"
  ln -sf libtensorflow_framework.so.2 "$TENSORFLOW_ROOT/tensorflow/libtensorflow_framework.so"
  touch "$TENSORFLOW_ROOT/complete"
}

have_compiler() { command -v g++ && command -v make; }
install_compiler() { install_system_package g++ make; }
binding_stamp() { printf '%s %s' "$TENSORFLOW_ROOT" "$(node -p process.versions.node)"; }
have_binding() {
  [ -f "$BINDING/.espalier-stamp" ] && [ "$(cat "$BINDING/.espalier-stamp")" = "$(binding_stamp)" ] && node scripts/check-binding.mjs "$TENSORFLOW_VERSION"
}
build_binding() {
  local headers
  if own_node; then headers="$TOOLCHAIN/node"; else headers=$(node_prefix_of node); fi
  rm -rf "$BINDING/deps" "$BINDING/lib"
  mkdir -p "$BINDING/deps/include"
  for folder in tensorflow xla tsl; do ln -s "$TENSORFLOW_ROOT/tensorflow/include/$folder" "$BINDING/deps/include/$folder"; done
  ln -s "$TENSORFLOW_ROOT/tensorflow" "$BINDING/deps/lib"
  (cd "$BINDING" && PATH="$OLDPWD/node_modules/.bin:$PATH" npm_config_nodedir="$headers" node-pre-gyp install --build-from-source)
  binding_stamp > "$BINDING/.espalier-stamp"
}

# --- Redis -----------------------------------------------------------------------------------------------------------

have_redis() { command -v redis-server; }
install_redis() {
  install_system_package redis-server
  # Debian starts a system-wide server; Espalier runs its own child and leaves that one alone.
}

# --- PostgreSQL, which the tests start for themselves -----------------------------------------------------------------

have_postgres() { command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb'; }
install_postgres() { install_system_package postgresql; }
have_openssl() { command -v openssl; }
install_openssl() { install_system_package openssl; }

# --- An S3 server for the tests: the Versity gateway, built from the Go module proxy, some 4 minutes of two cores ------------------------

readonly GATEWAY="$TOOLCHAIN/versitygw"
# A stamp rather than the program's own word: it tells no version of what `go install` builds.
have_gateway() { [ -x "$GATEWAY/versitygw" ] && [ -f "$GATEWAY/complete-$VERSITYGW_VERSION" ]; }
go_suffices() { [ "$(printf '%s\n' "$GO_VERSION" "$("$1" env GOVERSION | sed 's/^go//')" | sort -V | head -n 1)" = "$GO_VERSION" ]; }
# Go's own distribution is a module too.
fetch_go() {
  [ "$(uname -sm)" = 'Linux x86_64' ] || { echo "install Go $GO_VERSION or newer by hand for $(uname -sm)"; return 1; }
  local proxy=${GOPROXY:-https://proxy.golang.org} name="v0.0.1-go$GO_VERSION.linux-amd64"
  python3 - "${proxy%%[,|]*}/golang.org/toolchain/@v/$name.zip" "$GO_ZIP_SHA256" "$1" "golang.org/toolchain@$name/" <<'PYTHON'
import hashlib, io, os, sys, urllib.request, zipfile
address, sha256, folder, inside = sys.argv[1:]
data = urllib.request.urlopen(address, timeout=120).read()
if hashlib.sha256(data).hexdigest() != sha256: sys.exit(f'{address} is not what it should be')
with zipfile.ZipFile(io.BytesIO(data)) as archive:
    for entry in archive.infolist():
        path = os.path.join(folder, entry.filename.removeprefix(inside))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file: file.write(archive.read(entry))
        if '/bin/' in entry.filename or '/pkg/tool/' in entry.filename: os.chmod(path, 0o755)
PYTHON
}
build_gateway() {
  local go=go work
  work=$(mktemp -d "$TOOLCHAIN/go.XXXXXX")
  if ! command -v go || ! go_suffices go; then
    fetch_go "$work/go"
    go="$work/go/bin/go"
  fi
  mkdir -p "$GATEWAY"
  # What is downloaded and compiled on the way takes 2 GB, and goes.
  GOBIN="$GATEWAY" GOPATH="$work/path" GOCACHE="$work/cache" GOTOOLCHAIN=local GOFLAGS='-modcacherw -trimpath -buildvcs=false -ldflags=-s' \
    "$go" install "github.com/versity/versitygw/cmd/versitygw@$VERSITYGW_VERSION"
  rm -rf "$work"
  touch "$GATEWAY/complete-$VERSITYGW_VERSION"
}

# --- A browser, in which the tests open the live page -----------------------------------------------------------------------

have_chromium() { [ -x "${ESPALIER_CHROMIUM:-/usr/bin/chromium}" ]; }
install_chromium() { install_system_package chromium; }

# --- Keras, for the tests that reload our exports in it ---------------------------------------------------------------

# What was made stays where only more is asked for.
have_keras() { [ -f "$TOOLCHAIN/keras/complete-$TENSORFLOW_VERSION-$KERAS_VERSION-$TFJS_CONVERTER_VERSION" ]; }
have_onnx() { [ -f "$TOOLCHAIN/keras/complete-onnx-$ONNX_VERSION-$ONNXRUNTIME_VERSION" ]; }
install_onnx() {
  # All that they need came with TensorFlow.
  "$TOOLCHAIN/keras/bin/python" -m pip install --no-compile --no-deps "onnx==$ONNX_VERSION" "onnxruntime==$ONNXRUNTIME_VERSION"
  touch "$TOOLCHAIN/keras/complete-onnx-$ONNX_VERSION-$ONNXRUNTIME_VERSION"
}
# What the Python client stands on, which the tests run there.
have_httpx() { [ -f "$TOOLCHAIN/keras/complete-httpx-$HTTPX_VERSION" ]; }
install_httpx() {
  "$TOOLCHAIN/keras/bin/python" -m pip install --no-compile "httpx==$HTTPX_VERSION"
  touch "$TOOLCHAIN/keras/complete-httpx-$HTTPX_VERSION"
}
install_keras() {
  rm -rf "$TOOLCHAIN/keras"
  python3 -m venv "$TOOLCHAIN/keras"
  "$TOOLCHAIN/keras/bin/python" -m pip install --no-compile --find-links "$WHEELS" "$TENSORFLOW_PACKAGE==$TENSORFLOW_VERSION" "keras==$KERAS_VERSION"
  # The converter of TensorFlow.js, without what it wants for formats other than Keras'.
  "$TOOLCHAIN/keras/bin/python" -m pip install --no-compile --no-deps "tensorflowjs==$TFJS_CONVERTER_VERSION"
  touch "$TOOLCHAIN/keras/complete-$TENSORFLOW_VERSION-$KERAS_VERSION-$TFJS_CONVERTER_VERSION"
}

set_up_library() {
  if [ "$ESPALIER_TENSORFLOW" = cpu ]; then
    step "TensorFlow wheel (262 MiB download)" have_wheel download_wheel "check that the Python package index answers and that 2 GiB of disk are free."
  fi
  step "TensorFlow's C library" have_tensorflow unpack_tensorflow "check that the disk has 2 GiB free (8 GiB for cuda)."
}
set_up_binding() {
  step "TensorFlow binding for Node" have_binding build_binding "see the compiler's output above; g++ 9 or newer is needed."
}

readonly PART=${1:-runtime}
echo "Setting up ($ESPALIER_TENSORFLOW TensorFlow $TENSORFLOW_VERSION)"
case "$PART" in
  runtime | test) ;;
  library) set_up_library; exit ;;
  binding) set_up_binding; exit ;;
  *) echo "'$PART' is no part of the set-up; it may be runtime, test, library or binding" >&2; exit 2 ;;
esac

step "Node $NODE_OLDEST or newer, with headers" have_node fetch_node \
  "install Node 22.18 or newer with its headers (nodejs.org), or npm so that it can be fetched, and run this again."
if own_node; then export PATH="$TOOLCHAIN/node/bin:$PATH"; fi
step "npm packages" have_packages install_packages "check that the npm registry answers (npm ping), then run this again."
step "C++ compiler and make" have_compiler install_compiler "install g++ and make."
step "Python with pip and venv" have_pip install_pip "install python3-pip and python3-venv."
set_up_library
set_up_binding
step "redis-server" have_redis install_redis "install redis-server 6.2 or newer, or set REDIS_URL."
if [ "$PART" = test ]; then
  step "Python environment with stock Keras $KERAS_VERSION" have_keras install_keras "check that the Python package index answers and that 3 GiB of disk are free."
  step "PostgreSQL" have_postgres install_postgres "install postgresql 13 or newer."
  step "S3 server (versitygw, built from source)" have_gateway build_gateway "check that the Go module proxy answers and that 3 GiB of disk are free."
  step "Chromium" have_chromium install_chromium "install chromium, or set ESPALIER_CHROMIUM to a browser of its kind."
  step "openssl" have_openssl install_openssl "install openssl."
  step "httpx, for the Python client" have_httpx install_httpx "check that the Python package index answers."
  step "ONNX's checker and runtime (37 MiB download)" have_onnx install_onnx "check that the Python package index answers."
fi
