"""The numbers of a run, out of its artifacts: scores with intervals, differences of arms, stages, and `report.json`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hornbook import __version__
from hornbook.recipe import fingerprint
from hornbook.stages.report.words import (
    PHASES,
    PROBLEM_SETS,
    THIN,
    counts,
    dig,
    interval,
    number,
    percent,
    points,
)
from hornbook.statistics import difference_interval, wilson
from hornbook.store import Artifact

FORMAT = 1
"""Version of `report.json`; goes up when a key changes its meaning."""

Arms = Mapping[str, Mapping[str, Mapping[str, Artifact]]]
"""Arm, phase, and `model` (a train artifact) or `scores` (an evaluate artifact)."""


@dataclass(frozen=True)
class Run:
    """The artifacts of one run that the report shows, in the order of the data path."""

    corpus: Artifact
    curate: Artifact
    synthesize: Artifact
    decontaminate: Artifact
    census: Artifact
    pack: Artifact
    arms: Arms

    @property
    def stages(self) -> dict[str, list[Artifact]]:
        """The calls of each stage; train and evaluate run once per arm and phase, and arms may share a call."""
        single = (self.corpus, self.curate, self.synthesize, self.decontaminate, self.census, self.pack)
        called = {artifact.stage: [artifact] for artifact in single}
        for stage, role in (("train", "model"), ("evaluate", "scores")):
            called[stage] = list({artifact.fingerprint: artifact for _, _, artifact in self.calls(role)}.values())
        return called

    def calls(self, role: str) -> Iterator[tuple[str, str, Artifact]]:
        """Arm, phase and artifact of each `model` or `scores` there is, arms in the recipe's order."""
        for arm, phases in self.arms.items():
            for phase in PHASES:
                artifact = phases.get(phase, {}).get(role)
                if artifact is not None:
                    yield arm, phase, artifact


@dataclass(frozen=True)
class Score:
    """One arm, in one phase, on one problem set: pass@1 of one completion a problem, as fraction in [0, 1]."""

    arm: str
    phase: str
    problems: str
    passed: int
    n: int
    raw_passed: int | None
    outcomes: Mapping[str, int]
    empty: int
    truncated: int
    source: str

    @property
    def value(self) -> float:
        return self.passed / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval."""
        return wilson(self.passed, self.n)


@dataclass(frozen=True)
class Difference:
    """How far one arm's pass@1 is from another's on one problem set, as fraction, with Newcombe's 95 % interval."""

    problems: str
    phase: str
    first: Score
    second: Score

    @property
    def value(self) -> float:
        return self.first.value - self.second.value

    @property
    def interval(self) -> tuple[float, float]:
        return difference_interval(self.first.passed, self.first.n, self.second.passed, self.second.n)

    @property
    def is_separable(self) -> bool:
        """Whether the interval leaves zero out."""
        low, high = self.interval
        return low > 0 or high < 0


def scores(run: Run) -> list[Score]:
    """All scores there are, by problem set, then arm, then phase; a set without a problem has none."""
    found = []
    for arm, phase, artifact in run.calls("scores"):
        for problems, facts in dig(artifact.facts, "scores", default={}).items():
            n, passed = number(dig(facts, "n")), number(dig(facts, "passed"))
            if not n or passed is None:
                continue
            raw = number(dig(facts, "raw_passed"))
            found.append(
                Score(
                    arm=arm,
                    phase=phase,
                    problems=str(problems),
                    passed=int(passed),
                    n=int(n),
                    raw_passed=None if raw is None else int(raw),
                    outcomes=counts(dig(facts, "outcomes")),
                    empty=int(number(dig(facts, "empty")) or 0),
                    truncated=int(number(dig(facts, "truncated")) or 0),
                    source=source_of(artifact),
                )
            )
    order = {name: index for index, name in enumerate(PROBLEM_SETS)}
    return sorted(found, key=lambda score: (order.get(score.problems, len(order)), score.problems))


def differences(found: Sequence[Score]) -> list[Difference]:
    """The first arm against each other arm, on every set and phase that both have."""
    if not found:
        return []
    by_key = {(score.problems, score.phase, score.arm): score for score in found}
    arms = list(dict.fromkeys(score.arm for score in found))
    sets = list(dict.fromkeys(score.problems for score in found))
    result = []
    for problems in sets:
        for phase in reversed(PHASES):
            first = by_key.get((problems, phase, arms[0]))
            others = [by_key.get((problems, phase, arm)) for arm in arms[1:]]
            result += [Difference(problems, phase, first, other) for other in others if first and other]
    return result


def finding(found: Sequence[Score]) -> str:
    """One sentence: the first arm against the second, finetuned, on the first problem set that both have."""
    gaps = [gap for gap in differences(found) if gap.phase == "finetuned"]
    if gaps:
        gap = gaps[0]
        low, high = gap.interval
        sentence = (
            f"After finetuning, the {gap.first.arm} arm solves {percent(gap.first.value)} of "
            f"{problem_set(gap.problems)} and the {gap.second.arm} arm {percent(gap.second.value)}: "
            f"a difference of {points(gap.value)} points (95{THIN}% interval {points(low)} to {points(high)})"
        )
        if gap.is_separable:
            return sentence + "."
        return sentence + ", which includes zero: the two arms are not separable on these problems."
    finetuned = [score for score in found if score.phase == "finetuned"] or list(found)
    if finetuned:
        score = finetuned[0]
        return (
            f"The {score.arm} arm, {PHASES[score.phase]}, solves {score.passed:,} of {score.n:,} "
            f"{problem_set(score.problems)}: {percent(score.value)} (95{THIN}% interval {interval(*score.interval)})."
        )
    return "No problem set was scored, so there is no finding."


def problem_set(name: str) -> str:
    """How the page calls a problem set."""
    return PROBLEM_SETS.get(name, name)


def source_of(artifact: Artifact) -> str:
    """Where a number comes from: stage, label and fingerprint of the artifact."""
    label = dig(artifact.record, "label", default="")
    return "/".join(part for part in (artifact.stage, str(label), artifact.fingerprint) if part)


def stage_table(run: Run) -> dict[str, dict[str, Any]]:
    """Rows read, kept and rejected by reason, seconds and fingerprint of each stage; several calls are added up."""
    return {stage: _stage(artifacts) for stage, artifacts in run.stages.items() if artifacts}


def _stage(artifacts: Sequence[Artifact]) -> dict[str, Any]:
    calls = [_call(artifact) for artifact in artifacts]
    if len(calls) == 1:
        return {name: value for name, value in calls[0].items() if name != "label"}
    rejected: dict[str, int] = {}
    for call in calls:
        for reason, rows in call["rejected"].items():
            rejected[reason] = rejected.get(reason, 0) + rows
    return {
        "read": sum(call["read"] for call in calls),
        "kept": sum(call["kept"] for call in calls),
        "rejected": dict(sorted(rejected.items())),
        "seconds": round(sum(call["seconds"] for call in calls), 3),
        "fingerprint": fingerprint([call["fingerprint"] for call in calls]),
        "calls": calls,
    }


def _call(artifact: Artifact) -> dict[str, Any]:
    record = artifact.record
    return {
        "label": str(dig(record, "label", default="")),
        "read": int(number(dig(record, "read")) or 0),
        "kept": int(number(dig(record, "kept")) or 0),
        "rejected": dict(sorted(counts(dig(record, "rejected")).items())),
        "seconds": number(dig(record, "seconds")) or 0.0,
        "fingerprint": artifact.fingerprint,
    }


def document(name: str, run: Run, found: Sequence[Score]) -> dict[str, Any]:
    """`report.json`: every metric of every arm with interval, unit, count and source; see docs/reference/report.md."""
    return {
        "format": FORMAT,
        "name": name,
        "hornbook_version": __version__,
        "finding": finding(found),
        "arms": {arm: {"metrics": _metrics(arm, run, found)} for arm in run.arms},
        "differences": [
            {
                "name": f"pass@1/{gap.problems}/{gap.phase}",
                "first": gap.first.arm,
                "second": gap.second.arm,
                "value": gap.value,
                "low": gap.interval[0],
                "high": gap.interval[1],
                "unit": "fraction",
                "is_separable": gap.is_separable,
            }
            for gap in differences(found)
        ],
        "stages": stage_table(run),
    }


def _metrics(arm: str, run: Run, found: Sequence[Score]) -> list[dict[str, Any]]:
    rows = []
    for score in (score for score in found if score.arm == arm):
        place = f"{score.problems}/{score.phase}"
        rows.append(_rate(f"pass@1/{place}", score.passed, score))
        if score.raw_passed is not None:
            rows.append(_rate(f"pass@1_raw/{place}", score.raw_passed, score))
    models = [(phase, artifact) for name, phase, artifact in run.calls("model") if name == arm]
    for phase, artifact in models:
        for source, value in sorted(held_out(artifact).items()):
            rows.append(_plain(f"bits_per_byte/{source}/{phase}", value, "bits per byte", artifact))
    for phase, artifact in models:
        if (tokens := number(dig(artifact.facts, "tokens"))) is not None:
            rows.append(_plain(f"tokens/{phase}", int(tokens), "tokens", artifact))
    for _, artifact in models[-1:]:
        if (parameters := number(dig(artifact.facts, "parameters"))) is not None:
            rows.append(_plain("parameters", int(parameters), "parameters", artifact))
    return rows


def held_out(artifact: Artifact) -> dict[str, float]:
    """Bits per byte on each source's held-out documents at the end of a training phase."""
    values = dig(artifact.facts, "final", "bits_per_byte", default={})
    found = {str(source): number(value) for source, value in values.items()} if isinstance(values, Mapping) else {}
    return {source: value for source, value in found.items() if value is not None}


def _rate(name: str, passed: int, score: Score) -> dict[str, Any]:
    low, high = wilson(passed, score.n)
    return {
        "name": name,
        "value": passed / score.n,
        "low": low,
        "high": high,
        "unit": "fraction",
        "n": score.n,
        "source": score.source,
    }


def _plain(name: str, value: float, unit: str, artifact: Artifact) -> dict[str, Any]:
    """A measured or counted number that has no interval."""
    return {
        "name": name,
        "value": value,
        "low": None,
        "high": None,
        "unit": unit,
        "n": None,
        "source": source_of(artifact),
    }
