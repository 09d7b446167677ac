"""The commands that make a dataset of a user's own files: curate and dedup."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from hornbook.cli.showing import table
from hornbook.errors import BadInput

CURATE_EXAMPLES = (
    "Examples: hornbook curate src/ -o curated | hornbook curate code.jsonl.gz -o curated --text-column content "
    "--keep-tokens 0.3 | hornbook curate -o curated --rethreshold 0.8 | hornbook curate -o curated --explain a/b.py"
)
DEDUP_EXAMPLE = "Example: hornbook dedup code.parquet -o unique --threshold 0.8"

Inputs = Annotated[
    list[str] | None, typer.Argument(metavar="INPUT...", help="Folders of code, JSONL (.gz) or Parquet files.")
]
Out = Annotated[Path, typer.Option("-o", "--out", help="Folder of the dataset; a rerun goes on there.")]
TextColumn = Annotated[
    str | None, typer.Option(help="Column of the code; default: text, content, code, source or body.")
]
LanguageName = Annotated[str | None, typer.Option("--language", help="Read only files of this language in folders.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Override a key: --set curate.min_characters=50")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def curate(
    inputs: Inputs = None,
    out: Out = Path("curated"),
    teacher: Annotated[str, typer.Option(help="Who labels: procedural (free, offline), or http.")] = "procedural",
    keep_tokens: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Share of tokens to keep, best first; default 0.17.")
    ] = None,
    keep_precision: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Keep as much as has this precision instead.")
    ] = None,
    rethreshold: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Keep what scores this in the finished OUT; no more work.")
    ] = None,
    explain: Annotated[
        str | None, typer.Option(help="Say why a file (id or path) of the finished OUT is in or out.")
    ] = None,
    text_column: TextColumn = None,
    language: LanguageName = None,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Keep the code that teaches: redact, filter, deduplicate, label a sample, score the rest, keep the best.

    OUT gets what is kept as Parquet with a manifest, rejects/ with a reason for every other file, and curate.json.
    A sample of 1,000 files is labelled (--set curate.labels=N).
    """
    from hornbook import curation
    from hornbook.events import Events, console

    if explain is not None:
        _explain(curation.explain(out, explain), as_json=as_json)
        return
    if rethreshold is None and not inputs:
        raise BadInput("no INPUT; give a folder of code, a JSONL file or a Parquet file")
    with Events(None, console()) as events:
        if rethreshold is not None:
            done = curation.rethreshold(out, rethreshold, events)
        else:
            targets = {"keep_tokens_rate": keep_tokens, "keep_precision": keep_precision}
            chosen = [f"curate.{name}={value}" for name, value in targets.items() if value is not None]
            overrides = [f"teacher.kind={teacher}", *chosen, *(set_ or ())]
            curation.refuse_inside(inputs or (), out)
            recipe = curation.make_recipe(inputs or (), overrides, text_column, language)
            done = curation.curate_files(recipe, out, events)
    if as_json:
        typer.echo(json.dumps(done.facts, indent=1))
        return
    facts = done.facts
    rows = [*_counts(done), ("threshold", f"{facts['threshold']:.4f}", f"by {facts['selection']['by']}")]
    rows += [
        ("tokens kept", f"{facts['kept_tokens_rate']:.1%}", "of the tokens that were scored"),
        ("files kept", f"{facts['kept_files_rate']:.1%}", "of the files that were scored"),
        ("AUC", _figure(facts["auc"]), f"out of fold, by {facts['forest']['folds_by']}; 0.5 is chance"),
        ("precision", _figure(facts["forest"]["precision"]), f"recall {_figure(facts['forest']['recall'])}"),
    ]
    table("curate", ("", "value", ""), rows)
    typer.echo(f"{out}: {'unchanged' if done.is_unchanged else 'written'}; facts in {out / 'curate.json'}")


def dedup(
    inputs: Inputs = None,
    out: Out = Path("deduplicated"),
    threshold: Annotated[
        float, typer.Option(min=0.05, max=1.0, help="Jaccard similarity of 5-token shingles from which to drop.")
    ] = 0.7,
    text_column: TextColumn = None,
    language: LanguageName = None,
    as_json: AsJson = False,
) -> None:
    """Drop exact copies and near duplicates, by verified pairs.

    OUT gets clusters.parquet, which lists who was dropped for whom. Of equal texts the first stays, of near duplicates
    the one with the smallest id.
    """
    from hornbook import curation
    from hornbook.events import Events, console

    if not inputs:
        raise BadInput("no INPUT; give a folder of code, a JSONL file or a Parquet file")
    with Events(None, console()) as events:
        curation.refuse_inside(inputs, out)
        recipe = curation.make_recipe(inputs, (), text_column, language)
        done = curation.dedup_files(recipe, threshold, out, events)
    if as_json:
        typer.echo(json.dumps(done.facts, indent=1))
        return
    table(
        "dedup", ("", "value", ""), [*_counts(done), ("clusters", f"{done.facts['clusters']:,}", "of near duplicates")]
    )
    typer.echo(f"{out}: {'unchanged' if done.is_unchanged else 'written'}; clusters in {out / 'clusters.parquet'}")


def _counts(done: Any) -> list[tuple[str, str, str]]:
    rows = [("read", f"{done.read:,}", "files"), ("kept", f"{done.kept:,}", "")]
    return rows + [("rejected", f"{count:,}", reason) for reason, count in done.rejected.items()]


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _explain(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    typer.echo(f"{found['path']} ({found['id']}) is {'in' if found['kept'] else 'out'}")
    if found["reason"]:
        typer.echo(f"reason: {found['reason']}")
    if found["detail"]:
        typer.echo(f"detail: {found['detail']}")
    told = ("path", "id", "kept", "reason", "detail", "teacher")
    rows = [
        (name, f"{value:.4g}" if isinstance(value, float) else value)
        for name, value in found.items()
        if name not in told
    ]
    rows += [(f"teacher's {name}", value) for name, value in found.get("teacher", {}).items()]
    table("what is known of it", ("", "value"), rows)
