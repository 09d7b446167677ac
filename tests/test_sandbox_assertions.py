"""Assertions on literals: read without running, and held as Python holds them."""

from __future__ import annotations

import dataclasses
import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.benchmarks import check_for, humaneval
from hornbook.sandbox import Check, JailedSandbox, Outcome
from hornbook.sandbox.assertions import Unclear, read_assertions

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
LEAVES = NUMBERS | st.none() | st.text(max_size=5) | st.binary(max_size=5)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
FORMS = ("f(1) == {}", "{} == f(1)", "f(1) != {}")


def python_says(tests: str, got: Any) -> bool:
    """Whether the tests hold of a function that returns `got`, by running them."""
    try:
        exec(tests, {"f": lambda *_: got})
    except AssertionError:
        return False
    return True


@given(got=VALUES, wanted=VALUES, form=st.sampled_from(FORMS), is_same=st.booleans())
def test_comparisons_hold_as_python_has_it(got: Any, wanted: Any, form: str, is_same: bool) -> None:
    got = wanted if is_same else got
    tests = "assert " + form.format(repr(wanted))
    [found] = read_assertions(tests, "f") or ()
    assert found.arguments == (1,)
    assert found.holds(got) == python_says(tests, got)


@given(got=VALUES, test=st.sampled_from(["f()", "not f()", "f() is None", "f() is True", "f() is False"]))
def test_truth_and_identity_hold_as_python_has_it(got: Any, test: str) -> None:
    [found] = read_assertions(f"assert {test}", "f") or ()
    assert found.holds(got) == python_says(f"assert {test}", got)


@given(
    got=NUMBERS, wanted=st.floats(-9, 9) | st.integers(-9, 9), bound=st.floats(0, 1), sign=st.sampled_from(["<", "<="])
)
def test_distances_hold_as_python_has_it(got: Any, wanted: float, bound: float, sign: str) -> None:
    tests = f"assert abs(f(2) - {wanted!r}) {sign} {bound!r}"
    [found] = read_assertions(tests, "f") or ()
    if isinstance(got, int) and isinstance(wanted, float) and abs(got) > 1 << 1000:
        return  # no float is so large: both raise OverflowError
    assert found.holds(got) == python_says(tests, got)


def test_a_distance_of_what_is_no_number_is_left_to_the_tests() -> None:
    [found] = read_assertions("assert abs(f(2) - 1.5) < 1e-6", "f") or ()
    with pytest.raises(Unclear):
        found.holds("1.5")
    assert found.holds(1.5)
    assert not found.holds(math.nan)


CHECK = "METADATA = {'author': 'x'}\n\n\ndef check(candidate):\n    %s\n"


def test_the_usual_form_of_humaneval_is_read() -> None:
    tests = CHECK % "assert candidate([1], 2) == (3,), 'wrong'\n    assert True\n    assert not candidate('a')"
    first, second = read_assertions(tests, "f") or ()
    assert (first.arguments, second.arguments) == (([1], 2), ("a",))
    assert first.holds((3,))
    assert not first.holds([3])


@given(st.integers(-20, 20), st.integers(-20, 20), st.sampled_from(["+", "-", "*", "/", "**"]))
def test_arithmetic_in_arguments_is_carried_out(left: int, right: int, sign: str) -> None:
    expression = f"[{left} {sign} {right}, 'a' + 'b']"
    try:
        value = eval(expression)
    except ZeroDivisionError:
        assert read_assertions(f"assert f({expression}) == 1", "f") is None
        return
    if "j" not in repr(value):
        [found] = read_assertions(f"assert f({expression}) == {expression}", "f") or ()
        assert found.arguments == (value,)
        assert found.holds(value)


@pytest.mark.parametrize(
    "tests",
    [
        "import math\nassert f(1) == 1",
        "assert f(1) == g(1)",
        "assert f(x) == 1",
        "assert f(a=1) == 1",
        "assert g(1) == 1",
        "assert f(f(1)) == 1",
        "assert f(*[1]) == 1",
        "for x in (1,):\n    assert f(x) == 1",
        "assert f(1) == 1 == 1",
        "assert f(1) in (1, 2)",
        "assert f(1) is 5",
        "assert f(1) == 1, f(2)",
        "f(1)",
        "assert f(9999 ** 9999) == 1",
        "assert f('a' * 9) == 1",
        "assert False",
        "f = 1\nassert f(1) == 1",
        "assert math.isclose(f(1), 1)",
        "assert abs(f(1)) < 1",
        "assert abs(f(1) - x) < 1",
        "assert f(1) ==",
        "pass",
        "",
        CHECK % "assert candidate(1) == f(1)",
        CHECK % "return 1",
        "def check(candidate, x=1):\n    assert candidate(1) == 1",
        "@print\ndef check(candidate):\n    assert candidate(1) == 1",
        "def check(abs):\n    assert abs(1) == 1",
        "def helper(): pass\n" + CHECK % "assert candidate(1) == 1",
        "(" * 5000,
        "assert f(1) == " + "[" * 300 + "]" * 300,
    ],
)
def test_what_is_more_than_assertions_on_literals_is_left_to_the_judge(tests: str) -> None:
    assert read_assertions(tests, "f") is None


PROGRAMS = {
    "right": ("def f(x): return x * 2", Outcome.PASSED),
    "wrong": ("def f(x): return x * 3", Outcome.FAILED_ASSERTION),
    "a float that is equal": ("def f(x): return x * 2.0", Outcome.PASSED),
    "an exception": ("def f(x): return 1 / 0", Outcome.EXCEPTION),
    "wrong, then an exception": ("def f(x): return 7 if x == 1 else 1 / 0", Outcome.FAILED_ASSERTION),
    "an exit": ("import sys\ndef f(x): sys.exit(0)", Outcome.EARLY_EXIT),
    "no such function": ("def g(x): return x * 2", Outcome.EXCEPTION),
    "a syntax error": ("def f(x) return", Outcome.SYNTAX_ERROR),
    "an object that is equal to everything": ("class L:\n  __eq__ = lambda s, o: True\ndef f(x): return L()",
                                              Outcome.FAILED_ASSERTION),
    "a subclass": ("import enum\nclass E(enum.IntEnum):\n  A = 2\n  B = 4\ndef f(x): return E(x * 2)", Outcome.PASSED),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_verdict_is_that_of_the_tests_when_they_run(sandbox: JailedSandbox, name: str) -> None:
    program, outcome = PROGRAMS[name]
    tests = "assert f(1) == 2\nassert f(2) == 4\n"
    assert read_assertions(tests, "f") is not None
    assert sandbox.run(Check(program, "f", tests=tests)).outcome is outcome
    assert sandbox.run(Check(program, "f", tests="import math\n" + tests)).outcome is outcome


def test_results_that_are_not_plain_are_judged_by_the_tests(sandbox: JailedSandbox) -> None:
    program = "def f(x): return bytearray(b'ab')"
    assert sandbox.run(Check(program, "f", tests="assert f(1) == b'ab'")).passed
    assert (
        sandbox.run(Check("def f(x): return 10 ** 400", "f", tests="assert abs(f(1) - 1.5) < 2")).outcome
        is Outcome.EXCEPTION
    )


def test_the_expected_values_do_not_enter_the_jail(sandbox: JailedSandbox) -> None:
    program = (
        "import gc, os, sys\ndef f(x):\n  frame, seen = sys._getframe(), []\n  while frame:\n"
        "    seen += [*frame.f_locals.values(), *frame.f_globals.values()]; frame = frame.f_back\n"
        "  seen += gc.get_objects()\n  for fd in range(64):\n    try: seen.append(os.pread(fd, 1 << 16, 0))\n"
        "    except OSError: pass\n  secret = ''.join(['79190', '33'])\n  return int(secret) * (secret in repr(seen))"
    )
    assert sandbox.run(Check(program, "f", tests="assert f(1) == 7919033")).outcome is Outcome.FAILED_ASSERTION


def test_humaneval_gets_the_same_verdicts_either_way(sandbox: JailedSandbox) -> None:
    folder = os.environ.get("HORNBOOK_BENCHMARKS")
    if not folder:
        pytest.skip("HORNBOOK_BENCHMARKS names no folder with HumanEval.jsonl.gz")
    problems = humaneval(Path(folder)).problems
    as_data = [problem for problem in problems if read_assertions(problem.test, problem.entry_point) is not None]
    assert len(as_data) > 140
    for completion in (None, "    return []\n", "    return True\n", "    return 1\n"):
        short = [check_for(problem, completion or problem.canonical_solution) for problem in as_data]
        whole = [dataclasses.replace(check, tests=f"import math\n{check.tests}") for check in short]
        outcomes = [verdict.outcome for verdict in sandbox.map(short)]
        assert outcomes == [verdict.outcome for verdict in sandbox.map(whole)]
