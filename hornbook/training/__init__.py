"""The training loop and what belongs to it: settings, held-out loss, speed."""

from hornbook.errors import TrainingDiverged
from hornbook.training.loop import BatchesByStep, train_loop
from hornbook.training.settings import HeldOutLoss, LoopSettings, TrainResult
from hornbook.training.speed import keep_freed_memory, worth_compiling
from hornbook.training.validation import held_out_loss

__all__ = [
    "BatchesByStep",
    "HeldOutLoss",
    "LoopSettings",
    "TrainResult",
    "TrainingDiverged",
    "held_out_loss",
    "keep_freed_memory",
    "train_loop",
    "worth_compiling",
]
