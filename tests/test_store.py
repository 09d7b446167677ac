"""Stages: the same fingerprint is no work, another is; a killed stage resumes; artifacts appear whole or not at all."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hornbook.dataset import write_text
from hornbook.errors import ConservationError, DatasetError, StoreBusy
from hornbook.events import Events
from hornbook.recipe import Pack
from hornbook.store import Artifact, Stop, Store, Summary, Work, stage

RUNS: list[str] = []


@stage(version=1)
def corpus(section: Pack, seed: int, *, work: Work) -> Summary:
    RUNS.append(work.label)
    write_text(work.path / "out.txt", f"{section.vocabulary} {seed}")
    return Summary(read=3, kept=2, rejected={"short": 1}, facts={"seen": seed})


@stage(version=1)
def curate(first: Artifact, *, work: Work) -> Summary:
    RUNS.append("curate")
    return Summary(read=1, kept=1)


@stage(version=1)
def census(*, work: Work) -> Summary:
    return Summary(read=3, kept=1, rejected={"short": 1})


def open_store(root: Path, **options: object) -> Store:
    RUNS.clear()
    return Store(root / "store", Events(), root / "runs" / "one", **options)  # type: ignore[arg-type]


def test_the_same_inputs_are_no_work(tmp_path: Path) -> None:
    first = corpus(Pack(), 1, store=open_store(tmp_path))
    again = corpus(Pack(), 1, store=open_store(tmp_path))
    assert RUNS == []
    assert (first.path, first.record) == (again.path, again.record)
    assert again.facts == {"seen": 1}


def test_any_changed_input_is_work(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    paths = {corpus(section, seed, store=store).path for section in (Pack(), Pack(vocabulary=500)) for seed in (1, 2)}
    assert len(paths) == len(RUNS) == 4


def test_a_changed_input_changes_what_depends_on_it(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    one, two = (curate(corpus(Pack(), seed, store=store), store=store) for seed in (1, 2))
    assert one.fingerprint != two.fingerprint


def test_a_run_folder_points_at_its_artifacts(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    artifact = corpus(Pack(), 1, store=store, label="arm/base")
    link = tmp_path / "runs/one/01-corpus/arm/base"
    assert link.resolve() == artifact.path.resolve()
    other = corpus(Pack(), 2, store=store, label="arm/base")
    assert link.resolve() == other.path.resolve()


def test_a_dry_store_plans_and_runs_nothing(tmp_path: Path) -> None:
    corpus(Pack(), 1, store=open_store(tmp_path))
    store = open_store(tmp_path, dry=True)
    curate(corpus(Pack(), 1, store=store), store=store)
    assert [(call.stage, call.is_cached) for call in store.calls] == [("corpus", True), ("curate", False)]
    assert RUNS == []


def test_a_run_ends_behind_until(tmp_path: Path) -> None:
    store = open_store(tmp_path, until="corpus")
    first = corpus(Pack(), 1, store=store)
    with pytest.raises(Stop):
        curate(first, store=store)


def test_rows_that_vanish_are_an_error_and_no_artifact(tmp_path: Path) -> None:
    with pytest.raises(ConservationError, match="read 3 rows but kept 1 and rejected 1"):
        census(store=open_store(tmp_path))
    assert not list((tmp_path / "store").rglob("artifact.json"))


def test_a_broken_record_is_named(tmp_path: Path) -> None:
    artifact = corpus(Pack(), 1, store=open_store(tmp_path))
    (artifact.path / "artifact.json").write_text("{")
    with pytest.raises(DatasetError, match="delete"):
        corpus(Pack(), 1, store=open_store(tmp_path))


SCRIPT = """
    import os, signal, sys, time
    from pathlib import Path
    from hornbook.events import Events
    from hornbook.store import Store, Summary, stage

    @stage(version=1)
    def corpus(*, work):
        for unit in range(4):
            def compute():
                if unit == 2 and sys.argv[2] == "die":
                    os.kill(os.getpid(), signal.SIGKILL)
                if sys.argv[2] == "hold":
                    print("holding", flush=True)
                    time.sleep(60)
                print("unit", unit, flush=True)
                return unit
            work.once(f"unit-{unit}", compute)
        return Summary(read=4, kept=4)

    corpus(store=Store(Path(sys.argv[1]), Events()))
"""


def run_script(root: Path, how: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(root), how]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_killed_stage_goes_on_where_it_was(tmp_path: Path) -> None:
    assert run_script(tmp_path, "die").stdout.split("\n")[:2] == ["unit 0", "unit 1"]
    assert not list(tmp_path.rglob("artifact.json"))
    assert run_script(tmp_path, "finish").stdout.split() == ["unit", "2", "unit", "3"]
    assert len(list(tmp_path.rglob("artifact.json"))) == 1


def test_a_second_process_is_told_who_is_at_work(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path), "hold"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "holding\n"
        second = run_script(tmp_path, "finish")
        first.kill()
    assert StoreBusy.__name__ in second.stderr
    assert "another process" in second.stderr


def test_leftovers_of_a_killed_write_are_swept(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    planned = corpus(Pack(), 1, store=open_store(tmp_path, dry=True))
    partial = planned.path.with_name(planned.path.name + ".partial")
    partial.mkdir(parents=True)
    (partial / "part.parquet.123.tmp").write_text("half")
    artifact = corpus(Pack(), 1, store=store)
    assert sorted(os.listdir(artifact.path)) == ["artifact.json", "out.txt"]
