"""Curate: the real code worth learning from, found as phi-1 §2.1 finds it: annotate a sample, classify the rest.

Heuristics and embeddings, then duplicates, then labels on a sample, then a random forest, then the share of tokens to
keep. Scores stand beside the data: `unfiltered` holds every document that was scored, `curated` those that were kept.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hornbook import recipe
from hornbook.dataset import DOCUMENT, REJECT, Dataset, Schema, read_rows, reject
from hornbook.embedder import Embedder
from hornbook.engine import Engine, Rows
from hornbook.errors import BadInput, ConservationError
from hornbook.stages.curate.duplicates import drop_exact, drop_near
from hornbook.stages.curate.forest import SCORES, Score, Trained, train
from hornbook.stages.curate.heuristics import METRICS
from hornbook.stages.curate.labels import label
from hornbook.stages.curate.measure import FEATURES, Index, Measure, embeddings, read_index
from hornbook.stages.curate.selection import Ranked, cut, histogram, keep_curve, rank, rates
from hornbook.store import Artifact, Summary, Work, stage
from hornbook.teacher import Teacher

if TYPE_CHECKING:
    import numpy as np

__all__ = ["SCORED", "curate"]

SCORED: Schema = {**DOCUMENT, "educational_value": "float64", **METRICS, "label": "int64"}
"""A document with its score, its metrics, and the teacher's label where it was asked (else null)."""


@stage(version=1)
def curate(
    corpus: Artifact,
    section: recipe.Curate,
    seed: int,
    prompts: str = "",
    *,
    work: Work,
    teacher: Teacher,
    embedder: Embedder,
    engine: Engine,
) -> Summary:
    """Scores real code by educational value and keeps the best of it (phi-1 §2.1).

    `prompts` is the identity of the prompt files. Outputs: `curated` and `unfiltered` (SCORED), `labels`, `rejects`
    (heuristics' reasons, exact_duplicate, near_duplicate, below_threshold). Raises BadInput where no document passes
    the heuristics, TeacherError where the teacher gives no label at all.
    """
    summary = work.once("summary", lambda: asdict(_curate(corpus, section, seed, work, teacher, embedder, engine)))
    shutil.rmtree(work.path / "_measured", ignore_errors=True)
    return Summary(**summary)


def _curate(
    corpus: Artifact,
    section: recipe.Curate,
    seed: int,
    work: Work,
    teacher: Teacher,
    embedder: Embedder,
    engine: Engine,
) -> Summary:
    """The steps in order; embeddings lie in `_measured`, which goes when the summary stands."""
    documents = corpus.dataset("documents", DOCUMENT)
    paths = [str(path) for path in documents.paths]
    measured = engine.map(
        paths, Measure(section, embedder), work, {"_measured/features": FEATURES}, description="measuring code"
    ).datasets["_measured/features"]
    index = read_index(documents, measured)
    if not index.left:
        raise BadInput(f"no file of the corpus passed the heuristics of `curate`: {dict(Counter(index.reasons))}")
    exact = drop_exact(index)
    duplicates = {"exact": exact, **drop_near(index, documents, section.near_duplicate_jaccard, work, engine)}

    labels = label(index, documents, section.labels, seed, work, teacher)
    label_of = {row["id"]: row["score"] for row in labels if row["score"] is not None}
    is_good = {one: score >= section.good_score for one, score in label_of.items()}
    trained, known = _train(index, measured, is_good, section.forest, seed, work)
    scored = engine.map(
        [str(path) for path in measured.paths],
        Score(trained, known),
        work,
        {"_measured/scores": SCORES},
        description="scoring code",
    )
    values = scored.datasets["_measured/scores"].column("educational_value")
    left = index.left
    ranked = rank(*zip(*((index.ids[at], values[at], index.tokens[at]) for at in left), strict=True))
    kept = cut(ranked, section.keep_tokens_rate)
    threshold = ranked.scores[kept - 1]
    chosen = set(ranked.ids[:kept])
    for position in left:
        if index.ids[position] not in chosen:
            index.drop(position, "below_threshold", f"score {values[position]:.4f}, kept from {threshold:.4f}")
    written = _write(documents, measured, index, values, label_of, work, engine)
    facts = {
        "labels": _label_facts(labels, teacher),
        "forest": _forest_facts(trained, ranked, kept, is_good),
        **_selection_facts(index, ranked, kept, is_good),
        "duplicates": duplicates,
    }
    curated = len(written["curated"])
    rejected = dict(sorted(Counter(reason for reason in index.reasons if reason).items()))
    return Summary(read=len(documents), kept=curated, rejected=rejected, facts=facts)


def _train(
    index: Index, measured: Dataset, is_good: Mapping[str, bool], settings: recipe.Forest, seed: int, work: Work
) -> tuple[Trained, dict[str, float]]:
    """Trains the forest on the labelled documents; also their out-of-fold scores by id."""
    import numpy as np

    positions = [position for position in index.left if index.ids[position] in is_good]
    features = _embeddings_at(measured, positions)
    trained = train(
        features,
        np.array([is_good[index.ids[position]] for position in positions]),
        [index.origins[position] for position in positions],
        [f"{index.origins[position]}:{Path(index.paths[position]).parent}" for position in positions],
        settings,
        seed,
        work,
    )
    known = zip((index.ids[position] for position in positions), trained.out_of_fold.tolist(), strict=True)
    return trained, dict(known)


def _embeddings_at(measured: Dataset, positions: Sequence[int]) -> np.ndarray:
    """Embeddings of documents at rising positions of the corpus, (N, D) float32."""
    import numpy as np

    found, first = [], 0
    for path, part in zip(measured.paths, measured.manifest.parts, strict=True):
        rows = [position - first for position in positions if first <= position < first + part.rows]
        if rows:
            found.append(embeddings(path, rows)[1])
        first += part.rows
    return np.concatenate(found)


# --- writing --------------------------------------------------------------------------------------------------------


def _write(
    documents: Dataset,
    measured: Dataset,
    index: Index,
    values: Sequence[float | None],
    label_of: Mapping[str, int],
    work: Work,
    engine: Engine,
) -> Mapping[str, Dataset]:
    """Writes `unfiltered`, `curated` and `rejects`, part by part."""
    units, first = [], 0
    for path, features, size in zip(documents.paths, measured.paths, index.part_sizes, strict=True):
        rows = range(first, first + size)
        decisions = [[index.reasons[at], index.details[at], values[at], label_of.get(index.ids[at])] for at in rows]
        units.append({"documents": str(path), "features": str(features), "decisions": decisions})
        first += size
    outputs = {"unfiltered": SCORED, "curated": SCORED, "rejects": REJECT}
    return engine.map(units, apply_decisions, work, outputs, description="writing", conserve=False).datasets


def apply_decisions(unit: Mapping[str, Any]) -> Rows:
    """Sorts the documents of one part by decision; `unfiltered` gets what is curated and what is below threshold."""
    documents = read_rows(Path(unit["documents"]))
    metrics = read_rows(Path(unit["features"]), list(METRICS))
    outputs: dict[str, list[dict[str, Any]]] = {"unfiltered": [], "curated": [], "rejects": []}
    for document, measured, decision in zip(documents, metrics, unit["decisions"], strict=True):
        reason, detail, value, score = decision
        row = {**document, **measured, "educational_value": value, "label": score}
        if not reason or reason == "below_threshold":
            outputs["unfiltered"].append(row)
        if reason:
            outputs["rejects"].append(reject(row, reason, detail))
        else:
            outputs["curated"].append(row)
    if len(outputs["curated"]) + len(outputs["rejects"]) != len(documents):
        raise ConservationError(f"{unit['documents']}: {len(documents):,} rows read, and not all kept or rejected")
    return Rows(read=len(documents), outputs=outputs)


# --- facts ----------------------------------------------------------------------------------------------------------


def _label_facts(labels: Sequence[Mapping[str, Any]], teacher: Teacher) -> dict[str, Any]:
    scores = Counter(row["score"] for row in labels if row["score"] is not None)
    failed = [{"id": row["id"], "error": row["error"]} for row in labels if row["score"] is None]
    return {
        "histogram": {str(score): scores[score] for score in range(6)},
        "count": sum(scores.values()),
        "asked": len(labels),
        "unlabelled": len(failed),
        "unlabelled_examples": failed[:20],
        "teacher": teacher.identity,
    }


def _forest_facts(trained: Trained, ranked: Ranked, kept: int, is_good: Mapping[str, bool]) -> dict[str, Any]:
    """Quality by out-of-fold scores; precision and recall at the threshold."""
    precision, recall = rates(ranked, kept, is_good)
    facts: dict[str, Any] = {
        "auc": trained.auc,
        "precision": precision,
        "recall": recall,
        "base_rate": sum(is_good.values()) / len(is_good),
        "folds_by": trained.folds_by,
    }
    if trained.forest is None:
        side = "good" if trained.constant else "not good"
        facts["fallback"] = f"all {len(is_good):,} labels are {side}: every file has the same score, ids decide"
    return facts


def _selection_facts(index: Index, ranked: Ranked, kept: int, is_good: Mapping[str, bool]) -> dict[str, Any]:
    """Shares are of what was scored: deduplicated code that passed the heuristics (phi-1's 35B tokens are that too)."""
    tokens, tokens_kept = ranked.cumulative[-1], ranked.cumulative[kept - 1]
    return {
        "threshold": ranked.scores[kept - 1],
        "kept_tokens_rate": tokens_kept / tokens,
        "kept_files_rate": kept / len(ranked.ids),
        "tokens_corpus": sum(index.tokens),
        "tokens_read": tokens,
        "tokens_kept": tokens_kept,
        "files_scored": len(ranked.ids),
        "keep_curve": keep_curve(ranked, is_good),
        "score_histogram": histogram(ranked, kept),
    }
