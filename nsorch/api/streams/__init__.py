"""Streams over one HTTP connection: exec, attach, port-forward and proxying, over WebSocket and SPDY/3.1."""
