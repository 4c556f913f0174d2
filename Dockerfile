# Tusk in a container: the program, the libraries it links, and nothing else. How to use it: deploy/README.md.
ARG SWIFT_IMAGE=docker.io/library/swift:6.3-bookworm

FROM ${SWIFT_IMAGE} AS build
WORKDIR /src
# First what changes seldom, so that its layers are reused: the system packages, then the Swift packages.
COPY scripts/setup.sh scripts/
RUN scripts/setup.sh && rm -rf /var/lib/apt/lists/*
COPY Package.* ./
RUN swift package resolve
COPY . .
RUN make build && scripts/image-root.sh .build/release/tusk /image

FROM scratch
LABEL org.opencontainers.image.title="tusk" \
      org.opencontainers.image.description="Learns the density of images, and answers for it over HTTP"
COPY --from=build /image/ /
USER 65532:65532
EXPOSE 8080
# Plain or by TLS, whichever port 8080 speaks; where it wants client certificates: docs/guide/lifecycle.md, "Health check".
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["/usr/bin/tusk", "health"]
ENTRYPOINT ["/usr/bin/tusk"]
CMD ["serve", "--host", "0.0.0.0"]
