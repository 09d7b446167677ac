"""The sandbox's contract: plain data, three modes, limits, several workers, the ladder, and what happens at the end."""

from __future__ import annotations

import gzip
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, OrderedDict, namedtuple
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook import errors
from hornbook.errors import SandboxError
from hornbook.sandbox import Check, JailedSandbox, Limits, Outcome, Probe, decode, encode, probe, same
from hornbook.sandbox.probe import LEVELS

ADD = "def add(a, b):\n    return a + b\n"
SHORT = Limits(wall_seconds=0.5, cpu_seconds=1)
PACKAGE = Path(errors.__file__).parent


@pytest.fixture(scope="module")
def sandbox() -> Iterator[JailedSandbox]:
    try:
        made = JailedSandbox(workers=2)
    except SandboxError as error:
        pytest.skip(f"no jail on this machine: {error}")
    with made:
        yield made


# ---- plain data ---------------------------------------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text() | st.binary()
keys = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.floats(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
        | st.sets(keys, max_size=4)
        | st.frozensets(keys, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(values)
def test_plain_data_survives_json(value: object) -> None:
    form = json.loads(json.dumps(encode(value), allow_nan=False))
    assert same(decode(form), value)
    assert encode(decode(form)) == form


@settings(max_examples=60, deadline=None)
@given(values, values)
def test_same_agrees_with_the_encoded_form(left: object, right: object) -> None:
    if json.dumps(encode(left)) == json.dumps(encode(right)):
        assert same(left, right)
    assert same(left, right) == same(right, left)


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("tsfdiFbcx"), inner, max_size=2),
    )
)
def test_decoding_any_json_gives_plain_data_or_value_error(form: object) -> None:
    try:
        value = decode(form)
    except ValueError:
        return
    assert same(decode(encode(value)), value)


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (True, 1), (1, 1.0), ([1], (1,)), ({1}, frozenset({1})), ({1}, {True}), ({1: 2}, {True: 2}), ({1: 2}, {1: 2.0}),
        ("a", b"a"), (0.1, 0.1001), ([1], [1, 1]), ({1, 2}, {1, 3}), (None, False), (math.inf, -math.inf), (object(), 1),
        ({(1,): 2}, {(True,): 2}), (1 + 0j, 1.0),
    ],
)  # fmt: skip
def test_different_values_are_not_the_same(got: object, want: object) -> None:
    assert not same(got, want)
    assert not same([got], [want])


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (0.1 + 0.2, 0.3), (math.nan, math.nan), ([math.nan], [float("nan")]), ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({0.1 + 0.2}, {0.3}), ({0.1 + 0.2: 1}, {0.3: 1}), ({math.nan: 1}, {float("nan"): 1}), (5.5e-17, 0.0),
        ({frozenset({(1, 2)})}, {frozenset({(1, 2)})}), (complex(1, 0.1 + 0.2), complex(1, 0.3)),
    ],
)  # fmt: skip
def test_equal_values_are_the_same(got: object, want: object) -> None:
    assert same(got, want)


def test_a_liar_is_never_the_same() -> None:
    class Liar(int):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = int.__hash__

    assert not same(Liar(1), 2)
    assert not same(2, Liar(1))
    assert decode(encode(Liar(1))) == 1


def test_subclasses_are_written_as_their_base_type() -> None:
    point = namedtuple("point", "x y")(1, 2)  # noqa: PYI024
    color = IntEnum("color", "RED")
    assert decode(encode([point, color.RED, OrderedDict(a=1), Counter("aa")])) == [(1, 2), 1, {"a": 1}, {"a": 2}]


def test_what_is_not_plain_is_refused() -> None:
    with pytest.raises(TypeError, match="object is not plain data"):
        encode([object()])
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="nested deeper than 200"):
        encode(endless)


# ---- modes --------------------------------------------------------------------------------------------------------


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
    assert split.outcome is outcome or outcome is Outcome.OUTPUT_LIMIT and not split.passed


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


def test_a_check_is_refused_when_it_contradicts_itself() -> None:
    with pytest.raises(ValueError, match="not both"):
        Check("", "f", arguments=((),), tests="")
    with pytest.raises(ValueError, match="2 expected values for 1 calls"):
        Check("", "f", arguments=((),), expected=(1, 2))
    with pytest.raises(ValueError, match="entry_point"):
        Check("", arguments=((),))
    with pytest.raises(ValueError, match="wall_seconds"):
        Limits(wall_seconds=0)


# ---- determinism --------------------------------------------------------------------------------------------------


def test_random_numbers_and_hashes_repeat_and_a_second_hash_seed_tells(sandbox: JailedSandbox) -> None:
    draws = Check("import random\ndef f(): return random.random()", "f", arguments=((), ()))
    assert sandbox.run(draws).values == sandbox.run(draws).values
    order = Check("def f(): return list({'a', 'b', 'c', 'd', 'e', 'f'})", "f", arguments=((),))
    assert sandbox.run(order).values == sandbox.run(order).values
    with JailedSandbox(workers=1, level=sandbox.level, seed=1, hash_seed=1) as other:
        assert other.run(draws).values != sandbox.run(draws).values
        assert other.run(order).values != sandbox.run(order).values
        assert other.identity != sandbox.identity


# ---- many checks --------------------------------------------------------------------------------------------------


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
    for zygote in sandbox._zygotes:
        if zygote._process is not None:
            zygote._process.kill()
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


# ---- the end of the host ------------------------------------------------------------------------------------------

HOST = """
import sys
from hornbook.sandbox import Check, JailedSandbox, Limits
with JailedSandbox(workers=2) as sandbox:
    loop = Check("while True: pass", limits=Limits(wall_seconds=60, cpu_seconds=60))
    def checks():
        yield Check("")
        yield loop
        yield loop
    for verdict in sandbox.map(checks()):
        print([zygote._process.pid for zygote in sandbox._zygotes if zygote._process], flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_host(sandbox: JailedSandbox, number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", HOST], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as host:
        assert host.stdout is not None
        stubs = json.loads(host.stdout.readline())
        time.sleep(0.5)
        stubs += [pid for pid in children(host.pid) if pid not in stubs]
        assert len(session_members(stubs)) >= 4
        host.send_signal(number)
        host.wait(10)
    deadline = time.monotonic() + 5
    while session_members(stubs) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert session_members(stubs) == []


def process_table() -> dict[int, tuple[int, int, str]]:
    """pid -> (parent, session, state) of all processes that can be seen."""
    table = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:  # it ended meanwhile
                continue
            table[int(entry.name)] = (int(fields[1]), int(fields[3]), fields[0])
    return table


def children(parent: int) -> list[int]:
    return [pid for pid, fields in process_table().items() if fields[0] == parent]


def session_members(leaders: list[int]) -> list[int]:
    """Living processes of these sessions: each zygote and all below it are one session."""
    return [pid for pid, fields in process_table().items() if fields[1] in leaders and fields[2] != "Z"]


def test_a_forked_copy_of_the_host_cannot_use_the_sandbox(sandbox: JailedSandbox) -> None:
    sandbox._owner += 1  # what a forked child sees: the pid that made the sandbox is not its own
    try:
        with pytest.raises(SandboxError, match="after a fork"):
            sandbox.run(Check(""))
    finally:
        sandbox._owner -= 1


# ---- the ladder ---------------------------------------------------------------------------------------------------


def test_probe_names_a_reason_for_every_rung_above_the_one_that_stands() -> None:
    found = probe()
    assert isinstance(found, Probe)
    assert found.level in LEVELS
    assert list(found.reasons) == list(LEVELS[: LEVELS.index(found.level)])
    assert all(found.reasons.values())


def test_an_unknown_level_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(SandboxError, match="L9.*auto, L3, L2, L1, L0"):
        JailedSandbox(level="L9")


def test_the_identity_names_design_rung_and_limits_and_no_machine(sandbox: JailedSandbox) -> None:
    assert sandbox.identity == (
        f"jailed-zygote-1/{sandbox.level}/wall_seconds=3.0,cpu_seconds=3,memory_bytes=536870912,file_bytes=8388608,"
        "output_bytes=65536,processes=24/seed=0,hash_seed=0"
    )


LADDER = """
import json, sys
from hornbook.errors import SandboxError
from hornbook.sandbox import Check, JailedSandbox, Limits
def run(level):
    program = '''
def f(x):
    try:
        open("/etc/passwd").read()
    except OSError:
        return x + 1
    return "read /etc/passwd"
'''
    try:
        with JailedSandbox(workers=1, level=level) as sandbox:
            data = sandbox.run(Check(program, "f", arguments=((1,),)))
            split = sandbox.run(Check(program, "f", tests="assert f(1) in (2, 'read /etc/passwd')"))
            loop = sandbox.run(Check("import time; time.sleep(9)", limits=Limits(wall_seconds=0.3)))
            return [data.level, data.values and data.values[0], split.outcome, loop.outcome]
    except SandboxError as error:
        return str(error)
print(json.dumps({level: run(level) for level in sys.argv[1:]}))
"""


def ladder_as(user: int, levels: list[str], folder: Path) -> dict[str, object]:
    """Run LADDER under another uid with the system's interpreter and a copy of the package that it can read."""
    package = folder / "hornbook"
    shutil.copytree(PACKAGE / "sandbox", package / "sandbox", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PACKAGE / "errors.py", package)
    (package / "__init__.py").touch()
    script = folder / "ladder.py"
    script.write_text(LADDER)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    done = subprocess.run(
        ["/usr/bin/python3", "-B", str(script), *levels],
        user=user, group=user, extra_groups=[], env={"PYTHONPATH": str(folder)}, cwd=folder,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout)
    return result


def system_python_serves() -> bool:
    script = "import sys; sys.exit(sys.version_info < (3, 11))"
    return Path("/usr/bin/python3").exists() and not subprocess.run(["/usr/bin/python3", "-c", script]).returncode


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become an ordinary user")
@pytest.mark.skipif(not system_python_serves(), reason="/usr/bin/python3 is not there or is older than 3.11")
def test_every_rung_works_for_an_ordinary_user_or_says_why_not() -> None:
    with tempfile.TemporaryDirectory(prefix="hornbook-ladder-", dir="/tmp") as name:  # pytest's own folder is root's
        results = ladder_as(65534, list(LEVELS), Path(name))
    for level, result in results.items():
        if isinstance(result, str):
            assert "no safe sandbox here" in result
            assert level in result
            continue
        value = "read /etc/passwd" if level == "L0" else 2
        assert result == [level, value, "passed", "timeout"], level
    assert isinstance(results["L0"], list)


def test_an_interpreter_that_the_jail_cannot_read_is_named() -> None:
    if os.geteuid() != 0 or os.stat("/root").st_mode & 0o5 or not sys.base_prefix.startswith("/root/"):
        pytest.skip("needs root with an interpreter below a closed /root")
    with pytest.raises(SandboxError, match="interpreter prefix /root/.* is not readable for uid"):
        JailedSandbox(level="L1")


# ---- benchmarks ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def benchmarks() -> Path:
    folder = os.environ.get("HORNBOOK_BENCHMARKS")
    if not folder:
        pytest.skip("HORNBOOK_BENCHMARKS names no folder with HumanEval.jsonl.gz and mbpp.jsonl")
    return Path(folder)


def test_all_canonical_solutions_of_humaneval_pass_and_no_empty_body_does(
    sandbox: JailedSandbox, benchmarks: Path
) -> None:
    rows = [json.loads(line) for line in gzip.open(benchmarks / "HumanEval.jsonl.gz", "rt")]
    assert len(rows) == 164

    def passed(body: str) -> int:
        checks = (
            Check(
                row["prompt"] + row.get(body, "    pass\n"),
                row["entry_point"],
                tests=row["test"],
                prelude=row["prompt"],
            )
            for row in rows
        )
        return sum(verdict.passed for verdict in sandbox.map(checks))

    assert passed("canonical_solution") == 164
    assert passed("empty") == 0


def test_all_canonical_solutions_of_mbpp_pass(sandbox: JailedSandbox, benchmarks: Path) -> None:
    rows = [json.loads(line) for line in (benchmarks / "mbpp.jsonl").read_text().splitlines()][::4]
    checks = [
        Check(row["code"], tests="\n".join([row["test_setup_code"], *row["test_list"]]), limits=Limits(wall_seconds=10))
        for row in rows
    ]
    failed = [row["task_id"] for row, verdict in zip(rows, sandbox.map(checks), strict=True) if not verdict.passed]
    assert failed == []
