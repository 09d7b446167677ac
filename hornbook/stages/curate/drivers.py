"""What drives the score: which tokens stand behind the features that the classifier uses most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hornbook.embedder import Embedder, HashedEmbedder
from hornbook.similarity import TOKEN
from hornbook.stages.curate.classifier import importances

if TYPE_CHECKING:
    import numpy as np

FEATURES_SHOWN = 15
TOKENS_SHOWN = 4


def token_drivers(
    model: Any, embedder: Embedder, vectors: np.ndarray, is_good: np.ndarray, texts: Sequence[str]
) -> list[dict[str, Any]]:
    """The most important single-token features of a hashed embedding: their tokens, importance, and correlation.

    The correlation is that of the feature with being good, over the labelled documents `vectors` (N, D). Several tokens
    share a feature by chance; those in most of `texts` are named first. Other embedders' features have no names: none.
    """
    import numpy as np

    weights = importances(model)
    if weights is None or not isinstance(embedder, HashedEmbedder):
        return []
    singles = embedder.dimensions // 2
    best = np.argsort(-weights[:singles], kind="stable")[:FEATURES_SHOWN]
    common: Counter[str] = Counter()
    for text in texts:
        common.update(set(TOKEN.findall(text)))
    names = [token for token, _ in sorted(common.items(), key=lambda item: (-item[1], item[0]))]
    places = embedder.dimensions_of(names)
    rows = []
    for feature in best.tolist():
        column = vectors[:, feature]
        is_flat = not column.std() or is_good.all() or not is_good.any()
        correlation = 0.0 if is_flat else float(np.corrcoef(column, is_good)[0, 1])
        tokens = [names[at] for at in np.flatnonzero(places == feature)[:TOKENS_SHOWN].tolist()]
        rows.append({"tokens": tokens, "importance": float(weights[feature]), "correlation": correlation})
    return rows
