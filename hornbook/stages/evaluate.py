"""evaluate: one greedy completion per problem, run in the sandbox; pass@1 with Wilson intervals (phi-1 §3).

Protocol. A prompt's trailing whitespace is stripped before it is encoded, and the completion starts with the newline,
as in training. Generation ends at end-of-text, at `max_new_tokens`, or when the completion starts a new top-level
statement. `raw` judges the completion as it came; the headline number judges it after `sanitise`, which cuts what
follows the function and never improves wrong code. A program may run for as long as the recipe's floor, or for a
multiple of what the reference solution takes on this machine, where that is more.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hornbook.benchmarks import Problem, ProblemSet, check_for, load_problem_sets, reference_limits, sanitise
from hornbook.dataset import SAMPLE, commit, content_id, write_part
from hornbook.events import Events
from hornbook.recipe import Evaluate, Recipe
from hornbook.sandbox import Limits, Verdict
from hornbook.sandbox.local import LocalSandbox
from hornbook.statistics import wilson
from hornbook.store import Artifact, Summary, Work, stage


@stage(version=2)
def evaluate(
    model: Artifact,
    problems: Mapping[str, ProblemSet],
    section: Evaluate,
    seed: int,
    *,
    work: Work,
    sandbox: LocalSandbox,
) -> Summary:
    """Scores one trained model on every problem set that the recipe names and that was found.

    Dataset `samples` holds each completion with both verdicts. Read and kept count completions.
    """
    wanted: dict[str, ProblemSet] = {name: problems[name] for name in section.problem_sets if name in problems}
    scores, rows = score_model(model.path / "model", wanted, section, sandbox, work)
    return Summary(
        read=rows,
        kept=rows,
        facts={**{key: model.facts[key] for key in ("arm", "phase")}, "scores": scores, "decoding": decoding(section)},
    )


def score_model(
    folder: Path, problems: Mapping[str, ProblemSet], section: Evaluate, sandbox: LocalSandbox, work: Work
) -> tuple[dict[str, Any], int]:
    """Completes and judges every problem; writes `samples` below the work folder; returns scores by set, and rows.

    A set that an earlier attempt had finished is not generated again.
    """
    loaded: list[Any] = []
    scores, parts, rows = {}, [], 0
    for index, (name, problem_set) in enumerate(problems.items()):
        finished = work.path / "_units" / f"samples-{name}.json"
        if not finished.exists() and not loaded:
            from hornbook.checkpoint import load_model

            with work.task("load model"):
                loaded.append(load_model(folder, device=_device()))
        compute = functools.partial(_samples, loaded, problem_set, section, sandbox, work, folder)
        samples = work.once(f"samples-{name}", compute)
        parts.append(write_part(work.path / "samples" / f"part-{index:05d}.parquet", samples, SAMPLE))
        scores[name] = _score(samples)
        rows += len(samples)
    commit(work.path / "samples", SAMPLE, parts)
    return scores, rows


def score_folder(
    folder: Path, recipe: Recipe, sandbox: LocalSandbox, events: Events, out: Path | None
) -> dict[str, Any]:
    """Scores a model folder outside a run; with `out`, leaves `samples/` and `scores.json` there."""
    import tempfile

    from hornbook.export import find_model

    section = recipe.evaluate
    problems = load_problem_sets(section.problem_sets, recipe.benchmarks, section.problems, recipe.seed)
    model = find_model(folder, None)
    with tempfile.TemporaryDirectory() as scratch:
        work = Work(out or Path(scratch), "evaluate", "", events)
        key = content_id(str(model.resolve()), recipe.model_dump_json())
        if work.once("identity", lambda: key) != key:
            from hornbook.errors import BadInput

            raise BadInput(f"{out} holds scores of another model or protocol; choose another --out")
        scores, _ = score_model(model, problems, section, sandbox, work)
        if out is not None:
            (out / "scores.json").write_text(
                json.dumps({"model": str(folder), "decoding": decoding(section), "scores": scores}, indent=1) + "\n",
                encoding="utf-8",
            )
    return scores


def decoding(section: Evaluate) -> dict[str, Any]:
    """The protocol that stands beside every score."""
    return {
        "temperature": 0.0,
        "samples": 1,
        "max_new_tokens": section.max_new_tokens,
        "prompt": "signature and docstring, trailing whitespace stripped",
        "stop": "end of text, or a new top-level statement",
    }


def is_new_top_level(text: str) -> bool:
    r"""Whether a completion has left its function: a line after the first starts in column 0 with something.

    >>> is_new_top_level("\n    return x\n"), is_new_top_level("\n    return x\nprint(1)")
    (False, True)
    """
    lines = text.split("\n")
    return any(line[:1] not in ("", " ", "\t", "#", ")", "]", "}") for line in lines[1:])


def _samples(
    loaded: list[Any], problem_set: ProblemSet, section: Evaluate, sandbox: LocalSandbox, work: Work, folder: Path
) -> list[dict[str, Any]]:
    """Completions of one problem set with their verdicts, as rows of SAMPLE."""
    from hornbook.generate import generate

    (model, tokenizer, _) = loaded[0]
    prompts = tokenizer.encode_batch([problem.prompt.rstrip() for problem in problem_set.problems])
    room = min(section.max_new_tokens, model.config.context_length // 2)
    with work.task(f"complete {problem_set.name}", len(prompts), "prompts") as task:
        completions = generate(
            model,
            prompts,
            room,
            tokenizer.end_token,
            stop=lambda tokens: is_new_top_level(tokenizer.decode(tokens)),
            progress=lambda done, _: task.update(done),
            batch_size=section.batch_size,
        )
    texts = [tokenizer.decode(completion.tokens) for completion in completions]
    cleaned = [
        sanitise(problem.prompt.rstrip(), text, problem.entry_point)
        for problem, text in zip(problem_set.problems, texts, strict=True)
    ]
    with work.task(f"time references of {problem_set.name}", len(problem_set), "programs") as task:
        limits = reference_limits(
            problem_set.problems,
            sandbox,
            section.time_floor_seconds,
            section.time_factor,
            tell=work.events.say,
            progress=task.advance,
        )
    raw = _judge(problem_set.problems, texts, sandbox, work, f"run {problem_set.name}, raw", limits)
    final = _judge(problem_set.problems, cleaned, sandbox, work, f"run {problem_set.name}, sanitised", limits)
    rows = []
    for index, problem in enumerate(problem_set.problems):
        rows.append(
            {
                "id": content_id(problem_set.fingerprint, problem.task_id, texts[index]),
                "benchmark": problem_set.name,
                "task_id": problem.task_id,
                "prompt": problem.prompt,
                "completion_raw": texts[index],
                "completion": cleaned[index],
                "finish_reason": completions[index].finish_reason,
                "model": folder.parent.name,
                "decoding": json.dumps({**decoding(section), "max_new_tokens": room}),
                "verdict_raw": str(raw[index].outcome),
                "verdict": str(final[index].outcome),
                "detail": final[index].detail,
            }
        )
    return rows


def _judge(
    problems: tuple[Problem, ...],
    completions: list[str],
    sandbox: LocalSandbox,
    work: Work,
    description: str,
    limits: Mapping[str, Limits] | None = None,
) -> list[Verdict]:
    """Verdicts in order; a problem without limits of its own gets the sandbox's."""
    bounds = limits or {}
    checks = (
        check_for(problem, completion, bounds.get(problem.task_id))
        for problem, completion in zip(problems, completions, strict=True)
    )
    verdicts = []
    with work.task(description, len(problems), "programs") as task:
        for verdict in sandbox.map(checks):
            verdicts.append(verdict)
            task.advance()
    return verdicts


def _score(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """pass@1 of one problem set, sanitised and raw, with its 95 % interval and what went wrong."""
    n = len(samples)
    passed = sum(row["verdict"] == "passed" for row in samples)
    raw_passed = sum(row["verdict_raw"] == "passed" for row in samples)
    low, high = wilson(passed, n)
    outcomes: dict[str, int] = {}
    for row in samples:
        outcomes[row["verdict"]] = outcomes.get(row["verdict"], 0) + 1
    return {
        "n": n,
        "passed": passed,
        "value": passed / n,
        "low": low,
        "high": high,
        "raw_passed": raw_passed,
        "raw_value": raw_passed / n,
        "outcomes": dict(sorted(outcomes.items())),
        "empty": sum(not row["completion_raw"].strip() for row in samples),
        "truncated": sum(row["finish_reason"] == "length" for row in samples),
    }


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
