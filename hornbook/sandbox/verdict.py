"""From what a check's processes left behind to a `Verdict`; all comparison with expected values happens here."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from typing import Any

from hornbook.sandbox import plain
from hornbook.sandbox.candidate import HARNESS_FAILURE, REPLY_TOO_LARGE
from hornbook.sandbox.contract import Check, Outcome, Verdict
from hornbook.sandbox.host import MAX_REPLY_BYTES, Reply

CPU_SLACK_SECONDS = 0.2  # the kernel checks CPU limits at its clock ticks
MAX_DETAIL = 500
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


def read_verdict(check: Check, reply: Reply, level: str) -> Verdict:
    """The verdict on a check that has ended."""
    if reply.output_bytes > check.limits.output_bytes:
        verdict = Verdict(Outcome.OUTPUT_LIMIT, f"printed {reply.output_bytes} bytes")
    elif reply.timed_out:
        verdict = Verdict(Outcome.TIMEOUT, f"ran longer than {check.limits.wall_seconds:g} s")
    elif reply.result is None or (check.tests is None and os.waitstatus_to_exitcode(reply.status) == REPLY_TOO_LARGE):
        verdict = Verdict(
            Outcome.OUTPUT_LIMIT, f"returned more than {MAX_REPLY_BYTES} bytes, or than one file may hold"
        )
    elif reply.status != 0:
        verdict = _abnormal_end(check, reply)
    elif check.tests is not None:
        verdict = _judged(reply.result)
    else:
        verdict = _compared(check, reply.result)
    return replace(
        verdict,
        output=reply.output,
        wall_seconds=reply.wall_seconds,
        cpu_seconds=reply.cpu_seconds,
        level=level,
    )


def _abnormal_end(check: Check, reply: Reply) -> Verdict:
    """A first process that died by a signal or left with a status of its own."""
    who = "the judge: " if check.tests is not None else ""
    if os.WIFSIGNALED(reply.status):
        number = os.WTERMSIG(reply.status)
        if number == signal.SIGSYS:
            return Verdict(Outcome.SANDBOX_VIOLATION, f"{who}a forbidden system call")
        spent = reply.cpu_seconds > check.limits.cpu_seconds - CPU_SLACK_SECONDS
        if number in (signal.SIGKILL, signal.SIGXCPU) and spent:
            return Verdict(Outcome.TIMEOUT, f"{who}used {reply.cpu_seconds:.1f} s of CPU")
        return Verdict(Outcome.KILLED, f"{who}{signal.Signals(number).name}")
    status = os.waitstatus_to_exitcode(reply.status)
    if status == HARNESS_FAILURE and (check.tests is not None or not reply.result):
        return Verdict(Outcome.PROTOCOL_ERROR, f"{who}the check's process failed before the program started")
    return Verdict(Outcome.EARLY_EXIT, f"{who}exit status {status}")


def _judged(result: bytes) -> Verdict:
    """What the judge of split mode wrote."""
    try:
        outcome, detail = json.loads(result)
        return Verdict(JUDGED[outcome], detail)
    except (ValueError, KeyError, TypeError) as error:
        return Verdict(Outcome.PROTOCOL_ERROR, f"the judge left no verdict: {error!r}"[:MAX_DETAIL])


def _compared(check: Check, result: bytes) -> Verdict:
    """Data mode: decode what the candidate wrote, believe nothing else, compare."""
    if not result.strip():
        return Verdict(Outcome.EARLY_EXIT, "exit status 0")
    try:
        reply = json.loads(result)
        if "stopped" in reply:
            return Verdict(STOPS[reply["stopped"]], str(reply["detail"])[:MAX_DETAIL])
        values = tuple(plain.decode(form, _other) for form in reply["returned"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return Verdict(Outcome.SANDBOX_VIOLATION, f"a malformed reply: {_text(error)}")
    calls = check.arguments or ()
    if len(values) != len(calls):
        return Verdict(Outcome.SANDBOX_VIOLATION, f"{len(values)} results for {len(calls)} calls")
    plainly = all(_is_plain(value) for value in values)
    if check.expected is None:
        if not plainly:
            return Verdict(Outcome.EXCEPTION, f"returned what is not plain data: {_text(values)}")
        return Verdict(Outcome.PASSED, values=values)
    kept = values if plainly else None
    for index, (got, want) in enumerate(zip(values, check.expected, strict=True)):
        if not plain.same(got, want):
            detail = f"call {index}: {check.entry_point}{_text(calls[index])} returned {_text(got)}, not {_text(want)}"
            return Verdict(Outcome.FAILED_ASSERTION, detail[:MAX_DETAIL], values=kept)
    return Verdict(Outcome.PASSED, values=kept)


def _other(form: dict[str, Any]) -> NotPlain:
    ((tag, body),) = form.items()
    if tag != "x":
        raise ValueError(f"unknown tag {str(tag)[:20]!r}")
    return NotPlain(str(body))


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.keys())) and all(map(_is_plain, value.values()))
    return not isinstance(value, NotPlain)


def _text(value: Any) -> str:
    """A short repr; a huge int has none in decimal."""
    try:
        return repr(value)[:200]
    except ValueError:
        return f"<{type(value).__name__} too large to print>"
