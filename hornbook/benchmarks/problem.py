"""One benchmark problem, and a named set of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import cached_property

from hornbook.dataset import content_id


@dataclass(frozen=True)
class Problem:
    """A function to complete, judged by `cases` (JSON: a list of [[encoded arguments...], encoded result]) or `test`.

    `prelude` holds imports and helpers that the prompt defines before the function; `topic` says what it is about.
    """

    benchmark: str
    task_id: str
    prompt: str
    entry_point: str
    canonical_solution: str
    test: str = ""
    cases: str = ""
    prelude: str = ""
    topic: str = ""

    @property
    def program(self) -> str:
        """The prompt completed by the reference solution."""
        return self.prompt + self.canonical_solution


@dataclass(frozen=True)
class ProblemSet:
    """Problems that are scored together, in order. `fingerprint` is a hash of all that they hold."""

    name: str
    problems: tuple[Problem, ...]

    @cached_property
    def fingerprint(self) -> str:
        """Content hash (128 bits, hexadecimal) of name and problems."""
        return content_id(self.name, *(content_id(*astuple(problem)) for problem in self.problems))

    def __len__(self) -> int:
        return len(self.problems)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.problems)
