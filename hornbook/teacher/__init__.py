"""The teacher seam: who writes textbooks and exercises, and who labels code.

A prompt carries the same facts twice: `text` for a language model, `fields` for the procedural teacher. Both kinds of
teacher answer in the same form, and their replies go through the same parser and the same checks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Prompt:
    """One request to a teacher.

    `kind` is the prompt file's name (`exercise`, `textbook`, `label`), `fields` the facts that `text` was rendered
    from, `sample` tells apart several answers to the same text.
    """

    kind: str
    fields: Mapping[str, Any]
    text: str
    sample: int = 0


@dataclass(frozen=True)
class Reply:
    """One answer; `error` is set, and `text` empty, where the request failed for good."""

    text: str
    finish_reason: str = "stop"
    teacher: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    error: str = ""


class Teacher(Protocol):
    """Answers prompts in order; a failed request is a reply with `error`, never a lost row."""

    identity: str

    def complete(self, prompts: Sequence[Prompt]) -> list[Reply]: ...
