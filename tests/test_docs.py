"""The documentation says what the code does: pages are current, links lead somewhere, the tree is the tree."""

import re
import sys
from pathlib import Path

import pytest

from hornbook.recipe import load_recipe
from hornbook.store import STAGES

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

sys.path.insert(0, str(ROOT / "docs"))
import generate  # noqa: E402


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_generated_page_is_current(name: str) -> None:
    written = (ROOT / "docs" / "reference" / f"{name}.md").read_text(encoding="utf-8")
    assert written == generate.PAGES[name](), "run: python docs/generate.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [t for t in targets if not t.startswith("http") and not (page.parent / t).exists()]
    assert not missing


def readme_tree() -> list[str]:
    """Paths of the tree in the README, relative to the root."""
    block = next(
        b for b in re.findall(r"```text\n(.*?)```", (ROOT / "README.md").read_text(), re.S) if "pipeline.py" in b
    )
    paths, parents = [], [""]
    for line in block.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        name = line.split()[0]
        parents[depth + 1 :] = [parents[depth] + name]
        paths.append(parents[depth] + name)
    return paths


def test_the_readmes_tree_is_the_tree() -> None:
    shown = readme_tree()
    assert [path for path in shown if not (ROOT / path).exists()] == []
    package = ROOT / "hornbook"
    modules = {f"hornbook/{p.name}{'/' if p.is_dir() else ''}" for p in package.iterdir() if p.name[0] not in "_."}
    stages = {
        f"hornbook/stages/{p.name}{'/' if p.is_dir() else ''}"
        for p in (package / "stages").iterdir()
        if p.name[0] not in "_."
    }
    assert (modules | stages) - set(shown) == set()


def test_the_readme_shows_stages_in_data_order() -> None:
    words = [Path(path).stem for path in readme_tree() if path.startswith("hornbook/stages/")][1:]
    assert words == list(STAGES)


def test_the_readme_names_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert "make demo" in text
    assert "make test" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_recipes_in_the_docs_load(page: Path, tmp_path: Path) -> None:
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.S)):
        path = tmp_path / f"{number}.yaml"
        path.write_text(block.replace("extends: demo.yaml", f"extends: {ROOT / 'recipes' / 'demo.yaml'}"))
        assert load_recipe(path).name
