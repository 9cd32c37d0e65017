"""Real clusters, made by kind: Kubernetes' own programs in a container that is a node."""
