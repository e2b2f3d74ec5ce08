"""Who may speak to the API: the cluster's own CA and certificates, and who stands behind a connection."""
