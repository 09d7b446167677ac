"""Soak of the sandbox: many checks, one in ten hostile, and nothing lost, wrong, growing or left behind.

    python bench/soak.py [--checks 100000] [--seed 0] [--workers 2] [--level auto] [--checks-per-zygote 20000]

Checks in data, split and stdio mode, honest ones right and wrong, hostile ones of the kinds listed in `HOSTILE`, drawn
from the seed. Every check carries its number, which has to come back in its place with a verdict that is right for it.
Resident memory is that of this process and of each zygote (without the children it forks), from /proc, about twice a
second; it is flat when it has grown by less than 5 % or 2 MiB over the second half. At the end no process of a zygote,
no mount, no open file, no temporary file and no thread may be left. Exit status 1 on any failure. Needs Linux.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from hornbook.errors import SandboxError
from hornbook.sandbox import Check, JailedSandbox, Limits, Sandbox, Verdict

HOSTILE_RATE = 0.1
SLOW_RATE = 0.04  # of hostile checks: those that run into their time limit
SPLIT_RATE = 0.3  # of hostile programs: the others run in data mode
LOOK_RATE = 0.2  # of honest programs: those that look for what an earlier check has left
SAMPLE_SECONDS = 0.5
FAREWELL_SECONDS = 5.0
FLAT_RATE, FLAT_BYTES = 0.05, 2 << 20
SHOWN = 20  # failures printed; all are counted
MIB = 1 << 20

ROOMY = Limits(wall_seconds=10, cpu_seconds=10)
TIGHT = Limits(
    wall_seconds=10, cpu_seconds=10, memory_bytes=96 << 20, file_bytes=1 << 20, output_bytes=16 << 10, processes=8
)
BRIEF = Limits(wall_seconds=0.2, cpu_seconds=1)

# Kinds of hostile programs: name -> (outcomes that are right for it, program). Each defines f, whose right result it
# does not know, or ends before; those of STDIO are run with an input of one line, those of TESTS are the tests.
HOSTILE = {
    "exits": ("early_exit", "import sys\nsys.exit(0)"),
    "exits in the call": ("early_exit", "import os\ndef f(x): os._exit(0)"),
    "exits at exit": ("failed_assertion", "import atexit, os\natexit.register(os._exit, 0)\ndef f(x): pass"),
    "an object equal to everything": ("failed_assertion sandbox_violation exception",
        "class L:\n  __eq__ = lambda s, o: True\n  __hash__ = None\ndef f(x): return L()"),
    "an int equal to everything": ("failed_assertion sandbox_violation exception",
        "class L(int):\n  __eq__ = lambda s, o: True\n  __hash__ = int.__hash__\ndef f(x): return L(5)"),
    "patched builtins": ("failed_assertion early_exit",
        "import builtins\nbuiltins.all = builtins.any = builtins.isinstance = lambda *a: True\ndef f(x): pass"),
    "forged replies": ("sandbox_violation early_exit failed_assertion exception", "import os\ndef f(x):\n"
        "  for reply in (b'{\"returned\": [true]}', b'[\"passed\", \"\"]', b'\\x04\\0\\0\\0true'):\n"
        "    for fd in range(3, 64):\n      try: os.write(fd, reply)\n      except OSError: pass\n  os._exit(0)"),
    "a malformed reply": ("sandbox_violation early_exit failed_assertion exception",
        "import os\ndef f(x):\n  for fd in range(3, 64):\n    try: os.write(fd, b'[' * 5000)\n"
        "    except OSError: pass\n  os._exit(0)"),
    "closed files": ("early_exit failed_assertion sandbox_violation exception output_limit",
        "import os\ndef f(x): os.closerange(0, 64)"),
    "a memory bomb": ("out_of_memory", "x = [0]\nwhile True: x += x"),
    "one large allocation": ("out_of_memory", "x = bytearray(1 << 40)"),
    "mapped memory": ("exception out_of_memory", "import mmap\nx = [mmap.mmap(-1, 1 << 25) for _ in range(9)]"),
    "an output flood": ("output_limit", "while True: print('x' * 4096)"),
    "an output flood by system calls": ("output_limit",
        "import os\nfor _ in range(99):\n  try: os.write(2, bytes(65536))\n  except OSError: pass\ndef f(x): pass"),
    "a result too large": ("output_limit exception sandbox_violation failed_assertion",
        "def f(x): return [x] * 400_000"),
    "a giant int": ("output_limit exception failed_assertion", "def f(x): return 1 << (1 << 23)"),
    "threads without end": ("exception",
        "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()"),
    "forks": ("exception", "import os\nwhile True: os.fork()"),
    "another program": ("exception", "import os\nos.execv('/bin/true', ['true'])"),
    "a full disk": ("exception",
        "for i in range(99):\n  with open(str(i), 'wb') as f: f.write(bytes(1 << 20))"),
    "one large file": ("exception", "with open('x', 'wb') as f: f.write(bytes(1 << 24))"),
    "too many open files": ("exception", "x = [open('/dev/null') for _ in range(999)]"),
    "unreadable folders": ("failed_assertion", "import os\nos.makedirs('a/b')\nos.mkdir('a/b/c', 0)\nos.mkdir('d', 0)\n"
        "os.mkdir('\\udcff', 0)\nopen('planted', 'w').close()\ndef f(x): pass"),
    "deep recursion": ("exception", "def f(x): return f(x)"),
    "bottomless recursion": ("killed exception out_of_memory", "import sys\nsys.setrecursionlimit(1 << 30)\n"
        "x = y = []\nfor _ in range(200_000): x, y = [x], [y]\ndef f(_): return x == y"),
    "SIGKILL to itself": ("killed failed_assertion",  # a namespace's first process cannot kill itself
        "import os\nos.kill(os.getpid(), 9)\ndef f(x): pass"),
    "signals to all": ("exception", "import os\nos.kill(-1, 9)"),
    "a wild pointer": ("killed", "import ctypes\nctypes.string_at(0)"),
    "a forbidden system call": ("sandbox_violation", "import ctypes\nctypes.CDLL(None).ptrace(0, 0, 0, 0)"),
    "a new namespace": ("sandbox_violation", "import ctypes\nctypes.CDLL(None).unshare(0x10000000)"),
    "a socket": ("exception", "import socket\nsocket.socket()"),
    "a look at the host": ("exception", "import os\nopen('/etc/passwd')"),
    "a thread left behind": ("failed_assertion",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\ndef f(x): pass"),
    "no Python": ("syntax_error", "def f(:"),
    "no text": ("syntax_error", "x = '\ud800'"),
}  # fmt: skip
STDIO = {
    "more input than there is": ("exception", "while True: input()"),
    "a forged output": ("failed_assertion early_exit", "import os\nos.write(1, b'passed')\nos._exit(0)"),
    "output without end": ("output_limit", "import sys\nwhile True: sys.stdout.write('7' * 999)"),
}
TESTS = {
    "tests that exit": ("early_exit", "import os\nos._exit(0)"),
    "tests that eat memory": ("out_of_memory", "x = [0]\nwhile True: x += x"),
    "tests that call what is forbidden": ("sandbox_violation", "import ctypes\nctypes.CDLL(None).ptrace(0, 0, 0, 0)"),
    "tests that look out": ("exception", "open('/etc/passwd')"),
}
SLOW = {
    "a loop": ("timeout", "while True: pass"),
    "a loop in C": ("timeout", "sum(iter(int, 1))"),
    "sleep": ("timeout", "import time\ntime.sleep(60)"),
    "a lock": ("timeout", "import threading\nx = threading.Lock()\nx.acquire()\nx.acquire()"),
    "a swallowed alarm": ("timeout", "import signal\nfor n in (14, 15, 24): signal.signal(n, signal.SIG_IGN)\n"
        "while True:\n  try:\n    while True: pass\n  except BaseException: pass"),
    "a regular expression": ("timeout", "import re\nre.match('(a+)+$', 'a' * 64 + 'b')"),
    "a giant power": ("timeout", "x = 3 ** (1 << 28)"),
}  # fmt: skip
KINDS = [
    (kind, name, body)
    for kind, bodies in (("call", HOSTILE), ("stdio", STDIO), ("tests", TESTS))
    for name, body in bodies.items()
]
UNSIGNED = {"no Python", "no text", *SLOW}  # these print nothing, or may run out of time before
LOOK_AROUND = "import os\nassert os.listdir('.') == []\n"


@dataclass(frozen=True)
class Question:
    """A check with what is right for it: its outcomes, and how its output starts ("" where it cannot print first)."""

    name: str
    check: Check
    outcomes: frozenset[str]
    output: str = ""

    def fault(self, verdict: Verdict) -> str:
        """What is wrong with a verdict; "" when it is right."""
        if verdict.outcome.value not in self.outcomes:
            return f"{verdict.outcome}, not {' or '.join(sorted(self.outcomes))}: {verdict.detail}"
        if not verdict.output.startswith(self.output):
            return f"output {verdict.output[:60]!r} does not start with {self.output!r}"
        return ""


@dataclass
class Memory:
    """Resident bytes over time, of this process and of each zygote that has been seen."""

    host: list[int] = field(default_factory=list)
    zygotes: dict[int, list[int]] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)

    def watch(self, level: str) -> None:
        """Take samples until `ended`."""
        while not self.ended.wait(SAMPLE_SECONDS):
            self.sample(level)

    def sample(self, level: str) -> None:
        table = processes()
        self.host.append(resident_bytes(os.getpid()))
        for leader in zygote_leaders(table):
            samples = self.zygotes.setdefault(leader, [])
            inner = [leader]
            if level in ("L3", "L2"):  # with namespaces the leader only holds the jail, and its child is the zygote
                inner = [pid for pid, (parent, _) in table.items() if parent == leader]
            samples += filter(None, map(resident_bytes, inner))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checks", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=None, help="checks at a time; one per core if not given")
    # not L0, where the hostile programs would have their way
    parser.add_argument("--level", default="auto", choices=("auto", "L3", "L2", "L1"), help="rung of the ladder")
    parser.add_argument("--checks-per-zygote", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        os.chmod(folder, 0o711)  # at L1 zygotes are other users
        tempfile.tempdir = folder  # whatever the sandbox leaves behind lies here
        sys.exit(soak(options))


def soak(options: argparse.Namespace) -> int:
    """Run all checks and print a summary; returns the exit status."""
    memory = Memory()
    before = traces(())
    try:
        sandbox = JailedSandbox(
            options.workers, options.level, options.seed, checks_per_zygote=options.checks_per_zygote
        )
    except SandboxError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    watcher = threading.Thread(target=memory.watch, args=(sandbox.level,))
    watcher.start()
    started = time.monotonic()
    try:
        with sandbox:
            outcomes, faults = judge(sandbox, options.checks, options.seed, Progress(options.checks))
            seconds = time.monotonic() - started
            memory.sample(sandbox.level)
    finally:
        memory.ended.set()
        watcher.join()
    print(f"{options.checks} checks at {sandbox.level} with {sandbox.workers} workers in {seconds:.0f} s")
    print(", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common()))
    print(f"zygotes started: {len(memory.zygotes)}, each used for at most {sandbox.checks_per_zygote} checks")
    faults += growth("the host", [memory.host])
    faults += growth("a zygote", list(memory.zygotes.values()))
    faults += left_behind(before, memory.zygotes)
    for fault in faults[:SHOWN]:
        print(f"FAILED: {fault}")
    print(f"{len(faults)} failures" if faults else "no verdict lost or wrong, memory flat, nothing left behind")
    return 1 if faults else 0


def judge(
    sandbox: Sandbox, count: int, seed: int, progress: Callable[[int], None] | None = None
) -> tuple[Counter[str], list[str]]:
    """Judge `count` questions; returns the outcomes and what was wrong."""
    asked: deque[tuple[int, Question]] = deque()

    def checks() -> Iterator[Check]:
        for number in range(count):
            question = draw(number, seed)
            asked.append((number, question))
            yield question.check

    outcomes: Counter[str] = Counter()
    faults: list[str] = []
    for verdict in sandbox.map(checks(), progress):
        number, question = asked.popleft()
        outcomes[verdict.outcome.value] += 1
        fault = question.fault(verdict)
        if not fault and verdict.level != sandbox.level:
            fault = f"judged at level {verdict.level!r}, not {sandbox.level}"
        if fault:
            faults.append(f"check {number}, {question.name}: {fault}")
    if outcomes.total() != count:
        faults.append(f"{outcomes.total()} verdicts for {count} checks")
    return outcomes, faults


def draw(number: int, seed: int) -> Question:
    """The question with this number, the same for the same seed."""
    luck = random.Random(f"{seed}/{number}")
    return hostile(number, luck) if luck.random() < HOSTILE_RATE else honest(number, luck)


def honest(number: int, luck: random.Random) -> Question:
    """A program that does its work, rightly or wrongly, in one of the modes."""
    goal = luck.choice(["passed", "passed", "passed", "failed_assertion", "exception"])
    result = {"passed": f"x + {number + 1}", "failed_assertion": "x", "exception": "x // 0"}[goal]
    program = f"print({number}, flush=True)\n"
    if luck.random() < LOOK_RATE:
        program += LOOK_AROUND
    given = [luck.randrange(1000) for _ in range(4)]
    right = [value + number + 1 for value in given]
    mode = luck.choice(["data", "data", "split", "stdio"])
    if mode == "data":
        program += f"def f(x): return {result}\n"
        check = Check(program, "f", tuple((value,) for value in given), tuple(right), limits=ROOMY)
    elif mode == "split":
        program += f"def f(x): return {result}\n"
        asserts = [f"    assert candidate({value}) == {wanted}\n" for value, wanted in zip(given, right, strict=True)]
        check = Check(program, "f", tests="def check(candidate):\n" + "".join(asserts), limits=ROOMY)
    else:
        program += f"x = int(input())\nprint({result})\n"
        check = Check(program, stdin=f"{given[0]}\n", expected_output=f"{number}\n{right[0]}", limits=ROOMY)
    return Question(f"an honest program in {mode} mode", check, frozenset([goal]), f"{number}\n")


def hostile(number: int, luck: random.Random) -> Question:
    """A program, or tests, of a hostile kind."""
    if luck.random() < SLOW_RATE:
        kind, limits = "call", BRIEF
        name, (outcomes, body) = luck.choice(list(SLOW.items()))
    else:
        limits = TIGHT
        kind, name, (outcomes, body) = luck.choice(KINDS)
    is_signed = kind != "tests" and name not in UNSIGNED
    program = f"print({number}, flush=True)\n{body}" if is_signed else body
    if kind == "stdio":
        check = Check(program, stdin="1\n", expected_output="2\n", limits=limits)
    elif kind == "tests":
        check = Check(f"def f(x): return {number}", "f", tests=body, limits=limits)
    elif luck.random() < SPLIT_RATE:
        check = Check(program, "f", tests=f"assert f({number}) == {-1 - number}", limits=limits)
    else:
        check = Check(program, "f", ((number,),), (-1 - number,), limits=limits)
    return Question(name, check, frozenset(outcomes.split()), f"{number}\n" if is_signed else "")


# ---- what is left, and what is held ----------------------------------------------------------------------------------


def processes() -> dict[int, tuple[int, int]]:
    """pid -> (parent, session) of all living processes."""
    table = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:  # it ended meanwhile
                continue
            if fields[0] != "Z" or int(fields[1]) == os.getpid():  # our own zombies count
                table[int(entry.name)] = (int(fields[1]), int(fields[3]))
    return table


def zygote_leaders(table: dict[int, tuple[int, int]]) -> list[int]:
    """The processes that this one has started in sessions of their own."""
    return [pid for pid, (parent, session) in table.items() if parent == os.getpid() and session == pid]


def resident_bytes(pid: int) -> int:
    """Resident memory of a process; 0 when it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def growth(name: str, processes: Sequence[Sequence[int]]) -> list[str]:
    """Print the memory of processes over time; returns a fault for each that was not flat in its second half."""
    samples = [size for sizes in processes for size in sizes]
    if not samples:
        return [f"no sample of the memory of {name}"]
    grown: list[tuple[float, float]] = []
    for sizes in filter(None, processes):
        tenth = len(sizes) // 10 + 1
        middle, end = fmean(sizes[len(sizes) // 2 :][:tenth]), fmean(sizes[-tenth:])
        grown.append((end - middle, middle))
    first, last, most, growing = (size / MIB for size in (samples[0], samples[-1], max(samples), max(grown)[0]))
    print(
        f"memory of {name}: first {first:.1f}, last {last:.1f}, most {most:.1f} MiB; "
        f"at most {growing:+.2f} MiB over a second half; {len(samples)} samples"
    )
    return [
        f"the memory of {name} grew by {more / MIB:.1f} MiB, {more / middle:.0%}, in its second half"
        for more, middle in grown
        if more > FLAT_BYTES and more > FLAT_RATE * middle
    ]


def traces(zygotes: Collection[int]) -> dict[str, list[str]]:
    """What stands on the machine now that a sandbox could have left: a list of names by kind."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return {
        "processes": [str(pid) for pid, (_, session) in processes().items() if session in zygotes],
        "mounts": [line.split()[4] for line in mounts],
        "files": sorted(str(path) for path in Path(tempfile.gettempdir()).rglob("*")),
        "open files": [os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()],
        "threads": [thread.name for thread in threading.enumerate()],
    }


def left_behind(before: dict[str, list[str]], zygotes: Collection[int]) -> list[str]:
    """What is there now and was not before, once ended processes have had time to go."""
    deadline = time.monotonic() + FAREWELL_SECONDS
    while (after := traces(zygotes))["processes"] and time.monotonic() < deadline:
        time.sleep(0.05)
    more = {kind: Counter(after[kind]) - Counter(before[kind]) for kind in after}
    return [f"{found.total()} {kind} left behind: {', '.join(found)}" for kind, found in more.items() if found]


class Progress:
    """Tells on stderr how far the soak is: in one line on a terminal, else now and then."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.is_terminal = sys.stderr.isatty()
        self.started = self.told = time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if done < self.total and now - self.told < (0.5 if self.is_terminal else 15):
            return
        self.told = now
        rate = done / (now - self.started)
        text = f"{done:,} of {self.total:,} checks, {rate:.0f} per second, {(self.total - done) / rate:.0f} s left"
        if self.is_terminal:
            text = f"\r{text:<70}" + ("\n" if done == self.total else "")
            print(text, end="", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
