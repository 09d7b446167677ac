"""The stage: behaviour first, since it judges programs across all parts; then one pass over every source."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hornbook.benchmarks import ProblemSet
from hornbook.dataset import EXERCISE, REJECT, TEXTBOOK, Dataset, Part, Schema, commit
from hornbook.engine import Engine, Mapped
from hornbook.recipe import Decontaminate
from hornbook.sandbox import Sandbox
from hornbook.stages.decontaminate.behaviour import PROGRAM, distinct_programs, record_tasks, solve, solved_rows
from hornbook.stages.decontaminate.reference import MATCH, write_problems
from hornbook.stages.decontaminate.scan import COMPARED, CURVE, Scan, Solved
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
    scan = Scan(str(path), section.ngram, section.match_rate, solved)
    compared = work.once("compared", lambda: _compare(sources, scan, work, engine, seed))
    shutil.rmtree(work.path / COMPARED, ignore_errors=True)
    clean = {name: Dataset.open(work.path / name) for name in sources}
    return Summary(
        read=compared["read"],
        kept=sum(map(len, clean.values())),
        rejected=compared["rejected"],
        facts={
            "against": {name: len(problem_set) for name, problem_set in problems.items()},
            "read": {name: len(dataset) for name, dataset in sources.items()},
            "pruned": {name: len(dataset) - len(clean[name]) for name, dataset in sources.items()},
            **_found(problems, Dataset.open(work.path / "matches")),
            "tau_curve": _curve(compared["units"]),
            "behaviour": behaviour,
        },
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
        ran = solve(found.rows(), tasks, sandbox, work)
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


def _compare(sources: Mapping[str, Dataset], scan: Scan, work: Work, engine: Engine, seed: int) -> dict[str, Any]:
    """One pass over every part of every source; leaves the stage's datasets, and returns the counts."""
    schemas: dict[str, Schema] = {name: dataset.manifest.columns for name, dataset in sources.items()}
    schemas |= {"matches": MATCH, "pruned": REJECT}
    mapped = engine.map(
        [{"source": name, "path": str(part)} for name, dataset in sources.items() for part in dataset.paths],
        scan,
        work,
        {f"{COMPARED}/{name}": schema for name, schema in schemas.items()},
        description="compare",
        conserve=False,
    )
    for name in schemas:
        _gather(mapped, name, work.path, seed)
    return {"read": mapped.read, "rejected": mapped.rejected, "units": list(mapped.facts)}


def _gather(mapped: Mapped, name: str, folder: Path, seed: int) -> None:
    """Commits one of the pass's datasets in its place, without empty parts.

    Parts are linked, not moved, so that a run that is killed here finds all of them when it starts again.
    """
    dataset = mapped.datasets[f"{COMPARED}/{name}"]
    (folder / name).mkdir(parents=True, exist_ok=True)
    parts: list[Part] = []
    for part in dataset.manifest.parts:
        if part.rows:
            file = f"part-{len(parts):05d}.parquet"
            target = folder / name / file
            target.unlink(missing_ok=True)
            try:
                os.link(dataset.folder / part.file, target)
            except OSError:  # a file system without hard links
                shutil.copyfile(dataset.folder / part.file, target)
            parts.append(replace(part, file=file))
    commit(folder / name, dataset.manifest.columns, parts, seed=seed)


def _found(problems: Mapping[str, ProblemSet], matches: Dataset) -> dict[str, Any]:
    """Rows and problems by detector, and problems by set; a row counts once for each detector that found it."""
    rows: dict[str, set[tuple[str, str]]] = {name: set() for name in DETECTORS}
    hits: dict[str, set[tuple[str, str]]] = {name: set() for name in DETECTORS}
    hit: dict[str, set[str]] = {name: set() for name in problems}
    for match in matches.rows():
        rows[match["detector"]].add((match["source"], match["row_id"]))
        hits[match["detector"]].add((match["benchmark"], match["task_id"]))
        hit[match["benchmark"]].add(match["task_id"])
    return {
        "detectors": {name: {"rows": len(rows[name]), "problems": len(hits[name])} for name in DETECTORS},
        "problems_hit": {name: len(tasks) for name, tasks in hit.items()},
    }


def _curve(units: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How many rows the match rate alone would prune, were it laxer or stricter."""
    curve = dict.fromkeys(CURVE, 0)
    for facts in units:
        for rate, count in facts["curve"]:
            curve[rate] += count
    return [{"match_rate": rate, "rows": count} for rate, count in sorted(curve.items())]
