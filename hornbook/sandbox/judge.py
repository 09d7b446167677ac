"""The trusted side of split mode: runs the tests; the program lives in another process behind a proxy.

It owns the file for the verdict, which no other process of the check holds. Runs inside the jail; only the standard
library is imported.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import json
import os
import signal
import sys
import types
from collections.abc import Callable
from typing import Any

from hornbook.sandbox.candidate import HARNESS_FAILURE, read_all, run_split
from hornbook.sandbox.wire import MAX_DETAIL, CandidateExit, Channel, Closed, Link, Malformed, Proxy, error_text

Verdict = tuple[str, str]
CPU_SLACK_SECONDS = 0.2  # the kernel checks CPU limits at its clock ticks
STOPS = ("syntax_error", "out_of_memory", "early_exit", "exception")


def run_judge(
    result: int, question: Callable[[], dict[str, Any]], start_candidate: Callable[[], tuple[int, Channel]]
) -> None:
    """Judge one program and write the verdict; the candidate starts before the tests are read into this process."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    candidate, channel = start_candidate()
    signal.signal(signal.SIGTERM, lambda number, frame: _leave(candidate))  # out of time, says the zygote
    verdict = judge(candidate, channel, question())
    os.write(result, json.dumps(verdict).encode())
    _leave(candidate)


def _leave(candidate: int) -> None:
    """End both processes, the candidate first: only a collected child's CPU time is counted."""
    with contextlib.suppress(ProcessLookupError, ChildProcessError):  # it may have ended and been collected
        os.kill(candidate, signal.SIGKILL)
        os.waitpid(candidate, 0)
    os._exit(0)


def judge(candidate: int, channel: Channel, question: dict[str, Any]) -> Verdict:
    """The verdict on process `candidate`: an outcome and a detail."""
    gc.enable()
    link = Link(channel, None)
    try:
        return _hold_tests(link, question)
    except Closed:
        return _death(candidate, question["cpu_seconds"])
    except Malformed as error:
        return "sandbox_violation", f"a malformed message: {error}"
    except CandidateExit as error:
        return "early_exit", str(error)
    except MemoryError:
        return "out_of_memory", "MemoryError"
    except AssertionError as error:
        return ("exception" if error is link.last_error else "failed_assertion"), _line(error)
    except BaseException as error:
        return "exception", _line(error)


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error_text(error)}"[:MAX_DETAIL]


def _hold_tests(link: Link, question: dict[str, Any]) -> Verdict:
    """Run the tests against the candidate's names; returns unless a test or the conversation fails."""
    ready = link.channel.receive()
    if "stopped" in ready:
        kind = str(ready["stopped"])
        return (kind if kind in STOPS else "exception"), str(ready.get("detail"))[:MAX_DETAIL]
    names = set(map(str, ready.get("ready") or ()))
    entry_point = question["entry_point"]
    if entry_point and entry_point not in names:
        return "exception", f"NameError: the program defines no {entry_point}"
    try:
        prelude = compile(question["prelude"], "<prelude>", "exec", dont_inherit=True)
        tests = compile(question["tests"], "<tests>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return "syntax_error", f"in the tests: {error}"[:MAX_DETAIL]
    namespace: dict[str, Any] = {"__name__": "__tests__", "__builtins__": builtins}
    exec(prelude, namespace)
    _lend_names(namespace, names, tests, link)
    if entry_point:
        namespace[entry_point] = Proxy(link, entry_point)
    exec(tests, namespace)
    check = namespace.get("check")
    if entry_point and entry_point != "check" and isinstance(check, types.FunctionType):
        check(namespace[entry_point])
    return "passed", ""


def _lend_names(namespace: dict[str, Any], names: set[str], tests: types.CodeType, link: Link) -> None:
    """Give the tests what they use without defining it: standard modules from here, other names by proxy.

    A name that the prelude or Python itself defines is never taken from the candidate.
    """
    for name in _names_used(tests) - set(namespace):
        if name in sys.stdlib_module_names and name in sys.modules:
            namespace[name] = sys.modules[name]
        elif name in names and not hasattr(builtins, name) and not name.startswith("__"):
            namespace[name] = Proxy(link, name)


def _names_used(code: types.CodeType) -> set[str]:
    """Global names and attributes in a code object and those inside it."""
    inner = (_names_used(constant) for constant in code.co_consts if isinstance(constant, types.CodeType))
    return set(code.co_names).union(*inner)


def _death(candidate: int, cpu_seconds: float) -> Verdict:
    """Why the candidate's process has gone."""
    _, status, usage = os.wait4(candidate, 0)
    seconds = usage.ru_utime + usage.ru_stime
    if not os.WIFSIGNALED(status):
        return "early_exit", f"exit status {os.waitstatus_to_exitcode(status)}"
    number = os.WTERMSIG(status)
    if number == signal.SIGSYS:
        return "sandbox_violation", "a forbidden system call"
    if number in (signal.SIGKILL, signal.SIGXCPU) and seconds > cpu_seconds - CPU_SLACK_SECONDS:
        return "timeout", f"used {seconds:.1f} s of CPU"
    return "killed", signal.Signals(number).name


def start_candidate(
    program: int, arrange: Callable[[list[int]], None], confine: Callable[[], None]
) -> tuple[int, Channel]:
    """Fork the candidate's process, which reads and runs the program from file `program`."""
    from_judge, to_candidate = os.pipe()
    from_candidate, to_judge = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            arrange([0, 1, 2, from_judge, to_judge, program])
            text = read_all(5)
            os.close(5)
            confine()
            run_split(Channel(3, 4), text)
        finally:
            os._exit(HARNESS_FAILURE)
    for handle in (from_judge, to_judge, program):
        os.close(handle)
    return pid, Channel(from_candidate, to_candidate)
