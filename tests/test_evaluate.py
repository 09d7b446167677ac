"""evaluate: verdicts decide the score, raw and sanitised apart; a finished problem set is not generated again."""

from pathlib import Path

import pytest
import torch

from hornbook.benchmarks import Problem, ProblemSet, sanitise
from hornbook.checkpoint import save_model
from hornbook.dataset import SAMPLE, Dataset
from hornbook.events import Events
from hornbook.model import Phi, PhiConfig
from hornbook.recipe import Evaluate
from hornbook.sandbox.local import LocalSandbox
from hornbook.stages import evaluate as stage
from hornbook.statistics import wilson
from hornbook.store import Work
from hornbook.tokenizer import train_tokenizer

PROMPT = 'def double(n: int) -> int:\n    """Return twice n."""\n'
CASES = "[[[1], 2], [[5], 10]]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny model with random weights."""
    tokenizer = train_tokenizer([PROMPT + "    return n * 2\n"] * 3, 300)
    torch.manual_seed(0)
    config = PhiConfig(vocab_size=320, width=32, layers=1, heads=2, context_length=128)
    save_model(tmp_path / "model", Phi(config), tokenizer)
    return tmp_path / "model"


def problems(count: int = 2) -> ProblemSet:
    return ProblemSet(
        "own",
        tuple(
            Problem(
                "own",
                f"own/{n}",
                PROMPT.replace("double", f"double_{n}"),
                f"double_{n}",
                "    return n * 2\n",
                cases=CASES,
            )
            for n in range(count)
        ),
    )


def score(folder: Path, root: Path) -> dict[str, object]:
    work = Work(root, "evaluate", "", Events())
    sets = {"own": problems()}
    scores, rows = stage.score_model(folder, sets, Evaluate(max_new_tokens=8), LocalSandbox(workers=1), work)
    assert rows == 2
    return dict(scores["own"])


def test_a_random_model_solves_nothing_and_every_sample_is_kept(folder: Path, tmp_path: Path) -> None:
    found = score(folder, tmp_path / "out")
    assert (found["n"], found["passed"], found["value"]) == (2, 0, 0)
    assert (found["low"], found["high"]) == wilson(0, 2)
    rows = list(Dataset.open(tmp_path / "out" / "samples", SAMPLE).rows())
    assert [row["task_id"] for row in rows] == ["own/0", "own/1"]
    assert all(row["verdict"] != "passed" for row in rows)


def test_a_finished_set_is_not_generated_again(folder: Path, tmp_path: Path) -> None:
    first = score(folder, tmp_path / "out")
    (folder / "model.safetensors").unlink()
    assert score(folder, tmp_path / "out") == first


@pytest.mark.parametrize(
    ("completion", "raw", "clean"),
    [
        ("\n    return n * 2\n", True, True),
        ("\n    return n * 2\nprint(undefined)\n", False, True),
        ("\n    return n * 3\n", False, False),
        ("", False, False),
    ],
)
def test_raw_and_sanitised_are_judged_apart(completion: str, raw: bool, clean: bool, tmp_path: Path) -> None:
    one = problems(1).problems
    work = Work(tmp_path, "evaluate", "", Events())
    texts = [completion, sanitise(one[0].prompt.rstrip(), completion, one[0].entry_point)]
    verdicts = [stage._judge(one, [text], LocalSandbox(workers=1), work, "run")[0].passed for text in texts]
    assert verdicts == [raw, clean]
