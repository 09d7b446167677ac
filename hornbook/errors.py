"""Errors of Hornbook: one root, one class per kind of trouble.

A message names the thing, the value and the way out, in one line. A program that fails in the sandbox is data
(an `Outcome`), never an exception; `SandboxError` means that the harness itself broke.
"""

from __future__ import annotations

from collections.abc import Iterable


class HornbookError(Exception):
    """Root of all errors that a user can act on; the command line prints it as one line."""

    exit_code = 1


class BadInput(HornbookError):
    """What the user gave cannot be used: a file, a folder, an option."""

    exit_code = 2


class RecipeError(BadInput):
    """A recipe has an unknown key or a value out of range."""


class DatasetError(BadInput):
    """A dataset folder is missing, incomplete or unreadable."""


class SchemaMismatch(DatasetError):
    """A column is missing or has another type than the schema says."""


class ChecksumMismatch(DatasetError):
    """A part's bytes are not those that the manifest names."""


class ConservationError(HornbookError):
    """Rows kept and rows rejected do not add up to rows read: a defect of the stage."""


class StoreBusy(HornbookError):
    """Another process is working on the same artifact."""


class TeacherError(HornbookError):
    """The teacher cannot be used at all: no endpoint, no key, budget spent."""


class InvalidReply(TeacherError):
    """A teacher's reply does not have the form that its prompt asks for."""


class SandboxError(HornbookError):
    """The sandbox itself cannot work here, or broke."""


class CheckpointError(BadInput):
    """A checkpoint or model folder is missing, incomplete or of another shape."""


class TrainingDiverged(HornbookError):
    """The loss or the gradient is no longer a finite number."""


def closest(word: str, known: Iterable[str]) -> str:
    """The known word nearest to `word` by spelling.

    >>> closest("stpes", ["steps", "seed"])
    'steps'
    """
    import difflib

    candidates = sorted(known)
    matches = difflib.get_close_matches(word, candidates, n=1, cutoff=0.0)
    return matches[0] if matches else ""
