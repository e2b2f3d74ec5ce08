"""OCI layout store: load, build, unpack."""
