"""What goes into a sandbox and what comes out: `Check`, `Limits`, `Outcome`, `Verdict`, and the `Sandbox` protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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
    stderr may hold together, `processes` the threads that a program may have. Raises ValueError unless all are > 0.
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
    """One program and how to judge it, in one of four modes.

    Data mode (`arguments`): one call of `entry_point` per tuple; the results come back as plain data, and the caller's
    side compares them with `expected` (None: only return the values). Split mode (`tests`): the test code runs in a
    judge process, where `entry_point` is a proxy; it either defines `check(candidate)` or holds plain asserts, and
    `prelude` is trusted code (a prompt's imports and helpers) of the judge's own. Stdio mode (`stdin`): the program
    runs once as `__main__` with that input and passes when it ends with status 0 and prints `expected_output` (None:
    anything; white space at the ends of lines and of the text does not count). Program mode (none of these): the
    program runs once as `__main__`, without input, and passes when it reaches its end. Raises ValueError for a mixture.
    """

    program: str
    entry_point: str = ""
    arguments: tuple[tuple[Any, ...], ...] | None = None
    expected: tuple[Any, ...] | None = None
    tests: str | None = None
    prelude: str = ""
    stdin: str | None = None
    expected_output: str | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if sum(given is not None for given in (self.arguments, self.tests, self.stdin)) > 1:
            raise ValueError("a check has one of arguments (data mode), tests (split mode) and stdin (stdio mode)")
        if self.expected_output is not None and self.stdin is None:
            raise ValueError("a check with expected_output needs stdin, which may be empty")
        if self.arguments is not None and not self.entry_point:
            raise ValueError("a check with arguments needs the name of its entry_point")
        if self.expected is not None and len(self.expected) != len(self.arguments or ()):
            raise ValueError(f"{len(self.expected)} expected values for {len(self.arguments or ())} calls")


@dataclass(frozen=True)
class Verdict:
    """The result of one check: outcome, a one-line reason, what was printed, what it took, the rung of the ladder.

    `cpu_seconds` is that of all processes of the check, `peak_memory_bytes` the resident memory of its largest process
    (the interpreter's own 10 to 20 MB included; 0 where the check did not run). `values` holds the decoded results of
    data mode when every call returned plain data, else None.
    """

    outcome: Outcome
    detail: str = ""
    output: str = ""
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    level: str = ""
    values: tuple[Any, ...] | None = field(default=None, repr=False)  # an int of over 4300 digits has no repr

    @property
    def passed(self) -> bool:
        """Whether the check succeeded."""
        return self.outcome is Outcome.PASSED


Progress = Callable[[int], None]


class Sandbox(Protocol):
    """Anything that turns checks into verdicts."""

    @property
    def identity(self) -> str:
        """What verdicts depend on; enters fingerprints."""
        ...

    @property
    def level(self) -> str:
        """The rung of the ladder in force; stands in every verdict."""
        ...

    def run(self, check: Check) -> Verdict:
        """Judge one check."""
        ...

    def map(self, checks: Iterable[Check], progress: Progress | None = None) -> Iterator[Verdict]:
        """Judge many checks at once; verdicts come in the order of the checks. `progress` gets the number judged."""
        ...

    def close(self) -> None:
        """End all processes of the sandbox."""
        ...
