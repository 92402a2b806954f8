"""The center on Kubernetes: what of k8s/ is generated, the secrets of a local cluster, and the checks of all of it."""
