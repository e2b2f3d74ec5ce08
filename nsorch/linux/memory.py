"""malloc_trim(3): give memory that was freed back to the kernel."""

from __future__ import annotations

import ctypes


def malloc_trim() -> bool:
    """Release free memory at the top and inside of every arena; False where the C library has no malloc_trim (musl)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(0))
