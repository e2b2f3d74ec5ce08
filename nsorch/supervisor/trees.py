"""Removing folder trees, without what a general module would import into every supervisor."""

from __future__ import annotations

import os

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove(path: str) -> None:
    """Remove the tree at ``path``, never following a link; what cannot be removed stays.

    Containers make trees of any depth, deeper than a path can be long: one descriptor walks down and up again."""
    try:
        at = os.open(path, _FOLDER)
    except OSError:
        return
    try:
        _clear(at)
    finally:
        os.close(at)
    try:
        os.rmdir(path)
    except OSError:
        pass


def _clear(top: int) -> None:
    """Empty the folder ``top``."""
    at = os.dup(top)
    waiting = [_empty_of_files(at)]
    names: list[str] = []
    try:
        while True:
            if waiting[-1]:
                name = waiting[-1].pop()
                try:
                    deeper = os.open(name, _FOLDER, dir_fd=at)
                except OSError:
                    continue  # gone already
                os.close(at)
                at = deeper
                names.append(name)
                waiting.append(_empty_of_files(at))
                continue
            waiting.pop()
            if not names:
                return
            above = os.open("..", _FOLDER, dir_fd=at)
            os.close(at)
            at = above
            try:
                os.rmdir(names.pop(), dir_fd=at)
            except OSError:
                pass
    finally:
        os.close(at)


def _empty_of_files(at: int) -> list[str]:
    """Unlink all but folders; the names of those."""
    folders: list[str] = []
    try:
        with os.scandir(at) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    except OSError:
        return folders
    for name, is_folder in found:
        if is_folder:
            folders.append(name)
            continue
        try:
            os.unlink(name, dir_fd=at)
        except OSError:
            pass  # gone already, or immutable
    return folders
