"""Measures of a set's variety, from the number of rows in each of its families."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hornbook.similarity import chao1, effective_number, good_turing_coverage

FURTHER_ROWS = 1_000


def level(rows_by_family: Mapping[str, int]) -> dict[str, Any]:
    """All measures of one level as plain data; zeros where there are no rows.

    `hill` holds the effective numbers of order 0, 1 and 2, `effective_number` that of order 1, `coverage` the estimated
    chance that a further row of the same source is of a known family, `chao1` a lower estimate of all families that the
    source holds, `novelty_next_1000` the new families expected among 1,000 further rows.
    """
    counts = sorted(rows_by_family.values(), reverse=True)
    hill = [effective_number(counts, order) for order in (0, 1, 2)]
    return {
        "families": len(counts),
        "effective_number": hill[1],
        "hill": hill,
        "gini": gini(counts),
        "half": families_of_half(counts),
        "sizes": sizes(counts),
        "coverage": good_turing_coverage(counts),
        "chao1": chao1(counts),
        "novelty_next_1000": novelty(counts, FURTHER_ROWS),
    }


def gini(counts: Iterable[int]) -> float:
    """How unevenly rows are spread over families, in [0, 1): 0 where all families are of one size; 0 without rows.

    >>> gini([5, 5]), gini([3, 1])
    (0.0, 0.25)
    """
    ordered = sorted(counts)
    total, number = sum(ordered), len(ordered)
    if not total:
        return 0.0
    weighted = sum((2 * place - number - 1) * count for place, count in enumerate(ordered, 1))
    return weighted / (number * total)


def families_of_half(counts: Iterable[int]) -> int:
    """The least number of families that hold at least half of the rows.

    >>> families_of_half([6, 2, 1, 1]), families_of_half([])
    (1, 0)
    """
    ordered = sorted(counts, reverse=True)
    half, held = sum(ordered) / 2, 0
    for number, count in enumerate(ordered, 1):
        held += count
        if held >= half:
            return number
    return 0


def novelty(counts: Sequence[int], further_rows: int) -> float:
    """New families expected among so many further rows of the same source.

    Source: Shen, Chao and Lin 2003: f0 (1 - (1 - f1 / (n f0 + f1))^m), where n rows are known, m are to come, f1
    families were seen once, and f0, the families not seen, is Chao1's estimate. It never exceeds f0, for any m.

    >>> novelty([4, 4], 1000)
    0.0
    """
    rows, once = sum(counts), sum(count == 1 for count in counts)
    unseen = chao1(counts) - len(counts)
    if not unseen:
        return 0.0
    return unseen * (1 - (1 - once / (rows * unseen + once)) ** further_rows)


def sizes(counts: Iterable[int]) -> list[dict[str, Any]]:
    """Families and rows by size of family, in classes that double: 1, 2, 3-4, 5-8, and so on; empty classes included.

    >>> [(one["label"], one["families"], one["rows"]) for one in sizes([1, 1, 7])]
    [('1', 2, 2), ('2', 0, 0), ('3-4', 0, 0), ('5-8', 1, 7)]
    """
    classes: list[dict[str, Any]] = []
    for count in sorted(counts):
        while len(classes) <= (count - 1).bit_length():
            most = 1 << len(classes)
            least = most // 2 + 1
            label = f"{least}-{most}" if least < most else str(most)
            classes.append({"label": label, "least": least, "most": most, "families": 0, "rows": 0})
        classes[-1]["families"] += 1
        classes[-1]["rows"] += count
    return classes
