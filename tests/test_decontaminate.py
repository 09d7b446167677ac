"""Planted copies of problems go, honest neighbours stay, and the four laws hold. The problems here are made up."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws import DyingEngine, bytes_of, run_and_die

from hornbook.benchmarks import Problem, ProblemSet, humaneval
from hornbook.dataset import DOCUMENT, EXERCISE, TEXTBOOK, commit, content_id, write_part
from hornbook.engine import Engine
from hornbook.events import Events
from hornbook.recipe import Decontaminate
from hornbook.sandbox import Check, Outcome, Verdict
from hornbook.sandbox.local import LocalSandbox
from hornbook.sandbox.plain import encode
from hornbook.similarity import match_rate
from hornbook.stages.decontaminate import Reference, decontaminate
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
from hornbook.store import Artifact, Store, Work

CURATED = {**DOCUMENT, "educational_value": "float64"}

PEAKS = '''def plateau_levels(heights):
    """Walk along the ridge from west to east and note at every post the tallest post met so far on the way.
    >>> plateau_levels([2, 1, 3])
    [2, 2, 3]
    """
'''
PEAKS_BODY = """    levels = []
    tallest = None
    for height in heights:
        if tallest is None or height > tallest:
            tallest = height
        levels.append(tallest)
    return levels
"""
PEAKS_TEST = """
def check(candidate):
    assert candidate([2, 1, 3]) == [2, 2, 3]
    assert candidate([]) == []
    assert candidate([5, 4, 4, 9, 1]) == [5, 5, 5, 9, 9]
    assert candidate([-3, -7, 0]) == [-3, -3, 0]
"""
FLIP = '''def flip_case(line):
    """Change every capital of the given line to a small letter and the other way round."""
'''
FLIP_BODY = "    return line.swapcase()\n"
FLIP_TEST = """
def check(candidate):
    assert candidate("aB") == "Ab"
    assert candidate("") == ""
    assert candidate("Cd e") == "cD E"
"""
YES = "def always(n):\n    '''Say yes.'''\n"
YES_TEST = "def check(candidate):\n    assert candidate(1) and candidate(2) and candidate(3) and candidate(4)\n"

PROBLEMS = ProblemSet(
    "humaneval",
    (
        Problem("humaneval", "HumanEval/0", PEAKS, "plateau_levels", PEAKS_BODY, test=PEAKS_TEST),
        Problem("humaneval", "HumanEval/1", FLIP, "flip_case", FLIP_BODY, test=FLIP_TEST),
        Problem(
            "humaneval",
            "HumanEval/2",
            "def always(n):\n    '''Say yes.'''\n",
            "always",
            "    return True\n",
            test=YES_TEST,
        ),
    ),
)
OWN_PROMPT = (
    'def total_of_small(data: list[int]) -> int:\n    """Return the sum of the numbers in data that are below 7."""\n'
)
OWN_BODY = "    return sum(n for n in data if n < 7)\n"


def own_set(name: str) -> ProblemSet:
    return ProblemSet(name, (Problem("own", f"{name}/0", OWN_PROMPT, "total_of_small", OWN_BODY),))


def exercise(code: str, cases: Sequence[tuple[tuple[Any, ...], Any]] = (), **columns: Any) -> dict[str, Any]:
    """A row of EXERCISE out of a whole function."""
    name = code.partition("def ")[2].partition("(")[0]
    encoded = [[[encode(value) for value in arguments], encode(result)] for arguments, result in cases]
    empty = dict.fromkeys(EXERCISE, "")
    fixed = {"id": content_id(code), "text": code, "entry_point": name, "cases": json.dumps(encoded)}
    return {**empty, "parents": [], "concepts": [], "seed": 0, "topic": "any", "teacher": "llm", **fixed, **columns}


def textbook(text: str, **columns: Any) -> dict[str, Any]:
    empty = dict.fromkeys(TEXTBOOK, "")
    fixed = {"id": content_id(text), "text": text, "parents": [], "concepts": [], "seed": 0, "code_blocks": 1}
    return {**empty, **fixed, "topic": "any", "teacher": "llm", **columns}


def document(text: str) -> dict[str, Any]:
    empty = dict.fromkeys(CURATED, "")
    return {**empty, "id": content_id(text), "text": text, "parents": [], "educational_value": 0.5}


NUMBERS = [(([1, 2],), [1, 2])]
LINES = [(("ab",), "AB")]

VERBATIM = exercise(PEAKS + PEAKS_BODY, NUMBERS)
RENAMED = exercise(
    '''def record_so_far(xs: list[int]) -> list[int]:
    """Give the maximum of each prefix."""
    out = []
    m = None
    for x in xs:
        # a new record
        if m is None or x > m:
            m = x
        out.append(m)
    return out
''',
    NUMBERS,
)
REWRITTEN = exercise(
    'def maxima(seq):\n    """Give the maximum of each prefix."""\n'
    "    return [max(seq[: end + 1]) for end in range(len(seq))]\n",
    NUMBERS,
)
REWORDED = exercise(PEAKS + "    return sorted(heights)\n", NUMBERS)
SHORT = exercise('def turn(s):\n    """Swap the case."""\n    return s.swapcase()\n', LINES)
RUNNING_SUMS = '''def totals(xs):
    """Give the running sums."""
    out, s = [], 0
    for x in xs:
        s += x
        out.append(s)
    return out
'''
NEIGHBOURS = [
    exercise(RUNNING_SUMS, NUMBERS),
    exercise('def loud(s):\n    """Shout."""\n    return s.upper()\n', LINES),
    exercise('def largest(xs):\n    """Give the largest."""\n    return max(xs)\n', [(([1, 2],), 2)]),
    exercise('def pairs(xs):\n    """Walk the ridge."""\n    return [[x, 1] for x in xs]\n', [(([1],), [[1, 1]])]),
    exercise('def constant(n):\n    """Say yes."""\n    return n == n and True\n', [((1,), True)]),
]  # fmt: skip
PROSE = "# Ridges\n\nSome prose.\n\n```python\n{code}```\n\n```output\n3\n```\n"


def write(folder: Path, schema: Any, rows: Sequence[dict[str, Any]], size: int = 4) -> None:
    count = -(-len(rows) // size)
    parts = [
        write_part(folder / f"part-{index:05d}.parquet", rows[index * size : (index + 1) * size], schema)
        for index in range(count)
    ]
    commit(folder, schema, parts)


def artifacts(
    folder: Path,
    exercises: Sequence[dict[str, Any]] = (),
    textbooks: Sequence[dict[str, Any]] = (),
    documents: Sequence[dict[str, Any]] = (),
) -> tuple[Artifact, Artifact]:
    """A curated and a synthetic artifact that hold these rows."""
    write(folder / "curated" / "unfiltered", CURATED, documents)
    write(folder / "curated" / "curated", CURATED, documents[:1])
    write(folder / "synthetic" / "exercises", EXERCISE, exercises)
    write(folder / "synthetic" / "textbooks", TEXTBOOK, textbooks)
    key = content_id(repr((exercises, textbooks, documents)))
    return Artifact("curate", key, folder / "curated"), Artifact("synthesize", key, folder / "synthetic")


Clean = Callable[..., Artifact]


@pytest.fixture
def clean(tmp_path: Path, store: Store) -> Clean:
    """Decontaminates rows against problem sets (by default the made-up HumanEval) with one worker."""

    def run(
        exercises: Sequence[dict[str, Any]] = (),
        textbooks: Sequence[dict[str, Any]] = (),
        documents: Sequence[dict[str, Any]] = (),
        *,
        sets: Sequence[ProblemSet] = (PROBLEMS,),
        engine: Engine | None = None,
        **section: Any,
    ) -> Artifact:
        inputs = artifacts(tmp_path / "inputs", exercises, textbooks, documents)
        problems = {problem_set.name: problem_set for problem_set in sets}
        seams = {"sandbox": LocalSandbox(workers=2), "engine": engine or Engine("native", 1)}
        return decontaminate(*inputs, problems, Decontaminate(**section), 0, store=store, **seams)

    return run


def kept(artifact: Artifact, name: str = "exercises") -> list[str]:
    return [row["text"] for row in artifact.dataset(name).rows()]


def matches(artifact: Artifact) -> set[tuple[str, str, str]]:
    """(id of the row, task, detector)."""
    return {(row["row_id"], row["task_id"], row["detector"]) for row in artifact.dataset("matches").rows()}


def work(folder: Path) -> Work:
    return Work(folder, "decontaminate", "", Events())


# --- the detectors ----------------------------------------------------------------------------------------------------


def test_planted_copies_go_and_honest_neighbours_stay(clean: Clean) -> None:
    planted = [VERBATIM, RENAMED, REWRITTEN, REWORDED, SHORT]
    result = clean([*NEIGHBOURS, *planted])
    assert kept(result) == [row["text"] for row in NEIGHBOURS]
    assert {row["id"] for row in result.dataset("pruned").rows()} == {row["id"] for row in planted}


def test_each_detector_finds_its_own_kind_of_copy(clean: Clean) -> None:
    found = matches(clean([VERBATIM, RENAMED, REWRITTEN, REWORDED, SHORT]))
    both = {(row["id"], "HumanEval/0", detector) for row in (VERBATIM, RENAMED) for detector in ("syntax", "behaviour")}
    assert found == both | {
        (VERBATIM["id"], "HumanEval/0", "ngram"),
        (REWRITTEN["id"], "HumanEval/0", "behaviour"),
        (REWORDED["id"], "HumanEval/0", "ngram"),
        (SHORT["id"], "HumanEval/1", "syntax"),
        (SHORT["id"], "HumanEval/1", "behaviour"),
    }


def test_without_behaviour_only_a_rewritten_solution_is_missed(clean: Clean) -> None:
    assert kept(clean([VERBATIM, RENAMED, REWRITTEN, REWORDED, SHORT], behaviour=False)) == [REWRITTEN["text"]]


def test_textbooks_and_files_are_searched_function_by_function(clean: Clean) -> None:
    books = [textbook(PROSE.format(code=row["text"])) for row in (RENAMED, REWRITTEN, NEIGHBOURS[0])]
    method = "".join(f"    {line}\n" for line in RENAMED["text"].splitlines())
    files = [document("import os\n\n\nclass Ridge:\n" + method), document("def other():\n    return 1\n")]
    result = clean([REWRITTEN], books, files)
    assert kept(result, "textbooks") == [books[2]["text"]]
    assert kept(result, "raw") == [files[1]["text"]]
    assert kept(result, "curated") == []
    pruned = [row["detail"] for row in result.dataset("pruned").rows()]
    assert sorted(detail.partition(":")[0] for detail in pruned) == [
        "curated",
        "exercises",
        "raw",
        "textbooks",
        "textbooks",
    ]


def test_all_problems_near_a_row_are_listed(clean: Clean) -> None:
    twin = replace(PROBLEMS.problems[0], task_id="HumanEval/3")
    result = clean([RENAMED], sets=[ProblemSet("humaneval", (*PROBLEMS.problems, twin))], behaviour=False)
    assert {task for _, task, _ in matches(result)} == {"HumanEval/0", "HumanEval/3"}
    assert result.facts["problems_hit"] == {"humaneval": 2}


def test_a_family_of_the_procedural_teacher_goes_as_a_whole(clean: Clean) -> None:
    code = "def prefix(xs):\n    return [max(xs[max(0, i - 99) : i + 1]) for i in range(len(xs))]\n"
    variants = [
        exercise(text, NUMBERS, topic="peaks", teacher="procedural-1") for text in (code, code.replace("99", "1"))
    ]
    book = textbook("About peaks, without code.", topic="peaks", teacher="procedural-1")
    assert kept(clean(variants, [book])) == []
    result = clean([{**row, "teacher": "llm"} for row in variants], [{**book, "teacher": "llm"}])
    assert kept(result) == [variants[1]["text"]]
    assert len(result.dataset("textbooks")) == 1
    composed = clean([{**row, "topic": "compose:peaks"} for row in variants], [{**book, "topic": "compose:peaks"}])
    assert kept(composed) == [variants[1]["text"]]


def test_facts_say_what_was_found(clean: Clean) -> None:
    facts = clean([*NEIGHBOURS, VERBATIM, RENAMED, REWRITTEN], documents=[document("x = 1\n")]).facts
    assert facts["against"] == {"humaneval": 3}
    assert facts["read"] == {"raw": 1, "curated": 1, "textbooks": 0, "exercises": 8}
    assert facts["pruned"] == {"raw": 0, "curated": 0, "textbooks": 0, "exercises": 3}
    detectors = {"ngram": {"rows": 1, "problems": 1}, "syntax": {"rows": 2, "problems": 1}}
    assert facts["detectors"] == {**detectors, "behaviour": {"rows": 3, "problems": 1}}
    assert [step["rows"] for step in facts["tau_curve"]][-2:] == [2, 2]
    behaviour = facts["behaviour"]
    assert (behaviour["tasks"], behaviour["tasks_left_out"], behaviour["unanswered"]) == (2, ["HumanEval/2"], 0)
    assert behaviour["programs"] == 7, "the verbatim and the renamed copy are one program"
    assert behaviour["solved"] == {"HumanEval/0": ["any"]}


# --- our own sets -----------------------------------------------------------------------------------------------------

SAME_TREE = 'def small(xs):\n    """Add up what is little."""\n    return sum(x for x in xs if x < 7)\n'
OTHER_CONSTANT = SAME_TREE.replace("7", "8")
SAME_WORDS = '''def add(data):
    """Return the sum of the numbers in data that are below 7.

    >>> add([])
    0
    """
    return 0
'''
MORE_WORDS = SAME_WORDS.replace("below 7", "below 7 and even")


@pytest.mark.parametrize("name", ["compositions", "unseen"])
def test_held_out_programs_go_when_equal_up_to_renaming_or_told_in_the_same_words(clean: Clean, name: str) -> None:
    rows = [exercise(code) for code in (SAME_TREE, OTHER_CONSTANT, SAME_WORDS, MORE_WORDS)]
    assert kept(clean(rows, sets=[own_set(name)])) == [OTHER_CONSTANT, MORE_WORDS]


def test_seen_problems_prune_nothing_but_their_own_prompt(clean: Clean) -> None:
    rows = [exercise(code) for code in (SAME_TREE, SAME_WORDS, OWN_PROMPT + "    return 0\n")]
    assert kept(clean(rows, sets=[own_set("seen")])) == [SAME_TREE, SAME_WORDS]


# --- laws -------------------------------------------------------------------------------------------------------------

EVERYTHING = (
    [*NEIGHBOURS, VERBATIM, RENAMED, REWRITTEN, REWORDED, SHORT],
    [textbook(PROSE.format(code=row["text"])) for row in (RENAMED, *NEIGHBOURS)],
    [document(RENAMED["text"]), document("x = 1\n"), document("y = '\n"), document("z = 3\n"), document("")],
)


def test_rows_are_conserved(clean: Clean) -> None:
    result = clean(*EVERYTHING)
    sources = {name: len(result.dataset(name)) for name in ("raw", "curated", "textbooks", "exercises")}
    pruned = result.dataset("pruned").column("reason")
    assert result.record["read"] == sum(map(len, EVERYTHING)) + 1
    assert result.record["kept"] == sum(sources.values()) == result.record["read"] - len(pruned)
    assert result.record["rejected"] == {reason: pruned.count(reason) for reason in sorted(set(pruned))}


def test_one_worker_and_two_give_the_same_bytes(tmp_path: Path, make_engine: Callable[[int], Engine]) -> None:
    found = [bytes_of(run_everything(tmp_path / str(workers), make_engine(workers))) for workers in (1, 2)]
    assert found[0] == found[1]


@pytest.mark.parametrize("units", [1, 4])
def test_a_killed_run_goes_on_and_gives_the_same_bytes(tmp_path: Path, units: int) -> None:
    program = "import sys; from pathlib import Path; from laws import DyingEngine; from test_decontaminate import *; "
    run_and_die(program + f"run_everything(Path({str(tmp_path)!r}), DyingEngine({units}))")
    assert list((tmp_path / "store").glob("decontaminate/*.partial/_units/*/00000.json"))
    resumed = bytes_of(run_everything(tmp_path, Engine("native", 1)))
    assert resumed == bytes_of(run_everything(tmp_path / "at once", Engine("native", 1)))


def run_everything(folder: Path, engine: Engine | DyingEngine) -> Artifact:
    store = Store(folder / "store", Events())
    inputs = artifacts(folder, *EVERYTHING)
    sandbox = LocalSandbox(workers=1)
    return decontaminate(
        *inputs, {"humaneval": PROBLEMS}, Decontaminate(), 0, store=store, sandbox=sandbox, engine=engine
    )


def test_a_stricter_match_rate_prunes_a_subset(clean: Clean) -> None:
    looser = RENAMED["text"].replace("m is None or x > m", "x > 0 and (m is None or x > m)")
    rows = [RENAMED, exercise(looser, NUMBERS), *NEIGHBOURS]
    pruned = [
        {row["id"] for row in clean(rows, behaviour=False, match_rate=rate).dataset("pruned").rows()}
        for rate in (0.7, 0.8, 0.9, 0.95, 1.0)
    ]
    assert all(stricter <= laxer for laxer, stricter in itertools.pairwise(pruned))
    assert len(pruned[0]) > len(pruned[-1]) == 1


def test_nothing_to_compare_and_nothing_to_compare_with_both_work(clean: Clean) -> None:
    assert clean().record["read"] == 0
    result = clean([VERBATIM], sets=[])
    assert kept(result) == [VERBATIM["text"]]
    assert result.facts["behaviour"] == {}


# --- parts ------------------------------------------------------------------------------------------------------------

TREES = st.lists(st.integers(0, 4), min_size=8, max_size=24).map(tuple)


@given(st.lists(TREES, max_size=12), TREES)
@settings(max_examples=200, deadline=None)
def test_the_tree_index_finds_exactly_what_brute_force_finds(
    trees: list[tuple[int, ...]], query: tuple[int, ...]
) -> None:
    trees = [*trees, query[1:], (*query, 1), (*query[:5], 3, *query[6:])]
    index = TreeIndex([(tree, number) for number, tree in enumerate(trees)])
    rates = {number: match_rate(query, tree) for number, tree in enumerate(trees)}
    want = {number: rate for number, rate in rates.items() if rate >= FLOOR} if len(query) >= MIN_NODES else {}
    assert dict(index.near(query)) == want


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
