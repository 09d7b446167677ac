"""What the page shows of training and evaluation: curves of all arms, verdicts, and answers beside each other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hornbook.recipe import Recipe
from hornbook.stages.report import plots
from hornbook.stages.report.blocks import Section, figures, section, table
from hornbook.stages.report.examples import answers, rows_of
from hornbook.stages.report.numbers import Run, Score, held_out, problem_set
from hornbook.stages.report.words import (
    OUTCOMES,
    PHASES,
    THIN,
    amount,
    count,
    dig,
    duration,
    listed,
    number,
    percent,
    shortened,
    spaced,
)
from hornbook.store import Artifact

Curve = dict[str, Any]
"""One arm's events in both phases: `loss` and `held_out` points over tokens seen, and where finetuning begins."""


def train(recipe: Recipe, run: Run) -> Section:
    """Loss and held-out bits per byte of all arms over both phases."""
    models = list(run.calls("model"))
    arms = list(run.arms)
    curves = {arm: _curve([artifact for name, _, artifact in models if name == arm]) for arm in arms}
    sources = sorted({source for curve in curves.values() for source in curve["held_out"]})
    losses = [
        {"name": arm, "colour": arms.index(arm), "points": curve["loss"], "rings": curve["start"]}
        for arm, curve in curves.items()
    ]
    broken = sum(curve["unreadable"] for curve in curves.values())
    return section(
        "train",
        [artifact for _, _, artifact in models],
        notes=_broken(broken),
        plots=[
            (
                plots.lines(
                    "Training loss",
                    losses,
                    x_title="tokens seen; a ring marks the start of finetuning",
                    y_title="nats per token",
                    y_words=figures,
                ),
                "No training loss was recorded.",
            ),
            *[(_held_out_plot(source, curves), f"No held-out loss on {source} was recorded.") for source in sources],
        ],
        tables=_tables(run, sources),
    )


def _tables(run: Run, sources: Sequence[str]) -> list[dict[str, Any]]:
    """What each training phase was, and its held-out loss at the end."""
    models = list(run.calls("model"))
    return [
        table(
            "Training runs",
            [
                "arm",
                "phase",
                "sources",
                "steps",
                "tokens",
                "time",
                "tokens per second",
                "final loss, nats per token",
            ],
            [_model_row(run, arm, phase, artifact) for arm, phase, artifact in models],
            texts=3,
        ),
        table(
            "Held-out bits per byte at the end of each phase",
            ["arm", "phase", *[spaced(source) for source in sources]],
            [
                [
                    shortened(arm, 40),
                    PHASES[phase],
                    *[figures(held_out(artifact).get(source)) for source in sources],
                ]
                for arm, phase, artifact in models
                if held_out(artifact)
            ],
            "Lower is better. Bits per byte do not depend on the tokenizer.",
            texts=2,
        ),
    ]


def _model_row(run: Run, arm: str, phase: str, artifact: Artifact) -> list[str]:
    facts = artifact.facts
    return [
        shortened(arm, 40),
        PHASES[phase],
        listed(sources_of(run, artifact)),
        count(dig(facts, "steps")),
        amount(dig(facts, "tokens")),
        duration(dig(facts, "seconds")),
        amount(dig(facts, "tokens_per_second")),
        figures(dig(facts, "final", "loss")),
    ]


def sources_of(run: Run, artifact: Artifact) -> list[str]:
    """The sources of a training phase, each with its share of the tokens seen and its passes."""
    drawn: dict[str, float] = {}
    epochs: dict[str, float] = {}
    for name, facts in dig(artifact.facts, "sources", default={}).items():
        epochs[name] = number(dig(facts, "epochs")) or 0.0
        drawn[name] = epochs[name] * (number(dig(run.pack.facts, "sources", name, "tokens")) or 0.0)
    total = sum(drawn.values())
    words = []
    for name, passes in epochs.items():
        shown = f"{passes:.2g}{THIN}{'pass' if f'{passes:.2g}' == '1' else 'passes'}"
        share = f"{percent(drawn[name] / total, 0)}, " if total and len(epochs) > 1 else ""
        words.append(f"{shortened(name, 40)} ({share}{shown})")
    return words


def _held_out_plot(source: str, curves: Mapping[str, Curve]) -> plots.Plot | None:
    series = [
        {"name": arm, "colour": place, "points": curve["held_out"].get(source, []), "rings": []}
        for place, (arm, curve) in enumerate(curves.items())
    ]
    return plots.lines(
        f"Held-out {spaced(source)}",
        series,
        x_title="tokens seen",
        y_title="bits per byte",
        y_words=figures,
    )


def _curve(artifacts: Sequence[Artifact]) -> Curve:
    """Joins the events of an arm's phases on one axis of tokens seen; a step that ran again counts once."""
    curve: Curve = {"loss": [], "held_out": {}, "start": [], "unreadable": 0}
    offset = 0.0
    for place, artifact in enumerate(artifacts):
        events, unreadable = _events(artifact)
        curve["unreadable"] += unreadable
        total, steps = number(dig(artifact.facts, "tokens")) or 0.0, number(dig(artifact.facts, "steps")) or 0.0
        tokens_per_step = total / steps if steps else 0.0
        loss = _by_step(events, "train", "loss_nats_per_token")
        points = plots.thinned([(offset + step * tokens_per_step, value) for step, value in loss])
        curve["start"] += points[:1] if place else []
        curve["loss"] += points
        for source in sorted({str(event["source"]) for event in events if "source" in event}):
            bits = _by_step([event for event in events if event.get("source") == source], "held_out", "bits_per_byte")
            points = [(offset + step * tokens_per_step, value) for step, value in bits]
            curve["held_out"].setdefault(source, []).extend(points)
        offset += total
    return curve


def _by_step(events: Sequence[Mapping[str, Any]], kind: str, name: str) -> list[tuple[float, float]]:
    """One value of the events of a kind, by step; of a step that ran again, the last."""
    found = {}
    for event in events:
        step, value = number(event.get("step")), number(event.get(name))
        if event.get("event") == kind and step is not None and value is not None:
            found[step] = value
    return sorted(found.items())


def _events(artifact: Artifact) -> tuple[list[Mapping[str, Any]], int]:
    """The events of one training phase, and how many lines are no event, such as one that a kill cut short."""
    path = artifact.path / "curve.jsonl"
    if not path.exists():
        return [], 0
    events, unreadable = [], 0
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                event = json.loads(line)
            except ValueError:
                unreadable += 1
                continue
            if isinstance(event, Mapping):
                events.append(event)
            else:
                unreadable += 1
    return events, unreadable


def evaluate(recipe: Recipe, run: Run, found: Sequence[Score]) -> Section:
    """Verdicts of the sandbox by problem set, and the arms' answers to the same problems."""
    sets = list(dict.fromkeys(score.problems for score in found))
    arms = list(run.arms)
    tuned = [score for score in found if score.phase == "finetuned"]
    drawn = [
        (
            plots.stacks(
                f"Verdicts on {problem_set(name)}",
                [(score.arm, arms.index(score.arm), score.outcomes) for score in tuned if score.problems == name],
                OUTCOMES,
            ),
            f"No verdicts on {problem_set(name)} were recorded.",
        )
        for name in sets
    ]
    shown = answers_section(recipe, run, sets)
    return {
        **section(
            "evaluate",
            [artifact for _, _, artifact in run.calls("scores")],
            notes=[_decoding(run), *_cuts(found)] if found else ["No problem set was scored."],
            plots=drawn,
        ),
        "answers": shown,
    }


def _decoding(run: Run) -> str:
    """How completions were drawn, in one sentence."""
    settings = next((dig(artifact.facts, "decoding") for _, _, artifact in run.calls("scores")), None)
    if not isinstance(settings, Mapping) or not settings:
        return "The decoding settings were not recorded."
    return "Decoding: " + ", ".join(f"{spaced(name)} {shortened(value, 80)}" for name, value in settings.items()) + "."


def _cuts(found: Sequence[Score]) -> list[str]:
    """How many finetuned completions were empty or ran into the length limit."""
    tuned = [score for score in found if score.phase == "finetuned"]
    total = sum(score.n for score in tuned)
    if not total:
        return []
    empty, truncated = sum(score.empty for score in tuned), sum(score.truncated for score in tuned)
    return [
        f"Of {count(total)} completions of finetuned models, {count(empty)} were empty and {count(truncated)} reached "
        "the length limit."
    ]


def answers_section(recipe: Recipe, run: Run, sets: Sequence[str]) -> dict[str, Any] | None:
    """The arms' finetuned answers to the same problems of the first scored set, or None where there are none."""
    columns = ("benchmark", "task_id", "prompt", "completion", "verdict", "detail")
    for problems in sets:
        samples = {
            arm: [row for row in rows_of(artifact, "samples", columns) if row.get("benchmark") == problems]
            for arm, phase, artifact in run.calls("scores")
            if phase == "finetuned"
        }
        items = answers({arm: rows for arm, rows in samples.items() if rows}, recipe.report.examples, list(run.arms))
        if items:
            return {"title": f"The same problems, answered by each arm ({problem_set(problems)})", "items": items}
    return None


def _broken(lines: int) -> list[str]:
    """A sentence on lines of training events that are left out, such as one that a kill cut short."""
    which = "1 line" if lines == 1 else f"{count(lines)} lines"
    return [f"{which} of the training events could not be read."] if lines else []
