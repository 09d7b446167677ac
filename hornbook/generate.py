"""Batched generation: a prompt is read once, finished rows leave the batch, the batching does not change results."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from hornbook.errors import BadInput
from hornbook.model import KeyValueCache, Phi

CACHE_BYTES = {"cpu": 2**28, "cuda": 2**33}  # keys and values held at once
MOST_ROWS = 512
COMPACT_BELOW = 0.8  # share of live rows under which the others are dropped: copying the cache has its price

FinishReason = Literal["end", "length", "stop"]


@dataclass(frozen=True)
class Completion:
    """One drawn completion: tokens without the end token, and with those that made `stop` say so.

    `cut_prompt_tokens` counts the prompt tokens dropped at the left because prompt and completion exceed the context.
    """

    tokens: list[int]
    finish_reason: FinishReason
    prompt: int
    sample: int
    cut_prompt_tokens: int = 0


@dataclass(frozen=True)
class Decoding:
    """How tokens are chosen: temperature 0 takes the likeliest, top_p keeps the smallest set of that probability."""

    max_new_tokens: int
    end_token: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: Callable[[list[int]], bool] | None = None


@dataclass
class _Row:
    """One completion in the making."""

    prompt: int
    sample: int
    cut: int
    draws: np.ndarray  # one uniform number a token; empty when greedy
    tokens: list[int]
    finish_reason: FinishReason = "length"


def generate(
    model: Phi,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    end_token: int,
    temperature: float = 0.0,
    top_p: float = 1.0,
    samples: int = 1,
    seed: int = 0,
    stop: Callable[[list[int]], bool] | None = None,
    progress: Callable[[int, int], None] | None = None,
    batch_size: int = MOST_ROWS,
) -> list[Completion]:
    """Complete each prompt `samples` times; completions come prompt by prompt, in order.

    A sample's random numbers follow from the seed, its prompt's tokens and its number, so neither the batch nor the
    other prompts change it. A prompt longer than context_length - max_new_tokens loses tokens at its left, counted in
    the completion; an empty one stands for the end token. `stop` sees a completion's tokens after each new one;
    `progress` gets (completions done, all). Raises BadInput for settings out of range.
    """
    decoding = Decoding(max_new_tokens, end_token, temperature, top_p, seed, stop)
    room = model.config.context_length - max_new_tokens
    _check(model, decoding, room, samples, batch_size)
    texts = [list(prompt)[-room:] or [end_token] for prompt in prompts]
    rows = _rows(prompts, texts, samples, decoding)
    by_length = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    done = 0
    was_training = model.training
    model.eval()
    try:
        for group in _batches(model, by_length, texts, samples, max_new_tokens, batch_size):
            live = [rows[index][sample] for index, sample in group]
            _complete(model, texts, live, decoding)
            done += len(live)
            if progress is not None:
                progress(done, len(texts) * samples)
    finally:
        model.train(was_training)
    return [
        Completion(row.tokens, row.finish_reason, row.prompt, row.sample, row.cut)
        for several in rows
        for row in several
    ]


def _check(model: Phi, decoding: Decoding, room: int, samples: int, batch_size: int) -> None:
    if decoding.max_new_tokens < 1 or room < 1:
        raise BadInput(
            f"max_new_tokens is {decoding.max_new_tokens}; it must be from 1 to {model.config.context_length - 1},"
            f" one less than the model's context of {model.config.context_length}"
        )
    if decoding.temperature < 0 or not 0 < decoding.top_p <= 1:
        raise BadInput(
            f"temperature {decoding.temperature} and top_p {decoding.top_p} cannot be used; temperature is at least 0,"
            " top_p above 0 and at most 1"
        )
    if samples < 1 or batch_size < 1:
        raise BadInput(f"samples is {samples} and batch_size is {batch_size}; both must be at least 1")
    if decoding.temperature == 0 and samples > 1:
        raise BadInput(f"{samples} samples at temperature 0 are all the same; raise the temperature or take one")


def _rows(
    prompts: Sequence[Sequence[int]], texts: list[list[int]], samples: int, decoding: Decoding
) -> list[list[_Row]]:
    """All completions to make. The same prompt given twice counts its samples on, so that they differ."""
    seen: Counter[bytes] = Counter()
    rows = []
    for index, (prompt, text) in enumerate(zip(prompts, texts, strict=True)):
        key = hashlib.sha256(np.array(text, dtype="<i8").tobytes()).digest()
        several = []
        for sample in range(samples):
            number = seen[key] * samples + sample
            words = [decoding.seed, number, *np.frombuffer(key, dtype="<u4").tolist()]
            generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))
            draws = generator.random(decoding.max_new_tokens if decoding.temperature else 0)
            several.append(_Row(index, sample, max(0, len(prompt) - len(text)), draws, []))
        rows.append(several)
        seen[key] += 1
    return rows


def _batches(
    model: Phi, by_length: list[int], texts: list[list[int]], samples: int, max_new_tokens: int, batch_size: int
) -> list[list[tuple[int, int]]]:
    """(prompt, sample) pairs in batches of similar length, each within the bound on cache bytes and rows."""
    element = model.embedding.weight.element_size()
    bytes_per_slot = 2 * model.config.layers * model.config.width * element
    budget = CACHE_BYTES.get(model.embedding.weight.device.type, CACHE_BYTES["cuda"])
    batches: list[list[tuple[int, int]]] = [[]]
    for index in by_length:
        most = max(1, min(batch_size, budget // (bytes_per_slot * (len(texts[index]) + max_new_tokens))))
        for sample in range(samples):
            if len(batches[-1]) >= most:
                batches.append([])
            batches[-1].append((index, sample))
    return [batch for batch in batches if batch]


@torch.inference_mode()
def _complete(model: Phi, texts: list[list[int]], rows: list[_Row], decoding: Decoding) -> None:
    """Fill in the rows' tokens and finish reasons."""
    device = model.embedding.weight.device
    cache, logits = _read_prompts(model, texts, rows, decoding.max_new_tokens)
    live: list[_Row | None] = list(rows)
    for step in range(decoding.max_new_tokens):
        chosen = _choose(logits, live, step, decoding)
        _take(live, chosen.tolist(), decoding)
        alive = [place for place, row in enumerate(live) if row is not None]
        if not alive or step == decoding.max_new_tokens - 1:
            return
        if len(alive) < COMPACT_BELOW * len(live):
            kept = torch.tensor(alive, device=device)
            live, chosen = [live[place] for place in alive], chosen[kept]
            cache.select(kept)
        logits = model.next_logits(chosen[:, None], cache)


def _read_prompts(
    model: Phi, texts: list[list[int]], rows: list[_Row], max_new_tokens: int
) -> tuple[KeyValueCache, Tensor]:
    """Run each prompt once, left-padded to one length, then repeat its cache for each of its samples."""
    device = model.embedding.weight.device
    prompts = list(dict.fromkeys(row.prompt for row in rows))
    lengths = [len(texts[prompt]) for prompt in prompts]
    longest = max(lengths)
    tokens = torch.tensor([[0] * (longest - len(texts[prompt])) + texts[prompt] for prompt in prompts], device=device)
    padding = torch.tensor([longest - length for length in lengths], device=device)
    cache = KeyValueCache(model.config, padding, longest + max_new_tokens, model.embedding.weight)
    logits = model.next_logits(tokens, cache)
    if len(rows) > len(prompts):
        places = {prompt: place for place, prompt in enumerate(prompts)}
        repeated = torch.tensor([places[row.prompt] for row in rows], device=device)
        cache.select(repeated)
        logits = logits[repeated]
    return cache, logits


def _choose(logits: Tensor, live: Sequence[_Row | None], step: int, decoding: Decoding) -> Tensor:
    """The next token of each row (B,), from logits (B, V): the likeliest, or by inverting the distribution."""
    if decoding.temperature == 0:
        return logits.argmax(dim=-1)
    probabilities = torch.softmax(logits / decoding.temperature, dim=-1)
    ordered, tokens = probabilities.sort(dim=-1, descending=True, stable=True)
    reached = ordered.cumsum(dim=-1)
    # The set ends with the token at which top_p is reached; rounding must not make it empty or overrun it.
    size = ((reached - ordered) < decoding.top_p).sum(dim=-1, keepdim=True)
    mass = reached.gather(1, size - 1)
    uniform = [0.0 if row is None else row.draws[step] for row in live]
    draws = torch.tensor(uniform, dtype=reached.dtype, device=logits.device)[:, None]
    place = torch.searchsorted(reached, draws * mass, right=True).minimum(size - 1)
    return tokens.gather(1, place)[:, 0]


def _take(live: list[_Row | None], chosen: list[int], decoding: Decoding) -> None:
    """Add each row's token; a row that ends becomes None and is carried along until the batch is compacted."""
    for place, token in enumerate(chosen):
        row = live[place]
        if row is None:
            continue
        if token == decoding.end_token:
            row.finish_reason, live[place] = "end", None
            continue
        row.tokens.append(token)
        if decoding.stop is not None and decoding.stop(row.tokens):
            row.finish_reason, live[place] = "stop", None
