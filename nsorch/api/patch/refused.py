"""Why a patch cannot be applied, with the Status that says so."""

from __future__ import annotations

from nsorch.api.failures import Failure


class PatchRefused(Failure):
    """A patch that is not applied. ``code`` and ``reason`` are those of the ``metav1.Status`` to answer with."""

    @classmethod
    def bad(cls, message: str) -> PatchRefused:
        """400: the patch document itself is wrong."""
        return cls(400, "BadRequest", message)

    @classmethod
    def inapplicable(cls, message: str) -> PatchRefused:
        """422: the document is well formed, but does not fit the object."""
        return cls(422, "Invalid", f"the server rejected our request due to an error in our request: {message}")

    @classmethod
    def too_large(cls, message: str) -> PatchRefused:
        """413: the patch asks for more work or memory than one request may."""
        return cls(413, "RequestEntityTooLarge", message)

    @classmethod
    def unsupported(cls, content_type: str, accepted: tuple[str, ...]) -> PatchRefused:
        """415: not a kind of patch that is served here."""
        return cls(
            415,
            "UnsupportedMediaType",
            f"the body of the request was in an unknown format ({content_type or 'no Content-Type'}) - "
            f"accepted media types include: {', '.join(accepted)}",
        )
