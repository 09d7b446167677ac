"""Prompt texts: the files `prompts/<kind>.md`, filled in with a prompt's fields."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hornbook.errors import BadInput, closest
from hornbook.recipe import fingerprint

if TYPE_CHECKING:
    import jinja2

FOLDER = Path(__file__).parent / "prompts"


def render(kind: str, **fields: Any) -> str:
    """The text of a prompt: its file with the fields filled in; text in a field is never read as a template.

    Raises BadInput for a kind without a file, or a field that the file asks for and does not get.
    """
    import jinja2

    try:
        return _environment().get_template(f"{kind}.md").render(**fields)
    except jinja2.TemplateNotFound:
        known = [path.stem for path in FOLDER.glob("*.md")]
        raise BadInput(f"no prompt of kind '{kind}'; did you mean '{closest(kind, known)}'?") from None
    except jinja2.UndefinedError as error:
        raise BadInput(f"prompt '{kind}' lacks a field: {error.message}") from error


def prompts_identity() -> str:
    """A hash of all prompt files: part of the fingerprint of every stage that asks a teacher."""
    return fingerprint({path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))})


@functools.lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    import jinja2
    import jinja2.sandbox

    return jinja2.sandbox.SandboxedEnvironment(
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
