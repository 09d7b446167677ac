"""Recipe section of curate: which real code is kept, and how that is found out."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from hornbook.recipe.section import Section


class Forest(Section):
    """The classifier of educational value (phi-1 §2.1: a random forest on embeddings; its size is not published)."""

    trees: int = Field(300, ge=1, description="Trees in the forest (our choice).")
    min_leaf: int = Field(2, ge=1, description="Samples a leaf holds at least (our choice).")
    folds: int = Field(5, ge=2, description="Folds of the out-of-fold scores (our choice).")


REDACTED: tuple[Literal["key", "email", "ip", "name"], ...] = ("key", "email", "ip", "name")
"""What redaction looks for: keys and passwords, e-mail addresses, public IP addresses, names of authors."""


class Curate(Section):
    """Which real code is kept (phi-1 §2.1)."""

    min_characters: int = Field(100, ge=0, description="Shorter files are rejected (our choice).")
    max_characters: int = Field(200_000, ge=1, description="Longer files are rejected (our choice).")
    max_line_characters: int = Field(1_000, ge=1, description="Files with a longer line are rejected (our choice).")
    max_mean_line_characters: float = Field(
        100, gt=0, description="Mean line length above which to reject (The Stack)."
    )
    min_alphanumeric_rate: float = Field(
        0.25, ge=0, le=1, description="Share of letters and digits below which to reject (The Stack)."
    )
    max_comment_rate: float = Field(
        0.8, ge=0, le=1, description="Share of comment lines above which to reject (our choice)."
    )
    max_data_rate: float = Field(
        0.6, ge=0, le=1, description="Share of literal data above which to reject (our choice)."
    )
    must_parse: bool = Field(True, description="Reject files that are not Python 3 (our choice).")
    redact: tuple[Literal["key", "email", "ip", "name"], ...] = Field(
        REDACTED, description="What is replaced by a placeholder before anything else sees the code (our choice)."
    )
    near_duplicate_jaccard: float = Field(
        0.7,
        gt=0,
        le=1,
        description="Jaccard similarity of 5-token shingles from which files are near duplicates (our choice).",
    )
    labels: int = Field(100_000, ge=10, description="Files that the teacher labels (phi-1 §2.1: about 100k).")
    repeat_labels_rate: float = Field(
        0.05, ge=0, le=1, description="Share of the labelled files that are labelled twice, for agreement (our choice)."
    )
    good_score: int = Field(
        3, ge=1, le=5, description="Label from which a file counts as good, of 0 to 5 (our choice)."
    )
    classifier: Literal["forest", "logistic"] = Field(
        "forest", description="What scores the files: a random forest (phi-1 §2.1), or logistic regression."
    )
    forest: Forest = Field(default=Forest(), description="The random forest, and the folds of both classifiers.")
    keep_tokens_rate: float = Field(
        0.17, gt=0, le=1, description="Share of tokens to keep, best first (phi-1 §2.1: 6B of 35B tokens)."
    )
    keep_precision: float | None = Field(
        None, gt=0, le=1, description="Keep as much as has this precision out of fold, in place of a share of tokens."
    )
    keep_threshold: float | None = Field(
        None, ge=0, le=1, description="Keep what scores at least this, in place of a share of tokens."
    )

    @model_validator(mode="after")
    def _one_target(self) -> Curate:
        if self.keep_precision is not None and self.keep_threshold is not None:
            raise ValueError("keep_precision and keep_threshold are two targets; set one of them to null")
        return self

    @property
    def scoring(self) -> Curate:
        """The section without what only the selection reads: two that score alike are equal."""
        return self.model_copy(update={name: Curate.model_fields[name].default for name in SELECTION})


SELECTION = ("keep_tokens_rate", "keep_precision", "keep_threshold")
"""Keys that change which rows are kept, and no score."""
