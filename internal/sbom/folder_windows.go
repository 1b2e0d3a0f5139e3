package sbom

const withoutWaiting = 0
