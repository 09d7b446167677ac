"""What `hornbook doctor` finds: each check alone, and a run's data against its checksums."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hornbook import doctor
from hornbook.dataset import BASE, Dataset, commit, write_part
from hornbook.doctor import Finding, diagnose, isolate
from hornbook.hardware import memory_bytes


def only(findings: Iterator[Finding]) -> Finding:
    found = list(findings)
    assert len(found) == 1
    return found[0]


def dataset(folder: Path, rows: int = 3) -> Dataset:
    records = [
        {"id": str(n), "text": f"x = {n}", "source": "test", "licence": "MIT", "parents": []} for n in range(rows)
    ]
    return commit(folder, BASE, [write_part(folder / "part-00000.parquet", records, BASE)])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run whose links point to two artifacts, one of them with a label."""
    dataset(tmp_path / "store" / "corpus" / "abc" / "documents")
    dataset(tmp_path / "store" / "evaluate" / "def" / "samples", rows=2)
    folder = tmp_path / "runs" / "mine"
    (folder / "08-evaluate" / "textbook").mkdir(parents=True)
    (folder / "01-corpus").symlink_to("../../store/corpus/abc")
    (folder / "08-evaluate" / "textbook" / "base").symlink_to("../../../../store/evaluate/def")
    return folder


# --- the whole ------------------------------------------------------------------------------------------------------


def test_a_diagnosis_looks_at_everything_and_never_raises(run: Path) -> None:
    findings = diagnose(run)
    names = {finding.name.split(" [")[0].split(":")[0] for finding in findings}
    assert {"python", "packages", "cores", "memory", "disk", "torch", "compiler", "sandbox", "daft", "ray"} <= names
    assert {"benchmarks", "teacher key", "01-corpus/documents", "08-evaluate/textbook/base/samples"} <= names
    assert all(finding.status in ("ok", "warn", "fail") and finding.detail for finding in findings)
    assert all(finding.remedy for finding in findings if finding.status != "ok")
    assert all("\n" not in finding.detail + finding.remedy for finding in findings)


def test_a_check_that_breaks_is_a_finding_and_keeps_what_it_found_before() -> None:
    def check() -> Iterator[Finding]:
        yield Finding("thing", "ok", "the first half")
        raise RuntimeError("broke\nhere")

    first, last = isolate("thing", check)
    assert first.status == "ok"
    assert (last.status, last.detail) == ("fail", "RuntimeError: broke here")


# --- the machine ----------------------------------------------------------------------------------------------------


def test_packages_out_of_range_or_missing_are_named_with_a_way_out() -> None:
    lines = [
        "numpy>=99",
        "no-such-distribution-here",
        "pydantic>=2",
        'ray>=99; extra == "ray"',
        'pytest>=99; extra == "dev"',
    ]
    base, extra = doctor.check_packages(lines)
    assert base.status == "fail"
    assert base.detail.endswith("is not >=99; no-such-distribution-here is not installed")
    assert base.remedy == "pip install 'hornbook'"
    assert (extra.name, extra.status, extra.remedy) == ("packages [ray]", "warn", "pip install 'hornbook[ray]'")


def test_packages_in_range_are_listed_with_their_versions() -> None:
    found = only(doctor.check_packages(["pydantic>=2", "numpy"]))
    assert found.status == "ok"
    assert found.detail.startswith("pydantic 2.")


def test_little_memory_and_little_disk_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert only(doctor.check_disk()).detail.endswith(str(Path.cwd()))
    monkeypatch.setattr(doctor, "MIN_MEMORY_BYTES", 10**18)
    assert only(doctor.check_memory()).status == "warn"
    monkeypatch.setattr(doctor, "LOW_DISK_BYTES", 10**18)
    monkeypatch.setattr(doctor, "MIN_DISK_BYTES", 0)
    assert only(doctor.check_disk()).status == "warn"
    monkeypatch.setattr(doctor, "MIN_DISK_BYTES", 10**18)
    assert only(doctor.check_disk()).status == "fail"


def test_memory_is_that_of_this_machine() -> None:
    total, free = memory_bytes()
    assert 0 < free <= total <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_torch_says_its_version_and_its_devices() -> None:
    import torch

    first, *devices = doctor.check_torch()
    assert torch.__version__ in first.detail
    assert len(devices) == max(1, torch.cuda.device_count())


def test_a_missing_compiler_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = only(doctor.check_compiler())
    assert (found.status, found.detail) == ("warn", "no g++ or clang++ or c++")


def test_a_compiler_that_fails_is_a_warning_with_its_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken-cxx"
    broken.write_text("#!/bin/sh\necho 'fatal error: Python.h: No such file' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CXX", str(broken))
    found = only(doctor.check_compiler())
    assert found.status == "warn"
    assert found.detail.endswith("fails: fatal error: Python.h: No such file")
    assert "python3-dev" in found.remedy


@pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")
def test_a_compiler_without_pythons_headers_is_found_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr("sysconfig.get_paths", lambda: {"include": str(tmp_path)})
    found = only(doctor.check_compiler())
    assert found.status == "warn"
    assert "Python.h" in found.detail


def test_the_sandboxs_rung_is_that_of_its_own_probe() -> None:
    from hornbook.sandbox import probe

    found = only(doctor.check_sandbox())
    assert (found.status == "ok") == (probe().level in ("L3", "L2"))


# --- what runs beside it --------------------------------------------------------------------------------------------


def test_benchmarks_that_are_not_set_or_not_right_are_warnings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HORNBOOK_BENCHMARKS", raising=False)
    assert only(doctor.check_benchmarks()).remedy.startswith("set HORNBOOK_BENCHMARKS to a folder")
    monkeypatch.setenv("HORNBOOK_BENCHMARKS", str(tmp_path))
    (tmp_path / "HumanEval.jsonl").write_text('{"task_id": "HumanEval/0"}\n')
    humaneval, mbpp = doctor.check_benchmarks()
    assert (humaneval.status, mbpp.status) == ("warn", "warn")
    assert "HumanEval.jsonl" in humaneval.detail
    assert mbpp.detail == f"no mbpp.jsonl in {tmp_path}"
    assert mbpp.remedy.startswith("download it there from https://")


@pytest.mark.skipif(not os.environ.get("HORNBOOK_BENCHMARKS"), reason="HORNBOOK_BENCHMARKS names no folder")
def test_benchmarks_as_published_are_ok() -> None:
    assert [finding.status for finding in doctor.check_benchmarks()] == ["ok", "ok"]


def test_of_the_key_only_its_presence_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden-12345")
    found = only(doctor.check_key())
    assert found.detail == "OPENAI_API_KEY is set"
    assert "sk-hidden" not in repr(found)
    monkeypatch.setenv("OPENAI_API_KEY", "  ")
    assert "is not set" in only(doctor.check_key()).detail


# --- a run ----------------------------------------------------------------------------------------------------------


def test_a_runs_datasets_are_verified_under_its_links(run: Path) -> None:
    assert [(finding.name, finding.status, finding.detail) for finding in doctor.check_run(run)] == [
        ("01-corpus/documents", "ok", "3 rows in 1 parts, all as written"),
        ("08-evaluate/textbook/base/samples", "ok", "2 rows in 1 parts, all as written"),
    ]


def test_one_changed_byte_is_found(run: Path) -> None:
    part = run / "01-corpus" / "documents" / "part-00000.parquet"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    changed, whole = doctor.check_run(run)
    assert changed.status == "fail"
    assert "was changed after it was written" in changed.detail
    assert changed.remedy == "delete it and run again"
    assert whole.status == "ok"


def test_a_missing_part_a_broken_manifest_and_an_unfinished_dataset_are_found(run: Path) -> None:
    (run / "01-corpus" / "documents" / "part-00000.parquet").unlink()
    (run / "08-evaluate" / "textbook" / "base" / "samples" / "manifest.json").write_text("{")
    unfinished = run / "03-synthesize" / "exercises"
    unfinished.mkdir(parents=True)
    (unfinished / "part-00000.parquet").write_bytes(b"")
    missing, never, broken = doctor.check_run(run)
    assert (missing.status, never.status, broken.status) == ("fail", "fail", "fail")
    assert "is missing" in missing.detail
    assert "never finished" in never.detail
    assert "is not a dataset manifest" in broken.detail


def test_a_link_to_nothing_is_found(run: Path) -> None:
    shutil.rmtree(run.parents[1] / "store" / "corpus")
    gone, whole = doctor.check_run(run)
    assert (gone.name, gone.status, whole.status) == ("01-corpus", "fail", "ok")
    assert gone.detail == "points to ../../store/corpus/abc, which is gone"


def test_a_ring_of_links_is_walked_once(run: Path) -> None:
    (run / "02-curate").symlink_to(".")
    assert len(list(doctor.check_run(run))) == 2


def test_a_run_that_is_not_there_or_is_empty_is_said(tmp_path: Path) -> None:
    assert only(doctor.check_run(tmp_path / "nowhere")).status == "fail"
    assert only(doctor.check_run(tmp_path)).status == "warn"
