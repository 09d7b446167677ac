"""The trusted side of split mode: runs the tests; the program lives in another process behind a proxy.

It owns the file for the verdict, which no other process of the check holds. Runs inside the jail; only the standard
library is imported.
"""

from __future__ import annotations

import _symtable  # `symtable` itself would bring its own imports
import builtins
import contextlib
import gc
import importlib
import marshal
import os
import sys
import types
from typing import Any

from hornbook.sandbox.wire import (
    MAX_DETAIL,
    CandidateExit,
    Channel,
    Closed,
    Link,
    Malformed,
    Proxy,
    encode_message,
    error_text,
)

Verdict = tuple[str, str]
CANDIDATE_GONE = 72  # exit status of a judge whose candidate hung up; the zygote knows how that one ended
STOPS = ("syntax_error", "out_of_memory", "early_exit", "exception")


def run_judge(result: int, question: bytes, channel: Channel) -> None:
    """Judge one program, write the verdict and end this process."""
    gc.enable()
    os.write(result, b" ")  # from here on, an end without a verdict is the tests' doing
    try:
        verdict = judge(channel, *marshal.loads(question))
    except Closed:
        os._exit(CANDIDATE_GONE)
    os.write(result, encode_message(verdict))
    os._exit(0)


def judge(channel: Channel, entry_point: str, tests: str, prelude: str) -> Verdict:
    """The verdict on the program at the other end: an outcome and a detail. Raises Closed when it has hung up."""
    link = Link(channel, None)
    try:
        verdict = _hold_tests(link, entry_point, tests, prelude)
    except BaseException as error:
        verdict = _failure(error, link)
    if link.end is not None:  # the tests may have caught it
        verdict = _failure(link.end, link)
    return verdict


def _failure(error: BaseException, link: Link) -> Verdict:
    """The verdict when the tests, or the conversation, ended with an exception."""
    if isinstance(error, Closed):
        raise error
    if isinstance(error, Malformed):
        return "sandbox_violation", f"a malformed message: {error}"
    if isinstance(error, CandidateExit):
        return "early_exit", str(error)
    if isinstance(error, MemoryError):
        return "out_of_memory", "MemoryError"
    if isinstance(error, AssertionError) and error is not link.last_error:
        return "failed_assertion", _line(error)
    return "exception", _line(error)


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error_text(error)}"[:MAX_DETAIL]


def _hold_tests(link: Link, entry_point: str, tests_text: str, prelude_text: str) -> Verdict:
    """Run the tests against the candidate's names; returns unless a test or the conversation fails."""
    try:  # while the candidate loads
        prelude = compile(prelude_text, "<prelude>", "exec", dont_inherit=True)
        tests = compile(tests_text, "<tests>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return "syntax_error", f"in the tests: {error}"[:MAX_DETAIL]
    ready = link.channel.receive()
    if "stopped" in ready:
        kind = str(ready["stopped"])
        return (kind if kind in STOPS else "exception"), str(ready.get("detail"))[:MAX_DETAIL]
    names = set(map(str, ready.get("ready") or ()))
    if entry_point and entry_point not in names:
        return "exception", f"NameError: the program defines no {entry_point}"
    namespace: dict[str, Any] = {"__name__": "__tests__", "__builtins__": builtins}
    exec(prelude, namespace)
    _lend_names(namespace, names, tests_text, link)
    if entry_point:
        namespace[entry_point] = Proxy(link, entry_point)
    exec(tests, namespace)
    check = namespace.get("check")
    if entry_point and entry_point != "check" and isinstance(check, types.FunctionType):
        check(namespace[entry_point])
    return "passed", ""


def _lend_names(namespace: dict[str, Any], names: set[str], tests: str, link: Link) -> None:
    """Give the tests what they use without defining it: standard modules from here, other names by proxy.

    What the prelude, Python itself or its standard library defines is never taken from the candidate.
    """
    for name in _global_names(_symtable.symtable(tests, "<tests>", "exec")) - set(namespace):
        if name in sys.stdlib_module_names:
            with contextlib.suppress(ImportError):  # some are for another system; the tests will say that it lacks
                namespace[name] = importlib.import_module(name)
        elif name in names and not hasattr(builtins, name) and not name.startswith("__"):
            namespace[name] = Proxy(link, name)


def _global_names(scope: Any) -> set[str]:
    """Names that are global in a scope or in those inside it (attributes are no names)."""
    kinds = (_symtable.GLOBAL_IMPLICIT, _symtable.GLOBAL_EXPLICIT)
    own = {
        name for name, flags in scope.symbols.items() if flags >> _symtable.SCOPE_OFF & _symtable.SCOPE_MASK in kinds
    }
    return own.union(*map(_global_names, scope.children))
