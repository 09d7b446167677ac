"""The zygote: a clean interpreter inside the jail that forks one process tree per check and waits for it.

Started by the host as `python -s -S -B zygote.py <control socket> <settings>`. It never reads programs, tests,
arguments or results: they pass by as open files, so that a later fork finds nothing of an earlier check in its memory.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import sys
import time
import types
from typing import Any

if (
    "hornbook" not in sys.modules
):  # run as a script: find the sister modules without importing the package's own __init__
    _here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if path != _here]
    for _name, _folder in (("hornbook", os.path.dirname(_here)), ("hornbook.sandbox", _here)):
        sys.modules[_name] = types.ModuleType(_name)
        sys.modules[_name].__path__ = [_folder]

from hornbook.sandbox import plain
from hornbook.sandbox.candidate import HARNESS_FAILURE, answer_calls, load, read_all, run_data
from hornbook.sandbox.jail import OPEN_FILES, RUNGS, Bare, SetupFailed, apply_limits, step
from hornbook.sandbox.judge import run_judge, start_candidate

CONTROL = 3  # file number of the control socket
PROGRAM, QUESTION, RESULT, OUTPUT = range(4)  # order of the files that come with a check
MAX_HEADER_BYTES = 65536
FAREWELL_SECONDS = 0.2
WARM_ROUNDS = 60
WARM_PROGRAM = "def f(n):\n    return [n, str(n), (1, 2.5), {n: None}, {n}]\n"


def main() -> None:
    """Build the jail, report, then serve checks until the host goes away."""
    os.dup2(int(sys.argv[1]), CONTROL)
    os.closerange(CONTROL + 1, 256)
    control = socket.socket(fileno=CONTROL)
    settings = json.loads(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the host's to handle
    jail = RUNGS[settings["level"]](settings["uid"], settings["temporary"])
    try:
        jail.enter()
        with step("imports"):
            for name in settings["preload"]:
                importlib.import_module(name)
        jail.lock()
        settle(settings)
    except (SetupFailed, OSError, ImportError) as error:
        send(control, {"failed": str(error)})
        os._exit(1)
    send(control, {"ready": os.getuid()})
    serve(control, jail, settings["seed"])


def settle(settings: dict[str, Any]) -> None:
    """Environment, exit helpers, warm code paths, and a heap that the collector leaves alone."""
    os.chdir("/")
    os.environ.clear()
    os.environ.update(PATH="/usr/bin", HOME=settings["temporary"], TMPDIR=settings["temporary"], LANG="C.UTF-8")
    add_exit_helpers()
    warm_up()
    gc.collect()
    gc.disable()
    gc.freeze()  # otherwise a collection in a child would copy every page of the heap


def add_exit_helpers() -> None:
    """`exit` and `quit`, which scripts use and which an interpreter started without `site` lacks."""
    import _sitebuiltins
    import builtins

    for name in ("exit", "quit"):
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D"))


def warm_up() -> None:
    """Run a check's code paths here first.

    Python writes specialised instructions into code objects as they run; doing it once here saves every child the page
    copies.
    """
    for index in range(WARM_ROUNDS):
        namespace, _ = load(WARM_PROGRAM, "solution")
        reply = json.loads(json.dumps(answer_calls(namespace, "f", [[1], [2], [{"t": [3]}]])))
        for form in reply["returned"]:
            plain.decode(form)
        random.seed(index)
    sys.modules.pop("solution", None)


def serve(control: socket.socket, jail: Bare, seed: int) -> None:
    """One check at a time, until the control socket closes."""
    while True:
        message, files, _, _ = socket.recv_fds(control, MAX_HEADER_BYTES, 4)
        while message and not message.endswith(b"\n"):
            message += control.recv(MAX_HEADER_BYTES)
        if not message:
            os._exit(0)
        try:
            reply = run_check(jail, json.loads(message), files, seed)
        except OSError as error:
            send(control, {"failed": f"zygote: {error}"})
            os._exit(1)
        send(control, reply)


def send(control: socket.socket, message: dict[str, Any]) -> None:
    control.sendall(json.dumps(message).encode() + b"\n")


def run_check(jail: Bare, header: dict[str, Any], files: list[int], seed: int) -> dict[str, Any]:
    """Fork a check, wait for its end or its time, and leave nothing of it behind."""
    started = time.monotonic()
    pid = jail.fork()
    if pid == 0:
        try:
            become_check(jail, header, files, seed)
        finally:
            os._exit(HARNESS_FAILURE)
    for handle in files:
        os.close(handle)
    timed_out = not ends_in_time(pid, started + header["limits"]["wall_seconds"])
    if timed_out:
        if header["mode"] == "split":  # the judge ends the candidate and collects its CPU time
            os.kill(pid, signal.SIGTERM)
            ends_in_time(pid, time.monotonic() + FAREWELL_SECONDS)
        os.kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    seconds = usage.ru_utime + usage.ru_stime + jail.sweep(pid)
    jail.clean()
    return {"status": status, "timed_out": timed_out, "cpu": seconds, "wall": time.monotonic() - started}


def ends_in_time(pid: int, deadline: float) -> bool:
    """Wait for a child; False when it still runs at the deadline. Ends this process when the host has gone."""
    if not hasattr(os, "pidfd_open"):
        while time.monotonic() < deadline:
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return True
            time.sleep(0.001)
        return False
    child = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(child, select.POLLIN)
        poll.register(CONTROL, select.POLLHUP)
        events = dict(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
    finally:
        os.close(child)
    if CONTROL in events:
        os.kill(pid, signal.SIGKILL)
        os._exit(0)
    return child in events


def become_check(jail: Bare, header: dict[str, Any], files: list[int], seed: int) -> None:
    """The first process of a check: take on its limits, then be the candidate, or the judge who forks it."""
    apply_limits(header["limits"], jail.bind_processes)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    random.seed(seed)
    os.chdir(jail.temporary)
    output = files[OUTPUT]
    if header["mode"] == "split":
        arrange([0, output, output, files[RESULT], files[PROGRAM], files[QUESTION]])
        run_judge(3, read_question, lambda: start_judged(jail))
    arrange([0, output, output, files[RESULT], files[PROGRAM], files[QUESTION]])
    program = read_all(4)
    os.close(4)
    question = read_question()
    jail.confine()
    run_data(3, program, question)


def start_judged(jail: Bare) -> Any:
    """Fork the candidate of split mode; then this process, the judge, prints nowhere."""
    started = start_candidate(4, arrange, jail.confine)
    os.dup2(0, 1)
    os.dup2(0, 2)
    return started


def read_question() -> dict[str, Any]:
    """Read and close the file that holds calls or tests."""
    question: dict[str, Any] = json.loads(read_all(5))
    os.close(5)
    return question


def arrange(handles: list[int]) -> None:
    """Make these open files numbers 0, 1, 2, ... and close all others."""
    spare = OPEN_FILES - len(handles)
    for index, handle in enumerate(handles):
        os.dup2(handle, spare + index)
    for index in range(len(handles)):
        os.dup2(spare + index, index)
    os.closerange(len(handles), OPEN_FILES)


if __name__ == "__main__":
    main()
