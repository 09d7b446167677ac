"""What goes into a sandbox and what comes out: `Check`, `Limits`, `Outcome`, `Verdict`, and the `Sandbox` protocol."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class Outcome(StrEnum):
    """How a check ended. Only `PASSED` counts as success; `PROTOCOL_ERROR` is the harness's own failure."""

    PASSED = "passed"
    FAILED_ASSERTION = "failed_assertion"
    EXCEPTION = "exception"
    SYNTAX_ERROR = "syntax_error"
    EARLY_EXIT = "early_exit"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    KILLED = "killed"
    OUTPUT_LIMIT = "output_limit"
    SANDBOX_VIOLATION = "sandbox_violation"
    PROTOCOL_ERROR = "protocol_error"


@dataclass(frozen=True)
class Limits:
    """What one check may use; each bound is enforced by the kernel or by the process that waits for the check.

    `memory_bytes` is address space per process, `file_bytes` the size of any one file, `output_bytes` what stdout and
    stderr may hold together, `processes` the threads and processes of one check. Raises ValueError unless all are > 0.
    """

    wall_seconds: float = 3.0
    cpu_seconds: int = 3
    memory_bytes: int = 512 * 1024 * 1024
    file_bytes: int = 8 * 1024 * 1024
    output_bytes: int = 64 * 1024
    processes: int = 24

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value <= 0:
                raise ValueError(f"limit {name} is {value}; give a positive number")


@dataclass(frozen=True)
class Check:
    """One program and how to judge it, in one of three modes.

    Data mode (`arguments`): one call of `entry_point` per tuple; the results come back as plain data, and the caller's
    side compares them with `expected` (None: only return the values). Split mode (`tests`): the test code runs in a
    judge process, where `entry_point` is a proxy; it either defines `check(candidate)` or holds plain asserts, and
    `prelude` is trusted code (a prompt's imports and helpers) of the judge's own. Program mode (neither): the program
    runs once as `__main__` and passes when it reaches its end. Raises ValueError for a mixture.
    """

    program: str
    entry_point: str = ""
    arguments: tuple[tuple[Any, ...], ...] | None = None
    expected: tuple[Any, ...] | None = None
    tests: str | None = None
    prelude: str = ""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.arguments is not None and self.tests is not None:
            raise ValueError("a check has either arguments (data mode) or tests (split mode), not both")
        if self.arguments is not None and not self.entry_point:
            raise ValueError("a check with arguments needs the name of its entry_point")
        if self.expected is not None and len(self.expected) != len(self.arguments or ()):
            raise ValueError(f"{len(self.expected)} expected values for {len(self.arguments or ())} calls")


@dataclass(frozen=True)
class Verdict:
    """The result of one check: outcome, a one-line reason, what was printed, times in seconds, the rung of the ladder.

    `values` holds the decoded results of data mode when every call returned plain data, else None.
    """

    outcome: Outcome
    detail: str = ""
    output: str = ""
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    level: str = ""
    values: tuple[Any, ...] | None = None

    @property
    def passed(self) -> bool:
        """Whether the check succeeded."""
        return self.outcome is Outcome.PASSED


class Sandbox(Protocol):
    """Anything that turns checks into verdicts; `identity` enters fingerprints, `level` every verdict."""

    identity: str
    level: str

    def run(self, check: Check) -> Verdict:
        """Judge one check."""
        ...

    def map(self, checks: Iterable[Check]) -> Iterator[Verdict]:
        """Judge many checks at once; verdicts come in the order of the checks."""
        ...

    def close(self) -> None:
        """End all processes of the sandbox."""
        ...
