"""The sandbox's contract: three modes, limits, determinism, several workers, two benchmarks."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from hornbook.errors import SandboxError
from hornbook.sandbox import Check, JailedSandbox, Limits, Outcome
from hornbook.sandbox.host import imports_other

ADD = "def add(a, b):\n    return a + b\n"
SHORT = Limits(wall_seconds=0.5, cpu_seconds=1)


# ---- modes ----------------------------------------------------------------------------------------------------------


def test_a_right_solution_passes_and_its_values_come_back(sandbox: JailedSandbox) -> None:
    verdict = sandbox.run(Check(ADD, "add", arguments=((1, 2), ((1,), (2,))), expected=(3, (1, 2))))
    assert verdict.passed
    assert verdict.values == (3, (1, 2))
    assert verdict.level == sandbox.level
    assert 0 < verdict.cpu_seconds < 1
    assert verdict.wall_seconds > 0


def test_a_wrong_value_and_a_wrong_type_fail(sandbox: JailedSandbox) -> None:
    wrong = sandbox.run(Check(ADD, "add", arguments=((1, 2),), expected=(4,)))
    assert (wrong.outcome, wrong.detail) == (Outcome.FAILED_ASSERTION, "call 0: add(1, 2) returned 3, not 4")
    assert sandbox.run(Check(ADD, "add", arguments=((1, 0),), expected=(True,))).outcome is Outcome.FAILED_ASSERTION


def test_without_expected_values_the_results_come_back(sandbox: JailedSandbox) -> None:
    assert sandbox.run(Check(ADD, "add", arguments=(([1], [2]),))).values == ([1, 2],)
    objects = sandbox.run(Check("class C: pass\ndef f(): return [C()]", "f", arguments=((),)))
    assert (objects.outcome, objects.values) == (Outcome.EXCEPTION, None)


def test_program_mode_runs_the_main_guard_and_captures_what_is_printed(sandbox: JailedSandbox) -> None:
    verdict = sandbox.run(
        Check("import sys\nif __name__ == '__main__':\n    print('out')\n    sys.stderr.write('err')")
    )
    assert verdict.passed
    assert verdict.output == "out\nerr"


@pytest.mark.parametrize(
    ("program", "outcome"),
    [
        ("def f(: pass", Outcome.SYNTAX_ERROR),
        ("def f():\n    return '\x00'", Outcome.SYNTAX_ERROR),
        ("x = '\ud800'", Outcome.SYNTAX_ERROR),
        ("def g(): return 1", Outcome.EXCEPTION),
        ("def f(): return 1 / 0", Outcome.EXCEPTION),
        ("def f(): assert False", Outcome.EXCEPTION),
        ("def f():\n    while True: pass", Outcome.TIMEOUT),
        ("def f(): return 'x' * 10**10", Outcome.OUT_OF_MEMORY),
        ("def f(): return f()", Outcome.EXCEPTION),
        ("import ctypes\ndef f(): ctypes.string_at(0)", Outcome.KILLED),
        ("def f(): return [1] * 10**6", Outcome.OUTPUT_LIMIT),
    ],
)
def test_each_kind_of_failure_has_its_outcome_in_both_modes(
    sandbox: JailedSandbox, program: str, outcome: Outcome
) -> None:
    data = sandbox.run(Check(program, "f", arguments=((),), expected=(1,), limits=SHORT))
    assert data.outcome is outcome
    split = sandbox.run(Check(program, "f", tests="assert f() == 1", limits=SHORT))
    assert split.outcome is outcome or (outcome is Outcome.OUTPUT_LIMIT and not split.passed)


def test_a_busy_loop_is_charged_to_the_check_in_split_mode(sandbox: JailedSandbox) -> None:
    started = time.monotonic()
    verdict = sandbox.run(Check("def f():\n    while True: pass", "f", tests="f()", limits=Limits(wall_seconds=1)))
    assert verdict.outcome is Outcome.TIMEOUT
    assert verdict.cpu_seconds > 0.2
    assert time.monotonic() - started < 5


def test_cpu_time_is_bounded_apart_from_wall_time(sandbox: JailedSandbox) -> None:
    for tests, arguments in (("f()", None), (None, ((),))):
        check = Check(
            "def f():\n    while True: pass", "f", arguments=arguments, tests=tests,
            limits=Limits(wall_seconds=20, cpu_seconds=1),
        )  # fmt: skip
        verdict = sandbox.run(check)
        assert verdict.outcome is Outcome.TIMEOUT
        assert "of CPU" in verdict.detail


def test_tests_use_helpers_of_the_prompt_and_not_those_of_the_program(sandbox: JailedSandbox) -> None:
    program = "def helper(x): return 42\ndef f(x): return 42\n"
    prelude = "import math\ndef helper(x): return x + 1\n"
    tests = "def check(candidate):\n    assert candidate(1) == helper(1)\n"
    assert sandbox.run(Check(program, "f", tests=tests, prelude=prelude)).outcome is Outcome.FAILED_ASSERTION
    assert sandbox.run(Check("def f(x): return x + 1", "f", tests=tests, prelude=prelude)).passed


def test_tests_reach_objects_changed_arguments_callbacks_and_exceptions(sandbox: JailedSandbox) -> None:
    program = """
class Node:
    def __init__(self, value): self.value, self.next = value, None
def total(node): return node.value + (total(node.next) if node.next else 0)
def append(numbers): numbers.append(4)
def each(function, numbers): return [function(n) for n in numbers]
def fail(): raise KeyError("k")
def count():
    yield 1
    yield 2
def kind(value, of): return isinstance(value, of)
"""
    tests = """
node = Node(1); node.next = Node(2)
assert total(node) == 3 and node.value == 1
numbers = [1]; append(numbers); assert numbers == [1, 4]
assert each(lambda n: n * 2, (1, 2)) == [2, 4]
try: fail()
except KeyError: pass
else: assert False
assert list(count()) == [1, 2]
assert kind(3, int) and not kind("3", int)
assert math.isclose(total(node), 3)
"""
    verdict = sandbox.run(Check(program, tests=tests))
    assert verdict.passed, verdict


def test_broken_tests_are_told_from_a_broken_program(sandbox: JailedSandbox) -> None:
    verdict = sandbox.run(Check(ADD, "add", tests="assert add(1 2)"))
    assert verdict.outcome is Outcome.SYNTAX_ERROR
    assert verdict.detail.startswith("in the tests")


def test_output_is_cut_at_its_limit(sandbox: JailedSandbox) -> None:
    limits = Limits(output_bytes=10)
    verdict = sandbox.run(Check("print('x' * 10)", limits=limits))
    assert (verdict.outcome, len(verdict.output)) == (Outcome.OUTPUT_LIMIT, 10)
    assert sandbox.run(Check("print('x' * 9)", limits=limits)).passed


def test_a_result_is_what_it_was_when_it_was_returned(sandbox: JailedSandbox) -> None:
    program = "seen = []\ndef f(x):\n    seen.append(x)\n    return seen"
    assert sandbox.run(Check(program, "f", arguments=((1,), (2,)), expected=([1], [1, 2]))).passed
    assert sandbox.run(Check(program, "f", tests="a = f(1)\nb = f(2)\nassert (a, b) == ([1], [1, 2])")).passed


def test_stdio_mode_compares_what_is_printed(sandbox: JailedSandbox) -> None:
    program = (
        "import sys\nfor line in sys.stdin:\n    print(line.strip()[::-1])\nprint('told', file=sys.stderr)\nsys.exit(0)"
    )
    right = sandbox.run(Check(program, stdin="ab\nc\n", expected_output="ba\nc"))
    assert right.passed
    assert right.output == "ba\nc\ntold\n"
    wrong = sandbox.run(Check(program, stdin="ab\nc\n", expected_output="ba\nd"))
    assert wrong.outcome is Outcome.FAILED_ASSERTION
    assert wrong.detail == "line 2: printed 'c', not 'd'"
    assert sandbox.run(Check("import os\nos._exit(0)", stdin="", expected_output="")).passed
    assert sandbox.run(Check("import sys\nsys.exit(3)", stdin="")).outcome is Outcome.EARLY_EXIT
    assert sandbox.run(Check("print(input() + input())", stdin="one\n")).outcome is Outcome.EXCEPTION


def test_a_script_ends_with_its_threads_and_exit_functions(sandbox: JailedSandbox) -> None:
    program = (
        "import atexit, threading, time\natexit.register(print, 'last')\n"
        "threading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()\nprint('main')"
    )
    assert sandbox.run(Check(program)).output == "main\nthread\nlast\n"


def test_a_verdict_tells_memory_and_time(sandbox: JailedSandbox) -> None:
    small, large = (sandbox.run(Check(f"x = bytearray({size} << 20)")) for size in (1, 60))
    assert 4 << 20 < small.peak_memory_bytes < 40 << 20
    assert large.peak_memory_bytes - small.peak_memory_bytes > 50 << 20
    spun = sandbox.run(Check("def f():\n    sum(range(5_000_000))", "f", tests="f()"))
    assert 0.02 < spun.cpu_seconds < 2  # the candidate's, in split mode


def test_progress_counts_the_verdicts_and_zygotes_are_renewed() -> None:
    seen: list[int] = []
    with JailedSandbox(workers=1, checks_per_zygote=3) as sandbox:
        zygotes = []
        for verdict in sandbox.map((Check(ADD, "add", arguments=((n, 1),)) for n in range(8)), seen.append):
            assert verdict.passed
            zygotes.append(sandbox._workers[0].usual._process)
    assert seen == list(range(1, 9))
    assert len(set(zygotes)) == 3


def test_a_host_with_many_open_files_hands_none_to_a_program() -> None:
    program = (
        "import os\ndef f():\n  found = []\n  for number in range(2000):\n    try: os.fstat(number)\n"
        "    except OSError: continue\n    found.append(number)\n  return found"
    )
    with ExitStack() as stack:
        for _ in range(400):
            stack.enter_context(open("/dev/null"))
        with JailedSandbox(workers=1) as sandbox:
            data = sandbox.run(Check(program, "f", arguments=((),)))
            split = sandbox.run(Check(program, "f", tests="found = f()\nassert set(found) <= set(range(12)), found"))
    assert data.values == ([0, 1, 2, 3],)
    assert split.passed, split


def test_asyncio_can_wait_for_verdicts(sandbox: JailedSandbox) -> None:
    async def judge_all() -> list[object]:
        checks = [Check(ADD, "add", arguments=((n, 1),)) for n in range(20)]
        return [verdict.values for verdict in await asyncio.gather(*map(sandbox.run_async, checks))]

    assert asyncio.run(judge_all()) == [(n + 1,) for n in range(20)]


def test_a_program_that_imports_more_gets_a_zygote_that_has_it(sandbox: JailedSandbox) -> None:
    program = "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\nprint(P(1))"
    verdict = sandbox.run(Check(program))
    assert verdict.output == "P(x=1)\n"
    assert imports_other(Check(program))
    once, again = (sandbox.run(Check("x = 1; import random; print(random.random())")) for _ in range(2))
    assert once.output == again.output
    assert not imports_other(Check("import math\n# import dataclasses\ntext = 'import time'"))


def test_a_check_is_refused_when_it_contradicts_itself() -> None:
    with pytest.raises(ValueError, match="has one of arguments"):
        Check("", "f", arguments=((),), tests="")
    with pytest.raises(ValueError, match="2 expected values for 1 calls"):
        Check("", "f", arguments=((),), expected=(1, 2))
    with pytest.raises(ValueError, match="entry_point"):
        Check("", arguments=((),))
    with pytest.raises(ValueError, match="wall_seconds"):
        Limits(wall_seconds=0)


# ---- determinism ----------------------------------------------------------------------------------------------------


def test_random_numbers_and_hashes_repeat_and_a_second_hash_seed_tells(sandbox: JailedSandbox) -> None:
    draws = Check("import random\ndef f(): return random.random()", "f", arguments=((), ()))
    assert sandbox.run(draws).values == sandbox.run(draws).values
    order = Check("def f(): return list({'a', 'b', 'c', 'd', 'e', 'f'})", "f", arguments=((),))
    assert sandbox.run(order).values == sandbox.run(order).values
    with JailedSandbox(workers=1, level=sandbox.level, seed=1, hash_seed=1) as other:
        assert other.run(draws).values != sandbox.run(draws).values
        assert other.run(order).values != sandbox.run(order).values
        assert other.identity != sandbox.identity


# ---- many checks ----------------------------------------------------------------------------------------------------


def test_map_keeps_the_order_and_reads_only_a_little_ahead(sandbox: JailedSandbox) -> None:
    taken = 0

    def checks() -> Iterator[Check]:
        nonlocal taken
        for index in range(60):
            taken += 1
            program = f"import time\ndef f():\n    time.sleep({0.05 if index % 7 == 0 else 0})\n    return {index}"
            yield Check(program, "f", arguments=((),))

    verdicts = sandbox.map(checks())
    assert next(verdicts).values == (0,)
    assert taken <= 10
    assert [verdict.values for verdict in verdicts] == [(index,) for index in range(1, 60)]


def test_timeouts_among_many_checks_disturb_no_other(sandbox: JailedSandbox) -> None:
    sleep, add = (
        Check("import time; time.sleep(9)", limits=Limits(wall_seconds=0.2)),
        Check(ADD, "add", arguments=((1, 2),)),
    )
    outcomes = [verdict.outcome for verdict in sandbox.map([sleep, add, sleep, add, add, sleep])]
    late, fine = Outcome.TIMEOUT, Outcome.PASSED
    assert outcomes == [late, fine, late, fine, fine, late]


def test_an_abandoned_map_leaves_the_sandbox_usable(sandbox: JailedSandbox) -> None:
    verdicts = sandbox.map(Check(ADD, "add", arguments=((1, 1),)) for _ in range(1000))
    next(verdicts)
    verdicts.close()  # type: ignore[attr-defined]
    assert sandbox.run(Check(ADD, "add", arguments=((1, 2),), expected=(3,))).passed


def test_many_threads_share_one_sandbox(sandbox: JailedSandbox) -> None:
    wrong: list[object] = []

    def work(number: int) -> None:
        for _ in range(10):
            verdict = sandbox.run(Check(ADD, "add", arguments=((number, 1),)))
            if verdict.values != (number + 1,):
                wrong.append(verdict)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_lost_zygote_is_replaced_and_the_check_retried(sandbox: JailedSandbox) -> None:
    for worker in sandbox._workers:
        if worker.usual._process is not None:
            worker.usual._process.kill()
    for _ in range(4):
        assert sandbox.run(Check(ADD, "add", arguments=((1, 2),), expected=(3,))).passed


def test_a_closed_sandbox_says_so() -> None:
    made = JailedSandbox(workers=1)
    made.close()
    made.close()
    with pytest.raises(SandboxError, match="closed"):
        made.run(Check(""))


def test_closing_ends_a_check_in_flight() -> None:
    made = JailedSandbox(workers=1)
    caught: list[BaseException] = []

    def work() -> None:
        try:
            made.run(Check("import time\ntime.sleep(60)", limits=Limits(wall_seconds=60)))
        except SandboxError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.5)
    made.close()
    thread.join(5)
    assert not thread.is_alive()
    assert len(caught) == 1


# ---- honest programs ------------------------------------------------------------------------------------------------

HONEST = {
    "threads": "import threading\ndef f():\n  out = []\n  ts = [threading.Thread(target=out.append, args=(i,)) for i in"
    " range(8)]\n  [t.start() for t in ts]; [t.join() for t in ts]\n  return sorted(out) == list(range(8))",
    "a thread pool": "from concurrent.futures import ThreadPoolExecutor\ndef f():\n"
    "  with ThreadPoolExecutor(4) as pool: return list(pool.map(abs, [-1, 2])) == [1, 2]",
    "asyncio": "import asyncio\nasync def g(): await asyncio.sleep(0.001); return True\n"
    "def f(): return asyncio.run(g())",
    "temporary files": "import tempfile, os\ndef f():\n  with tempfile.TemporaryDirectory() as d:\n"
    "    p = os.path.join(d, 'x'); open(p, 'w').write('y'); return open(p).read() == 'y'",
    "a named temporary file": "import tempfile\ndef f():\n  with tempfile.NamedTemporaryFile('w+') as h:\n"
    "    h.write('x'); h.seek(0); return h.read() == 'x'",
    "sqlite in memory": "import sqlite3\ndef f():\n  base = sqlite3.connect(':memory:')\n"
    "  return base.execute('select 1').fetchone()[0] == 1",
    "100 MB": "def f():\n  x = bytearray(100 << 20); x[-1] = 1; return sum(x[-9:]) == 1",
    "recursion to 800": "def g(n): return n and 1 + g(n - 1)\ndef f(): return g(800) == 800",
    "printing": "def f():\n  for i in range(500): print(i, 'ä')\n  return True",
    "a main guard": "def f(): return True\nif __name__ == '__main__': raise SystemExit(input())",
    "dataclasses": "from dataclasses import dataclass\n@dataclass\nclass P: x: int\ndef f(): return P(1) == P(1)",
    "pickling its own class": "import pickle\nclass P: pass\n"
    "def f(): return type(pickle.loads(pickle.dumps(P()))) is P",
    "standard modules": "import csv, decimal, email, html, http, logging, unittest, uuid, xml, zlib, hashlib\n"
    "def f(): return zlib.decompress(zlib.compress(b'x')) == b'x' and len(hashlib.sha256().digest()) == 32",
    "a signal handler": "import signal\ndef f():\n  hit = []\n"
    "  signal.signal(signal.SIGALRM, lambda *a: hit.append(1))\n"
    "  signal.setitimer(signal.ITIMER_REAL, 0.01)\n  signal.pause(); return hit == [1]",
    "time zones and clocks": "import datetime, time\ndef f():\n  time.sleep(0.001)\n"
    "  return datetime.datetime.now(datetime.timezone.utc).year > 2000",
    "captured output": "import contextlib, io\ndef f():\n  b = io.StringIO()\n"
    "  with contextlib.redirect_stdout(b): print(1)\n  return b.getvalue() == '1\\n'",
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_program_works(sandbox: JailedSandbox, name: str) -> None:
    data = sandbox.run(Check(HONEST[name], "f", arguments=((),), expected=(True,)))
    assert data.passed, data
    split = sandbox.run(Check(HONEST[name], "f", tests="assert f() is True"))
    assert split.passed, split
