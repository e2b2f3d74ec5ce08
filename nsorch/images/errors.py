"""What goes wrong with images, under the reasons that Kubernetes shows in ``containerStatuses[].state.waiting``."""

from __future__ import annotations

from typing import Literal

Reason = Literal[
    "ErrImagePull", "ErrImageNeverPull", "InvalidImageName", "ErrImageLoad", "ErrImageBuild", "ErrImageInUse"
]


class ImageError(Exception):
    """An image that cannot be had, read, made or removed; ``reason`` is a word, ``message`` a sentence with the remedy.

    ``ErrImagePull``, ``ErrImageNeverPull`` and ``InvalidImageName`` are the kubelet's own reasons; the other three are
    answers to ``nsorch image load``, ``build`` and ``rm``.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.message = message
