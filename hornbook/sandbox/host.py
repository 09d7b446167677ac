"""The host's handle on one zygote: start it, hand it checks as open files, end it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hornbook.errors import SandboxError
from hornbook.sandbox import plain
from hornbook.sandbox.contract import Check

ZYGOTE = Path(__file__).with_name("zygote.py")
START_SECONDS = 30.0
GRACE_SECONDS = 10.0  # beyond a check's wall limit before the zygote counts as lost
MAX_REPLY_BYTES = 1 << 20
FIRST_UID = 59_000  # dedicated users of zygotes that start as root
PRELOADED = """
    abc array bisect builtins cmath collections contextlib copy dataclasses datetime decimal enum fractions functools
    hashlib heapq inspect io itertools json math numbers operator random re statistics string textwrap time typing
""".split()  # noqa: SIM905


class ZygoteLost(Exception):
    """A zygote has died, stopped answering, or could not build its jail; the text says what it said last."""


@dataclass(frozen=True)
class Reply:
    """What a zygote tells about a check that has ended, and what the check's processes wrote."""

    status: int
    timed_out: bool
    cpu_seconds: float
    wall_seconds: float
    result: bytes | None  # None: more than MAX_REPLY_BYTES
    output: str
    output_bytes: int


class Zygote:
    """One zygote process; not for use by two threads at once."""

    def __init__(self, level: str, index: int, seed: int, hash_seed: int) -> None:
        self.level, self.index, self.seed, self.hash_seed = level, index, seed, hash_seed
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._folder = ""

    @property
    def is_running(self) -> bool:
        """Whether the zygote has been started and not ended by us."""
        return self._process is not None

    def start(self) -> None:
        """Start the process and wait until its jail stands; raises ZygoteLost.

        The calling thread must outlive the zygote: the kernel ends the jail when the thread that started it ends.
        """
        uid = jail_user(self.index) if self.level != "L0" else os.geteuid()
        if self.level in ("L1", "L0"):  # without a mount namespace, a folder on the host's disk
            self._folder = tempfile.mkdtemp(prefix="hornbook-sandbox-")
            if uid != os.geteuid():
                try:
                    os.chown(self._folder, uid, uid)
                except OSError as error:
                    self.stop()
                    raise ZygoteLost(f"dedicated user: {error}") from error
        settings = {
            "level": self.level,
            "uid": uid,
            "seed": self.seed,
            "preload": PRELOADED,
            "temporary": self._folder or "/tmp",
        }
        command = [base_interpreter(), "-s", "-S", "-B", "-W", "ignore", str(ZYGOTE)]
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno()), json.dumps(settings)],
                pass_fds=[theirs.fileno()],
                env={"PYTHONHASHSEED": str(self.hash_seed), "LANG": "C.UTF-8", "PATH": "/usr/bin"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,  # a terminal's signals go to the host alone, which then ends the zygote
            )
        self._control = ours
        ours.settimeout(START_SECONDS)
        try:
            message = _receive(ours)
        except OSError as error:
            self.stop()
            raise ZygoteLost(f"no answer in {START_SECONDS:g} s: {error}") from error
        except BaseException:
            self.stop()
            raise
        if "ready" not in message:
            self.stop()
            raise ZygoteLost(str(message.get("failed")))

    def stop(self) -> None:
        """End the zygote and everything in its jail; may be called from another thread, and twice."""
        process, control, folder = self._process, self._control, self._folder
        self._process, self._control, self._folder = None, None, ""
        if process is not None:
            process.kill()
            process.wait()
        if control is not None:
            with contextlib.suppress(OSError):  # wakes a thread that waits for a reply; the other end may be gone
                control.shutdown(socket.SHUT_RDWR)
            control.close()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)  # the zygote's own user may have made unreadable folders in it

    def exchange(self, check: Check) -> Reply:
        """Have one check run; raises ZygoteLost, after which the zygote must be started again."""
        limits = asdict(check.limits)
        header = json.dumps({"mode": "data" if check.tests is None else "split", "limits": limits}).encode() + b"\n"
        control = self._control
        if control is None:
            raise ZygoteLost("it has been stopped")
        with contextlib.ExitStack() as stack:
            program, question = (
                stack.enter_context(_file(text)) for text in (check.program.encode(), _question(check))
            )
            result, output = stack.enter_context(_file(b"")), stack.enter_context(_file(b""))
            files = [handle.fileno() for handle in (program, question, result, output)]
            try:
                socket.send_fds(control, [header], files)
                control.settimeout(check.limits.wall_seconds + GRACE_SECONDS)
                message = _receive(control)
            except OSError as error:
                raise ZygoteLost(f"no answer: {error}") from error
            if "failed" in message:
                raise ZygoteLost(str(message["failed"]))
            size = os.fstat(output.fileno()).st_size
            kept = os.pread(output.fileno(), min(size, check.limits.output_bytes), 0)
            return Reply(
                status=int(message["status"]),
                timed_out=bool(message["timed_out"]),
                cpu_seconds=float(message["cpu"]),
                wall_seconds=float(message["wall"]),
                result=_content(result.fileno()),
                output=kept.decode("utf-8", "replace"),
                output_bytes=size,
            )


def _receive(control: socket.socket) -> dict[str, Any]:
    """One line of JSON from the zygote; it is trusted code, so its form is not checked further."""
    line = b""
    while not line.endswith(b"\n"):
        chunk = control.recv(65536)
        if not chunk:
            raise ZygoteLost("its process has ended")
        line += chunk
    message: dict[str, Any] = json.loads(line)
    return message


def base_interpreter() -> str:
    """The interpreter under any virtual environment; solutions need only its standard library."""
    path = os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)
    if not os.access(path, os.X_OK):
        raise SandboxError(
            f"the interpreter {path} cannot be run by uid {os.geteuid()}; use one below a world-readable folder"
        )
    return path


def jail_user(index: int) -> int:
    """The user that a zygote becomes: a dedicated one for root (whom limits do not bind), else the present one.

    A root that is only mapped, in a user namespace without such users, is an ordinary user to the kernel.
    """
    dedicated = FIRST_UID + index
    if os.geteuid() != 0:
        return os.geteuid()
    ranges = Path("/proc/self/uid_map")
    for line in ranges.read_text().splitlines() if ranges.exists() else ():
        first, _, count = map(int, line.split())
        if first <= dedicated < first + count:
            return dedicated
    return 0


def _question(check: Check) -> bytes:
    """The file beside the program: calls with encoded arguments, or tests and prelude; never an expected value."""
    question: dict[str, Any] = {"entry_point": check.entry_point, "cpu_seconds": check.limits.cpu_seconds}
    if check.tests is not None:
        question |= {"tests": check.tests, "prelude": check.prelude}
    else:
        question["calls"] = [[plain.encode(value) for value in call] for call in check.arguments or ()]
        if check.arguments is None:
            question["entry_point"] = ""  # program mode
    return json.dumps(question).encode()


def _file(content: bytes) -> Any:
    """An anonymous file with this content."""
    if hasattr(os, "memfd_create"):
        handle = open(os.memfd_create("check"), "r+b", buffering=0)  # noqa: SIM115 the caller closes it
    else:
        handle = tempfile.TemporaryFile("r+b", buffering=0)  # noqa: SIM115 the caller closes it
    while content:
        content = content[handle.write(content) :]
    return handle


def _content(handle: int) -> bytes | None:
    size = os.fstat(handle).st_size
    return os.pread(handle, size, 0) if size <= MAX_REPLY_BYTES else None
