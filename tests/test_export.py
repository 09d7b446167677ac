"""Export: transformers reads what we write, with equal logits and equal text."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hornbook.checkpoint import load_model, save_model
from hornbook.errors import BadInput, CheckpointError
from hornbook.export import export_hf
from hornbook.generate import generate
from hornbook.model import Phi, PhiConfig
from hornbook.tokenizer import train_tokenizer

TEXT = 'def add(a, b):\n    """Return the sum of a and b."""\n    return a + b\n'


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights, large enough that its greedy text varies."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    tokenizer = train_tokenizer([TEXT] * 3, vocab_size=320)
    model = Phi(PhiConfig(vocab_size=320, width=32, layers=2, heads=2, context_length=64))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    folder = tmp_path_factory.mktemp("trained") / "model"
    save_model(folder, model, tokenizer, {"run": "test"})
    return folder


def test_transformers_gives_the_same_logits_and_text(model_folder: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the hub extra is not installed")
    out = export_hf(model_folder, tmp_path / "export", "# A model")
    ours, tokenizer, _ = load_model(out)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(out)
    their_tokenizer = transformers.AutoTokenizer.from_pretrained(out)
    assert type(theirs).__name__ == "PhiForCausalLM"
    assert theirs.config.eos_token_id == tokenizer.end_token
    prompt = tokenizer.encode(TEXT[:40])
    assert their_tokenizer(TEXT[:40])["input_ids"] == prompt
    tokens = torch.tensor([prompt])
    with torch.inference_mode():
        torch.testing.assert_close(ours(tokens), theirs(tokens).logits, atol=1e-4, rtol=0)
        text = theirs.generate(tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=20, do_sample=False)
    (completion,) = generate(ours, [prompt], 20, tokenizer.end_token)
    expected = text[0, len(prompt) :].tolist()
    assert (
        completion.tokens
        == expected[: expected.index(tokenizer.end_token) if completion.finish_reason == "end" else 20]
    )
    assert len(completion.tokens) > 5


def test_what_transformers_saves_is_read_back(model_folder: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the hub extra is not installed")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(model_folder)
    theirs.save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(model_folder).save_pretrained(tmp_path)
    before, after = load_model(model_folder), load_model(tmp_path)
    tokens = torch.arange(20)[None]
    assert torch.equal(before.model(tokens), after.model(tokens))
    assert before.tokenizer.encode(TEXT) == after.tokenizer.encode(TEXT)


def test_the_export_has_a_card_and_none_of_our_metadata(model_folder: Path, tmp_path: Path) -> None:
    out = export_hf(model_folder, tmp_path / "export", "# A model\n")
    names = {path.name for path in out.iterdir()}
    assert {"README.md", "config.json", "model.safetensors", "tokenizer.json", "generation_config.json"} <= names
    assert "hornbook.json" not in names
    assert (out / "README.md").read_text().endswith("---\n\n# A model\n")
    again = export_hf(model_folder, out, "---\nlicense: mit\n---\ntext\n")
    assert (again / "README.md").read_text() == "---\nlicense: mit\n---\ntext\n"


def test_a_place_that_holds_something_else_is_not_overwritten(model_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(BadInput, match="is not a model folder"):
        export_hf(model_folder, tmp_path, "card")
    with pytest.raises(BadInput, match="itself"):
        export_hf(model_folder, model_folder, "card")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_damaged_model_is_not_exported(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(CheckpointError, match=r"config\.json is missing"):
        export_hf(tmp_path / "model", tmp_path / "out", "card")
    assert not (tmp_path / "out").exists()
