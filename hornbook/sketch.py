"""Sketches of texts for near-duplicate search: token hashes, shingles, MinHash signatures, bands; all in numpy.

A text becomes the set of its runs of five tokens (shingles), each a 64-bit hash. One-permutation hashing sorts that set
once: bin j of a signature holds the smallest shingle whose top bits are j, and an empty bin borrows from another, the
same for all texts (Shrivastava 2017, "Optimal Densification for Fast and Accurate Minwise Hashing"). The share of bins
in which two signatures agree estimates the Jaccard similarity of the two sets.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SHINGLE = 5
"""Tokens in a shingle (our choice, as datatrove and The Stack)."""

BINS = 256
"""Bins of a signature: an estimate of a similarity of 0.7 has a standard deviation of 0.03."""

RECALL = 0.97
"""Share of pairs at exactly the wanted similarity that the bands find, at least."""

_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)
_MIX = (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53)
_WORD, _MARK, _SPACE = 1, 2, 0


def token_hashes(text: str) -> np.ndarray:
    """A hash of each token of `similarity.TOKEN`, in order: (N,) uint64. Equal tokens have equal hashes.

    >>> first, _, second = token_hashes("x + x").tolist()
    >>> first == second
    True
    """
    import numpy as np

    codes, starts, ends = _tokens(text)
    if not len(starts):
        return np.zeros(0, dtype=np.uint64)
    powers, inverses = _powers(1 << max(len(codes) - 1, 1).bit_length())
    prefix = np.empty(len(codes) + 1, dtype=np.uint64)
    prefix[0] = 0
    np.cumsum((codes.astype(np.uint64) + np.uint64(1)) * powers[: len(codes)], out=prefix[1:])
    return _mixed((prefix[ends] - prefix[starts]) * inverses[starts])


def count_tokens(text: str) -> int:
    """The number of tokens of `similarity.TOKEN`.

    >>> count_tokens("f(x) = 1")
    6
    """
    return len(_tokens(text)[1])


def shingle_hashes(tokens: np.ndarray, n: int = SHINGLE) -> np.ndarray:
    """The set of runs of `n` tokens as rising uint64 hashes; a text of fewer tokens is one run, and of none, none."""
    import numpy as np

    if not len(tokens):
        return tokens
    n = min(n, len(tokens))
    runs = len(tokens) - n + 1
    total = np.zeros(runs, dtype=np.uint64)
    for place in range(n):
        total *= np.uint64(_BASE)
        total += tokens[place : place + runs]
    return np.unique(_mixed(total))


def signature(shingles: np.ndarray) -> np.ndarray:
    """The signature of a set of shingles: (BINS,) uint64; all zeros for an empty set."""
    import numpy as np

    if not len(shingles):
        return np.zeros(BINS, dtype=np.uint64)
    shift = np.uint64(64 - (BINS - 1).bit_length())
    edges = np.searchsorted(shingles, np.arange(BINS, dtype=np.uint64) << shift)
    is_filled = np.append(edges[1:], len(shingles)) > edges
    values = shingles[np.minimum(edges, len(shingles) - 1)]
    empty = np.flatnonzero(~is_filled)
    for donors in _donors():
        if not len(empty):
            break
        found = is_filled[donors[empty]]
        values[empty[found]] = values[donors[empty[found]]]
        empty = empty[~found]
    values[empty] = shingles[0]
    return values


def bands_for(threshold: float) -> tuple[int, int]:
    """Bands, and bins per band, that find `RECALL` of the pairs of that similarity with the fewest other pairs.

    >>> bands_for(0.7), bands_for(0.9)
    ((42, 6), (17, 15))
    """
    for rows in range(BINS, 0, -1):
        bands = BINS // rows
        if 1 - (1 - threshold**rows) ** bands >= RECALL:
            return bands, rows
    return BINS, 1


def band_keys(signatures: np.ndarray, bands: int, rows: int) -> np.ndarray:
    """One key per band: (N, BINS) uint64 signatures to (N, bands) int64; texts that share a key may be alike."""
    import numpy as np

    used = signatures[:, : bands * rows].reshape(len(signatures), bands, rows)
    keys = np.zeros((len(signatures), bands), dtype=np.uint64)
    for row in range(rows):
        keys *= np.uint64(_BASE)
        keys += used[:, :, row]
    return _mixed(keys).view(np.int64)


def estimated_jaccard(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Estimated similarities of pairs from the low bytes of their signatures: two (N, BINS) uint8 to (N,) float64.

    Bytes of different shingles agree by chance in one of 256 cases, which the estimate takes out (Li and König 2010).
    """
    import numpy as np

    agreeing = np.count_nonzero(first == second, axis=1) / first.shape[1]
    return np.asarray((agreeing - 1 / 256) / (1 - 1 / 256))


def jaccard_sorted(first: np.ndarray, second: np.ndarray) -> float:
    """Jaccard similarity of two sets given as rising arrays without repeats; two empty sets are equal."""
    import numpy as np

    if not len(first) or not len(second):
        return float(len(first) == len(second))
    both = np.concatenate([first, second])
    both.sort(kind="stable")  # two rising runs: one merge
    shared = int(np.count_nonzero(both[1:] == both[:-1]))
    return shared / (len(both) - shared)


# --- inside ---------------------------------------------------------------------------------------------------------


def _tokens(text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Character codes, and where each token starts and ends among them."""
    import numpy as np

    if text.isascii():
        codes = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
        kinds = _ascii_kinds()[codes]
    else:
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        kinds = _ascii_kinds()[np.minimum(codes, 127)]
        foreign = np.flatnonzero(codes > 127)
        values, which = np.unique(codes[foreign], return_inverse=True)
        kinds[foreign] = np.array([_kind(chr(value)) for value in values.tolist()], dtype=np.uint8)[which]
    is_word = kinds == _WORD
    is_mark = kinds == _MARK
    starts, ends = is_word.copy(), is_word.copy()
    starts[1:] &= ~is_word[:-1]
    ends[:-1] &= ~is_word[1:]
    return codes, np.flatnonzero(starts | is_mark), np.flatnonzero(ends | is_mark) + 1


def _kind(character: str) -> int:
    """What the regular expression `TOKEN` takes a character for."""
    if character == "_" or character.isalnum():
        return _WORD
    return _SPACE if character.isspace() else _MARK


@functools.lru_cache(maxsize=1)
def _ascii_kinds() -> np.ndarray:
    import numpy as np

    return np.array([_kind(chr(code)) for code in range(128)], dtype=np.uint8)


@functools.lru_cache(maxsize=4)
def _powers(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Powers of the base and of its inverse, modulo 2 to the 64."""
    import numpy as np

    def powers(base: int) -> np.ndarray:
        steps = np.full(count, base, dtype=np.uint64)
        steps[0] = 1
        return np.cumprod(steps, dtype=np.uint64)

    return powers(_BASE), powers(_INVERSE)


def _mixed(values: np.ndarray) -> np.ndarray:
    """Spreads each value over all 64 bits (the finaliser of MurmurHash3)."""
    import numpy as np

    for factor in _MIX:
        values = values ^ (values >> np.uint64(33))
        values = values * np.uint64(factor)
    return values ^ (values >> np.uint64(33))


@functools.lru_cache(maxsize=1)
def _donors() -> Sequence[np.ndarray]:
    """For each attempt, the bin that each empty bin borrows from: drawn once and for all."""
    import numpy as np

    return list(np.random.default_rng(0).integers(0, BINS, size=(8 * BINS, BINS)))
