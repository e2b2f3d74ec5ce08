"""What every cluster has: its namespaces, and Service ``kubernetes`` in front of the API server."""
