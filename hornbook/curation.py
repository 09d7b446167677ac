"""Curation of a user's own files: what `hornbook curate` and `hornbook dedup` do, as a library.

OUT is a dataset of what is kept. Beside its parts lie `rejects/`, a JSON of facts, and `.hornbook/`, the store of the
work itself: a rerun goes on there, and another target starts from the scores that stand in it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook.dataset import Dataset, Part, Schema, commit, read_rows, write_text
from hornbook.embedder import make_embedder
from hornbook.engine import Engine
from hornbook.errors import BadInput, closest
from hornbook.events import Events
from hornbook.languages import LANGUAGES, language_of
from hornbook.recipe import Recipe, build_recipe, load_recipe
from hornbook.recipe.load import apply_override
from hornbook.stages.corpus import corpus, snapshot
from hornbook.stages.curate import CLUSTERS, curate, dedup, score
from hornbook.store import Artifact, Store
from hornbook.teacher.make import make_teacher
from hornbook.teacher.prompting import prompts_identity

WORK = ".hornbook"
"""Folder in OUT that holds the store, the recipe and which artifacts OUT was made from."""

DEFAULTS: Mapping[str, Any] = {
    "curate": {"labels": 1_000},
    "teacher": {"kind": "procedural"},
    "embedder": {"kind": "hashed"},
}
"""What the commands take where a recipe takes the paper's values: no account, no model, a sample for small inputs."""

ENDINGS = {"jsonl": (".jsonl", ".jsonl.gz"), "parquet": (".parquet",)}


@dataclass(frozen=True)
class Curated:
    """What a command made: the folder, its facts, rows read and kept, rejects by reason, whether nothing had to run."""

    out: Path
    facts: Mapping[str, Any]
    read: int
    kept: int
    rejected: Mapping[str, int]
    is_unchanged: bool


def make_recipe(
    inputs: Sequence[str], overrides: Sequence[str], text_column: str | None, language: str | None
) -> Recipe:
    """A recipe of the inputs as sources. Raises BadInput for an input that is missing or of no known kind."""
    sources = [_source(one, text_column, language) for one in inputs]
    values = {**{name: dict(section) for name, section in DEFAULTS.items()}, "corpus": {"sources": sources}}
    for override in overrides:
        apply_override(values, override)
    return build_recipe(values, "options")


def _source(given: str, text_column: str | None, language: str | None) -> dict[str, Any]:
    path = Path(given)
    for kind, endings in ENDINGS.items():
        is_folder = path.is_dir() and any(file for ending in endings for file in path.glob(f"*{ending}"))
        if is_folder or given.endswith(endings):
            if not path.exists() and not any(mark in given for mark in "*?["):
                raise BadInput(f"{given} does not exist; give a folder of code, a JSONL file or a Parquet file")
            found = text_column or _text_column(kind, given)
            return {"kind": kind, "path": given, "text_column": found}
    if not path.exists():
        raise BadInput(f"{given} does not exist; give a folder of code, a JSONL file or a Parquet file")
    if not path.is_dir():
        raise BadInput(f"{given} is neither a folder nor a .jsonl, .jsonl.gz or .parquet file")
    name = language or _main_language(path)
    endings = LANGUAGES[name].extensions
    pattern = f"**/*{endings[0]}" if len(endings) == 1 or name == "python" else "**/*"
    return {"kind": "directory", "path": given, "pattern": pattern, "language": name}


TEXT_COLUMNS = ("text", "content", "code", "source", "body")
"""Names under which a column of texts is looked for."""


def _text_column(kind: str, given: str) -> str:
    """The first of `TEXT_COLUMNS` that the data have. Raises BadInput for none."""
    path = Path(given)
    files = [path] if path.is_file() else sorted(one for ending in ENDINGS[kind] for one in path.glob(f"*{ending}"))
    if not files:
        import glob

        files = [Path(one) for one in sorted(glob.glob(given))]
    if not files:
        raise BadInput(f"{given} matches no file")
    names = _columns(kind, files[0])
    for name in TEXT_COLUMNS:
        if name in names:
            return name
    raise BadInput(f"{files[0]} has no column of a known name ({', '.join(names)}); say --text-column NAME")


def _columns(kind: str, path: Path) -> list[str]:
    """Column names of a file's first row."""
    if kind == "parquet":
        from hornbook.dataset import read_schema

        return read_schema(path)
    import gzip

    try:
        with (
            gzip.open(path, "rt", encoding="utf-8", errors="replace")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8", errors="replace") as file
        ):
            for line in file:
                if line.strip():
                    record = json.loads(line[: 1 << 24])
                    return list(record) if isinstance(record, dict) else []
    except (OSError, EOFError, ValueError) as error:
        raise BadInput(f"cannot read {path}: {error}") from error
    return []


def _main_language(folder: Path) -> str:
    """The language of most files below a folder. Raises BadInput for none."""
    counts: Counter[str] = Counter()
    for _, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        counts.update(filter(None, map(language_of, names)))
    counts.pop("markdown", None)
    if not counts.total():
        raise BadInput(f"{folder} holds no file of a known language ({', '.join(LANGUAGES)})")
    return max(sorted(counts), key=counts.__getitem__)


def refuse_inside(inputs: Sequence[str], out: Path) -> None:
    """Raises BadInput where OUT would be read as input by the next run."""
    for one in inputs:
        path = Path(one)
        if path.is_dir() and (path.resolve() == out.resolve() or path.resolve() in out.resolve().parents):
            raise BadInput(f"{out} lies inside the input {one}, and would be read with it; give another -o")


# --- the commands' work ---------------------------------------------------------------------------------------------


def curate_files(recipe: Recipe, out: Path, events: Events) -> Curated:
    """Curates the recipe's sources into OUT. Raises BadInput where OUT is something else."""
    store = _open(out, events, "curate.json")
    write_text(out / WORK / "recipe.json", recipe.model_dump_json(indent=1) + "\n")
    engine = Engine(recipe.engine.address, recipe.engine.workers)
    raw = corpus(recipe.corpus, snapshot(recipe.corpus), recipe.seed, store=store, engine=engine)
    scores = score(
        raw,
        recipe.curate.scoring,
        recipe.seed,
        prompts_identity(),
        store=store,
        teacher=make_teacher(recipe.teacher, store.root / "teacher", recipe.seed),
        embedder=make_embedder(recipe.embedder),
        engine=engine,
    )
    made = {"corpus": raw.fingerprint, "scores": scores.fingerprint}
    write_text(out / WORK / "made.json", json.dumps(made) + "\n")
    return _select(recipe, raw, scores, out, store, engine)


def rethreshold(out: Path, threshold: float, events: Events) -> Curated:
    """Applies another threshold to the scores that OUT was made from; the inputs need not be there any more."""
    recipe, raw, scores, store = _made(out, events)
    chosen = recipe.curate.model_copy(update={"keep_threshold": threshold, "keep_precision": None})
    engine = Engine(recipe.engine.address, recipe.engine.workers)
    return _select(recipe.model_copy(update={"curate": chosen}), raw, scores, out, store, engine)


def _select(recipe: Recipe, raw: Artifact, scores: Artifact, out: Path, store: Store, engine: Engine) -> Curated:
    chosen = curate(raw, scores, recipe.curate, store=store, engine=engine)
    facts = {**chosen.facts, "files_read": raw.record["read"]}
    result = _publish(out, raw, chosen, "curated", facts, "curate.json", store)
    made = json.loads((out / WORK / "made.json").read_text(encoding="utf-8"))
    write_text(out / WORK / "made.json", json.dumps({**made, "curate": chosen.fingerprint}) + "\n")
    return result


def dedup_files(recipe: Recipe, threshold: float, out: Path, events: Events) -> Curated:
    """Drops exact and near duplicates of the recipe's sources; OUT gets `clusters.parquet` beside the data."""
    from hornbook.dataset import write_part

    store = _open(out, events, "dedup.json")
    engine = Engine(recipe.engine.address, recipe.engine.workers)
    raw = corpus(recipe.corpus, snapshot(recipe.corpus), recipe.seed, store=store, engine=engine)
    single = dedup(raw, threshold, store=store, engine=engine)
    write_part(out / "clusters.parquet", list(single.dataset("clusters").rows()), CLUSTERS)
    return _publish(out, raw, single, "kept", dict(single.facts), "dedup.json", store)


def _open(out: Path, events: Events, facts: str) -> Store:
    """The store in OUT. Raises BadInput where OUT holds something that is not ours."""
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out} is a file; give a folder for -o")
    others = [path.name for path in out.iterdir()] if out.is_dir() else []
    if others and WORK not in others:
        raise BadInput(f"{out} is not empty and no curation of ours (it holds {sorted(others)[0]}); give another -o")
    if (out / "manifest.json").exists() and not (out / facts).exists():
        raise BadInput(f"{out} was made by another command; give another -o")
    return Store(out / WORK / "store", events)


def _made(out: Path, events: Events) -> tuple[Recipe, Artifact, Artifact, Store]:
    """What OUT was made from. Raises BadInput where nothing was."""
    try:
        made = json.loads((out / WORK / "made.json").read_text(encoding="utf-8"))
        recipe = load_recipe(out / WORK / "recipe.json")
        store = Store(out / WORK / "store", events)
        raw, scores = (
            _artifact(store, stage, made[name]) for stage, name in (("corpus", "corpus"), ("curate", "scores"))
        )
    except (OSError, ValueError, KeyError):
        raise BadInput(f"{out} holds no finished scores; run `hornbook curate INPUT -o {out}` first") from None
    return recipe, raw, scores, store


def _artifact(store: Store, stage: str, fingerprint: str) -> Artifact:
    path = store.root / stage / fingerprint
    return Artifact(stage, fingerprint, path, json.loads((path / "artifact.json").read_text(encoding="utf-8")))


# --- writing OUT ----------------------------------------------------------------------------------------------------


def _publish(
    out: Path, raw: Artifact, chosen: Artifact, name: str, facts: Mapping[str, Any], facts_file: str, store: Store
) -> Curated:
    """Puts what is kept and what is not into OUT: links to the store's files; the manifest comes last."""
    kept, unread, dropped = chosen.dataset(name), raw.dataset("rejects"), chosen.dataset("rejects")
    rejected = dict(sorted((Counter(raw.record["rejected"]) + Counter(chosen.record["rejected"])).items()))
    read = raw.record["read"]
    (out / "manifest.json").unlink(missing_ok=True)
    shutil.rmtree(out / "rejects", ignore_errors=True)
    for stale in out.glob("part-*.parquet"):
        stale.unlink()
    parts = _linked(kept, out, 0)
    refused = _linked(dropped, out / "rejects", 0)
    refused += _linked(unread, out / "rejects", len(refused))
    schema: Schema = dropped.manifest.columns
    commit(out / "rejects", schema, refused, read=sum(rejected.values()), rejected=rejected)
    write_text(out / facts_file, json.dumps(dict(facts), indent=1) + "\n")
    commit(out, kept.manifest.columns, parts, read=read, rejected=rejected)
    is_unchanged = all(call.is_cached for call in store.calls)
    return Curated(out, facts, read, len(kept), rejected, is_unchanged)


def _linked(dataset: Dataset, folder: Path, first: int) -> list[Part]:
    """Gives the parts of a dataset a second place, without a second copy where the file system can."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for number, (path, part) in enumerate(zip(dataset.paths, dataset.manifest.parts, strict=True)):
        target = folder / f"part-{first + number:05d}.parquet"
        target.unlink(missing_ok=True)
        try:
            os.link(path, target)
        except OSError:
            shutil.copyfile(path, target)
        parts.append(Part(target.name, part.rows, part.bytes, part.sha256))
    return parts


# --- explaining -----------------------------------------------------------------------------------------------------


def explain(out: Path, wanted: str) -> dict[str, Any]:
    """Why a file is in or out, by its id, a prefix of it, or its path. Raises BadInput for one that is not there."""
    _, raw, scores, store = _made(out, Events())
    made = json.loads((out / WORK / "made.json").read_text(encoding="utf-8"))
    chosen = _artifact(store, "curate", made["curate"])
    documents, scored = raw.dataset("documents"), scores.dataset("scores")
    paths: set[str] = set()
    for path, beside in zip(documents.paths, scored.paths, strict=True):
        for at, document in enumerate(read_rows(path, ["id", "path", "origin", "licence", "language"])):
            paths.add(document["path"])
            if document["path"] == wanted or (len(wanted) >= 6 and document["id"].startswith(wanted)):
                return _explained(document, read_rows(beside)[at], chosen)
    for row in raw.dataset("rejects").rows(["id", "reason", "detail", "record"]):
        path = json.loads(row["record"]).get("path", "")
        paths.add(path)
        if wanted in (row["id"], path):
            return {"id": row["id"], "path": path, "kept": False, "reason": row["reason"], "detail": row["detail"]}
    raise BadInput(f"no file `{wanted}` in {out}; did you mean `{closest(wanted, paths)}`?")


def _explained(document: Mapping[str, Any], row: Mapping[str, Any], chosen: Artifact) -> dict[str, Any]:
    threshold = chosen.facts["threshold"]
    found = {**document, **row, "threshold": threshold}
    if not row["reason"]:
        rejected = chosen.dataset("rejects")
        dropped = {one["id"]: one["detail"] for one in rejected.rows(["id", "reason", "detail", "parents"])}
        parents = {parent: one["detail"] for one in rejected.rows(["detail", "parents"]) for parent in one["parents"]}
        detail = {**parents, **dropped}.get(row["id"])
        found["reason"] = "below_threshold" if detail else ""
        found["detail"] = detail or f"score {row['educational_value']:.4f}, kept from {threshold:.4f}"
    found["kept"] = not found["reason"]
    labels = [one for one in chosen.dataset("labels").rows() if one["id"] == row["id"]]
    if labels:
        found["teacher"] = {name: labels[0][name] for name in ("score", "reason", "points", "teacher", "error")}
    return found
