"""Units of sources to rows: text as UTF-8, and what cannot be read as a reject with its reason."""

from __future__ import annotations

import gzip
import io
import json
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from hornbook.dataset import content_id, reject
from hornbook.engine import Rejected, Rows
from hornbook.errors import DatasetError
from hornbook.languages import language_of

EXCERPT_BYTES = 2_000
"""How much of an unreadable file its reject shows."""

SLOW_CODECS = {"punycode", "idna"}
"""Text codecs whose time grows with the square of the text: no source file has a use for them."""


@dataclass(frozen=True)
class Raw:
    """One document before anyone looked at it; `data` is None where `problem` says why there is none."""

    data: bytes | None
    path: str
    origin: str
    licence: str
    problem: Rejected | None = None


@dataclass(frozen=True)
class ReadUnit:
    """Reads one unit into documents and rejects; facts count bytes, origins and licences of the documents."""

    max_file_bytes: int

    def __call__(self, unit: Mapping[str, Any]) -> Rows:
        documents, rejects = [], []
        for raw in READERS[unit["kind"]](unit, self.max_file_bytes):
            row = {
                "source": unit["source"],
                "licence": raw.licence,
                "parents": [],
                "path": raw.path,
                "language": unit.get("language") or language_of(raw.path) or "python",
                "origin": raw.origin,
                "created": "",
            }
            is_python = row["language"] == "python" and raw.path.endswith(".py")
            text = raw.problem or decode(raw.data or b"", self.max_file_bytes, is_python=is_python)
            if isinstance(text, Rejected):
                row["text"] = (raw.data or b"")[:EXCERPT_BYTES].decode("utf-8", "backslashreplace")
                row["id"] = content_id(row["source"], row["path"])
                rejects.append(reject(row, text.reason, text.detail))
            else:
                documents.append({**row, "id": content_id(text), "text": text})
        facts = {
            "bytes": sum(len(row["text"].encode()) for row in documents),
            "origins": dict(Counter(row["origin"] for row in documents)),
            "licences": dict(Counter(row["licence"] for row in documents)),
        }
        outputs = {"documents": documents, "rejects": rejects}
        return Rows(read=len(documents) + len(rejects), outputs=outputs, facts=facts)


def decode(data: bytes, most: int, *, is_python: bool) -> str | Rejected:
    """A document's text with line ends as newlines, or why it has none: too_large, not_utf8, has_nul, empty.

    Python files may name their encoding in a cookie (PEP 263); all others are UTF-8, with or without a byte order mark.
    """
    if len(data) > most:
        return Rejected("too_large", f"{len(data):,} bytes, at most {most:,} are read")
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0] if is_python else "utf-8-sig"
        if encoding.lower() in SLOW_CODECS:
            return Rejected("not_utf8", f"encoding {encoding} is not read")
        text = data.decode(encoding)
        text.encode("utf-8")
    except (SyntaxError, LookupError, ValueError) as error:
        return Rejected("not_utf8", str(error).encode("utf-8", "backslashreplace").decode())
    if "\0" in text:
        return Rejected("has_nul", f"a NUL character at {text.index(chr(0)):,}")
    if not text.strip():
        return Rejected("empty")
    return text.replace("\r\n", "\n").replace("\r", "\n")


# --- readers --------------------------------------------------------------------------------------------------------


def _read_files(unit: Mapping[str, Any], most: int) -> Iterator[Raw]:
    """Whole files; one that is too large is not loaded."""
    for file in unit["files"]:
        common = {"path": file["path"], "origin": file["origin"], "licence": file["licence"]}
        try:
            size = Path(file["absolute"]).stat().st_size
            with open(file["absolute"], "rb") as stream:
                data = stream.read(EXCERPT_BYTES if size > most else most + 1)
        except OSError as error:
            yield Raw(None, **common, problem=Rejected("unreadable", error.strerror or str(error)))
            continue
        if size > most:
            yield Raw(data, **common, problem=Rejected("too_large", f"{size:,} bytes, at most {most:,} are read"))
        else:
            yield Raw(data, **common)


def _read_lines(unit: Mapping[str, Any], most: int) -> Iterator[Raw]:
    """Lines of a JSON Lines file; a plain file is entered at the unit's offset, a zipped one is read up to its line."""
    path = Path(unit["file"])
    limit = 8 * most + (1 << 20)  # an escaped character is six bytes; other keys have a megabyte
    with cast(IO[bytes], gzip.open(path) if unit["offset"] is None else path.open("rb")) as file:
        if unit["offset"] is None:
            for _ in range(unit["first"]):
                _read_line(file, limit)
        else:
            file.seek(unit["offset"])
        for number in range(unit["first"], unit["first"] + unit["count"]):
            line, is_whole = _read_line(file, limit)
            if line.strip():
                yield _from_line(line, is_whole, f"{path.name}:{number + 1}", unit)


def _read_line(file: IO[bytes], limit: int) -> tuple[bytes, bool]:
    """The next line, at most `limit` bytes of it; whether that is all of it."""
    line = file.readline(limit)
    is_whole = len(line) < limit or line.endswith(b"\n")
    rest = b"" if is_whole else line
    while rest and not rest.endswith(b"\n"):
        rest = file.readline(limit)
    return line, is_whole


def _from_line(line: bytes, is_whole: bool, place: str, unit: Mapping[str, Any]) -> Raw:
    """One JSON line as a raw document."""
    common = {"path": place, "origin": Path(unit["file"]).name, "licence": unit["licence"]}
    if not is_whole:
        return Raw(line, **common, problem=Rejected("too_large", f"a line of more than {len(line):,} bytes"))
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Raw(line, **common, problem=Rejected("not_json", str(error)))
    text = record.get(unit["text_column"]) if isinstance(record, Mapping) else None
    if not isinstance(text, str):
        detail = f"'{unit['text_column']}' is {type(text).__name__}, expected a string"
        return Raw(line, **common, problem=Rejected("no_text", detail))
    return _from_values(text.encode("utf-8", "surrogatepass"), record, place, unit)


def _read_rows(unit: Mapping[str, Any], most: int) -> Iterator[Raw]:
    """Rows of a Parquet file, read in batches from the row groups that hold them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, first, last = Path(unit["file"]), unit["first"], unit["first"] + unit["count"]
    try:
        with pq.ParquetFile(path) as file:
            columns = {unit[name] for name in ("text_column", "path_column", "licence_column")}
            groups, position = _groups(file, first, last)
            known = [name for name in file.schema_arrow.names if name in columns]
            for batch in file.iter_batches(batch_size=256, row_groups=groups, columns=known):
                start, stop = max(first - position, 0), min(last - position, len(batch))
                if start < stop:
                    yield from _from_batch(batch.slice(start, stop - start), position + start, unit)
                position += len(batch)
    except (pa.ArrowException, OSError) as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise DatasetError(f"cannot read {path} as Parquet: {first_line}; fetch the file again") from error


def _groups(file: Any, first: int, last: int) -> tuple[list[int], int]:
    """Row groups that overlap a range of rows, and the number of the first one's first row."""
    groups: list[int] = []
    start, position = 0, 0
    for index in range(file.metadata.num_row_groups):
        rows = file.metadata.row_group(index).num_rows
        if position < last and position + rows > first:
            start = start if groups else position
            groups.append(index)
        position += rows
    return groups, start


def _from_batch(batch: Any, first: int, unit: Mapping[str, Any]) -> Iterator[Raw]:
    """Rows of a batch as raw documents; text is taken as bytes, so that broken text sinks its row and no other."""
    import pyarrow as pa

    texts = batch.column(unit["text_column"])
    if pa.types.is_dictionary(texts.type):
        texts = texts.dictionary_decode()
    others = [name for name in batch.schema.names if name != unit["text_column"]]
    records = batch.select(others).to_pylist() if others else [{}] * len(batch)
    for offset, (text, record) in enumerate(zip(texts.cast(pa.large_binary()).to_pylist(), records, strict=True)):
        place = f"{Path(unit['file']).name}:{first + offset + 1}"
        if text is None:
            common = {"path": place, "origin": Path(unit["file"]).name, "licence": unit["licence"]}
            yield Raw(None, **common, problem=Rejected("no_text", f"'{unit['text_column']}' is null"))
        else:
            yield _from_values(text, record, place, unit)


def _from_values(text: bytes, record: Mapping[str, Any], place: str, unit: Mapping[str, Any]) -> Raw:
    """A raw document from a row's values; several licences are joined by AND, the stricter reading."""
    path, licence = record.get(unit["path_column"]), record.get(unit["licence_column"])
    if isinstance(licence, list):
        licence = " AND ".join(sorted({str(one) for one in licence if one}))
    return Raw(
        text,
        path=_clean(path) if isinstance(path, str) and path else place,
        origin=Path(unit["file"]).name,
        licence=_clean(licence) if isinstance(licence, str) and licence else unit["licence"],
    )


def _clean(text: str) -> str:
    """Text that UTF-8 can hold."""
    return text.encode("utf-8", "backslashreplace").decode()


READERS = {"files": _read_files, "lines": _read_lines, "rows": _read_rows}
