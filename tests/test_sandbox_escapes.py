"""One test per escape: each passes only if the attack fails."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hornbook.errors import SandboxError
from hornbook.sandbox import Check, JailedSandbox, Limits, Outcome
from hornbook.sandbox.seccomp import ARCHITECTURES, HOSTILE, machine

# a function that no program can guess: what it returns for 3 and 12 must come from the tests
SECRET = (7919033, 6310867)
TESTS = f"def check(candidate):\n    assert candidate(3) == {SECRET[0]}\n    assert candidate(12) == {SECRET[1]}\n"
SHORT = Limits(wall_seconds=0.5, cpu_seconds=1)


@pytest.fixture(scope="module", params=["L3", "L2"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[JailedSandbox]:
    try:
        made = JailedSandbox(workers=2, level=request.param)
    except SandboxError as error:
        pytest.skip(f"{request.param} does not stand on this machine: {error}")
    with made:
        yield made


# ---- forging a verdict: no program may pass without the right values ---------------------------------

WRONG = "def f(x): return None\n"
FORGERIES = {
    "sys.exit(0) at the top": "import sys\n" + WRONG + "sys.exit(0)",
    "sys.exit(0) in the call": "import sys\ndef f(x): sys.exit(0)",
    "os._exit(0) at the top": "import os\n" + WRONG + "os._exit(0)",
    "os._exit(0) in the call": "import os\ndef f(x): os._exit(0)",
    "os._exit(0) in a thread": "import os, threading\n" + WRONG + "threading.Timer(0.001, os._exit, (0,)).start()",
    "os._exit(0) at exit": "import atexit, os\n" + WRONG + "atexit.register(os._exit, 0)",
    "an object equal to everything": "class L:\n  __eq__ = lambda s, o: True\n  __ne__ = lambda s, o: False\n"
    "  __hash__ = object.__hash__\ndef f(x): return L()",
    "an int equal to everything": "class L(int):\n  __eq__ = lambda s, o: True\n  __hash__ = int.__hash__\n"
    "  __int__ = __index__ = lambda s: 7919033\ndef f(x): return L(5)",
    "a str equal to everything": "class L(str):\n  __eq__ = lambda s, o: True\n  __hash__ = str.__hash__\n"
    "def f(x): return L('7919033')",
    "a dict equal to everything": "class L(dict):\n  __eq__ = lambda s, o: True\ndef f(x): return L()",
    "a lying class": "class L:\n  __class__ = int\n  __eq__ = lambda s, o: True\ndef f(x): return L()",
    "a lying metaclass": "class M(type):\n  __eq__ = lambda s, o: True\n  __hash__ = type.__hash__\n"
    "class L(metaclass=M): pass\ndef f(x): return L",
    "patched builtins": "import builtins\nbuiltins.AssertionError = builtins.Exception\nbuiltins.len = lambda x: 9\n"
    "builtins.all = builtins.any = builtins.isinstance = lambda *a: True\n" + WRONG,
    "patched json": "import json, io\njson.dumps = lambda *a, **k: '{\"returned\": [true, true]}'\n" + WRONG,
    "patched encoder": "import sys\nm = sys.modules['hornbook.sandbox.plain']\n"
    "m.encode = lambda *a: {'passed': True}\nm.same = lambda *a: True\n" + WRONG,
    "patched conversation": "import sys\nw = sys.modules['hornbook.sandbox.wire']\n"
    "w.describe = lambda e: ['passed', '']\nw.Link.answer = lambda s, m: s.channel.send({'value': True})\n" + WRONG,
    "the conversation's own exceptions": "import sys\nw = sys.modules['hornbook.sandbox.wire']\n"
    "def f(x): raise w.CandidateExit('passed')",
    "the end of the conversation": "import sys\nw = sys.modules['hornbook.sandbox.wire']\ndef f(x): raise w.Closed",
    "a verdict on every file": "import os\ndef f(x):\n  for fd in range(64):\n"
    "    try: os.write(fd, b'[\"passed\", \"\"]')\n    except OSError: pass\n  os._exit(0)",
    "a forged data reply": "import os\ndef f(x):\n  for fd in range(64):\n"
    "    try: os.write(fd, b'{\"returned\": [1, 1]}')\n    except OSError: pass\n  os._exit(0)",
    "forged messages": "import os, struct\ndef f(x):\n  m = b'{\"value\": true}'\n  for fd in range(64):\n"
    "    try: os.write(fd, struct.pack('I', len(m)) * 1 + m)\n    except OSError: pass\n  return None",
    "a request to the judge": "import os, struct\ndef f(x):\n"
    "  m = b'{\"op\": \"get\", \"on\": 0, \"args\": [\"__globals__\"], \"named\": {}}'\n"
    "  os.write(4, struct.pack('I', len(m)) + m)",
    "expected values in frames": "import sys\ndef f(x):\n  frame = sys._getframe()\n  while frame:\n"
    "    for v in [*frame.f_locals.values(), *frame.f_globals.values()]:\n"
    "      if v == int('7919033'): return v\n    frame = frame.f_back",
    "expected values in the heap": "import gc\ndef f(x):\n  for o in gc.get_objects():\n"
    "    if type(o) in (list, tuple, dict) and len(o) < 99 and '79190' + '33' in repr(o): return int('7919033')",
    "expected values in memory files": "import os\ndef f(x):\n  for fd in range(64):\n"
    "    try: data = os.pread(fd, 100000, 0)\n    except OSError: continue\n"
    "    if b'7919033' in data: return int('7919033')",
    "signals to the judge": "import os\ndef f(x):\n  for pid in (1, os.getppid(), -1, 0):\n    try: os.kill(pid, 9)\n"
    "    except OSError: pass\n  os._exit(0)",
    "a swallowed alarm and every exception": "import signal, time\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ndef f(x):\n  while True:\n    try: time.sleep(9)\n"
    "    except BaseException: pass",
    "closed files": "import os\ndef f(x):\n  os.closerange(0, 64)\n  return None",
    "a trace function": "import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)\n" + WRONG,
    "a replaced main module": "import sys\nsys.modules.clear()\n" + WRONG,
    "raising SystemExit in __del__ and __str__": "class E(Exception):\n  def __str__(s): raise SystemExit(0)\n"
    "def f(x): raise E",
    "an endless string conversion": "class E(Exception):\n  def __str__(s):\n    while True: pass\ndef f(x): raise E",
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
def test_no_forgery_passes(sandbox: JailedSandbox, name: str) -> None:
    program = FORGERIES[name]
    data = sandbox.run(Check(program, "f", arguments=((3,), (12,)), expected=SECRET, limits=SHORT))
    assert data.outcome not in (Outcome.PASSED, Outcome.PROTOCOL_ERROR), data
    split = sandbox.run(Check(program, "f", tests=TESTS, limits=SHORT))
    assert split.outcome not in (Outcome.PASSED, Outcome.PROTOCOL_ERROR), split


def test_the_same_checks_pass_for_an_honest_program(sandbox: JailedSandbox) -> None:
    program = f"def f(x): return {{3: {SECRET[0]}, 12: {SECRET[1]}}}[x]"
    assert sandbox.run(Check(program, "f", arguments=((3,), (12,)), expected=SECRET, limits=SHORT)).passed
    assert sandbox.run(Check(program, "f", tests=TESTS, limits=SHORT)).passed


# ---- reaching out: f returns "in" when the attack succeeds ----------------------------------------------------------

HOME = str(Path.home())
REACHES = {
    "read /etc/passwd": "open('/etc/passwd').read()",
    "read the home folder": f"h = {HOME!r}; next(n for n in os.listdir(h) if h + '/' + n not in sys.base_prefix)",
    "read this repository": f"open({__file__!r}).read()",
    "read its own /proc entry": "open('/proc/self/status').read()",
    "read its own memory": "open('/proc/self/mem', 'rb')",
    "read the kernel's settings": "os.listdir('/sys')",
    "list processes": "os.listdir('/proc')",
    "write into the interpreter": "open(os.path.join(os.path.dirname(os.__file__), 'os.py'), 'a')",
    "write into the root": "os.mkdir('/x')",
    "write into /usr": "open('/usr/x', 'w')",
    "write through a link": "os.symlink('/etc', 'link'); open('link/passwd').read()",
    "climb out of the root": "os.chdir('/'); os.chdir('../../../..'); open('etc/passwd').read()",
    "find the old root": "open('/old/etc/passwd').read()",
    "open a terminal": "open('/dev/tty')",
    "open a disk": "os.mknod('disk', 0o60600, os.makedev(8, 0)); open('disk')",
    "make a TCP socket": "socket.socket()",
    "reach a server on this machine": "socket.create_connection(('127.0.0.1', PORT), 1)",
    "send UDP": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT))",
    "resolve a name": "socket.getaddrinfo('localhost', 80)[0]; socket.socket()",
    "make a raw socket": "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    "make a netlink socket": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "make a unix socket": "socket.socket(socket.AF_UNIX)",
    "reach an abstract unix socket": "socket.socket(socket.AF_UNIX).connect('\\0hornbook-test')",
    "turn a socketpair outwards": "socket.socketpair()[0].connect('\\0hornbook-test')",
    "fork": "os.fork() or os._exit(0)",
    "fork by libc": "check(libc.fork())",
    "start a program": "os.execv('/usr/bin/env', ['env'])",
    "start a shell": "subprocess.run(['/bin/sh', '-c', 'true'], check=True)",
    "start a program from memory": "os.execve(os.memfd_create('x'), ['x'], {})",
    "spawn": "os.posix_spawn('/usr/bin/env', ['env'], {})",
    "start a multiprocessing child": "multiprocessing.get_context('fork').Process(target=print).start()",
    "signal the zygote": "os.kill(os.getppid(), 9); time.sleep(0.05)",
    "signal its group": "os.kill(0, 9)",
    "signal everybody": "os.kill(-1, 9)",
    "signal by pidfd": "os.pidfd_open(1)",
    "leave its session": "os.setsid()",
    "become root": "os.setuid(0)",
    "become another user": "os.setresuid(1, 1, 1)",
    "change a group": "os.setgroups([0])",
    "change an owner": "open('mine', 'w'); os.chown('mine', 0, 0)",
    "make a user namespace": "check(libc.unshare(0x10000000))",
    "make a pid namespace": "check(libc.unshare(0x20000000))",
    "join a namespace": "check(libc.setns(0, 0))",
    "mount": "check(libc.mount(b'x', b'/tmp', b'tmpfs', 0, None))",
    "unmount": "check(libc.umount2(b'/tmp', 2))",
    "change the root": "check(libc.chroot(b'/tmp'))",
    "raise its limits": "resource.setrlimit(resource.RLIMIT_CPU, (99, 99))",
    "raise its limits by prlimit": "resource.prlimit(0, resource.RLIMIT_FSIZE, (1 << 40, 1 << 40))",
    "read another process's limits": "resource.prlimit(1 if os.getpid() != 1 else 2, resource.RLIMIT_CPU)",
    "become dumpable": "check(libc.prctl(4, 1, 0, 0, 0))",
    "outlive its parent": "check(libc.prctl(1, 0, 0, 0, 0))",
    "drop the filters": "check(libc.prctl(22, 0, 0, 0, 0))",
    "type into a terminal": "fcntl.ioctl(0, 0x5412, b'x')",
    "share memory by SysV": "check(libc.shmget(1, 4096, 0o1666))",
    "queue messages by SysV": "check(libc.msgget(1, 0o1666))",
    "use SysV semaphores": "check(libc.semget(1, 1, 0o1666))",
    "queue messages by POSIX": "check(libc.mq_open(b'/x', 0o102, 0o600, None))",
    "trace itself": "check(libc.ptrace(0, 0, 0, 0))",
    "rename the machine": "socket.sethostname('x')",
    "set the clock": "time.clock_settime(time.CLOCK_REALTIME, 0)",
    "pin itself to a core": "os.sched_setaffinity(0, {0})",
    "lock memory": "check(libc.mlockall(3))",
}
PRELUDE = """
import ctypes, fcntl, multiprocessing, os, resource, socket, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)
PORT = {port}
def check(result):
    if result < 0: raise OSError(ctypes.get_errno(), "refused")
def f():
    try:
        {attack}
    except Exception as error:
        return type(error).__name__
    return "in"
"""


@pytest.fixture(scope="module")
def listener() -> Iterator[int]:
    """A TCP server on this machine that fails the test run when anybody connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.01)
        yield server.getsockname()[1]
        with pytest.raises(TimeoutError):
            server.accept()


def attack(sandbox: JailedSandbox, code: str, port: int = 0) -> str:
    verdict = sandbox.run(Check(PRELUDE.format(attack=code, port=port), "f", arguments=((),), limits=SHORT))
    return str(verdict.values[0]) if verdict.values else verdict.outcome.value


@pytest.mark.parametrize("name", REACHES)
def test_no_attack_reaches_out(sandbox: JailedSandbox, listener: int, name: str) -> None:
    result = attack(sandbox, REACHES[name], listener)
    errors = {
        "PermissionError",
        "FileNotFoundError",
        "NotADirectoryError",
        "OSError",
        "gaierror",
        "ValueError",
        "StopIteration",
    }
    assert result in {*errors, "BlockingIOError", "sandbox_violation", "killed"}, result


@pytest.mark.parametrize("name", ["read /etc/passwd", "make a TCP socket", "fork", "start a shell", "list processes"])
def test_the_attacks_are_real(name: str) -> None:
    """Without walls the same programs do reach out, so the tests above can fail."""
    with JailedSandbox(workers=1, level="L0") as bare:
        assert attack(bare, REACHES[name]) == "in"


@pytest.mark.parametrize("call", [name for name in HOSTILE if name in ARCHITECTURES[machine()][1]])
def test_a_hostile_system_call_ends_the_program(sandbox: JailedSandbox, call: str) -> None:
    number = ARCHITECTURES[machine()][1][call]
    assert attack(sandbox, f"libc.syscall({number}, 0, 0, 0, 0, 0, 0)") == "sandbox_violation"


def test_a_system_call_of_the_other_table_ends_the_program(sandbox: JailedSandbox) -> None:
    if machine() != "x86_64":
        pytest.skip("only x86-64 has a second table of numbers")
    assert attack(sandbox, "libc.syscall(0x40000000 + 39)") == "sandbox_violation"


def test_the_candidate_cannot_look_into_what_a_test_passes_to_it(sandbox: JailedSandbox) -> None:
    call = "def f(callback): return callback(2)"
    assert sandbox.run(Check(call, "f", tests="assert f(lambda x: x + 1) == 3")).passed
    for steal in ("callback.__globals__", "callback.__code__", "list(callback)", "str(callback)", "callback[0]"):
        verdict = sandbox.run(Check(f"def f(callback): return {steal}", "f", tests="assert f(lambda x: x)"))
        assert verdict.outcome is Outcome.SANDBOX_VIOLATION, steal


def test_a_candidate_that_will_not_end_goes_with_a_judge_that_hangs(sandbox: JailedSandbox) -> None:
    program = "import os, time\nos._exit = lambda code: time.sleep(99)\ndef f(): pass"
    assert sandbox.run(Check(program, "f", tests="sum(iter(int, 1))", limits=SHORT)).outcome is Outcome.TIMEOUT
    assert sandbox.run(Check("def f(): return 1", "f", arguments=((),), expected=(1,))).passed


# ---- floods ---------------------------------------------------------------------------------------------------------

FLOODS = {
    "memory by a list": ("x = [0]\nwhile True: x += x", {Outcome.OUT_OF_MEMORY}),
    "memory by bytes": ("x = bytearray(1 << 40)", {Outcome.OUT_OF_MEMORY}),
    "memory by mmap": ("import mmap\nx = [mmap.mmap(-1, 1 << 28) for _ in range(9)]", {Outcome.EXCEPTION}),
    "one large file": ("f = open('x', 'wb')\nfor _ in range(99): f.write(bytes(1 << 20))", {Outcome.EXCEPTION}),
    "one sparse file": ("import os\nos.truncate(open('x', 'wb').fileno(), 1 << 40)", {Outcome.EXCEPTION}),
    "many files": ("for i in range(99):\n  open(str(i), 'wb').write(bytes(1 << 20))", {Outcome.EXCEPTION}),
    "many inodes": ("import os\nfor i in range(9999): os.mkdir(str(i))", {Outcome.EXCEPTION}),
    "open files": ("x = [open('/dev/null') for _ in range(999)]", {Outcome.EXCEPTION}),
    "output": ("while True: print('x' * 4096)", {Outcome.OUTPUT_LIMIT}),
    "output by system calls": ("import os\nwhile True:\n  try: os.write(1, bytes(65536))\n  except OSError: pass",
                               {Outcome.OUTPUT_LIMIT}),
    "threads": ("import threading, time\nfor _ in range(99): threading.Thread(target=time.sleep, args=(9,)).start()",
                {Outcome.EXCEPTION}),
    "forks": ("import os\nwhile True:\n  os.fork()", {Outcome.EXCEPTION}),
    "refused forks": ("import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", {Outcome.TIMEOUT}),
    "a loop": ("while True: pass", {Outcome.TIMEOUT}),
    "a loop in C": ("sum(iter(int, 1))", {Outcome.TIMEOUT}),
    "sleep": ("import time\ntime.sleep(99)", {Outcome.TIMEOUT}),
    "a regular expression": ("import re\nre.match('(a+)+$', 'a' * 64 + 'b')", {Outcome.TIMEOUT}),
    "recursion": ("import sys\nsys.setrecursionlimit(1 << 30)\ndef f(): f()\nf()",
                  {Outcome.KILLED, Outcome.EXCEPTION, Outcome.OUT_OF_MEMORY, Outcome.TIMEOUT}),
    "a wait for input": ("input()", {Outcome.EXCEPTION}),
    "a wait for a lock": ("import threading\nx = threading.Lock()\nx.acquire()\nx.acquire()", {Outcome.TIMEOUT}),
    "a stopped process": ("import os\nos.kill(os.getpid(), 19)\nwhile True: pass", {Outcome.TIMEOUT}),
}  # fmt: skip


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_at_its_limit(sandbox: JailedSandbox, name: str) -> None:
    program, outcomes = FLOODS[name]
    started = time.monotonic()
    verdict = sandbox.run(Check(program, limits=SHORT))
    assert verdict.outcome in outcomes, verdict
    assert time.monotonic() - started < 6
    assert len(verdict.output) <= SHORT.output_bytes


@pytest.mark.parametrize(
    "result",
    ["[0] * 2_000_000", "'x' * (1 << 24)", "1 << (1 << 25)", "(lambda x: [x.append(x), x])([])[1]", "endless"],
)
def test_a_hostile_result_does_not_harm_the_host(sandbox: JailedSandbox, result: str) -> None:
    program = "endless = []\nfor _ in range(100_000): endless = [endless]\ndef f(): return " + result
    verdict = sandbox.run(Check(program, "f", arguments=((),), expected=(1,), limits=SHORT))
    assert verdict.outcome in (Outcome.OUTPUT_LIMIT, Outcome.EXCEPTION, Outcome.TIMEOUT), verdict.outcome


@pytest.mark.parametrize(
    "reply",
    [
        b"[", b"[" * 100_000, b'{"returned": [1]}', b'{"returned": {"a": 1}}', b'{"returned": [{"z": 1}, 1]}', b"7",
        b'{"returned": [{"s": [[1]]}, 1]}', b'{"stopped": "passed", "detail": ""}', b'{"returned": [{}, 1]}', b"\xff",
        b'{"returned": [{"i": 5}, {"d": 5}]}', b'{"stopped": ["passed"]}',
    ],
)  # fmt: skip
def test_a_malformed_reply_is_a_violation(sandbox: JailedSandbox, reply: bytes) -> None:
    program = f"import os\ndef f(x):\n  os.write(3, {reply[:200]!r} * {1 + len(reply) // 201})\n  os._exit(0)"
    verdict = sandbox.run(Check(program, "f", arguments=((3,), (12,)), expected=SECRET))
    assert verdict.outcome is Outcome.SANDBOX_VIOLATION, verdict


# ---- from one check to the next -------------------------------------------------------------------------------------


def test_nothing_of_a_check_reaches_the_next(sandbox: JailedSandbox) -> None:
    leave = (
        "import builtins, os, sys, threading, time, math\nbuiltins.planted = math.planted = 1\nmath.pi = 3\n"
        "open('/tmp/planted', 'w').write('x')\nos.mkdir('/tmp/closed', 0)\nos.environ['PLANTED'] = '1'\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
    )
    look = (
        "import builtins, math, os\nimport threading\n"
        "def f(): return [hasattr(builtins, 'planted'), math.pi == 3, os.listdir('/tmp'), 'PLANTED' in os.environ,\n"
        "                 threading.active_count()]\n"
    )
    for _ in range(2 * sandbox.workers):
        assert sandbox.run(Check(leave)).passed
        assert sandbox.run(Check(look, "f", arguments=((),))).values == ([False, False, [], False, 1],)


SEARCH = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.sbrk.restype = ctypes.c_void_p
def f(word):
    needle, flip = bytes(word), bytes(code ^ 1 for code in range(256))  # the search itself must not hold the word
    page, handle, found = 4096, os.open('memory', os.O_RDWR | os.O_CREAT), 0
    brk = libc.sbrk(0)
    for middle, pages in ((id([]), 4096), (brk - 4096 * page, 4096)):
        for number in range(-pages, pages):
            address = (middle // page + number) * page
            if libc.pwrite(handle, ctypes.c_void_p(address), page, 0) == page:
                found += os.pread(handle, page, 0).translate(flip).count(needle)
    return found
planted = PLANTED
"""


def test_the_memory_of_a_check_holds_nothing_of_the_one_before() -> None:
    secret = "quetzalcoatl"
    disguised = [ord(letter) ^ 1 for letter in secret]
    with JailedSandbox(workers=1) as alone:
        assert alone.run(Check(f"def f(x): return {secret!r}", "f", arguments=((secret,),), expected=(secret,))).passed
        assert alone.run(Check("def g(): pass", "g", tests=f"assert {secret!r}; g()", prelude=f"x = {secret!r}")).passed
        search = Check(SEARCH.replace("PLANTED", "None"), "f", arguments=((disguised,),), limits=Limits(wall_seconds=9))
        assert alone.run(search).values == (0,)
        control = Check(SEARCH.replace("PLANTED", repr(secret)), "f", arguments=((disguised,),))
        assert (alone.run(control).values or (0,))[0] > 0


def test_no_process_is_left_after_all_attacks(sandbox: JailedSandbox) -> None:
    sandbox.run(Check("pass"))
    leaders = {zygote._process.pid for zygote in sandbox._zygotes if zygote._process}
    deadline = time.monotonic() + 5
    while (found := living_members(leaders)) and len(found) > 2 * len(leaders) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(found) == 2 * len(leaders)  # each zygote and the process that holds it


def living_members(leaders: set[int]) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:  # it ended meanwhile
                continue
            if int(fields[3]) in leaders and fields[0] != "Z":
                found.append(entry.name)
    return found
