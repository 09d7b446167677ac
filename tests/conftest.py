"""Fixtures that several test files use."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hornbook.engine import Engine
from hornbook.errors import SandboxError
from hornbook.events import Events
from hornbook.sandbox import JailedSandbox
from hornbook.store import Store

# Engine workers are new processes: they import a test's functions by name, from here.
os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store with a run folder."""
    return Store(tmp_path / "store", Events(), tmp_path / "runs" / "test")


@pytest.fixture
def make_engine() -> Callable[[int], Engine]:
    """Opens the native engine with a number of workers."""
    return lambda workers: Engine("native", workers)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[JailedSandbox]:
    """A sandbox of two workers at the highest safe rung; skips where none stands."""
    try:
        made = JailedSandbox(workers=2)
    except SandboxError as error:
        pytest.skip(f"no jail on this machine: {error}")
    with made:
        yield made
