"""What the page shows of the stages that gather data: key numbers, plots, and rows kept and rejected.

Whatever an artifact does not record becomes a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hornbook.recipe import Recipe
from hornbook.stages.report import plots
from hornbook.stages.report.blocks import (
    Section,
    figures,
    rejected_plot,
    rejects_group,
    section,
    short_name,
    text_of,
    tile,
)
from hornbook.stages.report.examples import code, cut, printable, readable, rows_of
from hornbook.stages.report.numbers import Run
from hornbook.stages.report.words import (
    amount,
    count,
    counts,
    dig,
    number,
    percent,
    shortened,
    size,
    spaced,
)


def corpus(recipe: Recipe, run: Run) -> Section:
    """Files by origin and licence, and rows that could not be read."""
    facts, artifact = run.corpus.facts, run.corpus
    kept = rows_of(artifact, "documents", ("id", "text", "path", "origin", "licence"))
    rejects = rows_of(artifact, "rejects", ("id", "text", "reason", "detail", "record"))
    sources = [shortened(printable(str(source)), 200) for source in dig(facts, "sources", default=[])]
    return section(
        "corpus",
        [artifact],
        tiles=[
            tile("files", amount(dig(facts, "files"))),
            tile("text", size(dig(facts, "bytes"))),
            tile("origins", amount(dig(facts, "origins")), "packages, repositories or folders"),
        ],
        notes=[f"Read from: {'; '.join(sources)}."] if sources else [],
        plots=[
            (
                plots.bars("Files by origin", counts(dig(facts, "by_origin")), unit="files", names=short_name),
                "The corpus names no origins.",
            ),
            (
                plots.bars("Files by licence", counts(dig(facts, "by_licence")), unit="files", names=short_name),
                "The corpus names no licences.",
            ),
            rejected_plot(artifact, "files"),
        ],
        examples=[
            _documents("A file that went in", readable(kept, min(1, recipe.report.examples)), "origin"),
            rejects_group(rejects, recipe.report.examples),
        ],
    )


def curate(recipe: Recipe, run: Run) -> Section:
    """What the classifier of educational value learned and kept."""
    facts, artifact = run.curate.facts, run.curate
    kept = rows_of(artifact, "curated", ("id", "text", "path", "origin", "educational_value"))
    best = sorted(kept, key=lambda row: (-(number(row.get("educational_value")) or 0.0), str(row.get("id"))))
    best = best[: max(40, len(best) // 10)]
    rejects = rows_of(artifact, "rejects", ("id", "text", "reason", "detail", "record"))
    threshold = number(dig(facts, "threshold"))
    return section(
        "curate",
        [artifact],
        tiles=[
            tile(
                "tokens kept",
                percent(dig(facts, "kept_tokens_rate")),
                f"goal {percent(recipe.curate.keep_tokens_rate)}",
            ),
            tile("files kept", percent(dig(facts, "kept_files_rate"))),
            tile("tokens read", amount(dig(facts, "tokens_read")), "approximate count"),
            tile("forest AUC", figures(dig(facts, "forest", "auc")), "out of fold; 0.5 is chance"),
            tile("precision", percent(dig(facts, "forest", "precision")), _recall(facts)),
            tile("near duplicates", amount(dig(facts, "duplicates", "near")), _exact(facts)),
        ],
        notes=[f"{text_of(dig(facts, 'forest'), 'fallback', 300)}."] if dig(facts, "forest", "fallback") else [],
        plots=[
            (_labels_plot(facts, recipe.curate.good_score), "No labels were recorded."),
            (_scores_plot(facts, threshold), "No scores were recorded."),
            (_keep_plot(facts), "No curve of precision over the share kept was recorded."),
            rejected_plot(artifact, "files"),
        ],
        examples=[
            _documents(
                "Kept for its educational value", readable(best, recipe.report.examples, "origin"), "educational_value"
            ),
            rejects_group(rejects, recipe.report.examples),
        ],
    )


def _labels_plot(facts: Mapping[str, Any], good: int) -> plots.Plot | None:
    labels = counts(dig(facts, "labels", "histogram"))
    ordered = {label: labels[label] for label in sorted(labels)}
    return plots.columns(
        "Labels of the teacher",
        ordered,
        x_title=f"educational value, 0 to 5; {good} and above counts as good",
        y_title="files",
        looks={label: "kept" if label.isdigit() and int(label) >= good else "plain" for label in ordered},
    )


def _scores_plot(facts: Mapping[str, Any], threshold: float | None) -> plots.Plot | None:
    edges = [value for value in map(number, dig(facts, "score_histogram", "edges", default=[])) if value is not None]
    total = [number(value) or 0.0 for value in dig(facts, "score_histogram", "counts", default=[])]
    kept = [number(value) or 0.0 for value in dig(facts, "score_histogram", "kept_counts", default=[])]
    if len(total) != len(kept):
        return None
    dropped = [max(0.0, whole - part) for whole, part in zip(total, kept, strict=True)]
    return plots.histogram(
        "Scores of the forest",
        edges,
        [("kept", "kept", kept), ("rejected", "plain", dropped)],
        x_title="educational value: the forest's share of votes for good",
        y_title="files",
        mark=None if threshold is None else (threshold, f"threshold {threshold:.2f}"),
    )


def _keep_plot(facts: Mapping[str, Any]) -> plots.Plot | None:
    curve = [(dig(step, "tokens_rate"), dig(step, "precision")) for step in dig(facts, "keep_curve", default=[])]
    kept = number(dig(facts, "kept_tokens_rate"))
    return plots.lines(
        "Precision over the share kept",
        [{"name": "precision", "points": plots.thinned(sorted(point for point in curve if None not in point))}],
        x_title="share of tokens kept, best first",
        y_title="good files among those kept",
        x_words=lambda value: percent(value, 0),
        y_words=lambda value: percent(value, 0),
        marks=[] if kept is None else [(kept, f"kept {percent(kept, 0)}")],
    )


def synthesize(recipe: Recipe, run: Run) -> Section:
    """What the teacher wrote, and what the sandbox said of it."""
    facts, artifact = run.synthesize.facts, run.synthesize
    exercises = rows_of(artifact, "exercises", ("id", "text", "topic", "constraint", "entry_point"))
    textbooks = rows_of(artifact, "textbooks", ("id", "text", "topic", "audience"))
    rejects = rows_of(artifact, "rejects", ("id", "text", "reason", "detail", "record"))
    asked, kept = counts(dig(facts, "asked")), counts(dig(facts, "kept"))
    most = recipe.report.examples
    books = [
        {"title": text_of(row, "topic"), "facts": text_of(row, "audience"), "text": cut(row.get("text"))}
        for row in readable(textbooks, min(1, most))
    ]
    tasks = [
        {"title": text_of(row, "entry_point"), "facts": text_of(row, "topic"), "code": code(row.get("text"))}
        for row in readable(exercises, max(0, most - len(books)), "topic")
    ]
    return section(
        "synthesize",
        [artifact],
        tiles=[
            *[
                tile(f"{kind} kept", amount(kept.get(kind, 0)), f"of {amount(asked[kind])} asked")
                for kind in asked
                if asked[kind]
            ],
            tile("error rate", percent(dig(facts, "error_rate")), "of what could be run"),
            tile("topics", amount(dig(facts, "topics"))),
        ],
        notes=[f"Teacher: {shortened(printable(str(dig(facts, 'teacher', default='not recorded'))), 160)}."],
        plots=[
            (
                plots.bars("Verdicts of the sandbox", counts(dig(facts, "verdicts")), unit="rows"),
                "Nothing was run in the sandbox.",
            ),
            rejected_plot(artifact),
        ],
        examples=[
            {"title": "Written and kept", "items": [*books, *tasks]},
            rejects_group(rejects, most),
        ],
    )


def _documents(title: str, rows: Sequence[Mapping[str, Any]], fact: str) -> dict[str, Any]:
    items = []
    for row in rows:
        value = number(row.get(fact))
        shown = text_of(row, fact) if value is None else f"{spaced(fact)} {value:.2f}"
        items.append({"title": text_of(row, "path"), "facts": shown, "code": code(row.get("text"))})
    return {"title": title, "items": items}


def _recall(facts: Mapping[str, Any]) -> str:
    return f"recall {percent(dig(facts, 'forest', 'recall'))}, base rate {percent(dig(facts, 'forest', 'base_rate'))}"


def _exact(facts: Mapping[str, Any]) -> str:
    return f"and {count(dig(facts, 'duplicates', 'exact'))} exact"
