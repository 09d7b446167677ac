"""The same programs without walls: how harnesses that judge in the program's own process fare.

Three ways to judge, each in use somewhere: `verdict`, where a forked child runs program and tests with exec() and
writes down what came of it (openai/human-eval's method); `cases`, where it calls the function, compares each result
itself and writes down a list of booleans; `status`, where program and tests are a script that passes when it ends with
status 0. Besides, `program` writes down whether a program came to its end, `call` what its function returned, `checks`
what the function of a second program in the same process returned.
As root all of it happens in namespaces of its own, so that what an attack mounts, kills or names stays there; that
keeps the machine whole and takes no right away.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = 120
CONTAINER = ["unshare", "--mount", "--ipc", "--uts", "--pid", "--mount-proc", "--fork", "--kill-child"]

RUNNER = r"""
import ctypes, json, os, sys, time

def run(method, entry):
    program, tests = open("program.py").read(), open("tests.py").read()
    if method == "status":
        open("script.py", "w").write(program + "\n" + tests)
        os.execv(sys.executable, [sys.executable, "-S", "-B", "script.py"])
    names = {"__name__": "__main__"}
    try:
        if method == "checks":
            exec(program, {"__name__": "__main__"})
            program = tests
        if method == "verdict":
            program += "\n" + tests
        exec(program, names)
        if method == "cases":
            reply = {"returned": [bool(names[entry](*given) == want) for given, want in json.loads(tests)]}
        elif method in ("call", "checks"):
            reply = names[entry]()
        else:
            reply = ["passed", ""]
    except BaseException as error:
        reply = ["failed", repr(error)]
    os.write(3, json.dumps(reply).encode())
    os._exit(0)

def start(folder, method, entry):
    pid = os.fork()
    if pid:
        return pid
    os.chdir(folder)
    if len(sys.argv) > 1:
        ctypes.CDLL(None).unshare(0x20000)  # mounts of its own
    output = os.open("output", os.O_RDWR | os.O_CREAT)
    result = os.open("result", os.O_RDWR | os.O_CREAT)
    for number, file in enumerate((os.open("/dev/null", os.O_RDONLY), output, output, result)):
        os.dup2(file, number)
    os.closerange(4, 64)
    run(method, entry)

jobs, running = json.load(open("jobs.json")), {}
while jobs or running:
    while jobs and len(running) < 4:
        job = jobs.pop()
        running[start(*job)] = job[0], time.monotonic() + 30
    time.sleep(0.002)
    for pid, (folder, deadline) in list(running.items()):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended or time.monotonic() > deadline:
            if not ended:
                os.kill(pid, 9)
                ended, status = os.waitpid(pid, 0)
            open(folder + "/status", "w").write(str(status))
            del running[pid]
"""


@dataclass(frozen=True)
class Job:
    """A program for one of the methods; `tests` is JSON for `cases`, the second program for `checks`."""

    method: str
    program: str
    tests: str = ""
    entry: str = "f"


@functools.cache
def container() -> list[str]:
    """The words that start a command in namespaces of its own; none where that is not possible."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return []
    works = subprocess.run([*CONTAINER, "true"], capture_output=True, check=False).returncode == 0
    return CONTAINER if works else []


def run_naively(jobs: Mapping[str, Job]) -> dict[str, Any]:
    """What the methods make of programs: for `status` whether it ended with 0, else the first JSON value written."""
    with tempfile.TemporaryDirectory(prefix="hornbook-escapes-", ignore_cleanup_errors=True) as name:
        folders = {job: Path(name) / str(index) for index, job in enumerate(jobs)}
        for key, job in jobs.items():
            folders[key].mkdir()
            (folders[key] / "program.py").write_text(job.program)
            (folders[key] / "tests.py").write_text(job.tests)
        listed = [(folders[key].name, job.method, job.entry) for key, job in jobs.items()]
        (Path(name) / "jobs.json").write_text(json.dumps(listed))
        command = [*container(), sys.executable, "-S", "-B", "-c", RUNNER, *(["contained"] if container() else [])]
        with subprocess.Popen(
            command, cwd=name, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
        ) as process:
            try:
                process.wait(SECONDS)
            finally:
                with contextlib.suppress(ProcessLookupError):  # nobody is left
                    os.killpg(process.pid, signal.SIGKILL)
        return {key: _outcome(job, folders[key]) for key, job in jobs.items()}


def _outcome(job: Job, folder: Path) -> Any:
    status, result = (folder / file for file in ("status", "result"))
    if not status.exists():
        return None
    if job.method == "status":
        return status.read_text() == "0"
    try:
        return json.JSONDecoder().raw_decode(result.read_text())[0]
    except ValueError:
        return None


def is_pass(reply: Any) -> bool:
    """Whether a method's outcome calls the program right."""
    if isinstance(reply, dict):
        return all(reply.get("returned") or [False])
    return reply is True or (isinstance(reply, list) and reply[0] == "passed")
