"""Which documents are kept: the best by score, until the wanted share of tokens is reached."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

CURVE = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Shares of tokens at which the report shows precision."""

BINS = 20


@dataclass(frozen=True)
class Ranked:
    """Documents from best to worst: by score, and of equal scores the smallest id first."""

    ids: Sequence[str]
    scores: Sequence[float]
    tokens: Sequence[int]
    cumulative: Sequence[int]


def rank(ids: Sequence[str], scores: Sequence[float], tokens: Sequence[int]) -> Ranked:
    """Ranks documents, one entry each in three parallel sequences."""
    order = sorted(range(len(ids)), key=lambda at: (-scores[at], ids[at]))
    ranked_tokens = [tokens[at] for at in order]
    return Ranked(
        [ids[at] for at in order], [scores[at] for at in order], ranked_tokens, list(accumulate(ranked_tokens))
    )


def cut(ranked: Ranked, tokens_rate: float) -> int:
    """How many of the best to keep so that their tokens are nearest to that share of all; one at least.

    Of two counts that are equally near, the smaller. A smaller share never keeps a document that a larger one drops.

    >>> cut(rank(["a", "b", "c"], [0.9, 0.5, 0.1], [10, 10, 80]), 0.17)
    2
    """
    wanted = tokens_rate * ranked.cumulative[-1]
    below = bisect_right(ranked.cumulative, wanted)
    if below == len(ranked.cumulative):
        return below
    short = wanted - (ranked.cumulative[below - 1] if below else 0)
    over = ranked.cumulative[below] - wanted
    return max(1, below if short <= over else below + 1)


def rates(ranked: Ranked, kept: int, is_good: Mapping[str, bool]) -> tuple[float | None, float | None]:
    """Precision and recall of keeping the best `kept`, over labelled documents; None where nothing can be divided."""
    labelled = [is_good[one] for one in ranked.ids[:kept] if one in is_good]
    hits, good = sum(labelled), sum(is_good.values())
    return (hits / len(labelled) if labelled else None), (hits / good if good else None)


def keep_curve(ranked: Ranked, is_good: Mapping[str, bool]) -> list[dict[str, Any]]:
    """Precision and threshold at several shares of tokens."""
    points = []
    for tokens_rate in CURVE:
        kept = cut(ranked, tokens_rate)
        precision, recall = rates(ranked, kept, is_good)
        threshold = ranked.scores[kept - 1]
        points.append({"tokens_rate": tokens_rate, "precision": precision, "recall": recall, "threshold": threshold})
    return points


def histogram(ranked: Ranked, kept: int) -> dict[str, list[Any]]:
    """Documents by score in equal bins from 0 to 1, all and kept."""

    def counts(scores: Sequence[float]) -> list[int]:
        bins = [0] * BINS
        for score in scores:
            bins[min(BINS - 1, int(score * BINS))] += 1
        return bins

    edges = [number / BINS for number in range(BINS + 1)]
    return {"edges": edges, "counts": counts(ranked.scores), "kept_counts": counts(ranked.scores[:kept])}
