"""The untrusted side of a check: loads the program, answers calls, writes down what came back.

It shares its process with the program, so nothing it says is believed beyond "this is what the program returned".
Runs inside the jail; only the standard library is imported.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import json
import os
import sys
import types
from typing import Any

from hornbook.sandbox import plain
from hornbook.sandbox.wire import MAX_DETAIL, Channel, Closed, Link, error_text

MAX_NAMES = 2000
MAX_INPUT_BYTES = 64 << 20
HARNESS_FAILURE = 70  # exit status of a check's process that ended by an error of ours
REPLY_TOO_LARGE = 71  # exit status when the results do not fit into a file of the size that the limits allow
Stop = dict[str, Any]


def read_all(handle: int) -> bytes:
    """The whole content of a file, whatever its offset."""
    return os.pread(handle, min(os.fstat(handle).st_size, MAX_INPUT_BYTES), 0)


def flush() -> None:
    """Write out what the program has printed."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__):
        # the program may have closed or replaced its streams, or filled its output file: the host sees the file's size
        with contextlib.suppress(Exception):
            stream.flush()  # type: ignore[union-attr]


def stopped(error: BaseException, where: str = "") -> Stop:
    """The reply for a program that ended with an exception."""
    if isinstance(error, MemoryError):
        kind = "out_of_memory"
    elif isinstance(error, SystemExit):
        kind = "early_exit"
    else:
        kind = "exception"
    return {"stopped": kind, "detail": f"{where}{type(error).__name__}: {error_text(error)}"[:MAX_DETAIL]}


def load(program: str, name: str) -> tuple[dict[str, Any], Stop | None]:
    """Run the program's top level as module `name`; returns its namespace and why it stopped, if it did."""
    module = types.ModuleType(name)
    namespace = module.__dict__
    namespace["__builtins__"] = builtins
    sys.modules[name] = module
    try:
        code = compile(program, "<solution>", "exec", dont_inherit=True)
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


def answer_calls(namespace: dict[str, Any], entry_point: str, calls: list[list[Any]]) -> dict[str, Any]:
    """Call the entry point once per list of encoded arguments; the encoded results, up to the first exception."""
    function = namespace.get(entry_point)
    if function is None:
        return {"stopped": "exception", "detail": f"NameError: the program defines no {entry_point}"}
    returned: list[Any] = []
    for index, call in enumerate(calls):
        try:
            arguments = [plain.decode(form) for form in call]
            returned.append(plain.encode(function(*arguments), not_plain))
        except BaseException as error:
            return {**stopped(error, f"call {index}: "), "returned": returned}
    return {"returned": returned}


def not_plain(value: Any) -> dict[str, str]:
    """What stands for a result that is not plain data: its type's name."""
    return {"x": type(value).__name__}


def run_data(result: int, program: bytes, question: dict[str, Any]) -> None:
    """Data and program mode: write one reply and end; called as the last thing that this process does."""
    gc.enable()
    entry_point = question["entry_point"]
    os.write(result, b" ")  # from here on, an end without a reply is the program's doing
    try:
        namespace, stop = load(program.decode(), "solution" if entry_point else "__main__")
        reply = stop or (answer_calls(namespace, entry_point, question["calls"]) if entry_point else {"returned": []})
        payload = json.dumps(reply).encode()
    except MemoryError:
        payload = b'{"stopped": "out_of_memory", "detail": "MemoryError"}'
    flush()
    try:
        while payload:
            payload = payload[os.write(result, payload) :]
    except OSError:
        os._exit(REPLY_TOO_LARGE)
    os._exit(0)


def run_split(channel: Channel, program: bytes) -> None:
    """Split mode: announce the program's names, then answer the judge until it goes away."""
    gc.enable()
    namespace, stop = load(program.decode(), "solution")
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
