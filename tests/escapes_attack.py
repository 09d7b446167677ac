"""How the lists of attacks are written down, and the programs that carry them into a check.

A list is text. A line `### name [where]` opens an attack; what follows is its code. A line `--- tests` in it separates
the program from the tests that judge it. `where` says how the attack is seen to work without walls (`escapes_naive`):

    verdict, cases, status    it passes in the method of that name
    works                     its function returns "in", or its program comes to its end, in a plain process
    root                      as `works`, where the tests run as root
    kernel                    as `works`, where this kernel has what it uses and lets it (else a skip that says so)
    not: reason               it is not shown, for that reason
"""

from __future__ import annotations

import os
import re
import socket
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

# What an attack inside a function may fail with. Any other exception would be a defect of the attack itself.
REFUSALS = {
    "PermissionError", "FileNotFoundError", "NotADirectoryError", "FileExistsError", "OSError", "gaierror",
    "ProcessLookupError", "BlockingIOError", "ConnectionRefusedError", "ChildProcessError", "BrokenPipeError",
    "MemoryError", "Refused",
}  # fmt: skip

PRELUDE = """
import ctypes, fcntl, mmap, os, resource, signal, socket, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
HOME, REPOSITORY, FOLDER, NAME, PORT, HELD = {places!r}
class Refused(Exception):
    pass
def must(result):
    "What a system call returned; an OSError when it failed."
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
def call(number, *arguments):
    "A system call by its number on x86-64; each argument as wide as a register."
    if os.uname().machine != "x86_64":
        raise Refused
    wide = [a if isinstance(a, bytes | ctypes.Array) else ctypes.c_long(a or 0) for a in arguments]
    return must(libc.syscall(number, *wide))
def other():
    "A process that is not this one: the parent, which a process 1 has not."
    if not os.getppid():
        raise Refused
    return os.getppid()
def reach():
    try:
{body}
    except Exception as error:
        return type(error).__name__
    return "in"
"""


@dataclass(frozen=True)
class Attack:
    """One hostile program; `tests` is empty where the test file has its own."""

    name: str
    where: str
    code: str
    tests: str = ""

    @property
    def is_shown(self) -> bool:
        """Whether it can be seen to work without walls."""
        return not self.where.startswith("not: ")


@dataclass(frozen=True)
class Places:
    """What attacks aim at: folders, one with sockets and a secret, a name of their own, the port of a server.

    `held`: descriptors that a process of a check needs (three streams and the reply, or the pipes of split mode).
    """

    home: str = "/"
    repository: str = "/"
    folder: str = "/"
    name: str = "hornbook-escapes"
    port: int = 0
    held: int = 4


@contextmanager
def open_places(folder: Path) -> Iterator[Places]:
    """What attacks aim at: a secret, a variable of the environment, and servers of each kind."""
    (folder / "secret").write_text("secret")
    os.environ["HORNBOOK_ESCAPES"] = "secret"
    name = f"hornbook-escapes-{os.getpid()}"
    kinds = [
        (f"\0{name}", socket.SOCK_STREAM), (f"\0{name}-datagrams", socket.SOCK_DGRAM),
        (f"{folder}/stream", socket.SOCK_STREAM), (f"{folder}/datagrams", socket.SOCK_DGRAM),
    ]  # fmt: skip
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64))
        for address, kind in kinds:
            local = stack.enter_context(socket.socket(socket.AF_UNIX, kind))
            local.bind(address)
            if kind == socket.SOCK_STREAM:
                local.listen(64)
        yield Places(str(Path.home()), str(Path(__file__).parents[1]), str(folder), name, server.getsockname()[1])
    del os.environ["HORNBOOK_ESCAPES"]


def read_attacks(text: str) -> dict[str, Attack]:
    """The attacks in a list by name; raises ValueError for a heading that is not one, and for two of one name."""
    attacks: dict[str, Attack] = {}
    for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        heading, _, code = part.partition("\n")
        found = re.fullmatch(r"(?P<name>.+) \[(?P<where>verdict|cases|status|works|root|kernel|not: .+)\]", heading)
        if found is None or found["name"] in attacks:
            raise ValueError(f"the heading {heading!r} is not one, or stands twice")
        code, _, tests = code.partition("--- tests\n")
        attacks[found["name"]] = Attack(found["name"], found["where"], code, tests)
    return attacks


def reaching(attack: Attack, places: Places) -> str:
    """A program whose function `reach` returns "in" when the attack's lines come to their end."""
    return PRELUDE.format(places=astuple(places), body=textwrap.indent(attack.code, " " * 8))
