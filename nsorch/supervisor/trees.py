"""Removing folder trees, without what a general module would import into every supervisor."""

from __future__ import annotations

import os


def remove(path: str) -> None:
    """Remove the tree at ``path``, never following a link; what cannot be removed stays."""
    try:
        with os.scandir(path) as entries:
            found = [(entry.path, entry.is_dir(follow_symlinks=False)) for entry in entries]
    except OSError:
        return
    for child, is_folder in found:
        if is_folder:
            remove(child)
        else:
            try:
                os.unlink(child)
            except OSError:
                pass  # gone already, or immutable
    try:
        os.rmdir(path)
    except OSError:
        pass
