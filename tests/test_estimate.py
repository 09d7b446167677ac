"""What `hornbook plan` reckons, against the paper's own figures and against what torch really keeps."""

from __future__ import annotations

import json
import math

import pytest
import torch

from hornbook.estimate import (
    PAPER_MFU,
    REPLY_TOKENS,
    Estimate,
    activation_bytes,
    amount,
    duration,
    estimate,
    model_shape,
    size,
    state_bytes,
)
from hornbook.hardware import HARDWARE, Hardware, measure_machine
from hornbook.model import Block, Phi, PhiConfig, flops_per_token, parameters, rotary_tables
from hornbook.optimizer import OptimizerName, Optimizers
from hornbook.recipe import Recipe, build_recipe

TINY = PhiConfig(vocab_size=512, width=128, layers=2, heads=4, context_length=64)
A100 = HARDWARE[0]


def phi_1() -> Estimate:
    return estimate(Recipe())


# --- against the paper ----------------------------------------------------------------------------------------------


def test_the_default_recipe_is_phi_1() -> None:
    found = phi_1()
    base, finetuned = found.phases
    assert found.parameters == 1_418_270_720
    assert base.tokens == 50_331_648_000
    assert finetuned.tokens == 3_145_728_000


def test_phi_1_small_has_the_papers_size() -> None:
    recipe = build_recipe({"train": {"model": {"layers": 20, "width": 1024, "heads": 16}}})
    assert estimate(recipe).parameters == 356_794_368


def test_the_papers_hours_give_the_utilisation_that_is_assumed() -> None:
    tokens, seconds = 51e9, 770 * 3600
    implied = tokens * flops_per_token(PhiConfig(), 2048) / seconds / 312e12
    assert implied == pytest.approx(PAPER_MFU, rel=0.02)


def test_phi_1_takes_about_the_770_a100_hours_of_the_paper() -> None:
    steps = round(51e9 / (1024 * 2048))
    recipe = build_recipe({"train": {"pretrain": {"steps": steps}, "finetune": {"steps": 0}}})
    assert estimate(recipe).gpu_hours["A100-80GB"] == pytest.approx(770, rel=0.02)


def test_finetuning_takes_the_order_of_the_papers_56_a100_hours() -> None:
    recipe = build_recipe({"train": {"pretrain": {"steps": 0}}})
    assert 40 < estimate(recipe).gpu_hours["A100-80GB"] < 70


def test_synthetic_tokens_are_those_of_the_paper() -> None:
    packed = {part.source: part for part in phi_1().packed}
    assert packed["textbooks"].tokens == 1_000_000_000
    assert packed["exercises"].tokens == pytest.approx(180e6, rel=0.03)
    assert packed["exercises"].bytes == 2 * packed["exercises"].tokens


# --- against torch --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_activation_bytes_are_what_a_block_keeps(precision: str) -> None:
    block = Block(TINY)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    cos, sin = (table[:, None].to(dtype) for table in rotary_tables(TINY))
    batch = 3
    weights = {tuple(value.shape) for value in block.parameters()}
    weights |= {shape[::-1] for shape in weights}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tuple(tensor.shape) not in weights:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    states = torch.randn(batch, TINY.context_length, TINY.width, requires_grad=True)
    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"),
    ):
        result = block(states, cos, sin, None)
    measured = sum(kept.values()) / batch * TINY.layers
    assert result.shape == states.shape
    assert activation_bytes(TINY, precision) == pytest.approx(measured, rel=0.03)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_state_bytes_are_what_training_keeps(optimizer: OptimizerName) -> None:
    model = Phi(TINY)
    optimizers = Optimizers(model, optimizer, 1e-3, 1e-2, 0.1, (0.9, 0.95), 1e-8)
    tokens = torch.zeros(1, 8, dtype=torch.long)
    model.loss(tokens, tokens).backward()
    optimizers.step(1.0)
    held = [*model.parameters(), *(value.grad for value in model.parameters()), *optimizers.tensors().values()]
    measured = sum(tensor.numel() * tensor.element_size() for tensor in held if tensor is not None)
    assert state_bytes(TINY, optimizer, "fp32") == pytest.approx(measured, rel=0.001)
    assert state_bytes(TINY, optimizer, "bf16") - state_bytes(TINY, optimizer, "fp32") == 2 * parameters(TINY)


def test_this_machine_is_measured_in_a_plausible_range() -> None:
    machine = measure_machine(size=256, repeats=2)
    assert 1e-4 < machine.tflops_fp32 < 1e4
    assert 1e-4 < machine.tflops_16bit < 1e4
    assert 0.5 < machine.memory_gb < 1e5
    assert machine.name in estimate(Recipe(), machine=machine).gpu_hours


# --- how figures follow from the recipe -----------------------------------------------------------------------------


def test_hours_are_inverse_to_utilisation_and_peak() -> None:
    half, full = (estimate(Recipe(), mfu=mfu).gpu_hours for mfu in (0.25, 0.5))
    assert half["H200"] == pytest.approx(2 * full["H200"])
    assert full["A100-80GB"] / full["H100 SXM"] == pytest.approx(989 / 312)


@pytest.mark.parametrize("mfu", [0, -0.1, 1.01, math.nan])
def test_a_utilisation_that_is_no_share_is_refused(mfu: float) -> None:
    with pytest.raises(ValueError, match="mfu is"):
        estimate(Recipe(), mfu=mfu)


def test_fp32_is_reckoned_at_the_speed_of_the_vector_units() -> None:
    phases = {"pretrain": {"precision": "fp32"}, "finetune": {"steps": 0}}
    slow = estimate(build_recipe({"train": phases})).gpu_hours["A100-80GB"]
    fast = estimate(build_recipe({"train": {"finetune": {"steps": 0}}})).gpu_hours["A100-80GB"]
    assert slow / fast == pytest.approx(312 / 19.5)


def test_arms_with_the_same_pretraining_share_it() -> None:
    arms = {
        "one": {"pretrain": {"curated": None}},
        "two": {"pretrain": {"curated": None}, "finetune": {"textbooks": None}},
        "three": {"pretrain": {"raw": None}},
    }
    found = estimate(build_recipe({"arms": arms}))
    assert [(phase.arm, phase.phase) for phase in found.phases if phase.is_shared] == [("two", "base")]
    alone = phi_1().phases
    expected = (2 * alone[0].flops + 3 * alone[1].flops) / (312e12 * PAPER_MFU) / 3600
    assert found.gpu_hours["A100-80GB"] == pytest.approx(expected)
    assert ("two/base", "0 tokens", "same sources as an arm above: its run is used") in found.table()


def test_memory_grows_with_the_micro_batch_and_the_largest_one_just_fits() -> None:
    def phase(micro: int) -> int:
        recipe = build_recipe({"train": {"pretrain": {"micro_batch_size": micro}}})
        return estimate(recipe).phases[0].memory_bytes

    fit = phi_1().phases[0].largest_micro_batch(A100)
    assert fit >= 1
    assert phase(fit) <= A100.memory_gb * 1e9 * 0.92 < phase(fit + 1)


def test_a_device_that_is_too_small_is_said_to_be() -> None:
    small = Hardware("small", 10, 1, 8)
    found = estimate(Recipe(), machine=small)
    assert found.largest_micro_batch["small"] == 0
    row = next(row for row in found.table() if row[0] == "training on small")
    assert row[2].endswith("the model does not fit on one")


def test_a_whole_batch_that_does_not_fit_names_the_key_to_set() -> None:
    row = next(row for row in phi_1().table() if row[0] == "training on A100-80GB")
    assert row[2].endswith("sequences fit at once: set micro_batch_size")


def test_an_open_vocabulary_is_the_tokenizers_padded_to_64() -> None:
    recipe = build_recipe({"pack": {"vocabulary": 2_050}, "train": {"model": {"vocabulary": None}}})
    assert model_shape(recipe).vocab_size == 2_112


def test_packed_bytes_follow_the_corpus_and_the_vocabulary() -> None:
    recipe = build_recipe(
        {"train": {"model": {"vocabulary": 70_000}}, "arms": {"raw": {"pretrain": {"raw": None, "curated": None}}}}
    )
    packed = {part.source: part for part in estimate(recipe, corpus_tokens=1_000_000).packed}
    assert (packed["raw"].tokens, packed["raw"].bytes) == (1_000_000, 4_000_000)
    assert packed["curated"].tokens == 170_000
    assert {part.source: part for part in estimate(recipe).packed}["raw"].tokens is None


def test_teacher_cost_follows_counts_and_prices() -> None:
    values = {
        "teacher": {"usd_per_million_tokens_in": 0, "usd_per_million_tokens_out": 2},
        "synthesize": {"textbooks": 0, "exercises": 1_000_000},
        "curate": {"labels": 10},
    }
    found = estimate(build_recipe(values))
    costs = {part.kind: part.cost_usd for part in found.teacher}
    assert costs["exercise"] == pytest.approx(2 * REPLY_TOKENS["exercise"])
    assert costs["textbook"] == 0
    assert found.cost_usd == pytest.approx(sum(costs.values()))


def test_a_reply_is_reckoned_no_longer_than_its_bound() -> None:
    found = estimate(build_recipe({"teacher": {"max_tokens": 50}}))
    assert {part.kind: part.tokens_out for part in found.teacher}["exercise"] == 879_500 * 50


def test_the_procedural_teacher_is_free() -> None:
    found = estimate(build_recipe({"teacher": {"kind": "procedural"}}))
    assert found.cost_usd == 0
    assert all(part.tokens_in == part.tokens_out == 0 for part in found.teacher)
    assert ("teacher: exercise", "free", "879,500 prompts, composed here") in found.table()


def test_an_estimate_is_plain_data_and_plain_rows() -> None:
    found = phi_1()
    plain = json.loads(json.dumps(found.as_dict()))
    assert plain["parameters"] == 1_418_270_720
    assert plain["phases"][0]["memory_bytes"] == found.phases[0].memory_bytes
    rows = found.table()
    assert ("textbook/base", "50.3B tokens", "batch size x context length x steps") in rows
    assert all(len(row) == 3 and all(isinstance(cell, str) and cell for cell in row) for row in rows)


def test_amounts_are_said_in_three_digits() -> None:
    assert [amount(n) for n in (0, 999, 1_000, 3_145_728_000, 2e12)] == ["0", "999", "1k", "3.15B", "2T"]
    assert [size(n) for n in (0, 1_500, 25_529_032_960)] == ["0 bytes", "1.5 kB", "25.5 GB"]
    assert [duration(h) for h in (49, 47.9, 0.5, 0.001)] == ["2.0 days", "47.9 hours", "30.0 minutes", "3.6 seconds"]
