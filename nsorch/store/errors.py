"""What a store may refuse."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot do it; the message says why and what helps."""


class Exists(StoreError):
    """Create of something that is there already."""


class Missing(StoreError):
    """Update or delete of something that is not there."""


class Changed(StoreError):
    """Compare-and-swap lost: the object has another revision than expected."""


class Expired(StoreError):
    """The journal no longer reaches back to the asked revision (HTTP 410)."""


class NotYet(StoreError):
    """The asked revision is newer than the store's own."""
