"""Corpus: real code from the sources, as documents that say where they come from (phi-1 §2.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from hornbook import recipe
from hornbook.dataset import DOCUMENT, REJECT
from hornbook.engine import Engine
from hornbook.errors import BadInput
from hornbook.stages.corpus.listing import Snapshot, describe, snapshot, units
from hornbook.stages.corpus.reading import ReadUnit
from hornbook.store import Summary, Work, stage

__all__ = ["Snapshot", "corpus", "snapshot"]

LARGEST_ORIGINS = 30


@stage(version=2)
def corpus(section: recipe.Corpus, snapshot: Snapshot, seed: int, *, work: Work, engine: Engine) -> Summary:
    """Reads the sources into documents, in units of `files_per_unit`; `seed` chooses the files under `max_files`.

    Outputs: `documents` (DOCUMENT) and `rejects` (REJECT: too_large, not_utf8, has_nul, empty, unreadable, not_json,
    no_text). Raises BadInput for a source that is missing or holds nothing, SchemaMismatch for a missing column.
    """
    if snapshot.missing:
        raise BadInput(f"corpus.sources: {snapshot.missing[0]}")
    with work.task("listing files", unit="sources"):
        listed = work.once("listing", lambda: units(section, seed))
    outputs = {"documents": DOCUMENT, "rejects": REJECT}
    read = engine.map(listed, ReadUnit(section.max_file_bytes), work, outputs, description="reading code", unit="units")
    kept = len(read.datasets["documents"])
    origins = _total(facts["origins"] for facts in read.facts)
    facts = {
        "files": kept,
        "bytes": sum(facts["bytes"] for facts in read.facts),
        "by_origin": dict(sorted(origins.items(), key=lambda item: (-item[1], item[0]))[:LARGEST_ORIGINS]),
        "origins": len(origins),
        "by_licence": dict(sorted(_total(facts["licences"] for facts in read.facts).items())),
        "sources": [describe(source) for source in section.sources],
    }
    return Summary(read=read.read, kept=kept, rejected=read.rejected, facts=facts)


def _total(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return total
