"""What the sources hold: the files of each, a cheap snapshot of them, and their division into units of work."""

from __future__ import annotations

import glob
import gzip
import hashlib
import importlib.metadata
import json
import os
import re
import sys
import sysconfig
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook import recipe
from hornbook.errors import BadInput, DatasetError, SchemaMismatch, closest
from hornbook.languages import language_of
from hornbook.stages.corpus.licences import licence_id

Unit = dict[str, Any]
"""Plain data: `kind` (files, lines or rows) and what the reader of that kind needs."""

Pathed = recipe.Directory | recipe.Jsonl | recipe.ParquetFiles
"""Sources that lie at a path."""

NOT_LIBRARY = {"site-packages", "dist-packages", "lib-dynload", "__pycache__"}
"""Folders inside the standard library's that are not of it."""


@dataclass(frozen=True)
class File:
    """One file of code: where it lies, and what its row will say."""

    absolute: str
    path: str
    origin: str
    licence: str


@dataclass(frozen=True)
class Snapshot:
    """What the sources hold now, by names, sizes and times of change: a corpus is made again when this changes.

    `sources` describes each source in words; `missing` names what is not there (reading it raises BadInput).
    """

    fingerprint: str
    sources: tuple[str, ...]
    missing: tuple[str, ...]


def snapshot(section: recipe.Corpus) -> Snapshot:
    """Describes the sources without reading any code. Raises nothing for a missing path, so that a plan can be made."""
    described: list[Any] = []
    sources, missing = [], []
    for source in section.sources:
        sources.append(describe(source))
        missing += _missing(source)
        if isinstance(source, recipe.Installed):
            versions = sorted({f"{_name(one)}=={one.version}" for one in _distributions(source)})
            described.append([sys.version if source.standard_library else "", *versions])
        else:
            root = source.path if isinstance(source, recipe.Directory) else Path()
            described.append([[readable(os.path.relpath(path, root)), *_state(path)] for path in _paths(source)])
    return Snapshot(recipe.fingerprint(described), tuple(sources), tuple(missing))


def describe(source: recipe.Installed | Pathed) -> str:
    """A source in words, as the recipe states it: its kind, and its path where it has one."""
    return "installed" if isinstance(source, recipe.Installed) else f"{source.kind}:{source.path}"


def units(section: recipe.Corpus, seed: int) -> list[Unit]:
    """All sources as units of at most `files_per_unit` rows. Raises BadInput for a source that is missing or empty."""
    found: list[Unit] = []
    for source in section.sources:
        if missing := _missing(source):
            raise BadInput(f"corpus.sources: {missing[0]}")
        if isinstance(source, recipe.Installed | recipe.Directory):
            files = _installed_files(source, seed) if isinstance(source, recipe.Installed) else _folder_files(source)
            own = [
                {"kind": "files", "source": describe(source), "files": [vars(file) for file in chunk]}
                for chunk in _chunks(files, section.files_per_unit)
            ]
        else:
            split = _line_ranges if isinstance(source, recipe.Jsonl) else _row_ranges
            columns = source.model_dump(include={"text_column", "path_column", "licence_column", "licence"})
            own = [
                {**columns, **part, "source": f"{source.kind}:{readable(part['file'])}"}
                for path in _paths(source)
                for part in split(path, source.text_column, section.files_per_unit)
            ]
        if not own:
            raise BadInput(f"corpus.sources: {describe(source)} holds no files to read; check its path and pattern")
        found += own
    return found


def readable(path: str | Path) -> str:
    """A path as UTF-8 text, bytes that are none escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


# --- paths ----------------------------------------------------------------------------------------------------------


def _paths(source: Pathed) -> list[Path]:
    """The files of a source, sorted. Hidden folders, `__pycache__` and links to folders are not entered."""
    if isinstance(source, recipe.Directory):
        found = _below(source.path, [source.pattern])
        return [path for path in found if source.language in (None, language_of(path.name))]
    path = Path(source.path)
    endings = ("jsonl", "jsonl.gz") if isinstance(source, recipe.Jsonl) else ("parquet",)
    if path.is_dir():
        return _below(path, [f"**/*.{ending}" for ending in endings])
    if path.is_file():
        return [path]
    return sorted(Path(name) for name in glob.glob(source.path, recursive=True) if os.path.isfile(name))


def _below(folder: Path, patterns: Sequence[str]) -> list[Path]:
    """Files below a folder that match a glob pattern. Raises BadInput for an impossible pattern."""
    try:
        found = {path for pattern in patterns for path in folder.glob(pattern)}
    except (ValueError, NotImplementedError, IndexError) as error:
        raise BadInput(f"corpus.sources: pattern `{patterns[0]}` cannot be used ({error}); try **/*.py") from None
    return sorted(path for path in found if not _is_hidden(path.relative_to(folder)) and path.is_file())


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts[:-1])


def _state(path: Path) -> list[int]:
    """Size and time of change; zeros for a file that has just gone."""
    try:
        status = path.stat()
    except OSError:
        return [0, 0]
    return [status.st_size, status.st_mtime_ns]


def _missing(source: recipe.Installed | Pathed) -> list[str]:
    """What a source asks for and is not there, as sentences."""
    if isinstance(source, recipe.Installed):
        known = {_name(one) for one in importlib.metadata.distributions()}
        asked = [_normal(name) for name in source.distributions or ()]
        return [
            f"distribution {name} is not installed; did you mean {closest(name, known)}?"
            for name in asked
            if name not in known
        ]
    if isinstance(source, recipe.Directory):
        return [] if source.path.is_dir() else [f"{source.path} is not a folder; give the path of an existing one"]
    if Path(source.path).exists() or glob.glob(source.path, recursive=True):
        return []
    return [f"{source.path} matches no {source.kind} file; give the path of an existing file, folder or glob"]


def _folder_files(source: recipe.Directory) -> list[File]:
    """Files of a folder; the origin is the folder, with its subfolder where a file lies in one."""
    root = source.path.resolve()
    files = []
    for path in _paths(source):
        inside = path.relative_to(source.path)
        origin = "/".join([root.name, *inside.parts[:-1][:1]])
        files.append(File(os.path.abspath(path), readable(inside.as_posix()), readable(origin), source.licence))
    return files


# --- installed distributions ----------------------------------------------------------------------------------------


def _installed_files(source: recipe.Installed, seed: int) -> list[File]:
    """Files of the standard library and of distributions, each once; `max_files` takes those that hash lowest."""
    files: dict[str, File] = {}
    for file in _library_files() if source.standard_library else ():
        files.setdefault(file.absolute, file)
    for distribution in _distributions(source):
        for file in _distribution_files(distribution):
            files.setdefault(file.absolute, file)
    chosen = list(files.values())
    if source.max_files is not None and len(chosen) > source.max_files:
        lowest = sorted(chosen, key=lambda file: (_hash(f"{seed}:{file.path}"), file.path))[: source.max_files]
        kept = set(lowest)
        chosen = [file for file in chosen if file in kept]
    return chosen


def _library_files() -> Iterator[File]:
    """Files of the running Python's standard library, its tests included."""
    root = Path(sysconfig.get_path("stdlib"))
    origin = f"python=={sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    paths = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_LIBRARY]
        paths += [Path(folder, name) for name in names if name.endswith(".py")]
    for path in sorted(paths):
        if path.is_file():
            yield File(str(path), readable(path.relative_to(root).as_posix()), origin, "PSF-2.0")


def _distributions(source: recipe.Installed) -> list[importlib.metadata.Distribution]:
    """Installed distributions by name, without this package itself and without those installed for editing."""
    wanted = None if source.distributions is None else {_normal(name) for name in source.distributions}
    found: dict[str, importlib.metadata.Distribution] = {}
    for distribution in importlib.metadata.distributions():
        name = _name(distribution)
        if name and name != "hornbook" and (wanted is None or name in wanted) and not _is_editable(distribution):
            found.setdefault(name, distribution)
    return [found[name] for name in sorted(found)]


def _distribution_files(distribution: importlib.metadata.Distribution) -> Iterator[File]:
    """Python files that a distribution's record lists and that are there, sorted."""
    metadata = distribution.metadata
    classifiers = [str(line) for line in metadata.get_all("Classifier") or ()]
    licence = licence_id(_header(metadata, "License-Expression"), _header(metadata, "License"), classifiers)
    origin = f"{_name(distribution)}=={distribution.version}"
    for listed in sorted(distribution.files or (), key=str):
        if listed.suffix == ".py" and ".." not in listed.parts:
            path = Path(str(distribution.locate_file(listed)))
            if path.is_file():
                yield File(os.path.abspath(path), readable(listed.as_posix()), origin, licence)


def _header(metadata: Any, name: str) -> str | None:
    value = metadata.get(name)
    return None if value is None else str(value)


def _name(distribution: importlib.metadata.Distribution) -> str:
    return _normal(_header(distribution.metadata, "Name") or "")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _is_editable(distribution: importlib.metadata.Distribution) -> bool:
    """Whether a distribution is somebody's working copy."""
    text = distribution.read_text("direct_url.json")
    return text is not None and bool(json.loads(text).get("dir_info", {}).get("editable"))


# --- tables ---------------------------------------------------------------------------------------------------------


def _line_ranges(path: Path, column: str, most: int) -> Iterator[Unit]:
    """A JSON Lines file in runs of `most` lines; the file is read once, in blocks, to find where they start.

    Raises SchemaMismatch where the first JSON line lacks the column, DatasetError where none of the first 100 is JSON
    or the file is cut short.
    """
    _check_lines(path, column)
    is_zipped = path.name.endswith(".gz")
    starts, lines, position, last = [0], 0, 0, b"\n"
    try:
        with gzip.open(path) if is_zipped else path.open("rb") as file:
            while block := file.read(1 << 20):
                at = block.find(b"\n")
                while at >= 0:
                    lines += 1
                    if lines % most == 0:
                        starts.append(position + at + 1)
                    at = block.find(b"\n", at + 1)
                position += len(block)
                last = block[-1:]
    except (EOFError, OSError, zlib.error) as error:
        raise DatasetError(f"cannot read {path}: {error}; fetch the file again") from error
    lines += last != b"\n"
    for number, start in enumerate(starts):
        count = min(most, lines - number * most)
        if count > 0:
            yield {
                "kind": "lines",
                "file": os.path.abspath(path),
                "first": number * most,
                "count": count,
                "offset": None if is_zipped else start,
            }


def _check_lines(path: Path, column: str) -> None:
    try:
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
            head = [line for line in (file.readline(1 << 24) for _ in range(100)) if line.strip()]
    except (EOFError, OSError, zlib.error) as error:
        raise DatasetError(f"cannot read {path}: {error}; fetch the file again") from error
    for line in head:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, Mapping):
            if column not in record:
                raise SchemaMismatch(_no_column(path, column, record))
            return
    if head:
        raise DatasetError(f"{path} is not JSON Lines: none of its first {len(head)} lines is a JSON object")


def _row_ranges(path: Path, column: str, most: int) -> Iterator[Unit]:
    """A Parquet file in runs of `most` rows. Raises SchemaMismatch for a missing or non-text column, DatasetError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise DatasetError(f"cannot read {path} as Parquet: {first}; fetch the file again") from error
    if column not in schema.names:
        raise SchemaMismatch(_no_column(path, column, schema.names))
    kind = schema.field(column).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not any(check(kind) for check in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary)):
        raise SchemaMismatch(f"{path}: column '{column}' is {kind}, expected string; name another as text_column")
    for first_row in range(0, rows, most):
        yield {
            "kind": "rows",
            "file": os.path.abspath(path),
            "first": first_row,
            "count": min(most, rows - first_row),
        }


def _no_column(path: Path, column: str, known: Iterable[str]) -> str:
    return f"{path} has no column '{column}'; did you mean text_column: {closest(column, known)}?"


def _chunks(items: Sequence[File], size: int) -> Iterator[Sequence[File]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
