"""Export: a model folder for the Hugging Face Hub. Ours has that form already, so it is copied and given a card."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from hornbook import __version__
from hornbook.checkpoint import METADATA, load_model, whole_folder
from hornbook.errors import BadInput, closest

CARD_HEADER = """---
library_name: transformers
pipeline_tag: text-generation
tags: [code, phi, hornbook]
---

"""


def export_hf(model_folder: Path | str, out: Path | str, card: str) -> Path:
    """Write a folder that transformers' AutoModelForCausalLM and AutoTokenizer load, with `card` as its README.md.

    A card without a YAML header gets a minimal one. The model is read once whole, so that a damaged folder is not
    passed on. Raises CheckpointError for such a folder, BadInput where `out` exists and is no earlier export.
    """
    source, out = Path(model_folder), Path(out)
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / "config.json").is_file())):
        raise BadInput(f"{out} exists and is not a model folder; choose another place for the export")
    if out.resolve() == source.resolve():
        raise BadInput(f"{out} is the model folder itself; choose another place for the export")
    load_model(source)
    with whole_folder(out) as unfinished:
        for path in sorted(source.iterdir()):
            if path.is_file() and path.name != METADATA:
                shutil.copyfile(path, unfinished / path.name)
        text = card if card.startswith("---\n") else CARD_HEADER + card
        (unfinished / "README.md").write_text(text, encoding="utf-8")
    return out


def find_model(place: Path | str, arm: str | None = None) -> Path:
    """The model folder that a path means: a model folder itself, a trained arm, or a run (its finetuned model).

    Of a run with several arms, `arm` names one; without it `textbook` is taken, or the only one. Raises BadInput.
    """
    place = Path(place)
    for folder in (place, place / "model"):
        if (folder / "config.json").is_file():
            return folder
    arms = sorted(path.name for path in (place / "07-train").glob("*") if path.is_dir())
    if not arms:
        raise BadInput(f"no model at {place}: it is no model folder, no trained arm and no run with one")
    wanted = arm or ("textbook" if "textbook" in arms else arms[0])
    if wanted not in arms:
        raise BadInput(f"{place} has no arm `{wanted}`; did you mean `{closest(wanted, arms)}`?")
    if arm is None and len(arms) > 1 and "textbook" not in arms:
        raise BadInput(f"{place} has the arms {', '.join(arms)}; name one with --arm")
    model = place / "07-train" / wanted / "finetuned" / "model"
    if not (model / "config.json").is_file():
        raise BadInput(f"{model.parent} has no finished model; run its recipe to the end of train")
    return model


def model_card(model_folder: Path | str) -> str:
    """The README of an exported model: what it is, what it was trained on, how to prompt it, what it cannot do."""
    facts = json.loads((Path(model_folder) / METADATA).read_text(encoding="utf-8"))
    sources = ", ".join(f"{name} ({values['epochs']:.1f} passes)" for name, values in facts.get("sources", {}).items())
    lines = [
        f"# Hornbook model: {facts.get('arm', 'unnamed')}, {facts.get('phase', 'unknown phase')}",
        "",
        f"A Phi model of {facts.get('parameters', 0):,} parameters, made by Hornbook {__version__},",
        "after the phi-1 recipe.",
        f"Last phase: {facts.get('tokens', 0):,} tokens of {sources or 'unknown sources'}.",
        "",
        "Prompt it with a Python signature and docstring, trailing whitespace stripped; the completion begins with the",
        "newline and ends with the end-of-text token. Its code is untrusted: run it in a sandbox.",
        "",
    ]
    return "\n".join(lines)
