"""Model folders and training states on disk: safetensors and JSON, never pickle, written whole or not at all.

A model folder is a Hugging Face folder of `PhiForCausalLM`: config.json, model.safetensors, generation_config.json, the
tokenizer's files, and beside them hornbook.json with how the model came to be. Any folder of that class can be read.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from hornbook.errors import CheckpointError
from hornbook.model import Phi, PhiConfig
from hornbook.tokenizer import Tokenizer

WEIGHTS, CONFIG, METADATA, STATE = "model.safetensors", "config.json", "hornbook.json", "state"
GELU_TANH = ("gelu_new", "gelu_pytorch_tanh", "gelu_fast")  # three names of one function
KEPT_STATES = 2

OUTER_NAMES = {
    "embedding": "model.embed_tokens",
    "final_norm": "model.final_layernorm",
    "head": "lm_head",
}
BLOCK_NAMES = {
    "norm": "input_layernorm",
    "attention_out": "self_attn.dense",
    "mlp_in": "mlp.fc1",
    "mlp_out": "mlp.fc2",
}
FUSED, FUSED_PARTS = "query_key_value", ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")


class LoadedModel(NamedTuple):
    """What a model folder holds."""

    model: Phi
    tokenizer: Tokenizer
    metadata: dict[str, Any]


def save_model(
    folder: Path | str,
    model: Phi,
    tokenizer: Tokenizer,
    metadata: Mapping[str, Any] | None = None,
    dtype: torch.dtype | None = None,
) -> None:
    """Write a model folder, replacing an older one; the old one stays if writing fails.

    Weights keep their type unless `dtype` says another. `metadata` (plain JSON values) goes to hornbook.json.
    """
    weights = export_weights(model, dtype)
    with whole_folder(Path(folder)) as unfinished:
        save_file(weights, unfinished / WEIGHTS, metadata={"format": "pt"})
        type_name = str(weights["model.embed_tokens.weight"].dtype).removeprefix("torch.")
        _write_json(unfinished / CONFIG, export_config(model.config, tokenizer.end_token, type_name))
        ends = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), tokenizer.end_token)
        _write_json(unfinished / "generation_config.json", {"_from_model_config": True, "do_sample": False, **ends})
        tokenizer.save(unfinished, model.config.context_length)
        _write_json(unfinished / METADATA, dict(metadata or {}))


def load_model(
    folder: Path | str, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> LoadedModel:
    """Read a model folder: one that `save_model` wrote, or any Hugging Face folder of PhiForCausalLM.

    Weights become `dtype` on `device`; the model is in evaluation mode, its dropout 0. Raises CheckpointError.
    """
    folder = Path(folder)
    config = read_config(folder)
    with torch.device("meta"):
        model = Phi(config)
    weights = {name: tensor.to(device, dtype) for name, tensor in import_weights(_read_weights(folder), config).items()}
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if expected != found:
        name = next(name for name in sorted(expected | found) if expected.get(name) != found.get(name))
        raise CheckpointError(
            f"{folder}: weight `{name}` has shape {found.get(name, 'none')}, {CONFIG} asks for"
            f" {expected.get(name, 'none')}; the two files do not belong together"
        )
    model.load_state_dict(weights, assign=True)
    if config.tied:
        model.head.weight = model.embedding.weight
    model.reset_tables(device)
    metadata = _read_json(folder / METADATA) if (folder / METADATA).is_file() else {}
    return LoadedModel(model.eval(), Tokenizer.load(folder), metadata)


def export_config(config: PhiConfig, end_token: int, dtype: str = "float32") -> dict[str, Any]:
    """transformers' PhiConfig of this shape: version 5's `rope_parameters`, and the older fields beside them."""
    rotary = {"rope_theta": config.rope_theta, "partial_rotary_factor": config.rotary_fraction}
    return {
        "architectures": ["PhiForCausalLM"],
        "model_type": "phi",
        "vocab_size": config.vocab_size,
        "hidden_size": config.width,
        "intermediate_size": config.mlp_width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.heads,
        "max_position_embeddings": config.context_length,
        "hidden_act": "gelu_new",
        "layer_norm_eps": config.layer_norm_eps,
        "initializer_range": config.initial_std,
        "attention_dropout": 0.0,
        "resid_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "qk_layernorm": False,
        "rope_parameters": {"rope_type": "default", **rotary},
        **rotary,
        "rope_scaling": None,
        "tie_word_embeddings": config.tied,
        "use_cache": True,
        "bos_token_id": end_token,
        "eos_token_id": end_token,
        "dtype": dtype,
        "torch_dtype": dtype,
    }


def read_config(folder: Path | str) -> PhiConfig:
    """The shape that a model folder's config.json describes; raises CheckpointError for a model we cannot run."""
    path = Path(folder) / CONFIG
    stored = _read_json(path)
    rotary = {**stored, **(stored.get("rope_parameters") or {})}
    known = {
        "model_type": (stored.get("model_type"), ("phi",)),
        "hidden_act": (stored.get("hidden_act", "gelu_new"), GELU_TANH),
        "qk_layernorm": (bool(stored.get("qk_layernorm")), (False,)),
        "rope_scaling": (stored.get("rope_scaling"), (None,)),
        "rope_type": (rotary.get("rope_type", "default"), ("default",)),
        "num_key_value_heads": (
            stored.get("num_key_value_heads"),
            (None, stored.get("num_attention_heads")),
        ),
    }
    for name, (value, allowed) in known.items():
        if value not in allowed:
            raise CheckpointError(
                f"{path}: {name} is {value!r}; this program runs Phi models with {allowed[0]!r} alone"
            )
    try:
        return PhiConfig(
            vocab_size=int(stored["vocab_size"]),
            width=int(stored["hidden_size"]),
            layers=int(stored["num_hidden_layers"]),
            heads=int(stored["num_attention_heads"]),
            mlp_width=int(stored.get("intermediate_size") or 0),
            rotary_fraction=float(rotary.get("partial_rotary_factor", 0.5)),
            rope_theta=float(rotary.get("rope_theta", 10_000.0)),
            context_length=int(stored.get("max_position_embeddings", 2048)),
            layer_norm_eps=float(stored.get("layer_norm_eps", 1e-5)),
            tied=bool(stored.get("tie_word_embeddings", False)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is not a Phi model's configuration: {error!r}") from error


def export_weights(model: Phi, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """The model's weights on the CPU under PhiForCausalLM's names; query, key and value apart."""
    exported: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        if model.config.tied and name == "head.weight":
            continue
        value = tensor.detach().to("cpu", dtype or tensor.dtype)
        module, kind = name.rsplit(".", 1)
        if module.endswith(FUSED):
            block = _block_name(module)
            for part, rows in zip(FUSED_PARTS, value.chunk(3), strict=True):
                exported[f"{block}.{part}.{kind}"] = rows.clone()
        else:
            exported[f"{_their_name(module)}.{kind}"] = value.contiguous()
    return exported


def import_weights(weights: Mapping[str, Tensor], config: PhiConfig) -> dict[str, Tensor]:
    """Our names for weights under PhiForCausalLM's; a missing one raises CheckpointError, an unknown one too."""
    remaining = {name: tensor for name, tensor in weights.items() if not name.endswith("rotary_emb.inv_freq")}

    def take(name: str) -> Tensor:
        if name not in remaining:
            raise CheckpointError(f"the weights have no `{name}`; expected those of PhiForCausalLM in {WEIGHTS}")
        return remaining.pop(name)

    with torch.device("meta"):
        wanted = list(Phi(config).state_dict())
    imported: dict[str, Tensor] = {}
    for name in wanted:
        module, kind = name.rsplit(".", 1)
        if module.endswith(FUSED):
            parts = [take(f"{_block_name(module)}.{part}.{kind}") for part in FUSED_PARTS]
            imported[name] = torch.cat(parts)
        elif config.tied and name == "head.weight":
            remaining.pop("lm_head.weight", None)
            imported[name] = imported["embedding.weight"]
        else:
            imported[name] = take(f"{_their_name(module)}.{kind}")
    if remaining:
        raise CheckpointError(f"the weights hold `{min(remaining)}`, which a Phi model does not have")
    return imported


def _block_name(module: str) -> str:
    return f"model.layers.{module.split('.')[1]}"


def _their_name(module: str) -> str:
    if module in OUTER_NAMES:
        return OUTER_NAMES[module]
    return f"{_block_name(module)}.{BLOCK_NAMES[module.split('.', 2)[2]]}"


def _read_weights(folder: Path) -> dict[str, Tensor]:
    """All tensors of model.safetensors, or of the shards that its index names."""
    index = folder / f"{WEIGHTS}.index.json"
    if (folder / WEIGHTS).is_file():
        paths = [folder / WEIGHTS]
    elif index.is_file():
        paths = [folder / name for name in sorted(set(_read_json(index).get("weight_map", {}).values()))]
    else:
        raise CheckpointError(f"{folder} has no {WEIGHTS}; give a folder with config.json and safetensors weights")
    return {name: tensor for path in paths for name, tensor in read_tensors(path).items()}


# --- training states ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrainingState:
    """All that a training run needs to go on as if it had not stopped: tensors by name, and plain JSON facts."""

    step: int
    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def save_state(folder: Path | str, state: TrainingState, keep: int = KEPT_STATES) -> Path:
    """Write a state to `folder/step-<n>` whole or not at all, then remove all but the newest `keep`."""
    folder = Path(folder)
    path = folder / f"step-{state.step:08d}"
    with whole_folder(path) as unfinished:
        save_file(
            {name: tensor.contiguous() for name, tensor in state.tensors.items()}, unfinished / f"{STATE}.safetensors"
        )
        _write_json(unfinished / f"{STATE}.json", {"step": state.step, **state.facts})
    for old in _states(folder)[:-keep]:
        shutil.rmtree(old)
    return path


def load_state(folder: Path | str) -> TrainingState | None:
    """The newest state in the folder; None where there is none. Raises CheckpointError for one that is damaged."""
    states = _states(Path(folder))
    if not states:
        return None
    try:
        facts = _read_json(states[-1] / f"{STATE}.json")
        return TrainingState(int(facts.pop("step")), read_tensors(states[-1] / f"{STATE}.safetensors"), facts)
    except (CheckpointError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{states[-1]} is damaged ({error}); remove it to resume from the state before"
        ) from error


def _states(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("step-*") if path.name.removeprefix("step-").isdigit())


# --- files ----------------------------------------------------------------------------------------------------------


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill that takes the place of `folder` at the end, synced to disk; on an error nothing changes.

    A folder left by a killed process (`.<name>.unfinished`) is removed at the next attempt.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished, old = (folder.parent / f".{folder.name}.{word}" for word in ("unfinished", "old"))
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    try:
        yield unfinished
        for path in [*unfinished.rglob("*"), unfinished]:
            _sync(path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
    unfinished.rename(folder)
    _sync(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file, on the CPU; raises CheckpointError where it is missing or damaged."""
    if not path.is_file():
        raise CheckpointError(f"{path} is missing; the folder is incomplete")
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except SafetensorError as error:
        raise CheckpointError(f"{path} is not a readable safetensors file: {error}") from error


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise CheckpointError(f"{path} is missing; give a folder that holds it")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds {type(content).__name__}; expected an object")
    return content
