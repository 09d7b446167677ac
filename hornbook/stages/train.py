"""train: the Phi model learns from packed tokens, once to pretrain and once to finetune (phi-1 §2.3).

Called twice per arm: `base` starts from random weights, `finetuned` from the base model. The loop is `training.py`'s;
here stand what goes into it and what is kept. Imports nothing that a bare training node lacks.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from typing import Any

from hornbook.dataset import write_text
from hornbook.recipe import Model, Phase
from hornbook.store import Artifact, Summary, Work, stage


@stage(version=1)
def train(
    packed: Artifact,
    shape: Model,
    phase: Phase,
    sources: Mapping[str, float | None],
    start: Artifact | None,
    seed: int,
    *,
    work: Work,
) -> Summary:
    """Trains for `phase.steps` steps on the sources, by weight, and leaves a model folder.

    Files: `model/` (a Hugging Face Phi folder with the tokenizer), `curve.jsonl` (the loop's events: loss in nats per
    token, held-out bits per byte per source). Read and kept count sequences. Raises DatasetError where a source is
    smaller than one block, TrainingDiverged where the loss is no longer finite.
    """
    from hornbook.checkpoint import save_model
    from hornbook.packed import Batches, PackedSource
    from hornbook.tokenizer import Tokenizer
    from hornbook.training import train_loop

    tokenizer = Tokenizer.load(packed.path / "tokenizer")
    opened = [PackedSource.open(packed.path, name) for name in sources]
    batches = Batches(opened, shape.context_length, phase.batch_size, seed, weights=sources)
    model = _model(shape, tokenizer.vocab_size, start, seed)
    settings = loop_settings(shape, phase, seed)
    with work.task("steps", phase.steps, "steps") as task:

        def on_event(event: dict[str, Any]) -> None:
            work.event(f"train_{event['event']}", **{name: event[name] for name in event if name != "event"})
            task.update(event.get("step", task.done))

        result = train_loop(
            model,
            batches,
            settings,
            validation=_held_out(packed, shape.context_length),
            checkpoint_folder=work.path / "checkpoints",
            on_event=on_event,
            device=_device(),
        )
    curve = sorted([*result.curve, *result.held_out], key=lambda event: event["step"])
    write_text(work.path / "curve.jsonl", "".join(json.dumps(event) + "\n" for event in curve))
    arm, _, phase_name = work.label.partition("/")
    facts = {
        "arm": arm,
        "phase": phase_name,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "steps": result.steps,
        "tokens": result.tokens,
        "seconds": result.seconds,
        "tokens_per_second": result.tokens / result.seconds if result.seconds else 0.0,
        "sources": {name: {"share": sources[name], "epochs": result.epochs[name]} for name in sources},
        "compiled": result.is_compiled,
        "final": {
            "loss": result.curve[-1]["loss_nats_per_token"] if result.curve else None,
            "bits_per_byte": {name: held.bits_per_byte for name, held in result.final_held_out.items()},
        },
    }
    save_model(work.path / "model", model.cpu(), tokenizer, facts)
    shutil.rmtree(work.path / "checkpoints", ignore_errors=True)
    sequences = result.steps * phase.batch_size
    return Summary(read=sequences, kept=sequences, facts=facts)


def loop_settings(shape: Model, phase: Phase, seed: int) -> Any:
    """The loop's settings of a phase: the recipe's values under the same names, dropout from the model's section."""
    from hornbook.training import LoopSettings

    return LoopSettings(**phase.model_dump(), dropout=shape.dropout, seed=seed)


def _model(shape: Model, vocabulary: int, start: Artifact | None, seed: int) -> Any:
    """The model to train: random weights from the seed, or those of the base model."""
    import torch

    from hornbook.checkpoint import load_model
    from hornbook.errors import BadInput
    from hornbook.model import Phi, PhiConfig

    if start is not None:
        return load_model(start.path / "model").model
    rows = shape.vocabulary or -(-vocabulary // 64) * 64
    if rows < vocabulary:
        raise BadInput(f"train.model.vocabulary is {rows}, the tokenizer has {vocabulary} tokens; give at least that")
    config = PhiConfig(
        vocab_size=rows,
        width=shape.width,
        layers=shape.layers,
        heads=shape.heads,
        rotary_fraction=shape.rotary_fraction,
        context_length=shape.context_length,
    )
    torch.manual_seed(seed)
    return Phi(config)


def _held_out(packed: Artifact, context_length: int) -> dict[str, Any]:
    """The held-out text of every packed source that has at least one block of it."""
    from hornbook.packed import PackedSource

    found = {name: PackedSource.open(packed.path, name, "valid") for name in packed.facts["sources"]}
    return {name: source for name, source in found.items() if source.blocks(context_length) > 0}


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
