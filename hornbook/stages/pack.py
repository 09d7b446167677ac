"""pack: text becomes tokens, concatenated with end-of-text after each document (phi-1 §2.3).

One tokenizer serves all arms, so that arms differ in their text alone. A document is held out by its id, so the same
document is held out from every source that has it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from hornbook.dataset import Dataset, content_id
from hornbook.packed import PackedDocument, PackedManifest, is_held_out, write_packed
from hornbook.recipe import Pack
from hornbook.store import Artifact, Summary, Work, stage
from hornbook.tokenizer import Tokenizer, train_tokenizer

TEXTS_AT_ONCE = 512
MAX_TRAINING_CHARACTERS = 20_000
"""A longer text lends the tokenizer's training only its beginning: no one file shapes the vocabulary."""


@stage(version=1)
def pack(clean: Artifact, section: Pack, sources: Sequence[str], seed: int, *, work: Work) -> Summary:
    """Packs the clean datasets of `sources` and the tokenizer they share.

    Files: `tokenizer/`, and per source `<source>.bin`, `<source>.valid.bin` and `<source>.json`. Read and kept count
    documents. Raises BadInput where a tokenizer folder cannot be read.
    """
    datasets = {name: clean.dataset(name) for name in sources}
    tokenizer = _tokenizer(datasets, section, work)
    manifests = {}
    for name, dataset in datasets.items():
        finished = work.path / f"{name}.json"
        if not finished.exists():
            documents = _documents(dataset, tokenizer, section.held_out_rate, seed, work, name)
            write_packed(work.path, name, documents, vocab_size=tokenizer.vocab_size, end_token=tokenizer.end_token)
        manifests[name] = _facts(json.loads(finished.read_text(encoding="utf-8")))
    rows = sum(len(dataset) for dataset in datasets.values())
    return Summary(
        read=rows,
        kept=rows,
        facts={"vocabulary": tokenizer.vocab_size, "tokenizer": tokenizer.fingerprint, "sources": manifests},
    )


def _tokenizer(datasets: dict[str, Dataset], section: Pack, work: Work) -> Tokenizer:
    """The tokenizer of an earlier attempt, the one that the recipe names, or one trained on all sources alike."""
    folder = work.path / "tokenizer"
    if folder.exists():
        return Tokenizer.load(folder)
    if section.tokenizer is not None:
        tokenizer = Tokenizer.load(section.tokenizer)
    else:
        each = max(1, section.max_training_texts // max(1, len(datasets)))
        total = sum(min(each, len(dataset)) for dataset in datasets.values())
        with work.task("train tokenizer", total, "texts") as task:
            tokenizer = train_tokenizer(_training_texts(datasets, each, task.advance), section.vocabulary)
    unfinished = work.path / "tokenizer.tmp.d"
    shutil.rmtree(unfinished, ignore_errors=True)
    tokenizer.save(unfinished)
    unfinished.rename(folder)
    return tokenizer


def _training_texts(datasets: dict[str, Dataset], each: int, advance: object) -> Iterator[str]:
    """Up to `each` texts of every source, chosen by the hash of their ids."""
    assert callable(advance)
    for dataset in datasets.values():
        ids = dataset.column("id")
        chosen = set(sorted(ids, key=lambda row_id: content_id("tokenizer", row_id))[:each])
        for row in dataset.rows(["id", "text"]):
            if row["id"] in chosen:
                advance()
                yield row["text"][:MAX_TRAINING_CHARACTERS]


def _documents(
    dataset: Dataset, tokenizer: Tokenizer, held_out_rate: float, seed: int, work: Work, name: str
) -> Iterable[PackedDocument]:
    """A source's documents as tokens: parts in order, the rows of a part shuffled by a hash of seed and id."""
    with work.task(f"tokenise {name}", len(dataset), "documents") as task:
        for table in dataset.tables(["id", "text"]):
            rows = sorted(table.to_pylist(), key=lambda row: content_id(str(seed), row["id"]))
            for start in range(0, len(rows), TEXTS_AT_ONCE):
                batch = rows[start : start + TEXTS_AT_ONCE]
                encoded = tokenizer.encode_batch([row["text"] for row in batch])
                for row, tokens in zip(batch, encoded, strict=True):
                    yield PackedDocument(tokens, len(row["text"].encode()), is_held_out(row["id"], held_out_rate))
                task.advance(len(batch))


def _facts(values: dict[str, dict[str, int]]) -> dict[str, float]:
    """A source's counts for the report."""
    train, valid = values["train"], values["valid"]
    return {
        "tokens": train["tokens"],
        "documents": train["documents"],
        "bytes": train["text_bytes"],
        "bytes_per_token": train["text_bytes"] / max(1, train["tokens"]),
        "held_out_tokens": valid["tokens"],
        "held_out_documents": valid["documents"],
    }


def packed_sources(folder: Path) -> list[str]:
    """Names of the sources in a packed folder."""
    return sorted(path.stem for path in folder.glob("*.json") if path.with_suffix(".bin").exists())


__all__ = ["PackedManifest", "pack", "packed_sources"]
