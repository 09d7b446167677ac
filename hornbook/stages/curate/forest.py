"""The classifier of educational value: a random forest over embeddings (phi-1 §2.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hornbook import recipe
from hornbook.dataset import Schema, read_table
from hornbook.engine import Rows
from hornbook.stages.curate.measure import embeddings
from hornbook.store import Work

if TYPE_CHECKING:
    import numpy as np
    from sklearn.ensemble import RandomForestClassifier

SCORES: Schema = {"id": "string", "educational_value": "float64"}
"""One row per document; the score is null for a document that the heuristics rejected."""


@dataclass(frozen=True)
class Trained:
    """A trained forest; `forest` is None where all labels fell on one side, and then `constant` is everyone's score.

    `out_of_fold` scores each labelled document by a forest that saw nothing of its group; `folds_by` says what a group
    is: origin, folder or file.
    """

    forest: RandomForestClassifier | None
    constant: float
    out_of_fold: np.ndarray  # (N,) float64
    folds_by: str
    auc: float | None


def train(
    features: np.ndarray,
    is_good: np.ndarray,
    origins: Sequence[str],
    folders: Sequence[str],
    settings: recipe.Forest,
    seed: int,
    work: Work,
) -> Trained:
    """Trains a forest on labelled documents: features (N, D) float32, is_good (N,) bool."""
    import numpy as np
    from sklearn.metrics import roc_auc_score

    if is_good.all() or not is_good.any():
        constant = float(is_good[0])
        return Trained(None, constant, np.full(len(is_good), constant), "none", None)
    groups, folds_by = choose_groups(origins, folders, settings.folds)
    folds = min(settings.folds, len(set(groups)))
    with work.task("training the forest", folds + 1, "forests") as task:
        scores = _out_of_fold(features, is_good, groups, folds, settings, seed, task.advance)
        forest = _fit(features, is_good, settings, seed)
        task.advance()
    return Trained(forest, 0.0, scores, folds_by, float(roc_auc_score(is_good, scores)))


def choose_groups(origins: Sequence[str], folders: Sequence[str], folds: int) -> tuple[Sequence[Any], str]:
    """What must not be split between folds: origins where there are enough of them, else folders, else single files."""
    if len(set(origins)) >= folds:
        return origins, "origin"
    if len(set(folders)) >= folds:
        return folders, "folder"
    return range(len(origins)), "file"


def _out_of_fold(
    features: np.ndarray,
    is_good: np.ndarray,
    groups: Sequence[Any],
    folds: int,
    settings: recipe.Forest,
    seed: int,
    advance: Any,
) -> np.ndarray:
    """Scores each row by a forest trained on the other folds."""
    import numpy as np
    from sklearn.model_selection import GroupKFold

    scores = np.zeros(len(is_good))
    for others, fold in GroupKFold(folds).split(features, is_good, groups):
        seen = is_good[others]
        if seen.all() or not seen.any():
            scores[fold] = float(seen[0])
        else:
            scores[fold] = predict(_fit(features[others], seen, settings, seed), features[fold])
        advance()
    return scores


def _fit(features: np.ndarray, is_good: np.ndarray, settings: recipe.Forest, seed: int) -> RandomForestClassifier:
    """Fits a forest on all cores; the trees' seeds are drawn beforehand, so their number does not matter."""
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(settings.trees, min_samples_leaf=settings.min_leaf, random_state=seed, n_jobs=-1)
    return forest.fit(features, is_good)


def predict(forest: RandomForestClassifier, features: np.ndarray) -> np.ndarray:
    """P(good) per row, (N,) float64; on one thread, as several add up the trees in an order of their own."""
    import numpy as np

    if not len(features):
        return np.zeros(0)
    forest.set_params(n_jobs=1)
    return np.asarray(forest.predict_proba(features)[:, list(forest.classes_).index(True)], dtype=np.float64)


@dataclass(frozen=True)
class Score:
    """Scores the documents of one features part; `known` holds the out-of-fold scores of labelled documents."""

    trained: Trained
    known: Mapping[str, float]

    def __call__(self, path: str) -> Rows:
        import numpy as np

        ids = read_table(Path(path), ["id"]).column("id").to_pylist()
        passed, features = embeddings(Path(path))
        if self.trained.forest is None:
            values = np.full(len(passed), self.trained.constant)
        else:
            values = predict(self.trained.forest, features)
        scores: dict[int, float] = dict(zip(passed, values.tolist(), strict=True))
        rows = [
            {"id": one, "educational_value": self.known.get(one, scores[row]) if row in scores else None}
            for row, one in enumerate(ids)
        ]
        return Rows(read=len(rows), outputs={"_measured/scores": rows})
