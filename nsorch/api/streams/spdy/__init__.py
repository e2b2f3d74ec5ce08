"""SPDY/3.1, as far as Kubernetes' clients speak it: many streams in both directions over one connection.

``headers`` and ``frames`` are pure (bytes in, values out); ``connection`` runs them over a link.

Kubernetes' own implementation (moby/spdystream) knows no flow control per stream: neither side sends WINDOW_UPDATE or
waits for it. So a stream whose data nobody takes holds up the connection behind it, once its buffer is full; that
is what keeps memory bounded.
"""
