"""SQLite: one writer with group commit, compare-and-swap by resourceVersion, watch journal, leases."""

from nsorch.store.errors import Changed, Exists, Expired, Missing, NotYet, StoreError
from nsorch.store.leases import Leases
from nsorch.store.record import Change, Key, Record
from nsorch.store.store import Store

__all__ = [
    "Change",
    "Changed",
    "Exists",
    "Expired",
    "Key",
    "Leases",
    "Missing",
    "NotYet",
    "Record",
    "Store",
    "StoreError",
]
