"""The commands. Thin: each parses its arguments, calls the library and prints."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from hornbook import __version__
from hornbook.cli import data
from hornbook.cli.showing import table
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

UsageError: Any = typer.BadParameter.__base__  # click's, or that of the click inside typer

STAGE_WORDS = ("corpus", "curate", "synthesize", "decontaminate", "census", "pack", "train", "evaluate", "report")

RecipePath = Annotated[Path, typer.Argument(help="Recipe file, such as recipes/demo.yaml.", show_default=False)]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Override a key: --set train.finetune.steps=100")]
Root = Annotated[Path, typer.Option("--root", help="Folder that holds store/ and runs/.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Level = Annotated[str, typer.Option("--sandbox-level", help="auto (L3 or L2), or a rung: L3, L2, L1, L0.")]
Workers = Annotated[int | None, typer.Option(min=1, max=1024, help="Programs judged at once; default: one per core.")]
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
    as_json: AsJson = False,
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
    table("stages", ("stage", "part", "state", "fingerprint"), [_plan_row(call) for call in store.calls])
    table("estimate", ("what", "value", "how it is reckoned"), expected.table())


@app.command(epilog="Example: hornbook doctor runs/demo")
def doctor(
    run_folder: Annotated[
        Path | None, typer.Argument(metavar="RUN", help="A run's folder, whose datasets to verify.", show_default=False)
    ] = None,
    as_json: AsJson = False,
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
        table("doctor", ("", "what", "found", "way out"), rows)
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
    as_json: AsJson = False,
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
    table("pass@1", ("problem set", "pass@1", "95 % interval", "problems", "raw"), rows)


@app.command("exec", epilog="Example: hornbook exec program.py --entry add --cases cases.json --json")
def exec_(
    program: Annotated[Path | None, typer.Argument(metavar="FILE", help="A Python program.")] = None,
    entry: Annotated[str | None, typer.Option(help="Function that the cases or tests call.")] = None,
    cases: Annotated[Path | None, typer.Option(help="JSON: [[[arguments...], expected], ...].")] = None,
    tests: Annotated[Path | None, typer.Option(help="Python that defines check(candidate), or holds asserts.")] = None,
    prelude: Annotated[Path | None, typer.Option(help="Python of your own that the tests may use.")] = None,
    stdin: Annotated[Path | None, typer.Option(help="Input of a program that reads and prints.")] = None,
    expect: Annotated[Path | None, typer.Option(help="What it must print, white space at line ends aside.")] = None,
    batch: Annotated[Path | None, typer.Option(help="JSON Lines, a program each, in place of FILE.")] = None,
    wall: Annotated[float, typer.Option(min=0.01, max=86_400, help="Seconds it may take.")] = 3.0,
    cpu: Annotated[int | None, typer.Option(min=1, max=86_400, help="CPU seconds; default: --wall.")] = None,
    memory: Annotated[int, typer.Option(min=1, max=1 << 20, help="MiB of address space, each process.")] = 512,
    file_size: Annotated[int, typer.Option(min=1, max=1 << 20, help="MiB that a file may hold.")] = 8,
    output_size: Annotated[int, typer.Option(min=1, max=1 << 20, help="KiB that it may print.")] = 64,
    processes: Annotated[int, typer.Option(min=1, max=4096, help="Threads it may have.")] = 24,
    sandbox_level: Level = "auto",
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Run a program in the sandbox and print the verdict; exit code 0 says that there is one, whatever it is.

    In --cases, a JSON array is a list and an object a dict with string keys; what JSON has not is a Python literal,
    {"__python__": "(1, {2, 3})"}. Types must agree: 1, 1.0 and true are three values. Floats agree to 1e-6. Without
    --cases, --tests or --stdin the program passes when it reaches its end.

    A line of --batch has program and, as they apply, id, entry, cases, tests, prelude, stdin and expected_output; its
    verdict is one line too, in the same order.
    """
    from hornbook.sandbox import trial

    limits = trial.make_limits(wall, cpu, memory, file_size, output_size, processes)
    files = {"cases": cases, "tests": tests, "prelude": prelude, "stdin": stdin, "expected_output": expect}
    trials, remarks = trial.collect(program, batch, entry, files, limits)
    # A bar on a terminal takes over sys.stdout; where that is the terminal, the verdicts show how far the batch is.
    out, watched = sys.stdout, sys.stderr if batch and not sys.stdout.isatty() else None
    with (
        _sandbox(sandbox_level, workers if batch else 1, "the verdicts printed so far stand") as sandbox,
        _events(watched) as events,
        events.task("exec", "run programs", len(trials), "programs") as task,
    ):
        for remark in remarks:
            typer.echo(remark, err=True)
        for one, verdict in zip(trials, sandbox.map(one.check for one in trials), strict=True):
            print(trial.render(one, verdict, is_batch=batch is not None, as_json=as_json), file=out, flush=True)
            task.advance()


@app.command(epilog="Example: hornbook score samples.jsonl --benchmark humaneval --benchmarks ~/benchmarks")
def score(
    samples: Annotated[Path, typer.Argument(help="JSON Lines with task_id and completion, plain or .gz.")],
    benchmark: Annotated[str, typer.Option(help="humaneval or mbpp.")],
    benchmarks: Annotated[
        Path | None, typer.Option(help="Folder with HumanEval.jsonl.gz, mbpp.jsonl.", envvar="HORNBOOK_BENCHMARKS")
    ] = None,
    k: Annotated[str | None, typer.Option(help="pass@k to report; default: those of 1,10,100 that can be.")] = None,
    sanitise: Annotated[bool, typer.Option("--sanitise", help="Cut what follows the function asked for.")] = False,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Results; default: SAMPLES_results.jsonl.")] = None,
    floor_seconds: Annotated[float, typer.Option(min=0.01, max=86_400, help="Least time limit.")] = 3.0,
    time_factor: Annotated[
        float, typer.Option(min=0.01, max=1e6, help="Time limit in times of the reference's.")
    ] = 4.0,
    sandbox_level: Level = "auto",
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Score a samples file of openai/human-eval's format: pass@k with intervals; writes its results format.

    Each completion is judged as it stands behind its prompt. A program may run for --floor-seconds, or for
    --time-factor times what the reference solution takes on this machine, where that is more.
    """
    from hornbook.benchmarks import BENCHMARKS, score_samples

    if benchmark not in BENCHMARKS:
        raise BadInput(f"unknown benchmark `{benchmark}`; did you mean `{closest(benchmark, BENCHMARKS)}`?")
    if benchmarks is None:
        raise BadInput(f"no folder with {benchmark}: give --benchmarks FOLDER, or set HORNBOOK_BENCHMARKS")
    ks, problems = _numbers(k), BENCHMARKS[benchmark](benchmarks)
    with _sandbox(sandbox_level, workers, "nothing is written") as sandbox, _events(sys.stderr) as events:
        scores = score_samples(
            samples,
            problems,
            sandbox,
            events,
            ks=ks,
            is_sanitised=sanitise,
            floor_seconds=floor_seconds,
            time_factor=time_factor,
            out=out,
        )
    if as_json:
        typer.echo(json.dumps(scores))
        return
    rows = [
        (name, f"{scores[name]:.3f}", f"{low:.3f} to {high:.3f}", scores["problems"], scores["n"])
        for name, (low, high) in scores["intervals"].items()
    ]
    table(f"{benchmark}, sandbox {scores['level']}", ("", "value", "95 % interval", "problems", "samples"), rows)
    table("outcomes", ("outcome", "samples"), scores["outcomes"].items())
    typer.echo(f"results: {scores['results']}")


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


@contextmanager
def _sandbox(level: str, workers: int | None, kept: str) -> Iterator[Any]:
    """An open sandbox; Ctrl-C ends it and says what is kept."""
    from hornbook.sandbox import JailedSandbox
    from hornbook.sandbox.probe import LEVELS

    if level not in ("auto", *LEVELS):
        raise BadInput(f"unknown sandbox level `{level}`; known: auto, {', '.join(LEVELS)}")
    try:
        with JailedSandbox(workers, level) as sandbox:
            yield sandbox
    except KeyboardInterrupt:
        raise Stopped(f"stopped; {kept}") from None


def _events(stream: TextIO | None) -> Any:
    from hornbook.events import Events

    return Events(None, stream)


def _numbers(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = [0]
    if min(numbers) < 1:
        raise BadInput(f"--k is `{text}`; give whole numbers from 1, such as 1,10,100")
    return numbers


def _load(path: Path, overrides: list[str] | None) -> Any:
    from hornbook.recipe import load_recipe

    return load_recipe(path, overrides or (), os.environ.get("HORNBOOK_BENCHMARKS"))


def _stage(word: str) -> str:
    if word not in STAGE_WORDS:
        raise BadInput(f"unknown stage `{word}`; did you mean `{closest(word, STAGE_WORDS)}`?")
    return word


def _plan_row(call: Any) -> tuple[str, str, str, str]:
    return call.stage, call.label, "cached" if call.is_cached else "to run", call.fingerprint[:12]


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


app.command("curate", epilog=data.CURATE_EXAMPLES)(data.curate)
app.command("dedup", epilog=data.DEDUP_EXAMPLE)(data.dedup)


class Stopped(SystemExit):
    """Ctrl-C, with what to say about it."""

    def __init__(self, line: str) -> None:
        super().__init__(130)
        self.line = line


def main() -> None:
    """Runs a command; an error is one line, exit code 2 for bad input, 1 for a failed run, 130 for Ctrl-C."""
    try:
        sys.exit(app(standalone_mode=False))
    except HornbookError as error:
        typer.echo(f"error: {' '.join(str(error).split())}", err=True)
        sys.exit(error.exit_code)
    except UsageError as error:
        if len(sys.argv) == 1:
            error.show()  # the help
        else:
            command = error.ctx.command_path if error.ctx else "hornbook"
            typer.echo(f"error: {' '.join(error.format_message().split())} (see {command} --help)", err=True)
        sys.exit(error.exit_code)
    except SystemExit as stop:
        if stop.code == 130:
            default = "stopped; what was finished is kept: the same command goes on from there"
            typer.echo(stop.line if isinstance(stop, Stopped) else default, err=True)
            sys.stdout.flush()
            # An interrupted query leaves Daft's native threads running, and they abort the process (SIGABRT) while the
            # interpreter is torn down; everything of ours is on disk, and the jails end with their parent.
            os._exit(130)
        raise
