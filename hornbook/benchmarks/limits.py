"""Time limits that scale with the reference solution's own time on this machine, so that a slow host fails nobody."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

from hornbook.benchmarks.problem import Problem
from hornbook.benchmarks.prompts import check_for
from hornbook.errors import BadInput
from hornbook.sandbox.contract import Limits, Sandbox, Verdict

FLOOR_SECONDS = 3.0
"""Least time limit: the timeout of openai/human-eval (human_eval/evaluation.py)."""

TIME_FACTOR = 4.0
"""Time limit as a multiple of the reference's time: EvalPlus's (evalplus/config.py, DEFAULT_GT_TIME_LIMIT_FACTOR)."""

MOST_REFERENCE_SECONDS = 60.0
NAMED = 3  # problems that a remark names


def reference_limits(
    problems: Iterable[Problem],
    sandbox: Sandbox,
    floor_seconds: float = FLOOR_SECONDS,
    factor: float = TIME_FACTOR,
    *,
    other: Limits | None = None,
    tell: Callable[[str], None] | None = None,
    progress: Callable[[], None] | None = None,
) -> dict[str, Limits]:
    """The limits of each problem by `task_id`: wall seconds are max(floor, factor x what its reference took just now).

    CPU seconds are wall seconds rounded up; `other` holds the bounds that no time scales. A reference runs for 60 s (or
    20 floors, where that is more) at most. One that does not pass here leaves its problem the floor, and `tell` gets a
    line about it. `progress` is called after each. Raises BadInput for a floor or factor that bounds nothing.
    """
    for name, value in (("floor_seconds", floor_seconds), ("factor", factor)):
        if not (math.isfinite(value) and value > 0):
            raise BadInput(f"{name} of the time limits is {value}; give a number above 0")
    other, problems = other or Limits(), list(problems)
    most = _scaled(other, max(MOST_REFERENCE_SECONDS, 20 * floor_seconds))
    checks = (check_for(problem, problem.canonical_solution, most) for problem in problems)
    limits: dict[str, Limits] = {}
    failed: list[tuple[Problem, Verdict]] = []
    for problem, verdict in zip(problems, sandbox.map(checks), strict=True):
        seconds = floor_seconds
        if verdict.passed:
            seconds = max(floor_seconds, factor * verdict.wall_seconds)
        else:
            failed.append((problem, verdict))
        limits[problem.task_id] = _scaled(other, seconds)
        if progress is not None:
            progress()
    if failed and tell is not None:
        tell(_remark(failed, floor_seconds))
    return limits


def _scaled(limits: Limits, seconds: float) -> Limits:
    return replace(limits, wall_seconds=seconds, cpu_seconds=math.ceil(seconds))


def _remark(failed: list[tuple[Problem, Verdict]], floor_seconds: float) -> str:
    """One line about references that do not pass here."""
    named = ", ".join(f"{p.task_id} ({v.outcome}: {' '.join(v.detail.split())[:80]})" for p, v in failed[:NAMED])
    more = f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    return (
        f"{failed[0][0].benchmark}: reference solutions that do not pass here: {len(failed)}; their problems get "
        f"{floor_seconds:g} s: {named}{more}"
    )
