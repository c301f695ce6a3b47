"""A real local Kubernetes on a bare Linux machine, with nothing but Python's standard library.

Two clusters, no third: `api_server.ApiServer` (etcd and kube-apiserver as processes, ready in seconds, no node) and
`kind_cluster.KindCluster` (kubelet, containerd, kube-proxy: what people have on their desks).

Programs are built from pinned Go modules (`modules/`), the node image from Debian packages and those programs
(`node/`); both are kept in the user's cache folder, keyed by a digest of their recipe.
"""
