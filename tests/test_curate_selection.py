"""Selection of the curate stage: the cut against brute force, and rates, curve and histogram by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.stages.curate.selection import cut, histogram, keep_curve, rank, rates

RANKED = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 30)), min_size=1, max_size=12)


@given(RANKED, st.floats(0.01, 1), st.floats(0.01, 1))
def test_the_cut_is_nearest_to_the_wanted_share_and_monotone(
    rows: list[tuple[int, int]], first: float, second: float
) -> None:
    ids = [f"{number:02d}" for number in range(len(rows))]
    ranked = rank(ids, [score / 4 for score, _ in rows], [tokens for _, tokens in rows])
    assert list(ranked.scores) == sorted(ranked.scores, reverse=True)
    total = sum(ranked.tokens)
    for rate in (first, second):
        kept = cut(ranked, rate)
        distance = abs(sum(ranked.tokens[:kept]) - rate * total)
        best = min(abs(sum(ranked.tokens[:count]) - rate * total) for count in range(1, len(rows) + 1))
        assert distance == pytest.approx(best)
    assert cut(ranked, min(first, second)) <= cut(ranked, max(first, second))


def test_of_two_cuts_equally_near_the_smaller_is_taken() -> None:
    assert cut(rank(["a", "b"], [0.9, 0.1], [10, 10]), 0.75) == 1


def test_rates_curve_and_histogram_by_hand() -> None:
    ranked = rank(["a", "b", "c", "d"], [1.0, 0.6, 0.6, 0.0], [10, 10, 10, 10])
    is_good = {"a": True, "c": False, "d": True}
    assert rates(ranked, 3, is_good) == (0.5, 0.5)
    assert rates(ranked, 2, {"d": False}) == (None, None)
    curve = keep_curve(ranked, is_good)
    assert curve[-1] == {"tokens_rate": 1.0, "precision": 2 / 3, "recall": 1.0, "threshold": 0.0}
    found = histogram(ranked, 2)
    assert [found["counts"][bin] for bin in (0, 12, 19)] == [1, 2, 1]
    assert [found["kept_counts"][bin] for bin in (0, 12, 19)] == [0, 1, 1]
