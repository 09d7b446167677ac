"""Packed data: files, checks, and batches by step."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.errors import ChecksumMismatch, DatasetError
from hornbook.packed import Batches, PackedDocument, PackedSource, is_held_out, write_packed

END = 0


def pack(folder: Path, name: str, documents: list[list[int]], vocab_size: int = 1000) -> PackedSource:
    """Pack documents of one byte a token, all of them for training."""
    records = [PackedDocument(tokens, text_bytes=len(tokens)) for tokens in documents]
    write_packed(folder, name, records, vocab_size=vocab_size, end_token=END)
    return PackedSource.open(folder, name)


def counting_source(folder: Path, name: str, tokens: int, first: int = 1) -> PackedSource:
    """A source whose tokens count up from `first`, so that a block shows where it was taken."""
    return pack(folder, name, [list(range(first, first + tokens - 1))], vocab_size=2**20)


@settings(max_examples=40, deadline=None)
@given(documents=st.lists(st.tuples(st.lists(st.integers(1, 999)), st.booleans())))
def test_documents_come_back_with_end_of_text_between(
    documents: list[tuple[list[int], bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("packed")
    records = [PackedDocument(tokens, len(tokens), is_held_out=held_out) for tokens, held_out in documents]
    manifest = write_packed(folder, "code", iter(records), vocab_size=1000, end_token=END)
    for split, wanted in (("train", False), ("valid", True)):
        chosen = [tokens for tokens, held_out in documents if held_out == wanted]
        source = PackedSource.open(folder, "code", split, verify=True)  # type: ignore[arg-type]
        assert source.tokens.tolist() == [token for tokens in chosen for token in (*tokens, END)]
        assert source.facts == getattr(manifest, split)
        assert source.facts.documents == len(chosen)
        assert source.facts.text_bytes == sum(map(len, chosen))


def test_the_type_follows_the_vocabulary(tmp_path: Path) -> None:
    assert pack(tmp_path, "small", [[1, 65_535]], vocab_size=65_536).tokens.dtype == np.uint16
    large = pack(tmp_path, "large", [[1, 65_536]], vocab_size=65_537)
    assert large.tokens.dtype == np.uint32
    assert large.tokens.tolist() == [1, 65_536, END]


@pytest.mark.parametrize("tokens", [[1000], [-1], [0.5], [[1]]])
def test_a_token_outside_the_vocabulary_is_refused(tmp_path: Path, tokens: list) -> None:
    with pytest.raises(DatasetError, match="document"):
        pack(tmp_path, "code", [tokens])
    with pytest.raises(DatasetError, match="has no packed source"):
        PackedSource.open(tmp_path, "code")


def test_a_truncated_file_is_an_error(tmp_path: Path) -> None:
    counting_source(tmp_path, "code", 100)
    path = tmp_path / "code.bin"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(DatasetError, match="bytes; its manifest says"):
        PackedSource.open(tmp_path, "code")
    path.unlink()
    with pytest.raises(DatasetError, match="is missing"):
        PackedSource.open(tmp_path, "code")


def test_changed_bytes_are_found_by_verify(tmp_path: Path) -> None:
    counting_source(tmp_path, "code", 100)
    path = tmp_path / "code.bin"
    path.write_bytes(b"\7" + path.read_bytes()[1:])
    PackedSource.open(tmp_path, "code")
    with pytest.raises(ChecksumMismatch, match="sha256"):
        PackedSource.open(tmp_path, "code", verify=True)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format_version": 9}'])
def test_a_broken_manifest_is_an_error(tmp_path: Path, text: str) -> None:
    counting_source(tmp_path, "code", 100)
    (tmp_path / "code.json").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"code\.json"):
        PackedSource.open(tmp_path, "code")


def test_a_missing_source_names_those_that_exist(tmp_path: Path) -> None:
    counting_source(tmp_path, "textbooks", 100)
    with pytest.raises(DatasetError, match="it has textbooks"):
        PackedSource.open(tmp_path, "textbook")
    with pytest.raises(DatasetError, match="cannot name a file"):
        PackedSource.open(tmp_path, "../textbooks")


def test_held_out_documents_follow_their_id_and_rate() -> None:
    chosen = {str(n) for n in range(2000) if is_held_out(str(n), rate=0.1)}
    assert 150 < len(chosen) < 250
    assert chosen <= {str(n) for n in range(2000) if is_held_out(str(n), rate=0.2)}


def test_one_pass_reads_every_block_once(tmp_path: Path) -> None:
    sources = [counting_source(tmp_path, "a", 81), counting_source(tmp_path, "b", 41, first=1000)]
    batches = Batches(sources, context_length=8, batch_size=3)
    assert batches.blocks == [10, 5]
    rows = np.concatenate([batches[step] for step in range(5)])
    starts = sorted(row[0] for row in rows)
    assert starts == [*range(1, 81, 8), *range(1000, 1040, 8)]
    assert all((np.diff(row)[:-1] == 1).all() for row in rows)
    assert batches.epochs(5) == {"a": 1.0, "b": 1.0}


def test_each_pass_has_its_own_order_and_tiling(tmp_path: Path) -> None:
    batches = Batches([counting_source(tmp_path, "a", 807)], context_length=8, batch_size=100)
    first, second = batches[0], batches[1]
    assert first[:, 0].tolist() != second[:, 0].tolist()
    offsets = {int(batches[step][:, 0].min()) - 1 for step in range(30)}
    assert len(offsets) > 3
    assert max(offsets) <= 6
    assert not np.array_equal(Batches(batches.sources, 8, 100, seed=1)[0], first)


def test_a_batch_depends_on_its_step_alone(tmp_path: Path) -> None:
    source = counting_source(tmp_path, "a", 200)
    forward = Batches([source], context_length=8, batch_size=7, seed=3)
    seen = [forward[step] for step in range(12)]
    fresh = Batches([source], context_length=8, batch_size=7, seed=3)
    for step in reversed(range(12)):
        assert np.array_equal(fresh[step], seen[step])
        assert np.array_equal(np.concatenate([fresh.rows(step, 0, 2), fresh.rows(step, 2, 7)]), seen[step])
    assert seen[0].dtype == np.int64
    assert seen[0].shape == (7, 9)


@settings(max_examples=30, deadline=None)
@given(weights=st.lists(st.floats(0.01, 10), min_size=1, max_size=4), steps=st.integers(1, 500))
def test_weighted_sources_supply_their_share(
    weights: list[float], steps: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("packed")
    sources = [counting_source(folder, f"s{n}", 33 * (n + 1), first=10_000 * n + 1) for n in range(len(weights))]
    shares = {f"s{n}": weight for n, weight in enumerate(weights)}
    batches = Batches(sources, context_length=8, batch_size=4, weights=shares)
    rows = np.concatenate([batches[step] for step in range(steps)])
    drawn = Counter(f"s{first // 10_000}" for first in rows[:, 0])
    for number, (name, weight) in enumerate(shares.items()):
        assert drawn[name] / batches.blocks[number] == pytest.approx(batches.epochs(steps)[name])
        if len(rows) % 1000 == 0:
            assert drawn[name] / len(rows) == pytest.approx(weight / sum(weights), abs=0.0011)


def test_a_weighted_source_repeats_in_whole_passes(tmp_path: Path) -> None:
    sources = [counting_source(tmp_path, "a", 33), counting_source(tmp_path, "b", 8001, first=10_000)]
    batches = Batches(sources, context_length=8, batch_size=10, weights={"a": 0.5, "b": 0.5})
    rows = np.concatenate([batches[step] for step in range(20)])
    small = [int(row[0]) for row in rows if row[0] < 10_000]
    passes = [sorted(small[n : n + 4]) for n in range(0, len(small) // 4 * 4, 4)]
    assert all(one == [1, 9, 17, 25] for one in passes)
    assert batches.epochs(20)["a"] == len(small) / 4


def test_unusable_sources_are_refused(tmp_path: Path) -> None:
    source, short = counting_source(tmp_path, "a", 100), counting_source(tmp_path, "short", 8)
    with pytest.raises(DatasetError, match="no sources"):
        Batches([], 8, 1)
    with pytest.raises(DatasetError, match="fewer than one block of 9"):
        Batches([source, short], 8, 1)
    with pytest.raises(DatasetError, match="some have none"):
        Batches([source, counting_source(tmp_path, "b", 100)], 8, 1, weights={"a": 1.0, "b": None})
    with pytest.raises(DatasetError, match="above 0"):
        Batches([source], 8, 1, weights={"a": 0.0})
