"""Each limit of a check: a program that meets it gets the right verdict, one that stays just under it passes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import pytest

from hornbook.errors import SandboxError
from hornbook.sandbox import Check, JailedSandbox, Limits, Outcome

MODES = ("data", "split", "tests", "stdio", "program")
PRINTING = ("data", "split", "stdio", "program")  # what tests print goes nowhere
MIB = 1 << 20


class Case(NamedTuple):
    """Code of a function for an amount, limits, an amount that stays under them, one that meets them, and what then."""

    code: str
    limits: Limits
    under: float
    over: float
    outcome: Outcome
    detail: str
    modes: tuple[str, ...] = MODES


CASES = {
    "wall": Case(
        "import time; time.sleep(amount)",
        Limits(wall_seconds=0.3), 0.1, 0.6, Outcome.TIMEOUT, "longer than 0.3 s",
    ),
    "wall of a busy program": Case(
        "import time; end = time.monotonic() + amount\nwhile time.monotonic() < end: pass",
        Limits(wall_seconds=0.3), 0.1, 0.6, Outcome.TIMEOUT, "longer than 0.3 s", ("data", "tests"),
    ),
    "CPU": Case(
        "import time\nwhile time.process_time() < amount: pass",
        Limits(wall_seconds=20, cpu_seconds=1), 0.5, 1.6, Outcome.TIMEOUT, "of CPU", ("data", "split", "tests"),
    ),
    "CPU of several threads": Case(
        """
        import threading, time
        def spend():
            while time.process_time() < amount: pass
        threads = [threading.Thread(target=spend) for _ in range(3)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """,
        Limits(wall_seconds=20, cpu_seconds=1), 0.5, 1.6, Outcome.TIMEOUT, "of CPU", ("stdio",),
    ),
    "memory": Case(
        "x = bytearray(int(amount))",
        Limits(memory_bytes=256 * MIB), 190 * MIB, 256 * MIB, Outcome.OUT_OF_MEMORY, "MemoryError",
    ),
    "memory in small pieces": Case(
        "x = [bytes(1 << 19) for _ in range(int(amount) >> 19)]",
        Limits(memory_bytes=128 * MIB), 64 * MIB, 128 * MIB, Outcome.OUT_OF_MEMORY, "MemoryError", ("data", "tests"),
    ),
    "output": Case(
        "import os; os.write(1, b'x' * int(amount))",
        Limits(output_bytes=1000), 1000, 1001, Outcome.OUTPUT_LIMIT, "1001 bytes", PRINTING,
    ),
    "output on the second stream": Case(
        "import sys; sys.stderr.write('x' * int(amount))",
        Limits(output_bytes=1000), 1000, 1001, Outcome.OUTPUT_LIMIT, "1001 bytes", PRINTING,
    ),
    "output on both streams": Case(
        "import os; os.write(1, b'x' * 500); os.write(2, b'y' * (int(amount) - 500))",
        Limits(output_bytes=1000), 1000, 1001, Outcome.OUTPUT_LIMIT, "1001 bytes", PRINTING,
    ),
    "a file": Case(
        "x = open('x', 'wb', 0); x.write(bytes(int(amount) - 1)); assert x.write(b'x') == 1",
        Limits(file_bytes=MIB), MIB, MIB + 1, Outcome.EXCEPTION, "File too large",
    ),
    "the place in a file": Case(
        "import os; os.pwrite(os.open('x', os.O_RDWR | os.O_CREAT), b'x', int(amount) - 1)",
        Limits(file_bytes=MIB), MIB, MIB + 1, Outcome.EXCEPTION, "File too large", ("data", "tests"),
    ),
    "processes": Case(
        """
        import threading
        done = threading.Event()
        threads = [threading.Thread(target=done.wait) for _ in range(int(amount) - 1)]
        try:
            for thread in threads: thread.start()
        finally:
            done.set()
        """,
        Limits(processes=6), 6, 7, Outcome.EXCEPTION, "can't start new thread",
    ),
}  # fmt: skip
RUNS = [("auto", name, mode) for name, case in CASES.items() for mode in case.modes]
RUNS += [("L2", name, "split") for name, case in CASES.items() if "split" in case.modes]


@pytest.fixture(scope="module", params=["auto"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[JailedSandbox]:
    try:
        made = JailedSandbox(workers=1, level=request.param)
    except SandboxError as error:
        pytest.skip(f"{request.param} does not stand on this machine: {error}")
    with made:
        yield made


def made(name: str, mode: str, amount: float, limits: Limits | None = None) -> Check:
    """A check that spends an amount where the mode says: in the program, or in hostile tests."""
    case = CASES[name]
    body = textwrap.indent(textwrap.dedent(case.code), "    ")
    program = f"def f():\n    amount = {amount!r}\n{body}\n    return 1\n"
    limits = limits or case.limits
    if mode == "data":
        return Check(program, "f", arguments=((),), expected=(1,), limits=limits)
    if mode == "split":
        return Check(program, "f", tests="assert f() == 1", limits=limits)
    if mode == "tests":
        return Check("def g(): pass", "g", tests=f"{program}assert f() == 1", limits=limits)
    return Check(f"{program}f()\n", stdin="" if mode == "stdio" else None, limits=limits)


@pytest.mark.parametrize(("sandbox", "name", "mode"), RUNS, indirect=["sandbox"])
def test_a_program_that_stays_under_a_limit_passes(sandbox: JailedSandbox, name: str, mode: str) -> None:
    verdict = sandbox.run(made(name, mode, CASES[name].under))
    assert verdict.passed, verdict


@pytest.mark.parametrize(("sandbox", "name", "mode"), RUNS, indirect=["sandbox"])
def test_a_program_that_meets_a_limit_is_told_so(sandbox: JailedSandbox, name: str, mode: str) -> None:
    case = CASES[name]
    verdict = sandbox.run(made(name, mode, case.over))
    assert verdict.outcome is case.outcome, verdict
    assert case.detail in verdict.detail
    assert len(verdict.output) <= case.limits.output_bytes
    assert verdict.wall_seconds < case.limits.wall_seconds + 1


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith(("wall of", "CPU"))])
def test_limits_differ_from_check_to_check_on_one_zygote(sandbox: JailedSandbox, name: str) -> None:
    case = CASES[name]
    for limits, outcome in ((case.limits, case.outcome), (Limits(), Outcome.PASSED), (case.limits, case.outcome)):
        assert sandbox.run(made(name, "data", case.over, limits)).outcome is outcome, limits


def test_a_limit_of_cpu_time_differs_from_check_to_check_on_one_zygote(sandbox: JailedSandbox) -> None:
    small, large = (Limits(wall_seconds=20, cpu_seconds=seconds) for seconds in (1, 3))
    for limits, outcome in ((small, Outcome.TIMEOUT), (large, Outcome.PASSED)):
        assert sandbox.run(made("CPU", "data", 1.4, limits)).outcome is outcome, limits


def test_program_and_tests_have_their_cpu_time_and_memory_each(sandbox: JailedSandbox) -> None:
    """The bounds are those of a process, and split mode has two."""
    half = "import time\ndef spend():\n    x = bytearray(160 << 20)\n    while time.process_time() < 0.7: pass\n"
    limits = Limits(wall_seconds=20, cpu_seconds=1, memory_bytes=256 * MIB)
    verdict = sandbox.run(Check(f"{half}f = spend", "f", tests=f"{half}f()\nspend()", limits=limits))
    assert verdict.passed, verdict
    assert verdict.cpu_seconds > 1.3


def test_the_memory_that_a_program_used_is_told(sandbox: JailedSandbox) -> None:
    mark = "bytearray(int(amount))"
    for mode in ("data", "split", "tests", "stdio"):
        idle = made("memory", mode, 1)
        busy = replace(idle, program=idle.program.replace(mark, "b'x' * (100 << 20)"))
        if idle.tests is not None:
            busy = replace(busy, tests=idle.tests.replace(mark, "b'x' * (100 << 20)"))
        assert sandbox.run(idle).peak_memory_bytes < 60 * MIB, mode
        assert 100 * MIB < sandbox.run(busy).peak_memory_bytes < 160 * MIB, mode


def test_a_result_may_be_as_large_as_a_file(sandbox: JailedSandbox) -> None:
    limits = Limits(file_bytes=100_000)
    for length, outcome in ((90_000, Outcome.PASSED), (110_000, Outcome.OUTPUT_LIMIT)):
        check = Check("def f(n): return 'x' * n", "f", arguments=((length,),), limits=limits)
        assert sandbox.run(check).outcome is outcome


def test_what_tests_print_goes_nowhere_and_counts_for_nothing(sandbox: JailedSandbox) -> None:
    verdict = sandbox.run(
        Check("def f(): print('said')", "f", tests="print('x' * 99)\nf()", limits=Limits(output_bytes=9))
    )
    assert verdict.passed
    assert verdict.output == "said\n"
