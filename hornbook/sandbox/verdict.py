"""From what a check's processes left behind to a `Verdict`; all comparison with expected values happens here."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from hornbook.sandbox import plain
from hornbook.sandbox.assertions import Assertion, Unclear, read_assertions
from hornbook.sandbox.candidate import HARNESS_FAILURE, REPLY_TOO_LARGE
from hornbook.sandbox.contract import Check, Outcome, Verdict
from hornbook.sandbox.host import MAX_REPLY_BYTES, Reply
from hornbook.sandbox.judge import CANDIDATE_GONE

SPENT_RATE = (
    0.5  # the kernel's limit on CPU time counts clock ticks, which on a busy machine run ahead of the time used
)
MAX_DETAIL = 500
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
STOPS = {
    outcome.value: outcome
    for outcome in (Outcome.SYNTAX_ERROR, Outcome.EXCEPTION, Outcome.EARLY_EXIT, Outcome.OUT_OF_MEMORY)
}
JUDGED = {
    outcome.value: outcome for outcome in Outcome if outcome not in (Outcome.PROTOCOL_ERROR, Outcome.OUTPUT_LIMIT)
}


class NotPlain:
    """Stands for a returned object that is not plain data; never the same as an expected value."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name[:80]} object>"


def read_verdict(check: Check, mode: str, reply: Reply, level: str) -> Verdict:
    """The verdict on a check that has ended; raises Unclear where assertions have to run as tests after all."""
    verdict = _outcome(check, mode, reply)
    return replace(
        verdict,
        detail=one_line(verdict.detail),
        output=(reply.output + reply.errors)[: check.limits.output_bytes],
        wall_seconds=reply.wall_seconds,
        cpu_seconds=reply.cpu_seconds,
        peak_memory_bytes=reply.peak_memory_bytes,
        level=level,
    )


def _outcome(check: Check, mode: str, reply: Reply) -> Verdict:
    """Outcome, detail and values."""
    if reply.output_bytes > check.limits.output_bytes:
        return Verdict(Outcome.OUTPUT_LIMIT, f"printed {reply.output_bytes} bytes")
    if reply.timed_out:
        return Verdict(Outcome.TIMEOUT, f"ran longer than {check.limits.wall_seconds:g} s")
    if reply.result is None or (mode != "split" and os.waitstatus_to_exitcode(reply.status) == REPLY_TOO_LARGE):
        return Verdict(Outcome.OUTPUT_LIMIT, f"returned more than {MAX_REPLY_BYTES} bytes, or than one file may hold")
    if mode == "split":
        return _judged(check, reply, reply.result)
    if reply.status:
        has_started = bool(reply.result)
        return _ended(check, reply.status, reply.cpu_seconds, has_started)
    if mode == "data":
        return _compared(check, reply.result)
    if mode == "asserts":
        return _asserted(read_assertions(check.tests or "", check.entry_point) or (), reply.result)
    return _ran(check, reply.result, reply.output)


def _ended(check: Check, status: int, cpu_seconds: float, has_started: bool, who: str = "") -> Verdict:
    """A process that died by a signal, or left with a status of its own or none."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGSYS:
            return Verdict(Outcome.SANDBOX_VIOLATION, f"{who}a forbidden system call")
        if number in (signal.SIGKILL, signal.SIGXCPU) and cpu_seconds > SPENT_RATE * check.limits.cpu_seconds:
            return Verdict(Outcome.TIMEOUT, f"{who}used {cpu_seconds:.1f} s of CPU")
        names = {member.value: member.name for member in signal.Signals}  # real-time signals have none
        return Verdict(Outcome.KILLED, f"{who}{names.get(number, f'signal {number}')}")
    code = os.waitstatus_to_exitcode(status)
    if code == HARNESS_FAILURE and not has_started:
        return Verdict(Outcome.PROTOCOL_ERROR, f"{who}the check's process failed before the program started")
    return Verdict(Outcome.EARLY_EXIT, f"{who}exit status {code}")


def _judged(check: Check, reply: Reply, result: bytes) -> Verdict:
    """Split mode: what the judge wrote, or how the program ended when it hung up."""
    judge_seconds = reply.cpu_seconds - reply.candidate_cpu_seconds
    if os.WIFSIGNALED(reply.status) or os.waitstatus_to_exitcode(reply.status) not in (0, CANDIDATE_GONE):
        return _ended(check, reply.status, judge_seconds, bool(result), "the tests: ")
    if os.waitstatus_to_exitcode(reply.status) == CANDIDATE_GONE and not result.strip():
        if reply.candidate_status < 0:
            return Verdict(Outcome.EARLY_EXIT, "closed its connection to the tests")
        return _ended(check, reply.candidate_status, reply.candidate_cpu_seconds, True)
    if not result.strip():
        return Verdict(Outcome.EARLY_EXIT, "the tests: exit status 0")
    try:
        outcome, detail = json.loads(result)
        return Verdict(JUDGED[outcome], str(detail)[:MAX_DETAIL])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return Verdict(Outcome.SANDBOX_VIOLATION, f"the tests: a malformed verdict: {error!r}"[:MAX_DETAIL])


def _ran(check: Check, result: bytes, output: str) -> Verdict:
    """Program and stdio mode: whether the program came to its end, and what it printed."""
    if not result.strip():
        if check.stdin is None:
            return Verdict(Outcome.EARLY_EXIT, "exit status 0")
    else:
        try:
            reply = json.loads(result)
            if "stopped" in reply:
                return Verdict(STOPS[reply["stopped"]], str(reply["detail"])[:MAX_DETAIL])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            return Verdict(Outcome.SANDBOX_VIOLATION, f"a malformed reply: {_text(error)}")
    if check.expected_output is not None and trimmed(output) != trimmed(check.expected_output):
        return Verdict(Outcome.FAILED_ASSERTION, _first_difference(output, check.expected_output)[:MAX_DETAIL])
    return Verdict(Outcome.PASSED)


def one_line(text: str) -> str:
    """A program's words made safe to print and to encode: control characters and lone surrogates are escaped.

    >>> one_line("a\\nb\\x1b[0m")
    'a\\\\nb\\\\x1b[0m'
    """
    return UNSAFE.sub(lambda match: match.group().encode("unicode_escape").decode(), text)


def trimmed(text: str) -> list[str]:
    """The lines of a text without white space at their ends and without empty lines at its end.

    >>> trimmed("1 \\n2\\n\\n")
    ['1', '2']
    """
    return [line.rstrip() for line in text.rstrip().split("\n")]


def _first_difference(got: str, want: str) -> str:
    """The first line that differs, counted from 1."""
    pairs = zip_longest(trimmed(got), trimmed(want))
    number, (line, wanted) = next((number, pair) for number, pair in enumerate(pairs, 1) if pair[0] != pair[1])
    return f"line {number}: printed {_line(line)}, not {_line(wanted)}"


def _line(line: str | None) -> str:
    return "nothing" if line is None else _text(line)


def _compared(check: Check, result: bytes) -> Verdict:
    """Data mode: decode what the candidate wrote, believe nothing else, compare."""
    calls = check.arguments or ()
    values, is_plain, stop = _read_reply(result, len(calls))
    if stop is not None:
        return stop
    if check.expected is None:
        if not is_plain:
            return Verdict(Outcome.EXCEPTION, f"returned what is not plain data: {_text(values)}")
        return Verdict(Outcome.PASSED, values=values)
    kept = values if is_plain else None
    for index, (got, want) in enumerate(zip(values, check.expected, strict=True)):
        if not plain.same(got, want):
            call = f"{check.entry_point}({', '.join(map(_text, calls[index]))})"
            detail = f"call {index}: {call[:200]} returned {_text(got)}, not {_text(want)}"
            return Verdict(Outcome.FAILED_ASSERTION, detail[:MAX_DETAIL], values=kept)
    return Verdict(Outcome.PASSED, values=kept)


def _asserted(assertions: Sequence[Assertion], result: bytes) -> Verdict:
    """Split mode carried out as data: hold each result to its assertion, those before an exception included."""
    values, is_plain, stop = _read_reply(result, len(assertions))
    if not is_plain:
        raise Unclear  # such an object may have its own idea of equality, which only tests that run can ask for
    for assertion, got in zip(assertions, values, strict=stop is None):
        try:
            holds = assertion.holds(got)
        except (ArithmeticError, RecursionError) as error:
            raise Unclear from error
        if not holds:
            return Verdict(Outcome.FAILED_ASSERTION, f"assert {assertion.text}: returned {_text(got)}"[:MAX_DETAIL])
    return stop or Verdict(Outcome.PASSED)


def _read_reply(result: bytes, calls: int) -> tuple[tuple[Any, ...], bool, Verdict | None]:
    """The decoded results of the calls (up to a stop), whether all are plain, and a verdict on a stop or a forgery."""
    if not result.strip():
        return (), True, Verdict(Outcome.EARLY_EXIT, "exit status 0")
    stop = None
    others: list[NotPlain] = []

    def note(form: dict[str, Any]) -> NotPlain:
        ((tag, body),) = form.items()
        if tag != "x":
            raise ValueError(f"unknown tag {str(tag)[:20]!r}")
        others.append(NotPlain(str(body)))
        return others[-1]

    try:
        reply = json.loads(result)
        if "stopped" in reply:
            stop = Verdict(STOPS[reply["stopped"]], str(reply["detail"])[:MAX_DETAIL])
        values = plain.decode_all(reply["returned"] if stop is None else reply.get("returned", []), note)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return (), True, Verdict(Outcome.SANDBOX_VIOLATION, f"a malformed reply: {_text(error)}")
    if stop is None and len(values) != calls:
        return (), True, Verdict(Outcome.SANDBOX_VIOLATION, f"{len(values)} results for {calls} calls")
    return values, not others, stop


def _text(value: Any) -> str:
    """A short repr; a huge int has none in decimal."""
    try:
        return repr(value)[:200]
    except ValueError:
        return f"<{type(value).__name__} too large to print>"
