"""Packed token data: every source one flat file of tokens, read in shuffled blocks of fixed length (phi-1 §2.3).

A packed folder holds, for each source, `<source>.bin` (training), `<source>.valid.bin` (held out) and `<source>.json`
(the manifest, written last). Documents follow one another with end-of-text after each; nothing is cropped or padded.
This module imports numpy alone, so that a bare training node can read the data.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hornbook.errors import ChecksumMismatch, DatasetError

FORMAT_VERSION = 1
CYCLE = 1000  # sequences after which the interleaving of weighted sources repeats: weights are exact to a thousandth
HASH_BYTES = 2**22

Split = Literal["train", "valid"]
SPLITS: tuple[Split, ...] = get_args(Split)


@dataclass(frozen=True)
class PackedSplit:
    """One file of tokens: `tokens` counts the end-of-text after each document, `text_bytes` is UTF-8 without it."""

    tokens: int
    documents: int
    text_bytes: int
    sha256: str


@dataclass(frozen=True)
class PackedManifest:
    """What `<source>.json` says."""

    source: str
    dtype: str
    vocab_size: int
    end_token: int
    train: PackedSplit
    valid: PackedSplit


@dataclass(frozen=True)
class PackedDocument:
    """Tokens of one document (without end-of-text), the bytes of its text, and whether it is held out."""

    tokens: ArrayLike
    text_bytes: int
    is_held_out: bool = False


def is_held_out(content_id: str, rate: float) -> bool:
    """Whether a document is held out: decided by its id alone, so the same document always falls on the same side.

    >>> sum(is_held_out(str(n), rate=0.1) for n in range(1000))
    103
    """
    number = int.from_bytes(hashlib.sha256(f"held out {content_id}".encode()).digest()[:8], "big")
    return number < rate * 2**64


def write_packed(
    folder: Path | str, source: str, documents: Iterable[PackedDocument], *, vocab_size: int, end_token: int
) -> PackedManifest:
    """Write one source's documents, in order, to the packed folder; the manifest comes last and replaces any old one.

    Tokens are uint16 where the vocabulary allows it, else uint32. Raises DatasetError for a token outside it.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _manifest_path(folder, source).unlink(missing_ok=True)
    dtype = np.dtype("<u2" if vocab_size <= 2**16 else "<u4")
    with (
        open(_tokens_path(folder, source, "train"), "wb") as train,
        open(_tokens_path(folder, source, "valid"), "wb") as valid,
    ):
        writers = (_SplitWriter(train, dtype, vocab_size, end_token), _SplitWriter(valid, dtype, vocab_size, end_token))
        for document in documents:
            writers[document.is_held_out].write(document)
        splits = [writer.finish() for writer in writers]
    manifest = PackedManifest(source, dtype.name, vocab_size, end_token, *splits)
    text = json.dumps({"format_version": FORMAT_VERSION, **asdict(manifest)}, indent=2) + "\n"
    unfinished = folder / f"{source}.json.tmp"
    with open(unfinished, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, _manifest_path(folder, source))
    return manifest


class _SplitWriter:
    """Appends documents to one file and keeps its counts and hash."""

    def __init__(self, file: IO[bytes], dtype: np.dtype[Any], vocab_size: int, end_token: int) -> None:
        self.file, self.dtype, self.vocab_size = file, dtype, vocab_size
        self.end = np.array([end_token], dtype=dtype)
        self.digest = hashlib.sha256()
        self.tokens = self.documents = self.text_bytes = 0

    def write(self, document: PackedDocument) -> None:
        tokens = np.asarray(document.tokens)
        if tokens.ndim != 1 or (len(tokens) and not np.issubdtype(tokens.dtype, np.integer)):
            raise DatasetError(
                f"a document's tokens are {tokens.ndim}-dimensional {tokens.dtype}; expected flat integers"
            )
        if len(tokens) and not 0 <= int(tokens.min()) <= int(tokens.max()) < self.vocab_size:
            raise DatasetError(
                f"a document has tokens from {tokens.min()} to {tokens.max()}, outside a vocabulary of"
                f" {self.vocab_size}; pack it with the tokenizer that the model uses"
            )
        content = np.concatenate([tokens.astype(self.dtype), self.end]).tobytes()
        self.file.write(content)
        self.digest.update(content)
        self.tokens += len(tokens) + 1
        self.documents += 1
        self.text_bytes += document.text_bytes

    def finish(self) -> PackedSplit:
        self.file.flush()
        os.fsync(self.file.fileno())
        return PackedSplit(self.tokens, self.documents, self.text_bytes, self.digest.hexdigest())


@dataclass(frozen=True, eq=False)
class PackedSource:
    """One split of one source, memory-mapped: `tokens` is a flat read-only array."""

    name: str
    split: Split
    manifest: PackedManifest
    tokens: NDArray[Any]

    @classmethod
    def open(cls, folder: Path | str, source: str, split: Split = "train", *, verify: bool = False) -> PackedSource:
        """Map a source's tokens; `verify` reads all of them and compares the sha256.

        Raises DatasetError where files are missing or of another length than the manifest says (a truncated file), and
        ChecksumMismatch where `verify` finds other bytes.
        """
        folder = Path(folder)
        manifest = _read_manifest(folder, source)
        path, facts = _tokens_path(folder, source, split), getattr(manifest, split)
        dtype = np.dtype(manifest.dtype).newbyteorder("<")
        expected = facts.tokens * dtype.itemsize
        found = path.stat().st_size if path.is_file() else None
        if found != expected:
            seen = "is missing" if found is None else f"has {found} bytes"
            raise DatasetError(f"{path} {seen}; its manifest says {expected}: pack the source again")
        if verify and (digest := _sha256(path)) != facts.sha256:
            raise ChecksumMismatch(f"{path} has sha256 {digest}, its manifest says {facts.sha256}: pack it again")
        tokens = np.memmap(path, dtype=dtype, mode="r") if facts.tokens else np.empty(0, dtype=dtype)
        return cls(source, split, manifest, tokens)

    @property
    def facts(self) -> PackedSplit:
        """Counts of this split."""
        return getattr(self.manifest, self.split)

    @property
    def bytes_per_token(self) -> float:
        """UTF-8 bytes of text per token (end-of-text counts as a token): turns nats per token into bits per byte."""
        return self.facts.text_bytes / max(1, self.facts.tokens)

    def blocks(self, context_length: int) -> int:
        """Whole blocks of context_length + 1 tokens, each beginning with the last token of the one before."""
        return max(0, (len(self.tokens) - 1) // context_length)

    def block(self, index: int, context_length: int, offset: int = 0) -> NDArray[Any]:
        """Tokens (context_length + 1,) of one block, the whole tiling shifted by `offset` tokens."""
        start = offset + index * context_length
        return self.tokens[start : start + context_length + 1]


class Batches:
    """Shuffled training batches over packed sources; `batches[step]` is (batch_size, context_length + 1) int64.

    A batch depends on the seed and the step alone, so a resumed run needs only its step number. A row's inputs are
    `row[:-1]`, its targets `row[1:]`. Without weights the sources are one pool and every block comes once per pass, in
    a new order each pass. With weights by source name each source supplies that share of the sequences (exact to a
    thousandth) and starts anew when it is through. The few tokens that do not fill a block are not the same ones each
    pass: the tiling shifts.
    """

    def __init__(
        self,
        sources: Sequence[PackedSource],
        context_length: int,
        batch_size: int,
        seed: int = 0,
        weights: Mapping[str, float | None] | None = None,
    ) -> None:
        self.sources = list(sources)
        self.context_length, self.batch_size, self.seed = context_length, batch_size, seed
        shares = [None if weights is None else weights.get(source.name) for source in self.sources]
        self._check(shares)
        self.blocks = [source.blocks(context_length) for source in self.sources]
        self.weights = [share for share in shares if share is not None]
        self._pattern = _Pattern(self.weights, seed) if self.weights else None
        self._starts = np.cumsum([0, *self.blocks])
        self._orders: dict[tuple[int, int], NDArray[np.int64]] = {}

    def _check(self, weights: list[float | None]) -> None:
        if not self.sources:
            raise DatasetError("no sources to train on; name at least one")
        given = [weight for weight in weights if weight is not None]
        if given and len(given) < len(weights):
            raise DatasetError("some sources have a weight and some have none; give every source a weight, or none")
        if any(weight <= 0 for weight in given):
            raise DatasetError(f"source weights are {given}; each must be above 0 (leave a source out instead)")
        for source in self.sources:
            if source.blocks(self.context_length) == 0:
                raise DatasetError(
                    f"source `{source.name}` has {len(source.tokens)} {source.split} tokens, fewer than one block of"
                    f" {self.context_length + 1}; add data or lower context_length"
                )

    def __getitem__(self, step: int) -> NDArray[np.int64]:
        """The batch of this step."""
        return self.rows(step, 0, self.batch_size)

    def rows(self, step: int, start: int, stop: int) -> NDArray[np.int64]:
        """Rows start to stop of this step's batch: the part of one device."""
        first = step * self.batch_size
        rows = [self._sequence(number) for number in range(first + start, first + stop)]
        return np.stack(rows) if rows else np.empty((0, self.context_length + 1), dtype=np.int64)

    @property
    def vocab_size(self) -> int:
        """Vocabulary of the tokenizer that packed the data."""
        return max(source.manifest.vocab_size for source in self.sources)

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the batches, as plain JSON values: sources by sha256, weights, seed and sizes."""
        return {
            "sources": {source.name: source.facts.sha256 for source in self.sources},
            "weights": self.weights,
            "context_length": self.context_length,
            "batch_size": self.batch_size,
            "seed": self.seed,
        }

    def epochs(self, steps: int) -> dict[str, float]:
        """Passes over each source after this many steps."""
        total = steps * self.batch_size
        if self._pattern is None:
            return {source.name: total / int(self._starts[-1]) for source in self.sources}
        drawn = self._pattern.drawn(total)
        return {source.name: drawn[number] / self.blocks[number] for number, source in enumerate(self.sources)}

    def _sequence(self, number: int) -> NDArray[np.int64]:
        """The sequence with this number, counted from the start of training."""
        if self._pattern is None:
            epoch, place = divmod(number, int(self._starts[-1]))
            pooled = int(self._order(-1, epoch, int(self._starts[-1]))[place])
            chosen = int(np.searchsorted(self._starts, pooled, side="right")) - 1
            block = pooled - int(self._starts[chosen])
        else:
            chosen, drawn = self._pattern.locate(number)
            epoch, place = divmod(drawn, self.blocks[chosen])
            block = int(self._order(chosen, epoch, self.blocks[chosen])[place])
        source = self.sources[chosen]
        slack = len(source.tokens) - 1 - self.blocks[chosen] * self.context_length
        offset = int(_random_words(1, self.seed, chosen, epoch, 1)[0] % np.uint64(slack + 1))
        return source.block(block, self.context_length, offset).astype(np.int64)

    def _order(self, pool: int, epoch: int, blocks: int) -> NDArray[np.int64]:
        """The order of blocks in one pass over one pool (-1: all sources); the last two of a pool are kept."""
        key = (pool, epoch)
        if key not in self._orders:
            for old in [other for other in self._orders if other[0] == pool and abs(other[1] - epoch) > 1]:
                del self._orders[old]
            self._orders[key] = _permutation(blocks, self.seed, pool + 1, epoch)
        return self._orders[key]


class _Pattern:
    """Which source each sequence comes from, when sources have weights: a shuffled cycle of CYCLE draws, repeated."""

    def __init__(self, weights: Sequence[float], seed: int) -> None:
        if len(weights) > CYCLE:
            raise DatasetError(f"{len(weights)} weighted sources; at most {CYCLE} can be interleaved")
        shares = np.array(weights) / sum(weights) * CYCLE
        counts = np.maximum(1, np.floor(shares).astype(int))
        while counts.sum() != CYCLE:  # a draw at a time to the source furthest below its share, or from the one above
            lacking = shares - counts
            if counts.sum() < CYCLE:
                counts[int(np.argmax(lacking))] += 1
            else:
                counts[int(np.argmin(np.where(counts > 1, lacking, np.inf)))] -= 1
        cycle = np.repeat(np.arange(len(weights)), counts)[_permutation(CYCLE, seed, 0, 0)]
        self.cycle, self.counts = cycle, counts
        self.before = np.concatenate(
            [np.zeros((1, len(weights)), dtype=int), np.cumsum(np.eye(len(weights), dtype=int)[cycle], axis=0)]
        )

    def locate(self, number: int) -> tuple[int, int]:
        """The source of a sequence, and how many sequences that source has supplied before it."""
        cycles, place = divmod(number, CYCLE)
        source = int(self.cycle[place])
        return source, int(cycles * self.counts[source] + self.before[place, source])

    def drawn(self, sequences: int) -> list[int]:
        """How many of the first sequences each source supplies."""
        cycles, place = divmod(sequences, CYCLE)
        return [int(count) for count in cycles * self.counts + self.before[place]]


def _random_words(count: int, *key: int) -> NDArray[np.uint64]:
    """Raw 64-bit words for a key; the bit generator's stream is fixed, unlike numpy's derived distributions."""
    return np.asarray(np.random.PCG64(np.random.SeedSequence(key)).random_raw(count), dtype=np.uint64)


def _permutation(size: int, *key: int) -> NDArray[np.int64]:
    return np.argsort(_random_words(size, *key), kind="stable")


def _manifest_path(folder: Path, source: str) -> Path:
    if not source or source != Path(source).name or source.endswith(".valid"):
        raise DatasetError(f"source name {source!r} cannot name a file; use letters, digits, `-` and `_`")
    return folder / f"{source}.json"


def _tokens_path(folder: Path, source: str, split: Split) -> Path:
    return folder / (f"{source}.bin" if split == "train" else f"{source}.valid.bin")


def _read_manifest(folder: Path, source: str) -> PackedManifest:
    path = _manifest_path(folder, source)
    if not path.is_file():
        known = sorted(other.stem for other in folder.glob("*.json"))
        raise DatasetError(f"{folder} has no packed source `{source}`; it has {', '.join(known) or 'none'}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content.pop("format_version")
        if version != FORMAT_VERSION:
            raise DatasetError(
                f"{path} has format version {version}, this program reads {FORMAT_VERSION}: pack it again"
            )
        train, valid = (PackedSplit(**content.pop(split)) for split in SPLITS)
        return PackedManifest(**content, train=train, valid=valid)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"{path} is not a packed source's manifest: {error!r}; pack the source again") from error


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while content := file.read(HASH_BYTES):
            digest.update(content)
    return digest.hexdigest()
