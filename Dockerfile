# BuildKit sets TARGETARCH: docker buildx build --platform linux/amd64,linux/arm64 .
# The image as `make image` lays it out without a container engine; run that first. One layer holds the static binary,
# certificate authorities, /etc/passwd and a /tmp for everybody. There is no USER: GitHub's container steps must be root,
# Tekton Tasks set uid 65532, and any other uid works too.
FROM scratch
ARG TARGETARCH
ADD bin/image/linux-${TARGETARCH}/root.tar /
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.source="https://github.com/stepseal/stepseal" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENTRYPOINT ["/stepseal"]
