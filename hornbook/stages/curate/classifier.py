"""The classifier of educational value: a random forest over embeddings (phi-1 §2.1), or logistic regression."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hornbook import recipe
from hornbook.store import Work

if TYPE_CHECKING:
    import numpy as np

KINDS = ("forest", "logistic")

MORE_ITERATIONS = 1_000
"""Steps that logistic regression may take; scikit-learn's 100 are too few for some data."""


@dataclass(frozen=True)
class Trained:
    """A trained classifier; `model` is None where all labels fell on one side, and then `constant` is everyone's score.

    `out_of_fold` scores each labelled document, by kind of classifier, by a model that saw nothing of its group;
    `folds_by` says what a group is: origin, folder or file.
    """

    kind: str
    model: Any
    constant: float
    out_of_fold: Mapping[str, np.ndarray]  # (N,) float64 each
    folds_by: str


def train(
    features: np.ndarray,
    is_good: np.ndarray,
    origins: Sequence[Any],
    folders: Sequence[Any],
    section: recipe.Curate,
    seed: int,
    work: Work,
) -> Trained:
    """Trains the section's classifier on labelled documents, features (N, D) float32 and is_good (N,) bool.

    Both kinds are scored out of fold, so that what the choice between them costs is known.
    """
    import numpy as np

    if is_good.all() or not is_good.any():
        constant = float(is_good[0])
        same = {kind: np.full(len(is_good), constant) for kind in KINDS}
        return Trained(section.classifier, None, constant, same, "none")
    groups, folds_by = choose_groups(origins, folders, section.forest.folds)
    folds = min(section.forest.folds, len(set(groups)))
    with work.task("training the classifier", len(KINDS) * folds + 1, "models") as task:
        scores = {
            kind: _out_of_fold(kind, features, is_good, groups, folds, section.forest, seed, task.advance)
            for kind in KINDS
        }
        model = _fit(section.classifier, features, is_good, section.forest, seed)
        task.advance()
    return Trained(section.classifier, model, 0.0, scores, folds_by)


def choose_groups(origins: Sequence[Any], folders: Sequence[Any], folds: int) -> tuple[Sequence[Any], str]:
    """What must not be split between folds: origins where there are enough of them, else folders, else single files."""
    if len(set(origins)) >= folds:
        return origins, "origin"
    if len(set(folders)) >= folds:
        return folders, "folder"
    return range(len(origins)), "file"


def _out_of_fold(
    kind: str,
    features: np.ndarray,
    is_good: np.ndarray,
    groups: Sequence[Any],
    folds: int,
    forest: recipe.Forest,
    seed: int,
    advance: Callable[[], None],
) -> np.ndarray:
    """Scores each row by a model trained on the other folds."""
    import numpy as np
    from sklearn.model_selection import GroupKFold

    scores = np.zeros(len(is_good))
    for others, fold in GroupKFold(folds).split(features, is_good, groups):
        seen = is_good[others]
        if seen.all() or not seen.any():
            scores[fold] = float(seen[0])
        else:
            scores[fold] = predict(_fit(kind, features[others], seen, forest, seed), features[fold])
        advance()
    return scores


def _fit(kind: str, features: np.ndarray, is_good: np.ndarray, forest: recipe.Forest, seed: int) -> Any:
    """Fits a model; the trees of a forest have seeds drawn beforehand, so that the number of cores does not matter."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    if kind == "logistic":
        return LogisticRegression(max_iter=MORE_ITERATIONS).fit(features, is_good)
    trees = RandomForestClassifier(forest.trees, min_samples_leaf=forest.min_leaf, random_state=seed, n_jobs=-1)
    return trees.fit(features, is_good)


def predict(model: Any, features: np.ndarray) -> np.ndarray:
    """P(good) per row, (N,) float64; on one thread, as several add up the trees in an order of their own."""
    import numpy as np

    if not len(features):
        return np.zeros(0)
    model.set_params(n_jobs=1) if hasattr(model, "estimators_") else None
    return np.asarray(model.predict_proba(features)[:, list(model.classes_).index(True)], dtype=np.float64)


def quality(scores: np.ndarray, is_good: np.ndarray) -> dict[str, float | None]:
    """Area under the ROC curve, and the Brier score: the mean squared distance of score and truth."""
    import numpy as np
    from sklearn.metrics import roc_auc_score

    both = bool(is_good.any() and not is_good.all())
    brier = float(np.mean((scores - is_good) ** 2))
    return {"auc": float(roc_auc_score(is_good, scores)) if both else None, "brier": brier}


def importances(model: Any) -> np.ndarray | None:
    """How much each feature matters: the forest's impurity decrease, or the size of the coefficient; None for no
    model.
    """
    import numpy as np

    if model is None:
        return None
    return np.asarray(model.feature_importances_ if hasattr(model, "estimators_") else np.abs(model.coef_[0]))
