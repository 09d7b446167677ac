"""The training loop, in plain sight: one function, one process, one device; it resumes to the bit (phi-1 §2.3).

A step is decided by the weights, the data's batch of that number and a dropout seed of that number. So the state on
disk is weights, moments, step and loss scale; there is no random generator to restore.
"""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hornbook.checkpoint import TrainingState, load_state, save_state
from hornbook.errors import BadInput, CheckpointError, HornbookError, TrainingDiverged
from hornbook.model import Phi, parameters
from hornbook.optimizer import Optimizers, learning_rate_factor
from hornbook.packed import PackedSource
from hornbook.training.settings import AUTOCAST, Event, LoopSettings, TrainResult
from hornbook.training.speed import FEWEST_PASSES, keep_freed_memory, worth_compiling
from hornbook.training.validation import held_out_loss

FIRST_LOSS_SCALE, SMALLEST_LOSS_SCALE, SCALE_GROWTH_STEPS = 2.0**16, 2.0**-14, 2000
MODEL, OPTIMIZER = "model/", "optimizer/"
RESUMED = ("seconds", "loss_scale", "steps_at_scale", "is_compiled", "curve", "held_out")


class BatchesByStep(Protocol):
    """What the loop reads: `batches[step]` is (batch_size, context_length + 1) int64, decided by the step alone."""

    batch_size: int
    context_length: int

    @property
    def vocab_size(self) -> int:
        """Tokens are below this."""

    def __getitem__(self, step: int) -> NDArray[np.int64]: ...

    def epochs(self, steps: int) -> dict[str, float]:
        """Passes over each source after this many steps."""

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the batches, as plain JSON values."""


@dataclass
class _Run:
    """What a step uses and changes."""

    model: Phi
    optimizers: Optimizers
    batches: BatchesByStep
    settings: LoopSettings
    device: torch.device
    loss: Callable[[Tensor, Tensor], Tensor]
    step: int = 0
    seconds: float = 0.0
    loss_scale: float = 1.0
    steps_at_scale: int = 0
    is_compiled: bool | None = None
    curve: list[Event] = field(default_factory=list)
    held_out: list[Event] = field(default_factory=list)
    logged: tuple[int, float] = (0, 0.0)  # step and seconds at the last `train` event


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
    """Train the model in place up to `settings.steps`, going on from the newest state in checkpoint_folder.

    Events are dicts with a key `event`: start, compile, train, held_out, skipped_step, checkpoint. A run that is killed
    and started again on the same machine gives the losses and weights of one that was not, bit for bit. Ctrl-C ends the
    step in hand, writes a state and raises KeyboardInterrupt; a second Ctrl-C does not wait. At the end the model is in
    evaluation mode without dropout. Raises TrainingDiverged, BadInput and CheckpointError.
    """
    run = _start(model, batches, settings, torch.device(device))
    folder = None if checkpoint_folder is None else Path(checkpoint_folder)
    if folder is not None:
        _resume(run, folder)
    on_event(_start_event(run))
    with keep_freed_memory(run.device), _random_state_kept(run.device), _interrupts_deferred() as is_interrupted:
        if run.step < settings.steps:
            on_event(_compile(run))
        while run.step < settings.steps:
            started_at = time.perf_counter()
            loss, gradient_norm, factor = _step(run, on_event)
            run.step += 1
            run.seconds += time.perf_counter() - started_at
            is_last = run.step == settings.steps
            if run.step % settings.log_every == 0 or run.step == 1 or is_last:
                on_event(_log(run, loss, gradient_norm, factor))
            if validation and (run.step % settings.evaluate_every == 0 or is_last):
                _evaluate(run, validation, on_event)
            must_stop = is_interrupted()
            if folder is not None and (run.step % settings.checkpoint_every == 0 or is_last or must_stop):
                on_event(_checkpoint(run, folder))
            if must_stop:
                raise KeyboardInterrupt
    if validation and not run.held_out:
        _evaluate(run, validation, on_event)
    model.set_dropout(0.0)
    model.eval()
    tokens = run.step * settings.batch_size * batches.context_length
    return TrainResult(
        run.step, tokens, run.seconds, bool(run.is_compiled), batches.epochs(run.step), run.curve, run.held_out
    )


# --- one step -------------------------------------------------------------------------------------------------------


def _step(run: _Run, on_event: Callable[[Event], None]) -> tuple[float, float, float]:
    """One optimizer step: loss in nats per token, gradient norm before clipping, share of the peak learning rate."""
    settings = run.settings
    schedule_steps = settings.schedule_steps or settings.steps
    factor = learning_rate_factor(
        run.step, schedule_steps, settings.schedule, settings.warmup_steps, settings.decay_fraction
    )
    torch.manual_seed((settings.seed << 32) + run.step)  # dropout
    loss = _accumulate(run, run.batches[run.step], settings.micro_batches)
    gradients = [parameter.grad for parameter in run.model.parameters() if parameter.grad is not None]
    norm = float(torch.nn.utils.get_total_norm(gradients)) / run.loss_scale
    is_finite = math.isfinite(loss) and math.isfinite(norm)
    if is_finite:
        shrink = min(1.0, settings.clip_norm / (norm + 1e-6)) / run.loss_scale
        for gradient in gradients if shrink != 1.0 else ():
            gradient.mul_(shrink)
        run.optimizers.step(factor)
    elif settings.precision == "fp16" and run.loss_scale > SMALLEST_LOSS_SCALE:
        on_event({"event": "skipped_step", "step": run.step + 1, "why": "overflow", "loss_scale": run.loss_scale})
    else:
        raise TrainingDiverged(
            f"step {run.step + 1}: the loss is {loss} and the gradient norm {norm}; lower peak_lr (now"
            f" {settings.peak_lr:g}) or clip_norm, or lengthen the warmup"
        )
    run.optimizers.zero_grad()
    if settings.precision == "fp16":
        _adapt_loss_scale(run, is_finite)
    return loss, norm, factor


def _accumulate(run: _Run, batch: NDArray[np.int64], micro_batches: int) -> float:
    """Add the gradients of the batch's mean loss, times the loss scale; returns that loss."""
    total = torch.zeros((), device=run.device)
    for rows in np.split(batch, micro_batches):
        tokens = torch.from_numpy(rows).to(run.device, non_blocking=True)
        precision = run.settings.precision
        with torch.autocast(run.device.type, AUTOCAST[precision], enabled=precision != "fp32"):
            loss = run.loss(tokens[:, :-1], tokens[:, 1:])
        (loss * (run.loss_scale / micro_batches)).backward()
        total += loss.detach()
    return float(total) / micro_batches


def _adapt_loss_scale(run: _Run, is_finite: bool) -> None:
    """Halve fp16's loss scale after an overflow, double it after SCALE_GROWTH_STEPS steps without one."""
    run.steps_at_scale = run.steps_at_scale + 1 if is_finite else 0
    if not is_finite:
        run.loss_scale /= 2
    elif run.steps_at_scale == SCALE_GROWTH_STEPS:
        run.loss_scale, run.steps_at_scale = run.loss_scale * 2, 0


# --- start and resume -----------------------------------------------------------------------------------------------


def _start(model: Phi, batches: BatchesByStep, settings: LoopSettings, device: torch.device) -> _Run:
    """Check that the parts fit together and put the model on its device."""
    if settings.precision == "fp16" and device.type == "cpu":
        raise BadInput("precision fp16 needs a GPU; use bf16 or fp32 on a CPU")
    if batches.batch_size != settings.batch_size:
        raise BadInput(f"the batches have {batches.batch_size} rows, the settings say batch_size {settings.batch_size}")
    if batches.context_length > model.config.context_length:
        raise BadInput(
            f"the batches have a context of {batches.context_length} tokens, the model {model.config.context_length};"
            " read the data with the model's context_length"
        )
    if batches.vocab_size > model.config.vocab_size:
        raise BadInput(
            f"the data's vocabulary has {batches.vocab_size} tokens, the model {model.config.vocab_size} rows for them;"
            " give it at least as many"
        )
    model.to(device).train()
    model.set_dropout(settings.dropout)
    optimizers = Optimizers(
        model,
        settings.optimizer,
        settings.peak_lr,
        settings.muon_lr,
        settings.weight_decay,
        settings.betas,
        settings.eps,
    )
    loss_scale = FIRST_LOSS_SCALE if settings.precision == "fp16" else 1.0
    return _Run(model, optimizers, batches, settings, device, model.loss, loss_scale=loss_scale)


def _identity(run: _Run) -> dict[str, Any]:
    """What a state must share with a run that goes on from it, as JSON gives it back."""
    config, settings = asdict(run.model.config), run.settings.identity
    identity: dict[str, Any] = json.loads(
        json.dumps({"model": config, "settings": settings, "data": run.batches.identity})
    )
    return identity


def _checkpoint(run: _Run, folder: Path) -> Event:
    """Write the state; the curve travels with it, so that the result covers all attempts."""
    tensors = {MODEL + name: tensor for name, tensor in run.model.state_dict().items()}
    if run.model.config.tied:
        del tensors[MODEL + "head.weight"]
    tensors |= {OPTIMIZER + name: tensor for name, tensor in run.optimizers.tensors().items()}
    facts = {name: getattr(run, name) for name in RESUMED}
    path = save_state(folder, TrainingState(run.step, tensors, {**facts, "identity": _identity(run)}))
    return {"event": "checkpoint", "step": run.step, "path": str(path)}


def _resume(run: _Run, folder: Path) -> None:
    """Take up the newest state of the folder, if there is one; CheckpointError if it is another run's."""
    state = load_state(folder)
    if state is None:
        return
    theirs, ours = state.facts.get("identity", {}), _identity(run)
    for section in ours:
        for name in sorted(ours[section] | theirs.get(section, {})):
            before, now = theirs.get(section, {}).get(name), ours[section].get(name)
            if before != now:
                raise CheckpointError(
                    f"{folder} holds a state of another run: its {section} has {name} {before!r}, this one {now!r};"
                    " remove the folder or choose another"
                )
    if state.step > run.settings.steps:
        raise CheckpointError(f"{folder} is at step {state.step}, beyond the {run.settings.steps} asked for")
    weights = {name.removeprefix(MODEL): value for name, value in state.tensors.items() if name.startswith(MODEL)}
    if run.model.config.tied:
        weights["head.weight"] = weights["embedding.weight"]
    run.model.load_state_dict(weights)
    moments = {name: value for name, value in state.tensors.items() if name.startswith(OPTIMIZER)}
    run.optimizers.load_tensors({name.removeprefix(OPTIMIZER): value for name, value in moments.items()})
    run.step = state.step
    for name in RESUMED:
        setattr(run, name, state.facts[name])
    run.logged = (run.step, run.seconds)


def _compile(run: _Run) -> Event:
    """Compile the loss where it is asked for or should pay; the event says what was decided and why.

    A resumed run keeps the choice of the first attempt, so that its numbers stay the same.
    """
    passes_left = (run.settings.steps - run.step) * run.settings.micro_batches
    wanted, why = run.settings.compile == "yes", f"the settings say {run.settings.compile}"
    if run.settings.compile == "auto" and run.is_compiled is not None:
        wanted, why = run.is_compiled, "as before the interruption"
    elif run.settings.compile == "auto" and passes_left < FEWEST_PASSES:
        wanted, why = False, f"only {passes_left} forward passes"
    elif run.settings.compile == "auto":
        seconds = min(_trial_pass(run) for _ in range(3))
        wanted, why = worth_compiling(seconds, passes_left, run.device)
    spent = 0.0
    if wanted:
        run.loss = torch.compile(run.model.loss, dynamic=False)
        try:
            spent = _trial_pass(run)
        except Exception as error:
            if run.settings.compile == "yes":
                raise HornbookError(f"torch.compile failed ({_first_line(error)}); set compile to no") from error
            run.loss, wanted, why = run.model.loss, False, f"torch.compile failed: {_first_line(error)}"
    run.is_compiled = wanted
    return {"event": "compile", "is_compiled": wanted, "why": why, "seconds": round(spent, 2)}


def _trial_pass(run: _Run) -> float:
    """Seconds of one forward and backward pass; its gradients are dropped."""
    started_at = time.perf_counter()
    _accumulate(run, run.batches[run.step][: run.settings.micro_batch_size], micro_batches=1)
    if run.device.type == "cuda":
        torch.cuda.synchronize(run.device)
    run.optimizers.zero_grad()
    return time.perf_counter() - started_at


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


# --- events ---------------------------------------------------------------------------------------------------------


def _start_event(run: _Run) -> Event:
    tokens_per_step = run.settings.batch_size * run.batches.context_length
    return {
        "event": "start",
        "step": run.step,
        "steps": run.settings.steps,
        "tokens": run.settings.steps * tokens_per_step,
        "parameters": parameters(run.model.config),
        "epochs": run.batches.epochs(run.settings.steps),
        "device": str(run.device),
        "precision": run.settings.precision,
        "threads": torch.get_num_threads(),
    }


def _log(run: _Run, loss: float, gradient_norm: float, factor: float) -> Event:
    """The `train` event of the step just done; its speed is the mean since the event before."""
    tokens_per_step = run.settings.batch_size * run.batches.context_length
    steps, seconds = run.step - run.logged[0], run.seconds - run.logged[1]
    run.logged = (run.step, run.seconds)
    event = {
        "event": "train",
        "step": run.step,
        "loss_nats_per_token": loss,
        "gradient_norm": gradient_norm,
        "learning_rate": run.settings.peak_lr * factor,
        "tokens": run.step * tokens_per_step,
        "tokens_per_second": round(steps * tokens_per_step / max(seconds, 1e-9)),
        "seconds": round(run.seconds, 3),
    }
    run.curve.append(event)
    return event


def _evaluate(run: _Run, validation: Mapping[str, PackedSource], on_event: Callable[[Event], None]) -> None:
    """Held-out loss of every source."""
    for name, source in validation.items():
        found = held_out_loss(
            run.model,
            source,
            precision=run.settings.precision,
            most_tokens=run.settings.evaluate_tokens,
            rows=run.settings.micro_batch_size or run.settings.batch_size,
        )
        event = {"event": "held_out", "step": run.step, "source": name, **asdict(found)}
        run.held_out.append(event)
        on_event(event)


# --- surroundings ---------------------------------------------------------------------------------------------------


@contextmanager
def _random_state_kept(device: torch.device) -> Iterator[None]:
    """The loop seeds torch's generators at every step; outside it they are as they were."""
    devices = [device.index or 0] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        yield


@contextmanager
def _interrupts_deferred() -> Iterator[Callable[[], bool]]:
    """Ctrl-C is noted for the end of the step, so that the state written is a whole step's; the second one acts."""
    if threading.current_thread() is not threading.main_thread():  # signals reach the main thread alone
        yield lambda: False
        return
    noted = False
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal noted
        noted = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: noted
    finally:
        signal.signal(signal.SIGINT, before)
