"""What is behind the gateway: Kubernetes clusters, and other backends as clusters."""
