"""Events: recorded by the daemon's own parts, and kept within bounds."""
