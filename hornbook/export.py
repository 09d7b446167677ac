"""Export: a model folder for the Hugging Face Hub. Ours has that form already, so it is copied and given a card."""

from __future__ import annotations

import shutil
from pathlib import Path

from hornbook.checkpoint import METADATA, load_model, whole_folder
from hornbook.errors import BadInput

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
