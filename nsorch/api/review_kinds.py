"""Kinds that are asked and answered, and never stored."""

from __future__ import annotations

from typing import Any

from nsorch.resources.access_review import (
    LocalSubjectAccessReview,
    SelfSubjectAccessReview,
    SelfSubjectRulesReview,
    SubjectAccessReview,
)
from nsorch.resources.identity_review import SelfSubjectReview, TokenReview
from nsorch.resources.registry import Kind

REVIEWS: tuple[Kind[Any], ...] = tuple(
    Kind(
        model=model,
        plural=f"{model.KIND.lower()}s",
        namespaced=model is LocalSubjectAccessReview,
        verbs=("create",),
    )
    for model in (
        SelfSubjectReview,
        LocalSubjectAccessReview,
        SelfSubjectAccessReview,
        SelfSubjectRulesReview,
        SubjectAccessReview,
        TokenReview,
    )
)
"""Discovery and OpenAPI know them, the registry does not."""
