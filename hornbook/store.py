"""When work is done: `@stage` memoises an artifact by its fingerprint, commits it atomically and resumes it by unit.

```
store/<stage>/<fingerprint>/           a finished artifact; artifact.json was written last
store/<stage>/<fingerprint>.partial/   one under way, or killed; the next run takes it up
runs/<name>/01-corpus ... 09-report    links to the artifacts of one run
```
A fingerprint covers the stage's word and version, its recipe section, its inputs' fingerprints and its seams'
identities. Where the work runs (engine, number of workers) is no part of it: one worker and many give the same bytes.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from hornbook import __version__
from hornbook.dataset import Dataset, Schema, write_text
from hornbook.errors import ConservationError, DatasetError, StoreBusy
from hornbook.events import Events, Task
from hornbook.recipe import Section, fingerprint

STAGES = ("corpus", "curate", "synthesize", "decontaminate", "census", "pack", "train", "evaluate", "report")
"""The data path, in order."""

WHERE = {"engine"}
"""Seams that say where work runs, not what it does: no part of a fingerprint."""


@dataclass(frozen=True)
class Summary:
    """What a stage did: rows read, kept and rejected by reason, and any facts the report shows (plain data)."""

    read: int
    kept: int
    rejected: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Artifact:
    """What a stage made: a folder with `artifact.json` and named outputs; `record` is empty while only planned."""

    stage: str
    fingerprint: str
    path: Path
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def facts(self) -> Mapping[str, Any]:
        """The facts of the stage's summary."""
        return self.record["facts"]

    def dataset(self, name: str, schema: Schema | None = None) -> Dataset:
        """Opens one of the artifact's datasets."""
        return Dataset.open(self.path / name, schema)


class Work:
    """What a stage function gets beside its inputs: a folder to write in that survives a kill, and a voice."""

    def __init__(self, path: Path, stage: str, label: str, events: Events) -> None:
        self.path, self.stage, self.label, self.events = path, stage, label, events

    def task(self, description: str, total: float | None = None, unit: str = "rows") -> AbstractContextManager[Task]:
        """Shows a piece of the stage's work, with ETA where `total` is known."""
        return self.events.task(self.stage, f"{self.label} {description}".strip(), total, unit)

    def event(self, event: str, **values: Any) -> None:
        """Records an event of this stage."""
        self.events.write(event, stage=self.stage, label=self.label, **values)

    def once(self, name: str, compute: Callable[[], Any]) -> Any:
        """Computes plain data once, even across kills."""
        path = self.path / "_units" / f"{name}.json"
        if path.exists():
            return json.loads(path.read_text(encoding="utf-8"))
        value = compute()
        write_text(path, json.dumps(value))
        return value


class Fingerprinted(Protocol):
    """Any input that knows its own fingerprint: an artifact, a problem set, a snapshot of a source."""

    @property
    def fingerprint(self) -> str: ...


@dataclass(frozen=True)
class Call:
    """One stage call of a run: what `plan` lists."""

    stage: str
    label: str
    fingerprint: str
    is_cached: bool


class Store:
    """The folder of artifacts. A `dry` store plans: it computes fingerprints and runs nothing."""

    def __init__(
        self, root: Path, events: Events, run: Path | None = None, *, until: str = "report", dry: bool = False
    ) -> None:
        self.root, self.events, self.run, self.until, self.dry = root, events, run, until, dry
        self.calls: list[Call] = []

    def artifact(
        self,
        function: Callable[..., Summary],
        word: str,
        version: int,
        inputs: Sequence[Any],
        seams: Mapping[str, Any],
        label: str,
        *,
        is_shown: bool = True,
    ) -> Artifact:
        """Returns the artifact of a stage call: from the store where it stands, else by running the function."""
        if STAGES.index(word) > STAGES.index(self.until):
            raise Stop
        identities = {name: seam.identity for name, seam in seams.items() if name not in WHERE}
        key = fingerprint([word if is_shown else f"{word}/{label}", version, plain(inputs), identities])
        path = self.root / word / key
        is_cached = (path / "artifact.json").exists()
        self.calls.append(Call(word, label, key, is_cached))
        if self.dry:
            return Artifact(word, key, path, _read_record(path) if is_cached else {})
        if is_cached:
            record = _read_record(path)
            self.events.write("stage_cached", stage=word, label=label, fingerprint=key)
        else:
            with _locked(path):
                record = self._run(function, word, version, inputs, seams, label, key, path)
        if is_shown:
            self._link(word, label, path)
        self.events.say(_line(word, label, record, is_cached))
        return Artifact(word, key, path, record)

    def _run(
        self,
        function: Callable[..., Summary],
        word: str,
        version: int,
        inputs: Sequence[Any],
        seams: Mapping[str, Any],
        label: str,
        key: str,
        path: Path,
    ) -> dict[str, Any]:
        """Runs a stage function in its partial folder and commits the folder by renaming it."""
        if (path / "artifact.json").exists():
            return _read_record(path)
        partial = path.with_name(path.name + ".partial")
        partial.mkdir(parents=True, exist_ok=True)
        for stale in partial.rglob("*.tmp"):
            stale.unlink()
        started_at = time.perf_counter()
        self.events.write("stage_started", stage=word, label=label, fingerprint=key)
        with self.events.task(word, label):
            summary = function(*inputs, work=Work(partial, word, label, self.events), **seams)
        _check_conservation(word, summary)
        record = {
            "stage": word,
            "label": label,
            "version": version,
            "fingerprint": key,
            "hornbook_version": __version__,
            "inputs": plain(inputs),
            "seams": {name: seam.identity for name, seam in seams.items()},
            "read": summary.read,
            "kept": summary.kept,
            "rejected": dict(summary.rejected),
            "facts": dict(summary.facts),
            "seconds": round(time.perf_counter() - started_at, 3),
        }
        write_text(partial / "artifact.json", json.dumps(record, indent=1) + "\n")
        os.replace(partial, path)
        self.events.write(
            "stage_finished", **{name: record[name] for name in record if name not in ("inputs", "facts")}
        )
        return record

    def _link(self, word: str, label: str, path: Path) -> None:
        """Points `runs/<name>/NN-stage[/label]` at the artifact."""
        if self.run is None:
            return
        link = self.run / f"{STAGES.index(word) + 1:02d}-{word}"
        link = link / label if label else link
        link.parent.mkdir(parents=True, exist_ok=True)
        target = os.path.relpath(path, link.parent)
        if link.is_symlink() and os.readlink(link) == target:
            return
        temporary = link.with_name(f".{link.name}.tmp")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        os.replace(temporary, link)


class Stop(Exception):
    """Raised at the first stage behind `--until`; the pipeline ends there."""


def stage(version: int, part_of: str = "") -> Callable[[Callable[..., Summary]], Callable[..., Artifact]]:
    """Makes a pure function `(inputs..., *, work, seams...) -> Summary` a stage `(..., *, store, ...) -> Artifact`.

    `version` goes up whenever the function's results change. A function that is `part_of` a stage makes an artifact of
    its own under that stage's word, labelled by its own name, which a run's folder does not show.
    """

    def decorate(function: Callable[..., Summary]) -> Callable[..., Artifact]:
        @functools.wraps(function)
        def call(*inputs: Any, store: Store, label: str = "", **seams: Any) -> Artifact:
            word, name = (part_of, function.__name__) if part_of else (function.__name__, label)
            return store.artifact(function, word, version, inputs, seams, name, is_shown=not part_of)

        return call

    return decorate


def plain(value: Any) -> Any:
    """Inputs as plain data for a fingerprint: sections by their values, artifacts and the like by their fingerprint."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Section):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    return {"fingerprint": value.fingerprint}


def _check_conservation(word: str, summary: Summary) -> None:
    rejected = sum(summary.rejected.values())
    if summary.read != summary.kept + rejected:
        raise ConservationError(
            f"{word} read {summary.read:,} rows but kept {summary.kept:,} and rejected {rejected:,}"
        )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds the artifact's lock, which the system releases when this process dies. Raises StoreBusy."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreBusy(f"another process is making {path}; wait for it, or stop it, and run again") from None
        yield


def _read_record(path: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads((path / "artifact.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path / 'artifact.json'} cannot be read ({error}); delete {path} and run again") from error
    return record


def _line(word: str, label: str, record: Mapping[str, Any], is_cached: bool) -> str:
    """The line that a finished stage leaves on the terminal."""
    rejected = sum(record["rejected"].values())
    counts = f"{record['kept']:,} kept" + (f", {rejected:,} rejected" if rejected else "")
    how = "unchanged" if is_cached else f"{record['seconds']:.1f} s"
    return f"{STAGES.index(word) + 1} {word:<14}{label:<22}{counts:<34}{how}"
