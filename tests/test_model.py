"""The Phi model: counts, start, learning, cache, and agreement with transformers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from hornbook import model as phi
from hornbook.errors import BadInput
from hornbook.model import KeyValueCache, Phi, PhiConfig, flops_per_token, parameters

SMALL = PhiConfig(vocab_size=131, width=32, layers=2, heads=2, context_length=24)
PHI_1_SMALL = PhiConfig(width=1024, layers=20, heads=16)


@pytest.fixture(autouse=True)
def one_thread_and_seed() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def tokens_and_targets(config: PhiConfig, rows: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    tokens = torch.randint(config.vocab_size, (rows, config.context_length + 1))
    return tokens[:, :-1].clone(), tokens[:, 1:].clone()


def with_random_biases(model: Phi) -> Phi:
    """The model with every vector drawn at random, so that a test notices a bias or a norm that is not used."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


@pytest.mark.parametrize(
    ("config", "count"),
    [(PhiConfig(), 1_418_270_720), (PHI_1_SMALL, 356_794_368)],
    ids=["phi-1", "phi-1-small"],
)
def test_parameter_counts_are_those_of_the_paper(config: PhiConfig, count: int) -> None:
    assert parameters(config) == count


@pytest.mark.parametrize("config", [SMALL, replace(SMALL, tied=True), replace(SMALL, mlp_width=48)])
def test_the_count_is_that_of_the_built_model(config: PhiConfig) -> None:
    assert parameters(config) == sum(parameter.numel() for parameter in Phi(config).parameters())


def test_flops_count_every_matrix_product_once() -> None:
    with FlopCounterMode(display=False) as counter:
        tokens, targets = tokens_and_targets(SMALL, rows=1)
        Phi(SMALL).loss(tokens, targets)
    whole_square = 2 * SMALL.layers * SMALL.width * SMALL.context_length  # we count half of the causal square
    forward = flops_per_token(SMALL, SMALL.context_length) / 3 + whole_square
    assert counter.get_total_flops() == forward * SMALL.context_length


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"heads": 3}, "not a multiple of heads 3"),
        ({"layers": 0}, "layers is 0"),
        ({"rotary_fraction": 0.45}, "choose a fraction"),
        ({"dropout": 1.0}, "dropout is 1.0"),
    ],
)
def test_an_impossible_shape_is_refused(wrong: dict, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        replace(SMALL, **wrong)


def test_the_initial_loss_is_about_ln_of_the_vocabulary() -> None:
    model = Phi(SMALL)
    assert model.loss(*tokens_and_targets(SMALL)).item() == pytest.approx(math.log(SMALL.vocab_size), abs=0.05)
    assert model.embedding.weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert model.head.bias.abs().max().item() == 0


def test_one_batch_can_be_learned_by_heart() -> None:
    model = Phi(SMALL)
    tokens, targets = tokens_and_targets(SMALL)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        loss = model.loss(tokens, targets)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


def test_no_position_sees_a_later_token() -> None:
    model = with_random_biases(Phi(SMALL))
    tokens, _ = tokens_and_targets(SMALL)
    changed = tokens.clone()
    changed[:, 10:] = (changed[:, 10:] + 1) % SMALL.vocab_size
    before, after = model(tokens), model(changed)
    torch.testing.assert_close(before[:, :10], after[:, :10])
    assert not torch.allclose(before[:, 10], after[:, 10])


def test_explicit_and_fused_attention_agree() -> None:
    model = with_random_biases(Phi(SMALL))
    tokens, targets = tokens_and_targets(SMALL)
    explicit = model.train().loss(tokens, targets)
    fused = model.eval().loss(tokens, targets)
    torch.testing.assert_close(fused, explicit, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(
        torch.autograd.grad(fused, model.embedding.weight),
        torch.autograd.grad(explicit, model.embedding.weight),
        atol=1e-5,
        rtol=1e-4,
    )


def test_ignored_targets_do_not_count() -> None:
    model = with_random_biases(Phi(SMALL))
    tokens, targets = tokens_and_targets(SMALL)
    targets[0, 5:] = -100
    logits = model(tokens)
    expected = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)
    torch.testing.assert_close(model.loss(tokens, targets), expected)
    with torch.no_grad():
        torch.testing.assert_close(model.loss(tokens, targets), expected)


def test_the_sliced_loss_has_torchs_value_and_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phi.CachedCrossEntropy, "SLICE", 7)
    logits = (torch.randn(33, 131) * 5).requires_grad_()
    targets = torch.randint(131, (33,))
    targets[::4] = -100
    theirs = F.cross_entropy(logits, targets, ignore_index=-100)
    (expected,) = torch.autograd.grad(theirs * 3, logits)
    ours = phi.CachedCrossEntropy.apply(logits, targets, (targets != -100).sum())
    (found,) = torch.autograd.grad(ours * 3, logits)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(found, expected)


def test_a_loss_in_pieces_is_the_same_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    model = with_random_biases(Phi(SMALL))
    tokens, targets = tokens_and_targets(SMALL)
    targets[0, 5:] = -100
    whole = model.loss(tokens, targets)
    expected = torch.autograd.grad(whole, list(model.parameters()))
    monkeypatch.setattr(phi, "LOGITS_AT_ONCE", 10 * SMALL.vocab_size)
    pieces = model.loss(tokens, targets)
    torch.testing.assert_close(pieces, whole)
    torch.testing.assert_close(torch.autograd.grad(pieces, list(model.parameters())), expected)


def test_reading_token_by_token_gives_the_same_logits() -> None:
    model = with_random_biases(Phi(SMALL)).eval()
    tokens, _ = tokens_and_targets(SMALL)
    whole = model(tokens)
    cache = KeyValueCache(SMALL, torch.zeros(3, dtype=torch.long), 24, whole)
    with torch.inference_mode():
        torch.testing.assert_close(model.next_logits(tokens[:, :10], cache), whole[:, 9])
        for place in range(10, 24):
            logits = model.next_logits(tokens[:, place : place + 1], cache)
            torch.testing.assert_close(logits, whole[:, place], atol=1e-5, rtol=1e-4)


def test_padding_at_the_left_changes_nothing() -> None:
    model = with_random_biases(Phi(SMALL)).eval()
    tokens, _ = tokens_and_targets(SMALL, rows=2)
    short = tokens[1:, 4:10]
    tokens[1, :4] = 0
    cache = KeyValueCache(SMALL, torch.tensor([0, 4]), 24, model.head.weight)
    with torch.inference_mode():
        together = model.next_logits(tokens[:, :10], cache)
        torch.testing.assert_close(together[1], model(short)[0, -1], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(together[0], model(tokens[:1, :10])[0, -1], atol=1e-5, rtol=1e-4)


def test_too_many_tokens_for_the_context_are_refused() -> None:
    with pytest.raises(BadInput, match="25 tokens do not fit"):
        Phi(SMALL)(torch.zeros(1, 25, dtype=torch.long))


def test_dropout_acts_in_training_alone() -> None:
    model = Phi(SMALL)
    tokens, _ = tokens_and_targets(SMALL)
    plain = model.eval()(tokens)
    model.set_dropout(0.5)
    torch.testing.assert_close(model(tokens), plain)
    model.train()
    assert not torch.equal(model(tokens), model(tokens))


def test_tables_can_be_rebuilt_after_the_meta_device() -> None:
    with torch.device("meta"):
        model = Phi(SMALL)
    model = model.to_empty(device="cpu")
    model.reset_tables()
    reference = Phi(SMALL)
    model.load_state_dict(reference.state_dict())
    tokens, _ = tokens_and_targets(SMALL)
    assert torch.equal(model(tokens), reference(tokens))


def test_loss_and_gradients_are_those_of_transformers() -> None:
    pytest.importorskip("transformers", reason="the hub extra is not installed")
    from transformers import PhiConfig as TheirConfig
    from transformers import PhiForCausalLM

    from hornbook.checkpoint import export_config, export_weights

    ours = with_random_biases(Phi(SMALL))
    theirs = PhiForCausalLM(TheirConfig(**export_config(SMALL, end_token=0)))
    theirs.load_state_dict(export_weights(ours), strict=True)
    tokens, targets = tokens_and_targets(SMALL)
    logits = theirs(tokens).logits
    torch.testing.assert_close(ours(tokens), logits, atol=1e-5, rtol=1e-5)
    loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
    loss.backward()
    our_loss = ours.loss(tokens, targets)
    our_loss.backward()
    torch.testing.assert_close(our_loss, loss, atol=1e-5, rtol=1e-5)
    gradients = Phi(SMALL)
    gradients.load_state_dict({name: parameter.grad for name, parameter in ours.named_parameters()})
    expected = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    found = export_weights(gradients)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-5, rtol=1e-5, msg=name)
