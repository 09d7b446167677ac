"""Which exercises solve a HumanEval task: their functions are run on the arguments that the task's tests use.

A program is run only on tasks whose arguments it can take: by number, and by the types that its own cases show (numbers
are one type, and so are lists and tuples). It solves a task when it gives the reference solution's result for every
recorded call; a task with fewer than three recorded calls, or with one result throughout, cannot be told apart and is
left out. Programs run many at a time inside the sandbox: first on the most telling calls of each task, then, where they
agree, on all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook.benchmarks import Problem
from hornbook.dataset import read_rows
from hornbook.engine import Rows
from hornbook.sandbox import Check, Limits, Sandbox
from hornbook.sandbox.plain import decode, same
from hornbook.stages.decontaminate.scan import Solved, family_topic, program_key
from hornbook.store import Work
from hornbook.syntax import arity, function_named, parse, tree_family

JAILED = Path(__file__).with_name("jailed.py").read_text(encoding="utf-8")
RECORDED = 40
"""Calls of a task's test that are recorded at most; some tests draw hundreds at random."""

LEAST_CALLS = 3
TELLING_CHARACTERS = 8
HUGE = 1e300  # integers beyond it are no floats
PROGRAMS_PER_CHECK = 32
TOGETHER = Limits()
ALONE = Limits(wall_seconds=2.0, cpu_seconds=1)

PROGRAM: Mapping[str, str] = {
    "program": "string",
    "function": "string",
    "topic": "string",
    "family_topic": "string",
    "entry_point": "string",
    "text": "string",
    "least": "int64",
    "most": "int64",
    "shapes": "string",
}
"""A distinct program of a part: hashes of program and function, and what calls it takes."""

Call = tuple[tuple[Any, ...], Any]
Shapes = list[list[str]]


@dataclass(frozen=True)
class Recorded:
    """A HumanEval task as its test sees it: calls with the reference solution's results."""

    task_id: str
    calls: tuple[Call, ...]
    shapes: Shapes

    @property
    def first(self) -> tuple[Call, ...]:
        """The calls with the longest results, hard to give by accident; of short results three, not all equal."""
        longest = sorted(self.calls, key=lambda call: -len(repr(call[1])))
        if len(repr(longest[0][1])) >= TELLING_CHARACTERS:
            return (longest[0],)
        other = next(call for call in longest if not alike(call[1], longest[0][1]))
        rest = [call for call in longest[1:] if call is not other]
        return longest[0], other, rest[0]


# --- tasks ------------------------------------------------------------------------------------------------------------


def record_tasks(problems: Sequence[Problem], sandbox: Sandbox) -> tuple[list[Recorded], list[str]]:
    """Runs every test once with its reference solution, and returns the tasks with their calls, and those left out."""
    tasks, left_out = [], []
    for problem, verdict in zip(problems, sandbox.map(map(_recording, problems)), strict=True):
        calls = tuple((tuple(arguments), result) for arguments, result in (verdict.values or ([],))[0])
        calls = _distinct(call for call in calls if len(call[0]) == len(calls[0][0]))
        if len(calls) < LEAST_CALLS or all(alike(result, calls[0][1]) for _, result in calls):
            left_out.append(problem.task_id)
        else:
            tasks.append(Recorded(problem.task_id, calls, shapes_of(calls)))
    return tasks, left_out


def _recording(problem: Problem) -> Check:
    """The test of a problem, run with its own solution under the recorder."""
    recorded = f"def recorded_calls():\n    return record({problem.entry_point}, check, {RECORDED})\n"
    return Check(
        program=f"{problem.program}\n{problem.test}\n{JAILED}\n{recorded}",
        entry_point="recorded_calls",
        arguments=((),),
    )


def _distinct(calls: Iterable[Call]) -> tuple[Call, ...]:
    found = {repr(arguments): (arguments, result) for arguments, result in calls}
    return tuple(found.values())


def shapes_of(calls: Sequence[Call]) -> Shapes:
    """The types that each argument takes over all calls, and last those of the result; none for calls unlike in number.

    `sequence of ?` stands only where every sequence is empty.
    """
    if len({len(arguments) for arguments, _ in calls}) != 1:
        return []
    columns = zip(*((*arguments, result) for arguments, result in calls), strict=True)
    return [_known_shapes({shape for value in column for shape in _shapes(value)}) for column in columns]


def _known_shapes(shapes: set[str]) -> list[str]:
    holders = [shape.partition(" of ")[0] for shape in shapes if not shape.endswith("?")]
    return sorted(shape for shape in shapes if not (shape.endswith("?") and shape.removesuffix(" of ?") in holders))


def _shapes(value: Any) -> set[str]:
    """The type of a value and, one level down, of what it holds; `?` where it holds nothing."""
    kind = _kind(value)
    if kind in ("sequence", "set", "dict"):
        return {f"{kind} of {inner}" for inner in {_kind(item) for item in value} or {"?"}}
    return {kind}


def _kind(value: Any) -> str:
    if isinstance(value, bool | int | float | complex):
        return "number"
    kinds = ((str, "str"), (list | tuple, "sequence"), (set | frozenset, "set"), (dict, "dict"))
    return next((name for types, name in kinds if isinstance(value, types)), "none" if value is None else "bytes")


def compatible(program: Shapes, task: Shapes) -> bool:
    """Whether each argument, and the result, has a type in common; what holds nothing fits any of its kind."""
    return len(program) == len(task) and all(_overlap(a, b) for a, b in zip(program, task, strict=True))


def _overlap(a: Sequence[str], b: Sequence[str]) -> bool:
    if set(a) & set(b):
        return True
    empty = {shape.removesuffix("?") for shape in (*a, *b) if shape.endswith("?")}
    return any(one.startswith(kind) and other.startswith(kind) for kind in empty for one in a for other in b)


# --- programs ---------------------------------------------------------------------------------------------------------


def distinct_programs(path: str) -> Rows:
    """The programs of a part of exercises, each once per topic; what is not Python is left to other detectors."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    rows = read_rows(Path(path))
    for row in rows:
        tree = parse(row["text"])
        program = None if tree is None else program_key(tree)
        if tree is None or program is None or (program, row["topic"]) in found:
            continue
        function = function_named(tree, row["entry_point"])
        if function is None:
            continue
        calls = [(tuple(map(decode, arguments)), decode(result)) for arguments, result in json.loads(row["cases"])]
        least, most = arity(function)
        found[program, row["topic"]] = {
            "program": program,
            "function": program if tree.body == [function] else tree_family(function, constants=True) or "",
            "topic": row["topic"],
            "family_topic": family_topic(row),
            "entry_point": row["entry_point"],
            "text": row["text"],
            "least": least,
            "most": int(min(most, 99)),
            "shapes": json.dumps(shapes_of(calls)),
        }
    return Rows(read=len(rows), outputs={"_units/programs": list(found.values())})


@dataclass(frozen=True)
class Program:
    """One program to run."""

    key: str
    text: str
    entry_point: str

    @property
    def pair(self) -> tuple[str, str]:
        return self.text, self.entry_point


def _fits(row: Mapping[str, Any], task: Recorded) -> bool:
    taken = len(task.shapes) - 1
    if not row["least"] <= taken <= row["most"]:
        return False
    shapes: Shapes = json.loads(row["shapes"])
    return not shapes or compatible(shapes, task.shapes)


def solve(rows: Iterable[Mapping[str, Any]], tasks: Sequence[Recorded], sandbox: Sandbox, work: Work) -> dict[str, Any]:
    """Runs distinct programs on the tasks that fit them; returns plain data: what solves what, and the counts.

    `solved` maps a program's key to its tasks; `unanswered` counts programs of which the sandbox had to end a call.
    """
    groups: dict[tuple[int, ...], list[Program]] = {}
    fitting_tasks: dict[tuple[int, int, str], tuple[int, ...]] = {}
    seen: set[str] = set()
    for row in rows:
        if row["program"] not in seen:
            seen.add(row["program"])
            taken = (row["least"], row["most"], row["shapes"])
            if taken not in fitting_tasks:
                fitting_tasks[taken] = tuple(index for index, task in enumerate(tasks) if _fits(row, task))
            groups.setdefault(fitting_tasks[taken], []).append(Program(row["program"], row["text"], row["entry_point"]))
    groups.pop((), None)
    batches = [(batch, fitting) for fitting, programs in sorted(groups.items()) for batch in _batches(programs)]
    runner = _Runner(sandbox)
    likely: dict[int, list[Program]] = {}
    with work.task("run exercises on HumanEval's tests", sum(map(len, groups.values())), "programs") as progress:
        questions = [(batch, [call for index in fitting for call in tasks[index].first]) for batch, fitting in batches]
        for (batch, fitting), answers in zip(batches, runner.run(questions), strict=True):
            progress.advance(len(batch))
            for program, given in answers:
                for index in fitting:
                    calls = tasks[index].first
                    if _all_alike(given[: len(calls)], calls):
                        likely.setdefault(index, []).append(program)
                    given = given[len(calls) :]
    solved: dict[str, list[str]] = {}
    closer = [(batch, index) for index, programs in sorted(likely.items()) for batch in _batches(programs)]
    with work.task("run likely solutions on all tests", sum(map(len, likely.values())), "programs") as progress:
        questions = [(batch, list(tasks[index].calls)) for batch, index in closer]
        for (batch, index), answers in zip(closer, runner.run(questions), strict=True):
            progress.advance(len(batch))
            for program, given in answers:
                if _all_alike(given, tasks[index].calls):
                    solved.setdefault(program.key, []).append(tasks[index].task_id)
    counts = {"programs": len(seen), "checks": runner.checks, "unanswered": len(runner.unanswered)}
    return {"solved": {key: sorted(found) for key, found in sorted(solved.items())}, **counts}


def _batches(programs: Sequence[Program]) -> Iterator[list[Program]]:
    for start in range(0, len(programs), PROGRAMS_PER_CHECK):
        yield list(programs[start : start + PROGRAMS_PER_CHECK])


Question = tuple[list[Program], list[Call]]
Answers = list[tuple[Program, list[list[Any]]]]


class _Runner:
    """Puts questions to the sandbox; where one has no answer, its programs, then their calls, are run alone."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.checks = 0
        self.unanswered: set[str] = set()

    def run(self, questions: Sequence[Question]) -> Iterator[Answers]:
        """For each question, its programs with what they answered; a call that had to be ended has no result."""
        for question, values in zip(questions, self._ask(questions, TOGETHER), strict=True):
            programs, _ = question
            yield self._one_by_one(question) if values is None else list(zip(programs, values, strict=True))

    def _one_by_one(self, question: Question) -> Answers:
        programs, calls = question
        singles = self._ask([([program], calls) for program in programs], ALONE)
        answers: Answers = []
        for program, values in zip(programs, list(singles), strict=True):
            if values is not None:
                answers.append((program, values[0]))
                continue
            self.unanswered.add(program.key)
            each = self._ask([([program], [call]) for call in calls], ALONE)
            answers.append((program, [[] if one is None else one[0][0] for one in each]))
        return answers

    def _ask(self, questions: Sequence[Question], limits: Limits) -> Iterator[list[list[list[Any]]] | None]:
        """For each question: per program, per call, its result in a list; None where the sandbox had to end it."""
        for verdict in self.sandbox.map(_check(question, limits) for question in questions):
            self.checks += 1
            yield None if verdict.values is None else verdict.values[0]


def _check(question: Question, limits: Limits) -> Check:
    programs, calls = question
    arguments = ([program.pair for program in programs], [given for given, _ in calls])
    return Check(program=JAILED, entry_point="answer", arguments=(arguments,), limits=limits)


def _all_alike(answers: Sequence[Sequence[Any]], calls: Sequence[Call]) -> bool:
    return all(len(given) == 1 and alike(given[0], result) for given, (_, result) in zip(answers, calls, strict=True))


def alike(got: Any, want: Any) -> bool:
    """Whether a test that compares by `==` would take one plain value for the other: more lenient than `same`.

    >>> alike(True, 1), alike([1, 2.0000001], (1, 2)), alike("a", ["a"])
    (True, True, False)
    """
    if isinstance(want, list | tuple) and isinstance(got, list | tuple):
        return len(got) == len(want) and all(map(alike, got, want))
    if isinstance(want, int | float) and isinstance(got, int | float):
        return got == want or (abs(got) < HUGE and abs(want) < HUGE and same(float(got), float(want)))
    return same(got, want)


def solved_rows(rows: Sequence[Mapping[str, Any]], solved: Mapping[str, Sequence[str]]) -> Solved:
    """What rows of `PROGRAM` are pruned: the programs that solve a task, and all of a topic of which one does."""
    topics: dict[str, set[str]] = {}
    for row in rows:
        if row["family_topic"] and row["program"] in solved:
            topics.setdefault(row["family_topic"], set()).update(solved[row["program"]])
    programs: dict[str, set[str]] = {}
    functions: dict[str, set[str]] = {}
    for row in rows:
        tasks = {*solved.get(row["program"], ()), *topics.get(row["family_topic"], ())}
        if tasks:
            programs.setdefault(row["program"], set()).update(tasks)
            functions.setdefault(row["function"], set()).update(tasks)
    return Solved(
        *({key: sorted(tasks) for key, tasks in sorted(group.items())} for group in (programs, functions, topics))
    )
