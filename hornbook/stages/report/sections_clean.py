"""What the page shows of the stages that clean, measure and pack the data.

Whatever an artifact does not record becomes a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hornbook.recipe import Recipe
from hornbook.stages.report import plots
from hornbook.stages.report.blocks import (
    Section,
    rejects_group,
    section,
    short_name,
    table,
    text_of,
    tile,
)
from hornbook.stages.report.examples import code, printable, rows_of
from hornbook.stages.report.numbers import Run
from hornbook.stages.report.words import (
    DASH,
    NONE,
    amount,
    count,
    counts,
    dig,
    listed,
    number,
    percent,
    shortened,
    spaced,
)


def decontaminate(recipe: Recipe, run: Run) -> Section:
    """Rows near a benchmark, by detector, and how the prune grows with a laxer match rate."""
    facts, artifact = run.decontaminate.facts, run.decontaminate
    against = counts(dig(facts, "against"))
    detectors = dig(facts, "detectors", default={})
    found = {name: int(number(dig(detector, "rows")) or 0) for name, detector in detectors.items()}
    curve = [(dig(step, "match_rate"), dig(step, "rows")) for step in dig(facts, "tau_curve", default=[])]
    read, pruned = counts(dig(facts, "read")), counts(dig(facts, "pruned"))
    hit = counts(dig(facts, "problems_hit"))
    matches = rows_of(artifact, "matches", ("row_id", "source", "benchmark", "task_id", "detector", "part", "score"))
    return section(
        "decontaminate",
        [artifact],
        tiles=[
            tile("rows pruned", count(sum(pruned.values())), f"of {amount(sum(read.values()))} read"),
            *[
                tile(f"{spaced(name)} problems hit", count(hit.get(name, 0)), f"of {count(against[name])}")
                for name in sorted(against)
            ],
        ],
        notes=_behaviour(facts),
        plots=[
            (
                plots.bars("Rows matched, by detector", found, unit="rows; several may see one", whole=0),
                "No detector matched a row.",
            ),
            (
                plots.lines(
                    "Rows pruned over the match rate",
                    [{"name": "rows", "points": plots.thinned(sorted(point for point in curve if None not in point))}],
                    x_title="match rate of syntax trees from which an exercise is pruned",
                    y_title="rows pruned",
                    from_zero=True,
                    marks=[(recipe.decontaminate.match_rate, f"used {recipe.decontaminate.match_rate:g}")],
                ),
                "No curve over the match rate was recorded.",
            ),
        ],
        tables=_tables(recipe, read, pruned, matches),
        examples=[
            rejects_group(
                rows_of(artifact, "pruned", ("id", "text", "reason", "detail", "record")),
                recipe.report.examples,
                "Pruned",
            )
        ],
    )


def _tables(
    recipe: Recipe, read: Mapping[str, int], pruned: Mapping[str, int], matches: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Rows pruned by source, and the strongest matches."""
    return [
        table(
            "Pruned, by source",
            ["source", "read, rows", "pruned, rows", "share"],
            [
                [
                    name,
                    count(read[name]),
                    count(pruned.get(name, 0)),
                    percent(pruned.get(name, 0) / max(1, read[name])),
                ]
                for name in read
            ],
        ),
        table(
            "Matches",
            ["source", "benchmark", "problem", "detector", "part", "score"],
            [_match(row) for row in _matches(matches, recipe.report.examples)],
            f"{len(matches):,} matches were read; these are the strongest of each detector.",
            texts=5,
        ),
    ]


def _behaviour(facts: Mapping[str, Any]) -> list[str]:
    """What running the exercises on HumanEval's own tests found, in a sentence."""
    programs, solve = dig(facts, "behaviour", "programs"), dig(facts, "behaviour", "programs_that_solve")
    if number(programs) is None:
        return []
    families = [short_name(name) for name in dig(facts, "behaviour", "families", default=[])]
    pruned = f" Pruned with their whole family: {listed(families[:20])}." if families else ""
    return [
        f"Of {count(programs)} distinct programs run on HumanEval's own tests, {count(solve)} solve a task.{pruned}"
    ]


def _matches(rows: Sequence[Mapping[str, Any]], most: int) -> list[Mapping[str, Any]]:
    """The strongest matches of each detector in turn."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: (-(number(row.get("score")) or 0.0), str(row.get("row_id")))):
        groups.setdefault(str(row.get("detector")), []).append(row)
    turns = [groups[name][turn] for turn in range(most) for name in sorted(groups) if turn < len(groups[name])]
    return turns[: 2 * most]


def _match(row: Mapping[str, Any]) -> list[str]:
    words = [text_of(row, name) for name in ("source", "benchmark", "task_id", "detector", "part")]
    return [*words, _two(row.get("score"))]


def census(recipe: Recipe, run: Run) -> Section:
    """How many different programs there are, in which sizes of family, over which concepts."""
    facts, artifact = run.census.facts, run.census
    tree = dig(facts, "levels", "tree", default={})
    concepts = counts(dig(facts, "concepts"))
    missing = [shortened(printable(str(name)), 60) for name in dig(facts, "missing_concepts", default=[])]
    notes = [shortened(printable(str(sentence)), 400) for sentence in dig(facts, "reading", default=[])]
    if missing:
        notes.append(f"Concepts without a row: {', '.join(missing[:40])}.")
    return section(
        "census",
        [artifact],
        tiles=[
            tile("exercises", amount(dig(facts, "rows"))),
            tile("families", amount(dig(tree, "families"))),
            tile("effective number", amount(dig(tree, "effective_number")), "of families, as if all were of one size"),
            tile("coverage", percent(dig(tree, "coverage")), "chance that one more row is of a known family"),
            tile("estimated in all", amount(dig(tree, "chao1")), "families, Chao1"),
        ],
        notes=notes,
        plots=[
            (_sizes_plot(dig(tree, "sizes", default=[])), "No sizes of families were recorded."),
            (
                plots.bars(
                    "Rows by concept",
                    concepts,
                    unit="rows; a row may have several",
                    most=14,
                    names=short_name,
                    whole=number(dig(facts, "rows")),
                ),
                "No concepts were counted.",
            ),
            (
                plots.bars("Rows by topic", counts(dig(facts, "topics")), unit="rows", names=short_name),
                "No topics were counted.",
            ),
        ],
        examples=[{"title": "Largest families, with a row of each", "items": _largest(tree, recipe.report.examples)}],
    )


def _largest(tree: Mapping[str, Any], most: int) -> list[dict[str, Any]]:
    """The largest families, each with one of its exercises."""
    return [
        {
            "title": f"{count(dig(family, 'rows'))} rows",
            "facts": f"family {text_of(family, 'family')[:10]}",
            "code": code(dig(family, "example")),
        }
        for family in dig(tree, "largest", default=[])[:most]
    ]


def _sizes_plot(sizes: Sequence[Mapping[str, Any]]) -> plots.Plot | None:
    """Families by their number of rows, in classes that double."""
    values = {str(dig(one, "label", default="")): int(number(dig(one, "families")) or 0) for one in sizes}
    named = {label.replace("-", DASH): families for label, families in values.items()}
    return plots.columns("Families by size", named, x_title="rows in a family", y_title="families")


def pack(recipe: Recipe, run: Run) -> Section:
    """Tokens by source."""
    sources = dig(run.pack.facts, "sources", default={})
    tokens = {name: number(dig(facts, "tokens")) or 0.0 for name, facts in sources.items()}
    trained = "trained on the data" if recipe.pack.tokenizer is None else "loaded"
    return section(
        "pack",
        [run.pack],
        tiles=[
            tile("vocabulary", count(dig(run.pack.facts, "vocabulary")), f"tokens, {trained}"),
            tile("training tokens", amount(sum(tokens.values())), f"{len(tokens)} sources"),
        ],
        plots=[
            (
                plots.bars("Training tokens by source", tokens, unit="tokens", look="kept", is_sorted=False),
                "No source was packed.",
            )
        ],
        tables=[
            table(
                "Sources",
                ["source", "documents", "tokens", "bytes per token", "held-out documents", "held-out tokens"],
                [
                    [
                        shortened(name, 60),
                        count(dig(facts, "documents")),
                        amount(dig(facts, "tokens")),
                        _two(dig(facts, "bytes_per_token")),
                        count(dig(facts, "held_out_documents")),
                        amount(dig(facts, "held_out_tokens")),
                    ]
                    for name, facts in sources.items()
                ],
            )
        ],
    )


def _two(value: Any) -> str:
    """A ratio to two decimals."""
    found = number(value)
    return NONE if found is None else f"{found:.2f}"
