"""The training loop, in plain sight: one function, one process, one device; resumes to the bit (phi-1 §2.3).

A step is decided by the model, the data's batch of that number and a seed of that number (dropout), so the state on disk
is the weights, the optimizer's moments, the step and the loss scale, and no random generator.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from hornbook.checkpoint import TrainingState, load_state, save_state
from hornbook.errors import BadInput, CheckpointError, HornbookError
from hornbook.machine import compiled_loss, interrupt_between_steps, keep_freed_memory, random_state_kept
from hornbook.model import Phi, parameters
from hornbook.optimizer import OptimizerName, Optimizers, ScheduleName, learning_rate_factor
from hornbook.packed import PackedSource

Event = dict[str, Any]
Precision = Literal["fp32", "bf16", "fp16"]

AUTOCAST = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
FIRST_LOSS_SCALE, SCALE_GROWTH_STEPS, SMALLEST_LOSS_SCALE = 2.0**16, 2000, 2.0**-14
NO_EFFECT = ("log_every", "checkpoint_every", "evaluate_every", "evaluate_tokens", "compile")
"""Settings that a resumed run may change: they do not change what a step computes."""


class TrainingDiverged(HornbookError):
    """The loss or the gradient is no longer a finite number."""


class BatchesByStep(Protocol):
    """What the loop reads: `batches[step]` is (batch_size, context_length + 1) int64, decided by the step alone."""

    batch_size: int
    context_length: int

    def __getitem__(self, step: int) -> np.ndarray[Any, Any]: ...

    def epochs(self, steps: int) -> dict[str, float]:
        """Passes over each source after this many steps."""

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the batches, as plain values."""


@dataclass(frozen=True)
class LoopSettings:
    """One training run; the defaults are phi-1's pretraining (§2.3) where the paper gives a value."""

    steps: int = 24_000
    schedule_steps: int | None = 36_000
    batch_size: int = 1024
    micro_batch_size: int | None = None
    peak_lr: float = 1e-3
    schedule: ScheduleName = "linear"
    warmup_steps: int = 750
    decay_fraction: float = 0.2
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.98)
    eps: float = 1e-7
    clip_norm: float = 1.0
    optimizer: OptimizerName = "adamw"
    muon_lr: float = 0.02
    precision: Precision = "fp16"
    compile: Literal["auto", "yes", "no"] = "auto"
    dropout: float = 0.1
    seed: int = 0
    log_every: int = 10
    checkpoint_every: int = 1000
    evaluate_every: int = 1000
    evaluate_tokens: int = 65_536  # held-out tokens per source, evenly spaced over it

    @property
    def micro_batches(self) -> int:
        """Forward passes per optimizer step."""
        return self.batch_size // (self.micro_batch_size or self.batch_size)


@dataclass(frozen=True)
class HeldOutLoss:
    """Loss on held-out text of one source: nats per token, and tokenizer-free bits per byte of UTF-8."""

    loss_nats_per_token: float
    bits_per_byte: float
    tokens: int


@dataclass(frozen=True)
class TrainResult:
    """What a run did: its curve (the `train` events) and its held-out losses by step and source, over all attempts.

    `seconds` is time in training steps alone.
    """

    steps: int
    tokens: int
    seconds: float
    is_compiled: bool
    epochs: dict[str, float]
    curve: list[Event]
    held_out: list[Event]

    @property
    def final_held_out(self) -> dict[str, HeldOutLoss]:
        """The last held-out loss of each source."""
        return {event["source"]: HeldOutLoss(**{key: event[key] for key in HELD_OUT_VALUES}) for event in self.held_out}


HELD_OUT_VALUES = ("loss_nats_per_token", "bits_per_byte", "tokens")


@dataclass
class _Run:
    """What changes from step to step, beside the weights and moments."""

    model: Phi
    optimizers: Optimizers
    loss: Callable[[Tensor, Tensor], Tensor]
    device: torch.device
    step: int = 0
    seconds: float = 0.0
    loss_scale: float = 1.0
    steps_at_scale: int = 0
    is_compiled: bool | None = None
    curve: list[Event] = field(default_factory=list)
    held_out: list[Event] = field(default_factory=list)


def train_loop(
    model: Phi,
    batches: BatchesByStep,
    settings: LoopSettings,
    *,
    validation: Mapping[str, PackedSource] | None = None,
    checkpoint_folder: Path | str | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
    device: torch.device | str = "cpu",
) -> TrainResult:
    """Train the model in place for `settings.steps` steps, going on from the newest state in checkpoint_folder.

    Events are dicts with `event`: start, compile, train, held_out, checkpoint, skipped_step. A run killed and started
    again gives the same losses and weights, bit for bit, as one that was not (on the same machine). Ctrl-C ends the
    step in hand, writes a state and raises KeyboardInterrupt. Raises TrainingDiverged, BadInput, CheckpointError.
    """
    device = torch.device(device)
    _check(model, batches, settings, device)
    model.to(device).train()
    model.set_dropout(settings.dropout)
    run = _Run(model, _optimizers(model, settings), model.loss, device)
    run.loss_scale = FIRST_LOSS_SCALE if settings.precision == "fp16" else 1.0
    folder = None if checkpoint_folder is None else Path(checkpoint_folder)
    identity = _identity(model, batches, settings)
    if folder is not None:
        _resume(run, folder, identity)
    on_event(_start_event(run, batches, settings))
    with keep_freed_memory(device), random_state_kept(device), interrupt_between_steps() as interrupted:
        if run.step < settings.steps:
            _compile(run, batches, settings, on_event)
        while run.step < settings.steps:
            started_at = time.perf_counter()
            loss, gradient_norm, factor = _step(run, batches, settings, on_event)
            run.step += 1
            run.seconds += time.perf_counter() - started_at
            is_last = run.step == settings.steps
            if run.step % settings.log_every == 0 or is_last or run.step == 1:
                _log(run, settings, batches.context_length, loss, gradient_norm, factor, on_event)
            if (run.step % settings.evaluate_every == 0 or is_last) and validation:
                _evaluate(run, validation, batches.context_length, settings, on_event)
            must_stop = interrupted()
            if folder is not None and (run.step % settings.checkpoint_every == 0 or is_last or must_stop):
                _checkpoint(run, folder, identity, on_event)
            if must_stop:
                raise KeyboardInterrupt
    if validation and not run.held_out:
        _evaluate(run, validation, batches.context_length, settings, on_event)
    model.set_dropout(0.0)
    model.eval()
    tokens = run.step * settings.batch_size * batches.context_length
    epochs = batches.epochs(run.step)
    return TrainResult(run.step, tokens, run.seconds, bool(run.is_compiled), epochs, run.curve, run.held_out)


def _step(
    run: _Run, batches: BatchesByStep, settings: LoopSettings, on_event: Callable[[Event], None]
) -> tuple[float, float, float]:
    """One optimizer step: its mean loss (nats per token), gradient norm before clipping, and learning-rate factor."""
    factor = learning_rate_factor(
        run.step,
        settings.schedule_steps or settings.steps,
        settings.schedule,
        settings.warmup_steps,
        settings.decay_fraction,
    )
    torch.manual_seed((settings.seed << 32) + run.step)  # dropout
    loss = _accumulate(run, batches[run.step], settings)
    gradients = [parameter.grad for parameter in run.model.parameters() if parameter.grad is not None]
    norm = float(torch.nn.utils.get_total_norm(gradients)) / run.loss_scale
    is_sound = math.isfinite(loss) and math.isfinite(norm)
    if not is_sound and (settings.precision != "fp16" or run.loss_scale <= SMALLEST_LOSS_SCALE):
        raise TrainingDiverged(
            f"step {run.step}: loss is {loss}, gradient norm {norm}; lower peak_lr (now {settings.peak_lr:g}) or"
            " clip_norm, or go on from an earlier state"
        )
    if is_sound:
        shrink = min(1.0, settings.clip_norm / (norm + 1e-6)) / run.loss_scale
        torch._foreach_mul_(gradients, shrink)
        run.optimizers.step(factor)
    else:
        on_event({"event": "skipped_step", "step": run.step, "reason": "overflow", "loss_scale": run.loss_scale})
    run.optimizers.zero_grad()
    if settings.precision == "fp16":
        _adapt_loss_scale(run, is_sound)
    return loss, norm, factor


def _accumulate(run: _Run, batch: np.ndarray[Any, Any], settings: LoopSettings) -> float:
    """Gradients of the batch's mean loss, scaled, summed over its micro-batches; returns the loss."""
    total = torch.zeros((), device=run.device)
    for rows in np.array_split(batch, settings.micro_batches):
        tokens = torch.from_numpy(rows).to(run.device, non_blocking=True)
        with _autocast(run.device, settings.precision):
            loss = run.loss(tokens[:, :-1], tokens[:, 1:]) / settings.micro_batches
        (loss * run.loss_scale if run.loss_scale != 1.0 else loss).backward()
        total += loss.detach()
    return float(total)


def _adapt_loss_scale(run: _Run, is_sound: bool) -> None:
    """Halve the fp16 loss scale after an overflow, double it after SCALE_GROWTH_STEPS steps without one."""
    run.steps_at_scale = run.steps_at_scale + 1 if is_sound else 0
    if not is_sound:
        run.loss_scale /= 2
    elif run.steps_at_scale >= SCALE_GROWTH_STEPS:
        run.loss_scale, run.steps_at_scale = run.loss_scale * 2, 0


def _autocast(device: torch.device, precision: Precision) -> torch.autocast:
    return torch.autocast(device.type, AUTOCAST[precision], enabled=precision != "fp32")


def _compile(
    run: _Run, batches: BatchesByStep, settings: LoopSettings, on_event: Callable[[Event], None]
) -> None:
    """Compile the loss where asked, where the run before a resume did, or where it should pay; say what was decided."""

    def forward_and_backward() -> None:
        _accumulate(run, batches[run.step][: settings.micro_batch_size], _one_pass(settings))
        run.optimizers.zero_grad()

    earlier = run.is_compiled
    wanted = settings.compile if earlier is None or settings.compile != "auto" else ("yes" if earlier else "no")
    steps_left = (settings.steps - run.step) * settings.micro_batches
    run.loss, event = compiled_loss(run, wanted, forward_and_backward, steps_left)
    run.is_compiled = event["is_compiled"]
    on_event({"event": "compile", **event})
