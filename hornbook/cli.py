"""The commands. Thin: each parses its arguments, calls the library and prints."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hornbook import __version__
from hornbook.errors import BadInput, HornbookError, closest

app = typer.Typer(
    help="Small code models from textbook-quality data: the phi-1 recipe, whole and measured.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# With OpenMP's default, a second busy process makes training on two threads several times slower: idle threads spin.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

STAGE_WORDS = ("corpus", "curate", "synthesize", "decontaminate", "census", "pack", "train", "evaluate", "report")

RecipePath = Annotated[Path, typer.Argument(help="Recipe file, such as recipes/demo.yaml.", show_default=False)]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Override a key: --set train.finetune.steps=100")]
Root = Annotated[Path, typer.Option("--root", help="Folder that holds store/ and runs/.")]
Until = Annotated[str, typer.Option("--until", help=f"Last stage to run: {', '.join(STAGE_WORDS)}.")]


@app.command(epilog="Example: hornbook run recipes/demo.yaml --set train.finetune.steps=100")
def run(recipe: RecipePath, until: Until = "report", set_: Overrides = None, root: Root = Path()) -> None:
    """Run a recipe: only what changed, and from where a killed run left off."""
    from hornbook import pipeline
    from hornbook.events import Events, console
    from hornbook.store import Store

    loaded = _load(recipe, set_)
    folder = root / "runs" / loaded.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.json").write_text(loaded.model_dump_json(indent=1) + "\n", encoding="utf-8")
    with Events(folder / "events.jsonl", console()) as events:
        store = Store(root / "store", events, folder, until=_stage(until))
        events.write("run_started", recipe=str(recipe), hornbook_version=__version__)
        pipeline.run(loaded, pipeline.open_seams(loaded, root / "store"), store)
        events.write("run_finished")
    page = folder / "09-report" / "report.html"
    if until == "report":
        typer.echo(f"report: {page}")


@app.command(epilog="Example: hornbook plan recipes/phi-1.yaml")
def plan(
    recipe: RecipePath,
    until: Until = "report",
    set_: Overrides = None,
    root: Root = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what a run would do and cost, before anything is spent: stages, what is cached, compute, teacher."""
    from hornbook import pipeline
    from hornbook.estimate import estimate
    from hornbook.events import Events
    from hornbook.store import Store

    loaded = _load(recipe, set_)
    store = Store(root / "store", Events(), until=_stage(until), dry=True)
    pipeline.run(loaded, pipeline.open_seams(loaded, root / "store"), store)
    expected = estimate(loaded)
    if as_json:
        calls = [vars(call) for call in store.calls]
        typer.echo(json.dumps({"name": loaded.name, "stages": calls, "estimate": expected.as_dict()}, indent=1))
        return
    _table("stages", ("stage", "part", "state", "fingerprint"), [_plan_row(call) for call in store.calls])
    _table("estimate", ("what", "value", "how it is reckoned"), expected.table())


@app.command(epilog="Example: hornbook doctor runs/demo")
def doctor(
    run_folder: Annotated[
        Path | None, typer.Argument(metavar="RUN", help="A run's folder, whose datasets to verify.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check this machine (and a run's data): what works, what does not, and what to do about it."""
    from hornbook.doctor import diagnose

    if run_folder is not None and not run_folder.is_dir():
        raise BadInput(f"no run at {run_folder}; runs lie in runs/")
    findings = diagnose(run_folder)
    if as_json:
        typer.echo(json.dumps([vars(finding) for finding in findings], indent=1))
    else:
        rows = [(finding.status, finding.name, finding.detail, finding.remedy) for finding in findings]
        _table("doctor", ("", "what", "found", "way out"), rows)
    if any(finding.status == "fail" for finding in findings):
        raise typer.Exit(1)


@app.command(epilog="Example: hornbook evaluate runs/demo/07-train/textbook/finetuned --problem-set compositions")
def evaluate(
    model: Annotated[Path, typer.Argument(help="A model folder (Hugging Face Phi) or a trained arm of a run.")],
    problem_set: Annotated[
        list[str] | None,
        typer.Option(help="compositions, seen, unseen, humaneval; may be repeated. Default: all found."),
    ] = None,
    problems: Annotated[int, typer.Option(help="Problems in each set of our own.")] = 200,
    max_new_tokens: Annotated[int, typer.Option(help="Longest completion, in tokens.")] = 256,
    seed: Annotated[int, typer.Option(help="Seed of our own problem sets.")] = 0,
    benchmarks: Annotated[
        Path | None, typer.Option(help="Folder with HumanEval.jsonl.gz.", envvar="HORNBOOK_BENCHMARKS")
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Folder for samples and scores.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score a model folder: greedy pass@1 with intervals, raw and sanitised."""
    from hornbook.events import Events, console
    from hornbook.recipe import PROBLEM_SETS, build_recipe
    from hornbook.sandbox.local import LocalSandbox
    from hornbook.stages.evaluate import score_folder

    names = problem_set or list(PROBLEM_SETS)
    for name in names:
        if name not in PROBLEM_SETS:
            raise BadInput(f"unknown problem set `{name}`; did you mean `{closest(name, PROBLEM_SETS)}`?")
    settings = {"problem_sets": names, "problems": problems, "max_new_tokens": max_new_tokens}
    recipe = build_recipe({"evaluate": settings, "seed": seed, "benchmarks": benchmarks})
    with Events(None, console()) as events:
        scores = score_folder(model, recipe, LocalSandbox(), events, out)
    if as_json:
        typer.echo(json.dumps(scores, indent=1))
        return
    rows = [
        (
            name,
            f"{score['value']:.3f}",
            f"{score['low']:.3f} to {score['high']:.3f}",
            str(score["n"]),
            f"{score['raw_value']:.3f}",
        )
        for name, score in scores.items()
    ]
    _table("pass@1", ("problem set", "pass@1", "95 % interval", "problems", "raw"), rows)


@app.command(epilog="Example: hornbook export runs/demo --to hf -o my-model")
def export(
    run_or_model: Annotated[
        Path, typer.Argument(metavar="RUN", help="A run's folder, a trained arm of it, or a model folder.")
    ],
    to: Annotated[str, typer.Option(help="Format: hf (Hugging Face folder).")] = "hf",
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write.")] = Path("export"),
    arm: Annotated[str | None, typer.Option(help="Arm of the run; default: textbook, or the run's only one.")] = None,
) -> None:
    """Write a trained model as a folder that transformers loads."""
    from hornbook.export import export_hf, find_model, model_card

    if to != "hf":
        raise BadInput(f"unknown format `{to}`; did you mean `hf`?")
    model = find_model(run_or_model, arm)
    export_hf(model, out, model_card(model))
    typer.echo(f"{out}: load it with transformers.AutoModelForCausalLM.from_pretrained({str(out)!r})")


def _load(path: Path, overrides: list[str] | None) -> Any:
    from hornbook.recipe import load_recipe

    return load_recipe(path, overrides or (), os.environ.get("HORNBOOK_BENCHMARKS"))


def _stage(word: str) -> str:
    if word not in STAGE_WORDS:
        raise BadInput(f"unknown stage `{word}`; did you mean `{closest(word, STAGE_WORDS)}`?")
    return word


def _plan_row(call: Any) -> tuple[str, str, str, str]:
    return call.stage, call.label, "cached" if call.is_cached else "to run", call.fingerprint[:12]


def _table(title: str, columns: tuple[str, ...], rows: Any) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, title=title, title_justify="left", box=box.SIMPLE, header_style="bold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    width = None if sys.stdout.isatty() else 160
    Console(width=width).print(table)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hornbook {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Small code models from textbook-quality data: the phi-1 recipe, whole and measured."""


def main() -> None:
    """Runs a command; an error is one line, exit code 2 for bad input, 1 for a failed run, 130 for Ctrl-C."""
    try:
        app()
    except HornbookError as error:
        typer.echo(f"error: {' '.join(str(error).split())}", err=True)
        sys.exit(error.exit_code)
    except SystemExit as stop:
        if stop.code == 130:
            typer.echo("stopped; what was finished is kept: the same command goes on from there", err=True)
            sys.stdout.flush()
            # An interrupted query leaves Daft's native threads running, and they abort the process (SIGABRT) while the
            # interpreter is torn down; everything of ours is on disk, and the jails end with their parent.
            os._exit(130)
        raise
