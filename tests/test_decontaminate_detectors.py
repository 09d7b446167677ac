"""The detectors by themselves: the tree index, how odd programs behave, and what each finds of the real HumanEval."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import NUMBERS, PROBLEMS, REWRITTEN, exercise, work, write

from hornbook.benchmarks import Problem, ProblemSet, humaneval
from hornbook.dataset import EXERCISE
from hornbook.sandbox import Check, Outcome, Verdict
from hornbook.sandbox.local import LocalSandbox
from hornbook.similarity import match_rate
from hornbook.stages.decontaminate import Reference
from hornbook.stages.decontaminate.behaviour import (
    PROGRAM,
    alike,
    compatible,
    distinct_programs,
    record_tasks,
    shapes_of,
    solve,
)
from hornbook.stages.decontaminate.scan import near_row
from hornbook.stages.decontaminate.trees import FLOOR, MIN_NODES, TreeIndex

# --- parts ------------------------------------------------------------------------------------------------------------

TREES = st.lists(st.integers(0, 4), min_size=8, max_size=24).map(tuple)


EDITS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=6)


def edited(tree: tuple[int, ...], edits: list[tuple[int, int]]) -> tuple[int, ...]:
    """The tree with items replaced (by 0 to 4) or dropped (5)."""
    items = list(tree)
    for place, item in edits:
        items[place % len(items) : place % len(items) + 1] = [item] if item < 5 else []
    return tuple(items)


@given(TREES, st.lists(EDITS, max_size=8), st.lists(TREES, max_size=3))
@settings(max_examples=200, deadline=None)
def test_the_tree_index_finds_exactly_what_brute_force_finds(
    query: tuple[int, ...], variants: list[list[tuple[int, int]]], others: list[tuple[int, ...]]
) -> None:
    trees = [*(edited(query, edits) for edits in variants), *others]
    index = TreeIndex([(tree, number) for number, tree in enumerate(trees)])
    rates = {number: match_rate(query, tree) for number, tree in enumerate(trees)}
    want = {number: rate for number, rate in rates.items() if rate >= FLOOR} if len(query) >= MIN_NODES else {}
    assert dict(index.near(query)) == want


def test_runs_of_words_count_and_runs_of_numbers_do_not() -> None:
    numbers = ", ".join(map(str, range(20)))
    sentence = "take the numbers in the list that come before the first one which is odd"
    problem = Problem(
        "b", "b/0", f'def f(a):\n    """{sentence}\n    >>> f([{numbers}])\n    """\n', "f", "    return a\n"
    )
    reference = Reference({"b": [problem]}, 13)
    assert reference.near_text(f"x = [{numbers}]") == []
    assert [match.part for match in reference.near_text(f"Now {sentence.upper()}, and stop.")] == ["prompt"]
    assert reference.near_text(sentence.replace("first", "last")) == []


def test_shapes_decide_which_tasks_a_program_is_run_on() -> None:
    numbers = shapes_of([(([1, 2],), 1), (([],), 0.5)])
    assert numbers == [["sequence of number"], ["number"]]
    assert compatible(numbers, shapes_of([(((1,),), True)]))
    assert compatible(numbers, shapes_of([(([],), 1)]))
    assert not compatible(numbers, shapes_of([((["a"],), 1)]))
    assert not compatible(numbers, shapes_of([(([1], 2), 1)]))
    assert not compatible(numbers, shapes_of([(([1],), [1])]))
    assert shapes_of([((1,), 1), ((1, 2), 1)]) == []


def test_results_are_alike_where_a_test_by_equality_would_pass() -> None:
    assert alike(True, 1)
    assert alike([1, 0.30000000001], (1.0, 0.3))
    assert alike(10**400, 10**400)
    assert not alike(10**400, 0.5)
    assert not alike("1", 1)
    assert not alike([1], [1, 2])


class Faint:
    """A sandbox that gives no answer to a check whose arguments hold a marked program."""

    identity, level = "faint", "L3"

    def __init__(self) -> None:
        self.sandbox = LocalSandbox(workers=1)

    def run(self, check: Check) -> Verdict:
        return Verdict(Outcome.TIMEOUT) if "CULPRIT" in repr(check.arguments) else self.sandbox.run(check)

    def map(self, checks: Iterable[Check]) -> Iterator[Verdict]:
        return map(self.run, checks)

    def close(self) -> None:
        self.sandbox.close()


ODD_PROGRAMS = (
    "def f(xs):\n    while True:\n        pass\n",
    "def f(xs):\n    raise SystemExit\n",
    "def f(xs):\n    print('x' * 100)\n    return f\n",
    "def f(xs):\n    return f(xs)\n",
    "raise ValueError\ndef f(xs): pass\n",
    "def f(xs):\n    xs.clear()\n    return xs\n",
    "def f(xs):\n    'CULPRIT'\n    return xs\n",
)


def test_odd_programs_solve_nothing_and_hide_nothing(tmp_path: Path) -> None:
    tasks, _ = record_tasks(PROBLEMS.problems, LocalSandbox(workers=1))
    rows = [exercise(code, NUMBERS) for code in ODD_PROGRAMS]
    write(tmp_path / "rows", EXERCISE, [*rows, REWRITTEN], size=99)
    found = distinct_programs(str(tmp_path / "rows" / "part-00000.parquet")).outputs["_units/programs"]
    assert all(set(row) == set(PROGRAM) for row in found)
    ran = solve(found, tasks, Faint(), work(tmp_path))
    assert list(ran["solved"].values()) == [["HumanEval/0"]]
    assert (ran["programs"], ran["unanswered"]) == (8, 1)


# --- the real thing ---------------------------------------------------------------------------------------------------


@pytest.fixture
def real() -> ProblemSet:
    folder = os.environ.get("HORNBOOK_BENCHMARKS")
    if not folder:
        pytest.skip("HORNBOOK_BENCHMARKS names no folder with HumanEval.jsonl.gz")
    return humaneval(Path(folder))


def test_every_humaneval_solution_is_found_by_syntax_and_every_long_text_by_words(real: ProblemSet) -> None:
    reference = Reference({"humaneval": real.problems}, 13)
    found = {
        problem.task_id: {
            match.detector
            for match in near_row("exercises", {"text": problem.program}, reference, 0.95)[0]
            if match.task_id == problem.task_id
        }
        for problem in real
    }
    assert sum("syntax" in detectors for detectors in found.values()) == 164
    assert sum("ngram" in detectors for detectors in found.values()) >= 150


def test_nearly_every_humaneval_task_is_told_by_its_behaviour(real: ProblemSet, tmp_path: Path) -> None:
    sandbox = LocalSandbox(workers=2)
    tasks, left_out = record_tasks(real.problems[:80], sandbox)
    calls = {task.task_id: task.calls[:3] for task in tasks}
    rows = [
        exercise(problem.program, calls[problem.task_id], entry_point=problem.entry_point, topic=problem.task_id)
        for problem in real
        if problem.task_id in calls
    ]
    write(tmp_path / "rows", EXERCISE, rows, size=999)
    found = distinct_programs(str(tmp_path / "rows" / "part-00000.parquet")).outputs["_units/programs"]
    solved = solve(found, tasks, sandbox, work(tmp_path))["solved"]
    missed = [row["topic"] for row in found if row["topic"] not in solved.get(row["program"], ())]
    assert len(left_out) <= 5, left_out
    assert missed == []
