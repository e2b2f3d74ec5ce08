"""The Kubernetes HTTP face."""
