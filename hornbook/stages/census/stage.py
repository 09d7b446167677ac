"""The stage: one pass over the parts, then counting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hornbook.dataset import EXERCISE, TEXTBOOK, Dataset, content_id, read_rows
from hornbook.engine import Engine, Rows
from hornbook.recipe import Census
from hornbook.stages.census.measures import FURTHER_ROWS, level
from hornbook.store import Artifact, Summary, Work, stage
from hornbook.syntax import CONCEPTS, concepts_used, parse, tree_family

FAMILY: Mapping[str, str] = {"id": "string", "text_family": "string", "tree_family": "string"}
"""Each exercise's families; code that is not Python is its own tree family, named `unreadable:` and its text family."""

LEVELS = ("text", "tree")
MAX_EXAMPLE_CHARACTERS = 2_000


@stage(version=1)
def census(clean: Artifact, section: Census, *, work: Work, engine: Engine) -> Summary:
    """Measures the variety of the clean exercises; nothing is rejected, and read and kept count exercises.

    Output: `families` (FAMILY). Facts: `levels`, `concepts` and `missing_concepts` out of a declared inventory,
    `topics`, `textbooks`, and `reading`, which says the same in sentences.
    """
    exercises, textbooks = clean.dataset("exercises", EXERCISE), clean.dataset("textbooks", TEXTBOOK)
    mapped = engine.map(
        [str(path) for path in exercises.paths],
        families_of_part,
        work,
        {"families": FAMILY},
        description="sort into families",
    )
    levels = _levels(mapped.datasets["families"], exercises, section.largest)
    concepts = _total(facts["concepts"] for facts in mapped.facts)
    facts = {
        "rows": mapped.read,
        "levels": levels,
        "concepts": {concept: concepts[concept] for concept in CONCEPTS if concept in concepts},
        "missing_concepts": [concept for concept in CONCEPTS if concept not in concepts],
        "topics": dict(sorted(_total(facts["topics"] for facts in mapped.facts).items())),
        "textbooks": _textbooks(textbooks),
    }
    return Summary(read=mapped.read, kept=mapped.read, facts={**facts, "reading": reading(facts)})


def families_of_part(path: str) -> Rows:
    """The families of a part's exercises; its facts count rows by concept and by topic."""
    rows = read_rows(Path(path), ["id", "text", "topic"])
    families = []
    concepts: Counter[str] = Counter()
    for row in rows:
        text_family = content_id(" ".join(row["text"].split()))
        tree = parse(row["text"])
        family = None if tree is None else tree_family(tree)
        if tree is not None:
            concepts.update(sorted(concepts_used(tree) or ()))
        families.append(
            {"id": row["id"], "text_family": text_family, "tree_family": family or f"unreadable:{text_family}"}
        )
    topics = Counter(row["topic"] for row in rows)
    return Rows(
        read=len(rows), outputs={"families": families}, facts={"concepts": dict(concepts), "topics": dict(topics)}
    )


def _levels(families: Dataset, exercises: Dataset, largest: int) -> dict[str, Any]:
    """The measures of both levels, with the largest families and one example of each (the row of the smallest id)."""
    found: dict[str, Any] = {}
    first: dict[str, dict[str, str]] = {}
    for name in LEVELS:
        counts = Counter(families.column(f"{name}_family"))
        top = sorted(counts, key=lambda family: (-counts[family], family))[:largest]
        found[name] = {**level(counts), "largest": [{"family": family, "rows": counts[family]} for family in top]}
        first[name] = dict.fromkeys(top, "")
    for row in families.rows():
        for name, ids in first.items():
            family = row[f"{name}_family"]
            if family in ids:
                ids[family] = min(ids[family] or row["id"], row["id"])
    wanted = {one for ids in first.values() for one in ids.values()}
    texts = {row["id"]: row["text"] for row in exercises.rows(["id", "text"]) if row["id"] in wanted}
    for name in LEVELS:
        for family in found[name]["largest"]:
            family["example"] = texts[first[name][family["family"]]][:MAX_EXAMPLE_CHARACTERS]
    return found


def _textbooks(textbooks: Dataset) -> dict[str, Any]:
    """How many textbook sections there are, about how many topics and for how many audiences."""
    columns = {name: textbooks.column(name) for name in ("topic", "audience")}
    return {
        "rows": len(textbooks),
        "topics": len(set(columns["topic"])),
        "audiences": dict(sorted(Counter(columns["audience"]).items())),
    }


def reading(facts: Mapping[str, Any]) -> list[str]:
    """What the measures say, in sentences that need no statistics."""
    rows = facts["rows"]
    if not rows:
        return ["There are no exercises to measure."]
    text, tree = facts["levels"]["text"], facts["levels"]["tree"]
    repeats = rows - text["families"]
    largest = tree["largest"][0]["rows"]
    known = round(100 * tree["coverage"])
    missing: Sequence[str] = facts["missing_concepts"]
    return [
        f"The {rows:,} exercises are solved in {tree['families']:,} different ways, counting solutions as one (a "
        "family) when they differ only in names, numbers and strings.",
        f"{repeats:,} exercises repeat the text of another one." if repeats else "No two exercises have the same text.",
        f"The largest family has {largest:,} exercises ({largest / rows:.1%}), and half of all exercises belong to the "
        f"{tree['half']:,} largest families.",
        f"The set is as varied as {tree['effective_number']:,.0f} families of equal size would be.",
        f"Of 100 further exercises from the same source, about {known} would belong to a known family; "
        f"{FURTHER_ROWS:,} further ones would bring about {tree['novelty_next_1000']:,.0f} new families.",
        f"The source is estimated to hold at least {tree['chao1']:,.0f} families, so that about "
        f"{tree['families'] / tree['chao1']:.0%} of them have been seen.",
        f"{len(CONCEPTS) - len(missing)} of the {len(CONCEPTS)} Python concepts of the inventory are used; "
        + (f"the first of the others are {', '.join(missing[:8])}." if missing else "none is missing."),
    ]


def _total(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)
