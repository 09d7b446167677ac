"""Which documents say what another says: the same text, or nearly the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hornbook.dataset import Dataset
from hornbook.engine import Engine
from hornbook.similarity import components, jaccard, shingles
from hornbook.stages.curate.measure import Index
from hornbook.store import Work


def drop_exact(index: Index) -> int:
    """Drops all but one of the documents with the same text: the one of smallest path, then source, stays."""
    best: dict[str, int] = {}
    for position in sorted(index.left, key=lambda at: (index.paths[at], index.sources[at], at)):
        kept = best.setdefault(index.ids[position], position)
        if kept != position:
            index.drop(position, "exact_duplicate", f"same text as {index.paths[kept]} ({index.origins[kept]})")
    return index.reasons.count("exact_duplicate")


def drop_near(index: Index, documents: Dataset, at_least: float, work: Work, engine: Engine) -> dict[str, int]:
    """Drops all but the smallest id of each cluster of near duplicates; returns counts for the facts.

    Candidates come from MinHash, and every pair of them is verified: a cluster holds together by pairs whose 5-token
    shingles have a Jaccard similarity of `at_least`.
    """
    position_of = {index.ids[position]: position for position in index.left}

    def find() -> dict[str, Any]:
        pairs = engine.candidate_pairs(documents, position_of)
        return {"candidates": len(pairs), "verified": verify(pairs, documents, at_least, work)}

    with work.task("finding near duplicates"):
        found = work.once("near_duplicates", find)
    involved = sorted({one for pair in found["verified"] for one in pair})
    clusters = components(involved, ((a, b) for a, b in found["verified"]))
    for kept, *others in clusters:
        for one in others:
            detail = f"like {kept}, {index.paths[position_of[kept]]} ({index.origins[position_of[kept]]})"
            index.drop(position_of[one], "near_duplicate", detail)
    return {
        "near": len(involved) - len(clusters),
        "clusters": len(clusters),
        "candidate_pairs": found["candidates"],
        "verified_pairs": len(found["verified"]),
    }


def verify(pairs: Sequence[tuple[str, str]], documents: Dataset, at_least: float, work: Work) -> list[tuple[str, str]]:
    """The pairs whose texts are as similar as that. Holds texts of all pairs, and shingles of one group at a time."""
    involved = sorted({one for pair in pairs for one in pair})
    texts = texts_of(documents, involved)
    group_of = {one: number for number, group in enumerate(components(involved, pairs)) for one in group}
    verified: list[tuple[str, str]] = []
    shingled: dict[str, frozenset[str]] = {}
    group = -1
    with work.task("verifying near duplicates", len(pairs), "pairs") as task:
        for a, b in sorted(pairs, key=lambda pair: (group_of[pair[0]], pair)):
            if group_of[a] != group:
                group, shingled = group_of[a], {}
            for one in (a, b):
                if one not in shingled:
                    shingled[one] = shingles(texts[one])
            if jaccard(shingled[a], shingled[b]) >= at_least:
                verified.append((a, b))
            task.advance()
    return sorted(verified)


def texts_of(documents: Dataset, ids: Iterable[str]) -> Mapping[str, str]:
    """Texts by id, read part by part."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = pa.array(sorted(ids), type=pa.string())
    texts: dict[str, str] = {}
    for table in documents.tables(["id", "text"]):
        rows = table.filter(pc.is_in(table.column("id"), value_set=wanted))
        texts.update(zip(rows.column("id").to_pylist(), rows.column("text").to_pylist(), strict=True))
    return texts
