"""Pod network, Service rules and cluster DNS."""
