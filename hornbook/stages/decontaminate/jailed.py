"""What runs inside the sandbox: recording the calls of a test, and answering many calls. Sent there as text.

Standard library only. Answers are plain data, small, and take a bounded number of steps rather than of seconds, so that
they are the same on a slow machine and on a fast one.
"""

import contextlib
import copy
import io
import sys
from collections.abc import Callable, Sequence
from typing import Any

STEPS = 20_000
"""Lines that one call may execute; the reference solution's own calls take at most a quarter of that."""

MAX_CHARACTERS = 2_000
"""Length as text from which a value is not recorded."""


class _TooLong(BaseException):
    """Raised inside a call that has executed too many lines; no `except Exception` stops it."""


def is_plain(value: Any) -> bool:
    """Whether a value is built of Python's own data types alone."""
    kind = type(value)
    if kind in (list, tuple, set, frozenset):
        return all(map(is_plain, value))
    if kind is dict:
        return all(map(is_plain, value.keys())) and all(map(is_plain, value.values()))
    return value is None or kind in (bool, int, float, str, bytes)


def is_small(value: Any) -> bool:
    """Whether a value is plain, and short enough to be recorded."""
    return is_plain(value) and len(repr(value)) <= MAX_CHARACTERS


def record(function: Callable[..., Any], check: Callable[[Any], None], most: int) -> list[list[Any]]:
    """The first `most` calls that `check` makes of `function`, as [arguments, result]: those plain, small and short."""
    calls: list[list[Any]] = []

    def recorder(*arguments: Any) -> Any:
        if len(calls) < most and is_small(arguments):
            given = copy.deepcopy(arguments)
            try:
                result = _bounded(lambda: function(*copy.deepcopy(given)), STEPS // 4)
                if is_small(result):
                    calls.append([given, result])
            except _TooLong:
                pass
        return function(*arguments)

    check(recorder)
    return calls


def answer(programs: Sequence[tuple[str, str]], inputs: Sequence[tuple[Any, ...]]) -> list[list[list[Any]]]:
    """For each program, `(code, name of its function)`, and each tuple of arguments: `[result]`, or `[]` for none."""
    return [_answers(code, name, inputs) for code, name in programs]


def _answers(code: str, name: str, inputs: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    namespace: dict[str, Any] = {"__name__": "candidate"}
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            _bounded(lambda: exec(compile(code, "<candidate>", "exec"), namespace), STEPS)
            function = namespace[name]
            return [_call(function, arguments) for arguments in inputs]
    except BaseException:  # SystemExit and the like as well: one program may not silence the others
        return [[] for _ in inputs]


def _call(function: Callable[..., Any], arguments: tuple[Any, ...]) -> list[Any]:
    given = copy.deepcopy(arguments)
    try:
        result = _bounded(lambda: function(*given), STEPS)
        return [result] if is_small(result) else []
    except BaseException:  # SystemExit and the like as well: one program may not silence the others
        return []


def _bounded(call: Callable[[], Any], steps: int) -> Any:
    """The result of a call, or _TooLong raised in it when it has executed that many lines."""
    left = steps

    def step(frame: Any, event: str, argument: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise _TooLong
        return step

    sys.settrace(step)
    try:
        return call()
    finally:
        sys.settrace(None)
