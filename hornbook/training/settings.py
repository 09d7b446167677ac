"""What a training run is told, and what it tells: settings, held-out losses, the result."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch

from hornbook.errors import BadInput
from hornbook.optimizer import OptimizerName, ScheduleName

Event = dict[str, Any]
Precision = Literal["fp32", "bf16", "fp16"]

AUTOCAST: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
NO_EFFECT = ("log_every", "checkpoint_every", "evaluate_every", "evaluate_tokens", "compile")
"""Settings that a resumed run may change: they do not decide what a step computes."""


@dataclass(frozen=True)
class LoopSettings:
    """One training run; the defaults are phi-1's pretraining (§2.3) where the paper gives a value.

    `schedule_steps` (None: `steps`) is the length of the learning-rate schedule: 36,000 in phi-1, which used the
    weights at 24,000. `micro_batch_size` (None: the whole batch) is the sequences in one forward pass.
    """

    steps: int = 24_000
    schedule_steps: int | None = None
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
    evaluate_tokens: int = 65_536  # held-out tokens read per source, evenly spaced over it

    def __post_init__(self) -> None:
        if self.batch_size % (self.micro_batch_size or self.batch_size):
            raise BadInput(
                f"batch_size {self.batch_size} is not a multiple of micro_batch_size {self.micro_batch_size};"
                " change one of them"
            )
        if self.schedule_steps is not None and self.schedule_steps < self.steps:
            raise BadInput(
                f"schedule_steps {self.schedule_steps} is below steps {self.steps}: the learning rate would be zero at"
                " the end; raise it or leave it out"
            )
        for name in ("log_every", "checkpoint_every", "evaluate_every", "batch_size"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} is {getattr(self, name)}; it must be at least 1")

    @property
    def micro_batches(self) -> int:
        """Forward passes in one optimizer step."""
        return self.batch_size // (self.micro_batch_size or self.batch_size)

    @property
    def identity(self) -> dict[str, Any]:
        """The settings that decide what a step computes."""
        return {name: value for name, value in asdict(self).items() if name not in NO_EFFECT}


@dataclass(frozen=True)
class HeldOutLoss:
    """Loss on held-out text: nats per token, and bits per byte of UTF-8, which does not depend on the tokenizer."""

    loss_nats_per_token: float
    bits_per_byte: float
    tokens: int


@dataclass(frozen=True)
class TrainResult:
    """What a run did, over all its attempts: the curve holds its `train` events, held_out its `held_out` events.

    `seconds` is time spent in training steps alone; `epochs` the passes over each source.
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
        values = ("loss_nats_per_token", "bits_per_byte", "tokens")
        return {event["source"]: HeldOutLoss(*(event[name] for name in values)) for event in self.held_out}
