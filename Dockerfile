# syntax=docker/dockerfile:1
# The one image of all services: `docker build --tag allin .`; what a container runs is its arguments, `run landry-spotapi-web`.

FROM rust:1.95-slim-bookworm AS build
# A C and C++ compiler and cmake, for the libraries that are built in.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential cmake pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY Cargo.toml Cargo.lock topology.yaml ./
COPY crates crates
# Caches outlive a build; what goes into the image is copied out of them.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/source/target \
    cargo build --locked --release --package allin \
    && install -D target/release/allin /image/usr/bin/allin \
    && install --directory --mode=0700 --owner=65532 --group=65532 /image/var/lib/allin

# glibc, certificates and a user of its own; no shell and no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /image/usr/bin/allin /usr/bin/allin
# A fresh volume takes over whose folder it is.
COPY --from=build --chown=65532:65532 /image/var/lib/allin /var/lib/allin
USER 65532:65532
WORKDIR /var/lib/allin
ENTRYPOINT ["/usr/bin/allin"]
CMD ["--help"]
