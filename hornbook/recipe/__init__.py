"""The recipe: what a run does. Defaults are phi-1 as published; a recipe file lists only its differences.

`sections.py` holds the stages' values, `seams.py` those of the seams, `load.py` reads files and explains errors.
"""

from hornbook.recipe.load import build_recipe, fingerprint, load_recipe
from hornbook.recipe.seams import EmbedderSettings, EngineSettings, SandboxSettings, TeacherSettings
from hornbook.recipe.section import Section
from hornbook.recipe.sections import (
    PROBLEM_SETS,
    SOURCES,
    Arm,
    Census,
    Corpus,
    Curate,
    Decontaminate,
    Directory,
    Evaluate,
    Forest,
    Installed,
    Jsonl,
    Model,
    Pack,
    ParquetFiles,
    Phase,
    Recipe,
    Report,
    Synthesize,
    Train,
)

__all__ = [
    "Arm",
    "Census",
    "Corpus",
    "Curate",
    "Decontaminate",
    "Directory",
    "EmbedderSettings",
    "EngineSettings",
    "Evaluate",
    "Forest",
    "Installed",
    "Jsonl",
    "Model",
    "PROBLEM_SETS",
    "Pack",
    "ParquetFiles",
    "Phase",
    "Recipe",
    "Report",
    "SOURCES",
    "SandboxSettings",
    "Section",
    "Synthesize",
    "TeacherSettings",
    "Train",
    "build_recipe",
    "fingerprint",
    "load_recipe",
]
