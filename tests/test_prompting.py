"""Prompt texts: fields are filled in as they are, and what is missing is said."""

import pytest

from hornbook.errors import BadInput
from hornbook.teacher import prompting
from hornbook.teacher.prompting import prompts_identity, render


def test_code_is_filled_in_and_never_read_as_a_template() -> None:
    code = "x = '{{ 7 * 7 }} {% raw %} <&>'\n"
    assert code in render("label", code=code)


def test_an_unknown_kind_names_the_closest() -> None:
    with pytest.raises(BadInput, match="no prompt of kind 'labell'; did you mean 'label'"):
        render("labell", code="x")


def test_a_missing_field_is_named() -> None:
    with pytest.raises(BadInput, match="prompt 'label' lacks a field"):
        render("label")


def test_the_identity_changes_with_any_prompt_file(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(prompting, "FOLDER", tmp_path)
    (tmp_path / "label.md").write_text("{{ code }}")
    before = prompts_identity()
    assert before == prompts_identity()
    (tmp_path / "label.md").write_text("{{ code }}!")
    assert prompts_identity() != before
