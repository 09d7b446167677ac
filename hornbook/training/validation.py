"""Loss on held-out text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hornbook.errors import DatasetError
from hornbook.model import Phi
from hornbook.packed import PackedSource
from hornbook.training.settings import AUTOCAST, HeldOutLoss, Precision


@torch.no_grad()
def held_out_loss(
    model: Phi, source: PackedSource, *, precision: Precision = "fp32", most_tokens: int = 65_536, rows: int = 16
) -> HeldOutLoss:
    """Mean loss over blocks of the model's context length, evenly spaced over the source, about `most_tokens` in all.

    A source shorter than a block is read as one short block. Raises DatasetError below two tokens. `rows` blocks go
    through the model together.
    """
    device = model.embedding.weight.device
    was_training = model.training
    model.eval()
    total, tokens = 0.0, 0
    for batch in _evenly_spaced(source, model.config.context_length, most_tokens, rows):
        block = torch.from_numpy(batch).to(device)
        with torch.autocast(device.type, AUTOCAST[precision], enabled=precision != "fp32"):
            loss = model.loss(block[:, :-1], block[:, 1:])
        predicted = block[:, 1:].numel()
        total, tokens = total + float(loss) * predicted, tokens + predicted
    model.train(was_training)
    nats = total / tokens
    return HeldOutLoss(nats, nats / (source.bytes_per_token * math.log(2)), tokens)


def _evenly_spaced(
    source: PackedSource, context_length: int, most_tokens: int, rows: int
) -> Iterator[NDArray[np.int64]]:
    """Blocks (rows, context_length + 1) of a source."""
    if len(source.tokens) < 2:
        raise DatasetError(
            f"source `{source.name}` has {len(source.tokens)} {source.split} tokens; hold out more, or leave it out of"
            " the validation"
        )
    blocks = source.blocks(context_length)
    if blocks == 0:
        yield np.asarray(source.tokens, dtype=np.int64)[None]
        return
    wanted = min(blocks, math.ceil(most_tokens / context_length))
    chosen: list[NDArray[Any]] = [source.block(number * blocks // wanted, context_length) for number in range(wanted)]
    for start in range(0, wanted, rows):
        yield np.stack(chosen[start : start + rows]).astype(np.int64)
