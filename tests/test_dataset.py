"""The dataset contract: what is written is what is read, and what is damaged is named."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.dataset import BASE, Dataset, commit, content_id, read_rows, reject, write_part
from hornbook.errors import ChecksumMismatch, DatasetError, SchemaMismatch


def row(text: str, **others: Any) -> dict[str, Any]:
    return {"id": content_id(text), "text": text, "source": "test", "licence": "MIT", "parents": [], **others}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    parts = [
        write_part(tmp_path / "data" / f"part-{n:05d}.parquet", [row(f"text {n}")] * (n + 1), BASE) for n in (0, 1)
    ]
    commit(tmp_path / "data", BASE, parts, read=5, rejected={"too_short": 2})
    return tmp_path / "data"


def test_rows_come_back_in_order(folder: Path) -> None:
    dataset = Dataset.open(folder, BASE)
    assert [r["text"] for r in dataset.rows()] == ["text 0", "text 1", "text 1"]
    assert (len(dataset), dataset.manifest.rejected, dataset.manifest.licences) == (3, {"too_short": 2}, {"MIT": 3})
    dataset.verify()


def test_writing_twice_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = write_part(tmp_path / "again" / "part-00001.parquet", [row("text 1")] * 2, BASE)
    assert again.sha256 == Dataset.open(folder).manifest.parts[1].sha256


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(), max_size=5))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("part") / "part-00000.parquet"
    storable = [text for text in texts if text.isprintable() or "\ud800" not in text]
    write_part(path, [row(text) for text in storable], BASE)
    assert [r["text"] for r in read_rows(path)] == storable


def test_a_truncated_part_is_named(folder: Path) -> None:
    part = folder / "part-00001.parquet"
    part.write_bytes(part.read_bytes()[:-10])
    with pytest.raises(ChecksumMismatch, match=r"part-00001\.parquet has .* bytes"):
        Dataset.open(folder)


def test_a_changed_byte_is_found_by_verify(folder: Path) -> None:
    part = folder / "part-00000.parquet"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    with pytest.raises(ChecksumMismatch, match="changed after it was written"):
        Dataset.open(folder).verify()


def test_a_missing_part_is_named(folder: Path) -> None:
    (folder / "part-00000.parquet").unlink()
    with pytest.raises(DatasetError, match=r"part-00000\.parquet is missing"):
        Dataset.open(folder)


def test_a_folder_without_manifest_was_never_finished(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="never finished"):
        Dataset.open(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"rows": 1}', '{"parts": [{"file": 1}]}'])
def test_a_broken_manifest_is_named(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(DatasetError, match="not a dataset manifest"):
        Dataset.open(folder)


def test_a_missing_or_mistyped_column_is_named(folder: Path) -> None:
    with pytest.raises(SchemaMismatch, match="column 'path' is missing"):
        Dataset.open(folder, {**BASE, "path": "string"})
    with pytest.raises(SchemaMismatch, match="column 'text' is string, expected int64"):
        Dataset.open(folder, {"text": "int64"})


def test_a_row_of_the_wrong_form_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "part-00000.parquet"
    for bad in ({"id": "1"}, {**row("x"), "text": 3}, {**row("x"), "text": "\ud800"}):
        with pytest.raises(SchemaMismatch):
            write_part(path, [bad], BASE)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    path = tmp_path / "part-00000.parquet"
    path.write_text("no parquet")
    with pytest.raises(DatasetError, match=r"cannot read .*part-00000\.parquet"):
        read_rows(path)


def test_a_reject_keeps_its_row() -> None:
    record = reject(row("x", topic="sets", seed=3), "too_short", "1 character")
    assert (record["text"], record["reason"], record["detail"]) == ("x", "too_short", "1 character")
    assert json.loads(record["record"]) == {"topic": "sets", "seed": 3}


def test_other_tools_read_a_dataset_as_it_lies(folder: Path) -> None:
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(str(folder), split="train", cache_dir=str(folder.parent / "cache"))
    assert loaded["text"][:] == ["text 0", "text 1", "text 1"]
