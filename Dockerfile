# Espalier in a container: docs/container.md tells how to build and run it.
#
#   docker build -t espalier .                        without a GPU: target cpu, the last stage
#   docker build -t espalier:cuda --target cuda .     for NVIDIA GPUs: CUDA 12
#
# The stages make TensorFlow's library, the npm packages and the binding between the two; the last two take those and the sources, and hold no compiler,
# no Python, no headers and no development package. TensorFlow's version is in scripts/setup.sh alone.

# Tags move as Debian and Node are patched. For the same image again and again give digests: --build-arg NODE_IMAGE=node:24-bookworm-slim@sha256:...
ARG NODE_IMAGE=node:24-bookworm-slim
ARG DEBIAN_IMAGE=debian:12-slim

FROM ${NODE_IMAGE} AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# Versions are Debian's: it removes an older one from its servers when it patches, so a pinned one would soon be gone.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates g++ make python3 python3-pip \
 && rm -rf /var/lib/apt/lists/*
# As in the last stages: the binding finds the library by this path.
WORKDIR /app

# --- TensorFlow's C library, with headers. Rebuilt when setup.sh changes; the download is kept in the builder's cache. -----

FROM build AS library-cpu
ENV ESPALIER_TENSORFLOW=cpu
COPY scripts/setup.sh scripts/
RUN --mount=type=cache,target=/app/.toolchain/wheels scripts/setup.sh library

FROM build AS library-cuda
ENV ESPALIER_TENSORFLOW=cuda
COPY scripts/setup.sh scripts/
RUN --mount=type=cache,target=/root/.cache/pip scripts/setup.sh library

# --- The same, with nothing but what is loaded at run time ------------------------------------------------------------------

FROM library-cpu AS trimmed-cpu
COPY docker/keep-libraries.sh docker/
RUN docker/keep-libraries.sh

FROM library-cuda AS trimmed-cuda
COPY docker/keep-libraries.sh docker/
RUN docker/keep-libraries.sh

# --- npm packages of production, and the binding built into them -----------------------------------------------------------

FROM build AS packages
COPY package.json package-lock.json ./
# No install scripts: the only one that matters would download a TensorFlow of 2022.
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --omit=dev --no-audit --no-fund

FROM packages AS binding-cpu
ENV ESPALIER_TENSORFLOW=cpu
COPY scripts/setup.sh scripts/check-binding.mjs scripts/
COPY docker/keep-packages.sh docker/
RUN --mount=type=bind,from=library-cpu,source=/app/.toolchain,target=/app/.toolchain,rw scripts/setup.sh binding && docker/keep-packages.sh

FROM packages AS binding-cuda
ENV ESPALIER_TENSORFLOW=cuda
COPY scripts/setup.sh scripts/check-binding.mjs scripts/
COPY docker/keep-packages.sh docker/
RUN --mount=type=bind,from=library-cuda,source=/app/.toolchain,target=/app/.toolchain,rw scripts/setup.sh binding && docker/keep-packages.sh

# --- What Espalier is itself: the files that change most, one layer ---------------------------------------------------------

FROM scratch AS sources
COPY LICENSE package.json /
COPY bin /bin
COPY docker/entrypoint.sh docker/healthcheck.mjs /docker/
COPY src /src

# --- Debian with Node, Redis and an init -------------------------------------------------------------------------------------

FROM ${DEBIAN_IMAGE} AS runtime
# redis-server is for `espalier up`, which runs its own. tini passes signals on and reaps the children of processes that died.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends redis-server tini \
 && rm -rf /var/lib/apt/lists/* /var/log/*.log /var/log/apt \
 # The ids are fixed, so that a folder of the host can be given to them.
 && groupadd --gid 10001 espalier \
 && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin espalier \
 && install -d -o 10001 -g 10001 -m 0750 /data
# The program alone: no npm, no headers.
COPY --from=build /usr/local/bin/node /usr/local/bin/
WORKDIR /app
# A container's loopback is not the host's, so the server listens on all addresses, and therefore needs keys: the entrypoint makes the first one.
# hadolint ignore=DL3064
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8080 \
    ESPALIER_DATA=/data \
    ESPALIER_API_KEYS_FILE=/data/api-keys
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="Espalier" \
      org.opencontainers.image.description="An HTTP service that prunes and trains Keras models, and measures what it claims" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/debian:12-slim"
EXPOSE 8080
VOLUME /data
# SIGTERM ends the service and all its children; it may take 15 s, so give `docker stop` a --time of 30.
ENTRYPOINT ["/usr/bin/tini", "--", "/app/docker/entrypoint.sh"]
CMD ["up"]
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 CMD ["node", "/app/docker/healthcheck.mjs"]

FROM runtime AS cuda
# For the NVIDIA container toolkit: which devices to hand in, and of the driver only what computes.
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=trimmed-cuda /app/.toolchain .toolchain
COPY --from=binding-cuda /app/node_modules node_modules
COPY --from=sources / ./
USER 10001:10001
# Fails the build when anything that the service needs does not load. A builder has no GPU, so TensorFlow says so and takes the CPU.
RUN ESPALIER_DATA=/tmp/doctor ESPALIER_API_KEYS_FILE='' bin/espalier doctor && rm -rf /tmp/doctor

FROM runtime AS cpu
COPY --from=trimmed-cpu /app/.toolchain .toolchain
COPY --from=binding-cpu /app/node_modules node_modules
COPY --from=sources / ./
USER 10001:10001
RUN ESPALIER_DATA=/tmp/doctor ESPALIER_API_KEYS_FILE='' bin/espalier doctor && rm -rf /tmp/doctor
