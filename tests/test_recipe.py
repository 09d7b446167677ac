"""The recipe: the paper's values by default, overrides, and errors that name the closest key."""

from pathlib import Path

import pytest

from hornbook.errors import RecipeError
from hornbook.recipe import Recipe, build_recipe, fingerprint, load_recipe

RECIPES = Path(__file__).parent.parent / "recipes"


def write(folder: Path, text: str, name: str = "recipe.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_recipe_loads(path: Path) -> None:
    assert load_recipe(path).name == path.stem


def test_defaults_are_the_papers() -> None:
    train = Recipe().train
    assert (train.model.layers, train.model.width, train.model.heads, train.model.context_length) == (
        24,
        2048,
        32,
        2048,
    )
    pretrain, finetune = train.pretrain, train.finetune
    assert (pretrain.batch_size, pretrain.peak_lr, pretrain.warmup_steps, pretrain.weight_decay) == (
        1024,
        1e-3,
        750,
        0.1,
    )
    assert (pretrain.steps, pretrain.schedule_steps) == (24_000, 36_000)
    assert (finetune.batch_size, finetune.steps, finetune.peak_lr, finetune.warmup_steps) == (256, 6_000, 1e-4, 50)
    assert finetune.weight_decay == 0.01


def test_a_partial_phase_keeps_the_papers_other_values(tmp_path: Path) -> None:
    train = load_recipe(write(tmp_path, "train: {finetune: {batch_size: 8}, pretrain: {steps: 10}}")).train
    assert (train.finetune.batch_size, train.finetune.peak_lr) == (8, 1e-4)
    assert (train.pretrain.steps, train.pretrain.schedule_steps, train.pretrain.warmup_steps) == (10, None, 750)


def test_an_override_changes_one_value(tmp_path: Path) -> None:
    path = write(tmp_path, "train:\n  pretrain: &same {steps: 10}\n  finetune: *same\n")
    recipe = load_recipe(path, ["train.finetune.steps=3", "name=other"])
    assert (recipe.name, recipe.train.finetune.steps, recipe.train.pretrain.steps) == ("other", 3, 10)


def test_a_recipe_lists_only_its_differences_from_another(tmp_path: Path) -> None:
    write(tmp_path, "name: below\nseed: 3\npack: {vocabulary: 500}\n", "below.yaml")
    recipe = load_recipe(write(tmp_path, "extends: below.yaml\nname: above\npack: {held_out_rate: 0.5}\n"))
    assert (recipe.name, recipe.seed, recipe.pack.vocabulary, recipe.pack.held_out_rate) == ("above", 3, 500, 0.5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("train: {pretrain: {stpes: 3}}", ["`train.pretrain.stpes`", "`train.pretrain.steps`"]),
        ("trian: {}", ["`trian`", "`train`"]),
        ("arms: {one: {pretain: {}}}", ["`arms.one.pretain`", "`arms.one.pretrain`"]),
        ("arms: {one: {pretrain: {rwa: 1}}}", ["`rwa`", "`raw`"]),
        ("corpus: {sources: [{kind: installed, max_file: 3}]}", ["`corpus.sources.0.max_file`", "max_files`"]),
        ("train: {model: {width: 100, heads: 3}}", ["width 100", "heads 3"]),
        ("seed: -1", ["`seed`", "-1"]),
        ("name: ../x", ["`name`", "../x"]),
        ("- a list", ["key: value"]),
        ("a: [", ["not YAML"]),
        ("extends: nothing.yaml", ["nothing.yaml"]),
        ("extends: recipe.yaml", ["extends itself"]),
    ],
)
def test_a_wrong_recipe_is_one_line_that_names_the_way_out(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, text))
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize("override", ["noequals", "=3", "name.deeper=1"])
def test_a_wrong_override_is_refused(tmp_path: Path, override: str) -> None:
    with pytest.raises(RecipeError, match=r"--set|unknown key|name"):
        load_recipe(write(tmp_path, "name: x"), [override])


def test_a_missing_recipe_is_named() -> None:
    with pytest.raises(RecipeError, match=r"no recipe at nowhere\.yaml"):
        load_recipe("nowhere.yaml")


def test_sources_are_those_that_arms_use() -> None:
    recipe = build_recipe({"arms": {"a": {"pretrain": {"raw": None}}, "b": {"pretrain": {"curated": None}}}})
    assert recipe.sources == ("raw", "curated", "exercises")


def test_fingerprint_changes_with_any_value() -> None:
    plain = {"a": 1, "b": [1, 2]}
    assert fingerprint(plain) == fingerprint({"b": [1, 2], "a": 1})
    assert fingerprint(plain) != fingerprint({"a": 1, "b": [2, 1]})
