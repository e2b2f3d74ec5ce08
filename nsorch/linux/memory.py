"""mallopt(3) and malloc_trim(3): keep the C library's heap small."""

from __future__ import annotations

import ctypes

M_ARENA_MAX = -8
"""malloc.h"""


def malloc_trim() -> bool:
    """Release free memory at the top and inside of every arena; False where the C library has no malloc_trim (musl)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(0))


def one_arena() -> None:
    """Let all threads allocate from one heap: the C library would give each its own, which a process whose threads mostly
    wait never fills. Call before any thread is made."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)
