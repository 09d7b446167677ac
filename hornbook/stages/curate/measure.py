"""One pass over the corpus: metrics, the heuristics' verdict, and an embedding of every file that passes."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hornbook import recipe
from hornbook.dataset import Dataset, Schema, read_rows, read_table
from hornbook.embedder import Embedder
from hornbook.engine import Rejected, Rows
from hornbook.stages.curate.heuristics import METRICS, UNPARSED, judge, text_metrics

if TYPE_CHECKING:
    import numpy as np

FEATURES: Schema = {"id": "string", "rejected": "string", "detail": "string", **METRICS, "embedding": "list<float>"}
"""One row per document, in order: why it was rejected (else empty), metrics, embedding (empty if rejected)."""


@dataclass(frozen=True)
class Measure:
    """Measures the documents of one part."""

    section: recipe.Curate
    embedder: Embedder

    def __call__(self, path: str) -> Rows:
        documents = read_rows(Path(path), ["id", "text"])
        with no_cycle_collection():
            rows = [self._row(document) for document in documents]
        passed = [index for index, row in enumerate(rows) if not row["rejected"]]
        vectors = self.embedder.embed([documents[index]["text"] for index in passed])
        for index, vector in zip(passed, vectors, strict=True):
            rows[index]["embedding"] = vector
        return Rows(read=len(rows), outputs={"_measured/features": rows})

    def _row(self, document: dict[str, Any]) -> dict[str, Any]:
        try:
            metrics, problem = judge(document["text"], self.section)
        except Exception as error:  # one odd file must not sink its part
            metrics = {**UNPARSED, **text_metrics(document["text"])}
            problem = Rejected("stage_error", f"{type(error).__name__}: {error}")
        found = {"rejected": problem.reason if problem else "", "detail": problem.detail if problem else ""}
        return {"id": document["id"], **found, **{name: metrics[name] for name in METRICS}, "embedding": []}


@contextmanager
def no_cycle_collection() -> Iterator[None]:
    """Rests Python's search for reference cycles: syntax trees have none, and it takes a quarter of their time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@dataclass
class Index:
    """What the driver knows of every document, in the corpus's order: all but text and embedding.

    `reasons` and `details` are empty for a document that is still in; later steps fill them in.
    """

    ids: list[str]
    paths: list[str]
    sources: list[str]
    origins: list[str]
    tokens: list[int]
    reasons: list[str]
    details: list[str]
    part_sizes: list[int]

    @property
    def left(self) -> list[int]:
        """Positions of the documents that are still in."""
        return [position for position, reason in enumerate(self.reasons) if not reason]

    def drop(self, position: int, reason: str, detail: str) -> None:
        """Takes a document out."""
        self.reasons[position], self.details[position] = reason, detail


def read_index(documents: Dataset, features: Dataset) -> Index:
    """Reads the narrow columns of documents and features."""
    return Index(
        ids=documents.column("id"),
        paths=documents.column("path"),
        sources=documents.column("source"),
        origins=documents.column("origin"),
        tokens=features.column("tokens"),
        reasons=features.column("rejected"),
        details=features.column("detail"),
        part_sizes=[part.rows for part in documents.manifest.parts],
    )


def embeddings(path: Path, among: Sequence[int] | None = None) -> tuple[list[int], np.ndarray]:
    """Numbers of the rows that passed in a features part, or those of `among`; their embeddings, (N, D) float32."""
    import numpy as np
    import pyarrow.compute as pc

    table = read_table(path, ["rejected", "embedding"])
    is_wanted = np.asarray(pc.equal(table.column("rejected"), "").to_numpy(), dtype=bool)
    if among is not None:
        chosen = np.zeros(len(is_wanted), dtype=bool)
        chosen[list(among)] = True
        is_wanted &= chosen
    table = table.filter(is_wanted)
    values = table.column("embedding").combine_chunks().flatten().to_numpy()
    rows = np.flatnonzero(is_wanted).tolist()
    return rows, values.reshape(len(rows), -1) if rows else np.zeros((0, 0), dtype=np.float32)
