"""The untrusted side of a check: loads the program, answers calls, writes down what came back.

It shares its process with the program, so nothing it says is believed beyond "this is what the program returned".
Runs inside the jail; only the standard library is imported.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import errno
import gc
import marshal
import os
import sys
import types
from collections.abc import Sequence
from typing import Any

from hornbook.sandbox import plain
from hornbook.sandbox.wire import MAX_DETAIL, Channel, Closed, Link, encode_message, error_text

MAX_NAMES = 2000
HARNESS_FAILURE = 70  # exit status of a check's process that ended by an error of ours
REPLY_TOO_LARGE = 71  # exit status when the results do not fit into a file of the size that the limits allow
OUT_OF_MEMORY = b'{"stopped": "out_of_memory", "detail": "MemoryError"}'
Stop = dict[str, Any]


def flush() -> None:
    """Write out what the program has printed."""
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105 a context manager would touch more pages, in every check
            stream.flush()
        except Exception:  # the program closed or replaced it, or filled its file: the host sees the file's size
            pass


def stopped(error: BaseException, where: str = "") -> Stop:
    """The reply for a program that ended with an exception."""
    detail = f"{where}{type(error).__name__}: {error_text(error)}"[:MAX_DETAIL]
    if isinstance(error, MemoryError):
        return {"stopped": "out_of_memory", "detail": detail}
    if isinstance(error, SystemExit):
        return {"stopped": "early_exit", "detail": detail, "is_success": error.code is None or error.code == 0}
    return {"stopped": "exception", "detail": detail}


def load(program: bytes, name: str) -> tuple[dict[str, Any], Stop | None]:
    """Run the program's top level as module `name`; returns its namespace and why it stopped, if it did."""
    module = types.ModuleType(name)
    namespace = module.__dict__
    namespace["__builtins__"] = builtins
    sys.modules[name] = module
    try:
        code = compile(program.decode(), "<solution>", "exec", dont_inherit=True)
    except MemoryError as error:
        return namespace, stopped(error)
    except BaseException as error:
        detail = f"{type(error).__name__}: {error_text(error)}"
        return namespace, {"stopped": "syntax_error", "detail": detail[:MAX_DETAIL]}
    try:
        exec(code, namespace)
    except BaseException as error:
        return namespace, stopped(error)
    return namespace, None


def answer_calls(namespace: dict[str, Any], entry_point: str, calls: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Call the entry point once per sequence of arguments; the encoded results, up to the first exception."""
    function = namespace.get(entry_point)
    if function is None:
        return {"stopped": "exception", "detail": f"NameError: the program defines no {entry_point}"}
    returned: list[Any] = []
    try:
        for arguments in calls:
            returned.append(plain.encode(function(*arguments), not_plain))
    except BaseException as error:
        return {**stopped(error, f"call {len(returned)}: "), "returned": returned}
    return {"returned": returned}


def not_plain(value: Any) -> dict[str, str]:
    """What stands for a result that is not plain data: its type's name."""
    return {"x": type(value).__name__}


def run_data(result: int, program: bytes, question: bytes) -> None:
    """Data mode: write one reply and end; called as the last thing that this process does."""
    gc.enable()
    entry_point, calls = marshal.loads(question)
    os.write(result, b" ")  # from here on, an end without a reply is the program's doing
    try:
        namespace, stop = load(program, "solution")
        payload = encode_message(stop or answer_calls(namespace, entry_point, calls))
    except MemoryError:
        payload = OUT_OF_MEMORY
    leave(result, payload)


def run_program(result: int, program: bytes, may_exit: bool) -> None:
    """Program and stdio mode: run to the end as a script does, with its threads and exit functions; then as `run_data`.

    `may_exit`: whether `sys.exit(0)` is an end like any other.
    """
    gc.enable()
    os.write(result, b" ")
    try:
        _, stop = load(program, "__main__")
        if stop is None or (may_exit and stop.get("is_success") is True):
            stop = finish() or {"returned": []}
        payload = encode_message(stop)
    except MemoryError:
        payload = OUT_OF_MEMORY
    leave(result, payload)


def finish() -> Stop | None:
    """What the interpreter does at the end of a script: wait for threads, call exit functions."""
    try:
        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()
        atexit._run_exitfuncs()
    except BaseException as error:
        return stopped(error, "at exit: ")
    return None


def leave(result: int, payload: bytes) -> None:
    """Write the reply and end this process."""
    flush()
    try:
        while payload:
            payload = payload[os.write(result, payload) :]
    except OSError as error:
        os._exit(REPLY_TOO_LARGE if error.errno in (errno.EFBIG, errno.ENOSPC) else 0)  # 0: it closed the file
    os._exit(0)


def run_split(channel: Channel, program: bytes) -> None:
    """Split mode: announce the program's names, then answer the judge until it goes away."""
    gc.enable()
    namespace, stop = load(program, "solution")
    flush()
    if stop:
        channel.send(stop)
        os._exit(0)
    link = Link(channel, namespace)
    link.before_reply = flush  # after the reply the judge may end everything
    channel.send({"ready": [name for name in list(namespace) if type(name) is str][:MAX_NAMES]})
    with contextlib.suppress(Closed):  # the judge has its verdict
        while True:
            link.answer(channel.receive())
    os._exit(0)
