"""Operations: everything the API does to objects, without HTTP."""

from nsorch.api.operations.context import Context, Deleted, Deletion, ListOptions, Page, Write
from nsorch.api.operations.facade import Operations

__all__ = ["Context", "Deleted", "Deletion", "ListOptions", "Operations", "Page", "Write"]
