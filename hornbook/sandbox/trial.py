"""From what a user gives, as files or as the lines of a batch, to checks; from verdicts to what a user reads.

Cases are plain JSON: `[[[arguments...], expected], ...]`. A JSON array is a list and an object is a dict with string
keys; what JSON has not is written as a Python literal, `{"__python__": "(1, {2, 3})"}`.
"""

from __future__ import annotations

import ast
import gzip
import json
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from hornbook.errors import BadInput, closest
from hornbook.sandbox import plain
from hornbook.sandbox.contract import Check, Limits, Verdict

LITERAL = "__python__"
KEYS = ("id", "program", "entry", "cases", "tests", "prelude", "stdin", "expected_output")
"""Keys of a batch's line."""

MODES = ("cases", "tests", "stdin")
BYTE_ORDER_MARK = "\ufeff"
MIB, KIB = 1 << 20, 1 << 10
SHORT = 60


@dataclass(frozen=True)
class Trial:
    """A program to try and what to call it by: its `id`, or the number of its line."""

    name: str | int | float
    check: Check


def make_limits(
    wall_seconds: float, cpu_seconds: int | None, memory_mib: int, file_mib: int, output_kib: int, processes: int
) -> Limits:
    """Limits in the units of the command line; CPU time is wall time rounded up where it is not given.

    Raises BadInput for a number that is no bound.
    """
    if not math.isfinite(wall_seconds):
        raise BadInput(f"a wall limit of {wall_seconds} s bounds nothing; give a number of seconds")
    cpu = math.ceil(wall_seconds) if cpu_seconds is None else cpu_seconds
    try:
        return Limits(wall_seconds, cpu, memory_mib * MIB, file_mib * MIB, output_kib * KIB, processes)
    except ValueError as error:
        raise BadInput(str(error)) from None


def collect(
    program: Path | None, batch: Path | None, entry: str | None, files: Mapping[str, Path | None], limits: Limits
) -> tuple[list[Trial], list[str]]:
    """The trials of a batch, or the one of a program with its files; and remarks for the user.

    Raises BadInput unless there is a program or a batch, and for what `read_trial` and `read_batch` refuse.
    """
    if batch is None:
        if program is None:
            raise BadInput("there is nothing to run; give a program's file, or --batch programs.jsonl")
        return [read_trial(program, entry, files, limits)], []
    if program is not None or entry is not None or any(files.values()):
        raise BadInput("each line of a batch says how its program is judged; give --batch and limits alone")
    return read_batch(batch, limits)


def read_trial(program: Path, entry: str | None, files: Mapping[str, Path | None], limits: Limits) -> Trial:
    """The trial of one program; `files` holds a file for each key of a batch's line that is given.

    Raises BadInput for a file that cannot be read, is not UTF-8 or not JSON, and for a mixture of modes.
    """
    given: dict[str, Any] = {"program": read_program(program), "entry": entry}
    for key, path in files.items():
        if path is not None:
            given[key] = _read_json(path) if key == "cases" else _read_text(path)
    return Trial(str(program), make_check(given, limits))


def read_program(path: Path) -> str:
    """A program's text. Bytes that are not UTF-8 become lone surrogates, which the sandbox calls a syntax error."""
    return _read_bytes(path).decode("utf-8", "surrogateescape").removeprefix(BYTE_ORDER_MARK)


def read_batch(path: Path, limits: Limits) -> tuple[list[Trial], list[str]]:
    """The trials of a JSON Lines file (plain or `.gz`), and a remark for each unknown key, which nothing reads.

    Every line is checked before the first program runs. Raises BadInput that names the line.
    """
    trials: list[Trial] = []
    unknown: dict[str, int] = {}
    for number, given in json_lines(path):
        try:
            trials.append(Trial(_name(given.get("id"), number), make_check(given, limits)))
        except BadInput as error:
            raise BadInput(f"{path} line {number}: {error}") from None
        for key in given.keys() - set(KEYS):
            unknown.setdefault(key, number)
    remarks = [
        f"{path} line {number}: nothing reads {_short(key)}; did you mean `{closest(key, KEYS)}`?"
        for key, number in sorted(unknown.items(), key=lambda item: item[1])
    ]
    return trials, remarks


def make_check(given: Mapping[str, Any], limits: Limits) -> Check:
    """The check of a batch's line; null stands for a key that is not there. Raises BadInput for what fits no mode."""
    values = {key: given.get(key) for key in KEYS}
    for key, value in values.items():
        if value is not None and not isinstance(value, str) and key not in ("id", "cases"):
            raise BadInput(f"{key} is {_short(value)}, which is no string")
    program, entry, prelude = values["program"], values["entry"] or "", values["prelude"] or ""
    expected_output = _encodable("expected_output", values["expected_output"])
    stdin = _encodable("stdin", values["stdin"])
    if stdin is None and expected_output is not None:
        stdin = ""
    if program is None:
        raise BadInput("there is no program")
    modes = [key for key in MODES if (stdin if key == "stdin" else values[key]) is not None]
    if len(modes) > 1:
        raise BadInput(f"{' and '.join(modes)} judge in different ways; give one of them")
    needs_entry = modes in (["cases"], ["tests"])
    if needs_entry and not entry:
        raise BadInput(f"{modes[0]} need an entry, the name of the function to call")
    if entry and not needs_entry:
        raise BadInput(f"entry {_short(entry)} is a function to call; give cases or tests that call it")
    if prelude and modes != ["tests"]:
        raise BadInput("a prelude is code that tests use; give tests with it")
    arguments, expected = (None, None) if values["cases"] is None else read_cases(values["cases"])
    return Check(
        program,
        entry,
        arguments=arguments,
        expected=expected,
        tests=values["tests"],
        prelude=prelude,
        stdin=stdin,
        expected_output=expected_output,
        limits=limits,
    )


def read_cases(cases: Any) -> tuple[tuple[tuple[Any, ...], ...], tuple[Any, ...]]:
    """Arguments and expected results of JSON cases, as Python values. Raises BadInput that names the case.

    >>> read_cases([[[1, [2]], {"a": {"__python__": "(3,)"}}]])
    (((1, [2]),), ({'a': (3,)},))
    """
    if not isinstance(cases, list) or not cases:
        raise BadInput(f"cases are {_short(cases)}, not [[[arguments...], expected], ...]")
    calls = []
    for index, case in enumerate(cases):
        if not (isinstance(case, list) and len(case) == 2 and isinstance(case[0], list)):
            raise BadInput(f"case {index} is {_short(case)}, not [[arguments...], expected]")
        try:
            call = _value(case)
            plain.encode(call)
        except (ValueError, TypeError, RecursionError) as error:
            raise BadInput(f"case {index} is no plain data: {error}") from None
        calls.append(call)
    return tuple(tuple(arguments) for arguments, _ in calls), tuple(expected for _, expected in calls)


def _value(form: Any) -> Any:
    """The Python value of a JSON value."""
    if isinstance(form, list):
        return [_value(item) for item in form]
    if not isinstance(form, dict):
        return form
    if form.keys() == {LITERAL}:
        return _literal(form[LITERAL])
    return {key: _value(item) for key, item in form.items()}


def _literal(text: Any) -> Any:
    try:
        if isinstance(text, str):
            return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    raise ValueError(f"{LITERAL} holds {_short(text)}, not a Python literal in a string")


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSON Lines file, plain or `.gz`, with their lines' numbers from 1; blank lines are passed over.

    Raises BadInput for a file that cannot be read and for a line that holds no object.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _object(line, f"{path} line {number}")
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"cannot read {path}: {_reason(error)}") from None


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadInput(f"{where} is not UTF-8: {error.reason}") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{where} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadInput(f"{where} holds {_short(value)}, not an object")
    return value


def render(trial: Trial, verdict: Verdict, *, is_batch: bool, as_json: bool) -> str:
    """What is printed for one program: a JSON object or, for people, a paragraph, and a line where there are many."""
    if as_json:
        return json.dumps(({"id": trial.name} if is_batch else {}) | as_record(verdict))
    return f"{printable(str(trial.name))}: {summarise(verdict)}" if is_batch else describe(verdict)


def as_record(verdict: Verdict) -> dict[str, Any]:
    """A verdict as the object that `--json` prints; seconds to the microsecond."""
    return {
        "verdict": str(verdict.outcome),
        "detail": verdict.detail,
        "output": verdict.output,
        "wall_seconds": round(verdict.wall_seconds, 6),
        "cpu_seconds": round(verdict.cpu_seconds, 6),
        "peak_memory_bytes": verdict.peak_memory_bytes,
        "level": verdict.level,
    }


def describe(verdict: Verdict) -> str:
    """A verdict for people: what came of it, why, what it took, what the program printed."""
    took = f"{verdict.wall_seconds:.3f} s wall, {verdict.cpu_seconds:.3f} s CPU"
    if verdict.peak_memory_bytes:
        took += f", {verdict.peak_memory_bytes / MIB:.0f} MiB"
    lines = [summarise(verdict), f"{took}, sandbox {verdict.level}"]
    if verdict.output:
        lines += ["output:", printable(verdict.output).removesuffix("\n")]
    return "\n".join(lines)


def summarise(verdict: Verdict) -> str:
    """A verdict in one line: what came of it, and why."""
    detail = " ".join(printable(verdict.detail).split())
    return f"{verdict.outcome}: {detail}" if detail else str(verdict.outcome)


def printable(text: str) -> str:
    r"""Text of an untrusted program as a terminal may show it: what would steer the terminal is written out.

    >>> printable("a\x1b[2Jb\n")
    'a\\x1b[2Jb\n'
    """
    return "".join(c if c in "\n\t" or c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {_reason(error)}") from None


def _read_text(path: Path) -> str:
    try:
        return _read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from None


def _read_json(path: Path) -> Any:
    try:
        return json.loads(_read_text(path).removeprefix(BYTE_ORDER_MARK))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not JSON: {error}") from None


def _encodable(key: str, text: str | None) -> str | None:
    try:
        if text is not None:
            text.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"{key} holds half a character ({error.reason} at {error.start})") from None
    return text


def _name(given: Any, number: int) -> str | int | float:
    if given is None:
        return number
    if isinstance(given, str | int | float) and not isinstance(given, bool):
        return given
    raise BadInput(f"id is {_short(given)}, neither a string nor a number")


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _short(value: Any) -> str:
    """The beginning of a JSON value, without writing out the rest."""
    text = "".join(islice(json.JSONEncoder().iterencode(value), SHORT))
    return text if len(text) <= SHORT else text[: SHORT - 3] + "..."
