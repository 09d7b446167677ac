"""The stage: behaviour first, since it judges programs across all parts; then one pass over every source."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hornbook.benchmarks import ProblemSet
from hornbook.dataset import EXERCISE, REJECT, TEXTBOOK, Dataset, Schema, commit
from hornbook.engine import Engine, Mapped
from hornbook.recipe import Decontaminate
from hornbook.sandbox import Sandbox
from hornbook.stages.decontaminate.behaviour import PROGRAM, distinct_programs, record_tasks, solve, solved_rows
from hornbook.stages.decontaminate.reference import MATCH, write_problems
from hornbook.stages.decontaminate.scan import CURVE, Scan, Solved
from hornbook.store import Artifact, Summary, Work, stage

DETECTORS = ("ngram", "syntax", "behaviour")


@stage(version=1)
def decontaminate(
    curated: Artifact,
    synthetic: Artifact,
    problems: Mapping[str, ProblemSet],
    section: Decontaminate,
    seed: int,
    *,
    work: Work,
    sandbox: Sandbox,
    engine: Engine,
) -> Summary:
    """Prunes rows near a problem from all four sources, and lists every match, by the rules in the package's docstring.

    Outputs: `raw`, `curated`, `textbooks`, `exercises` (clean, each in its own schema), `matches` (MATCH, all problems
    near a pruned row) and `pruned` (REJECT; the reason is detector and benchmark). `seed` is the one that drew our own
    problems; nothing here is random, and it is only recorded. Source: phi-1 §5.
    """
    sources = {
        "raw": curated.dataset("unfiltered"),
        "curated": curated.dataset("curated"),
        "textbooks": synthetic.dataset("textbooks", TEXTBOOK),
        "exercises": synthetic.dataset("exercises", EXERCISE),
    }
    path = work.path / "_units" / "problems.json"
    write_problems(path, problems)
    behaviour: dict[str, Any] = {}
    if section.behaviour and "humaneval" in problems:
        behaviour = _behaviour(sources["exercises"], problems["humaneval"], work, sandbox, engine)
    solved = Solved(**behaviour.pop("pruned", {}))
    mapped = {
        name: engine.map(
            [str(part) for part in dataset.paths],
            Scan(name, str(path), section.ngram, section.match_rate, solved),
            work,
            {name: dataset.manifest.columns, f"_units/pruned/{name}": REJECT, f"_units/matches/{name}": MATCH},
            description=f"compare {name}",
            conserve=False,
        )
        for name, dataset in sources.items()
    }
    matches = _gather(work.path, "matches", MATCH, mapped, seed)
    _gather(work.path, "pruned", REJECT, mapped, seed)
    rejected: dict[str, int] = {}
    for result in mapped.values():
        for reason, count in result.rejected.items():
            rejected[reason] = rejected.get(reason, 0) + count
    return Summary(
        read=sum(result.read for result in mapped.values()),
        kept=sum(len(mapped[name].datasets[name]) for name in mapped),
        rejected=dict(sorted(rejected.items())),
        facts=_facts(problems, mapped, matches, behaviour),
    )


def _behaviour(
    exercises: Dataset, problems: ProblemSet, work: Work, sandbox: Sandbox, engine: Engine
) -> dict[str, Any]:
    """Which programs solve which HumanEval tasks: facts for the report, and `pruned`, what is to go (see `Solved`)."""
    found = engine.map(
        [str(part) for part in exercises.paths],
        distinct_programs,
        work,
        {"_units/programs": PROGRAM},
        description="distinct programs",
        conserve=False,
    ).datasets["_units/programs"]

    def compute() -> dict[str, Any]:
        with work.task("record HumanEval's tests", len(problems), "tasks"):
            tasks, left_out = record_tasks(problems.problems, sandbox)
        with work.task("run exercises on HumanEval's tests", len(found), "programs") as progress:
            ran = solve(found.rows(), tasks, sandbox, progress)
        rows = list(found.rows(["program", "function", "topic", "family_topic"]))
        pruned = solved_rows(rows, ran["solved"])
        topics_of: dict[str, set[str]] = {}
        for row in rows:
            for task in ran["solved"].get(row["program"], ()):
                topics_of.setdefault(task, set()).add(row["topic"])
        return {
            "tasks": len(tasks),
            "tasks_left_out": left_out,
            "calls": sum(len(task.calls) for task in tasks),
            **{name: ran[name] for name in ("programs", "checks", "unanswered")},
            "programs_that_solve": len(ran["solved"]),
            "solved": {task: sorted(topics) for task, topics in sorted(topics_of.items())},
            "families": sorted(pruned.topics),
            "pruned": asdict(pruned),
        }

    result: dict[str, Any] = work.once("behaviour", compute)
    return result


def _gather(folder: Path, name: str, schema: Schema, mapped: Mapping[str, Mapped], seed: int) -> Dataset:
    """One dataset out of what every source's pass left under `_units/<name>/<source>`; empty parts are left there."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    parts = []
    for source, result in mapped.items():
        dataset = result.datasets[f"_units/{name}/{source}"]
        for part in dataset.manifest.parts:
            if part.rows:
                file = f"part-{source}-{part.file.removeprefix('part-')}"
                shutil.copyfile(dataset.folder / part.file, folder / name / file)
                parts.append(replace(part, file=file))
    return commit(folder / name, schema, parts, seed=seed)


def _facts(
    problems: Mapping[str, ProblemSet], mapped: Mapping[str, Mapped], matches: Dataset, behaviour: Mapping[str, Any]
) -> dict[str, Any]:
    """What the report shows; a row or problem counts once for each detector that found it."""
    rows: dict[str, set[tuple[str, str]]] = {name: set() for name in DETECTORS}
    hits: dict[str, set[tuple[str, str]]] = {name: set() for name in DETECTORS}
    hit: dict[str, set[str]] = {name: set() for name in problems}
    for match in matches.rows():
        rows[match["detector"]].add((match["source"], match["row_id"]))
        hits[match["detector"]].add((match["benchmark"], match["task_id"]))
        hit[match["benchmark"]].add(match["task_id"])
    curve = dict.fromkeys(CURVE, 0)
    for result in mapped.values():
        for facts in result.facts:
            for rate, count in facts["curve"]:
                curve[rate] += count
    return {
        "against": {name: len(problem_set) for name, problem_set in problems.items()},
        "read": {name: result.read for name, result in mapped.items()},
        "pruned": {name: result.read - len(result.datasets[name]) for name, result in mapped.items()},
        "detectors": {name: {"rows": len(rows[name]), "problems": len(hits[name])} for name in DETECTORS},
        "problems_hit": {name: len(tasks) for name, tasks in hit.items()},
        "tau_curve": [{"match_rate": rate, "rows": count} for rate, count in sorted(curve.items())],
        "behaviour": dict(behaviour),
    }
