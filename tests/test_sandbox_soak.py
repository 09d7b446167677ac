"""The soak of the sandbox: a short one passes, and each of its claims can fail."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hornbook.sandbox import Check, JailedSandbox, Outcome, Verdict

PROGRAM = Path(__file__).parent.parent / "bench" / "soak.py"
CHECKS = 60


@pytest.fixture(scope="module")
def soak() -> Any:
    """The program as a module."""
    spec = importlib.util.spec_from_file_location("soak", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return module


class Altered:
    """A sandbox whose verdicts are changed on their way."""

    def __init__(self, sandbox: JailedSandbox, change: Callable[[list[Verdict]], list[Verdict]]) -> None:
        self.level, self.sandbox, self.change = sandbox.level, sandbox, change

    def map(self, checks: Iterable[Check], progress: object = None) -> Iterator[Verdict]:
        return iter(self.change(list(self.sandbox.map(checks))))


@pytest.mark.slow
def test_two_thousand_checks_lose_nothing_and_leave_nothing(sandbox: JailedSandbox) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--checks", "2000", "--workers", "2", "--checks-per-zygote", "300"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"2000 checks at {sandbox.level} with 2 workers" in done.stdout
    assert "memory of a zygote" in done.stdout
    assert "2,000 of 2,000 checks" in done.stderr
    started = next(line for line in done.stdout.splitlines() if line.startswith("zygotes started: "))
    assert int(started.split()[2].strip(",")) >= 6  # they are replaced meanwhile


def test_right_verdicts_in_order_are_no_fault(soak: Any, sandbox: JailedSandbox) -> None:
    outcomes, faults = soak.judge(sandbox, CHECKS, seed=1)
    assert faults == []
    assert outcomes.total() == CHECKS
    assert {"passed", "failed_assertion", "exception"} <= set(outcomes)


def test_a_lost_a_swapped_and_a_wrong_verdict_are_told(soak: Any, sandbox: JailedSandbox) -> None:
    def faults(change: Callable[[list[Verdict]], list[Verdict]]) -> list[str]:
        found: list[str] = soak.judge(Altered(sandbox, change), CHECKS, seed=1)[1]
        return found

    assert faults(lambda verdicts: verdicts) == []
    lost = faults(lambda verdicts: [*verdicts[:20], *verdicts[21:]])
    assert lost[-1] == f"{CHECKS - 1} verdicts for {CHECKS} checks"
    assert len(lost) > 20
    assert len(faults(lambda verdicts: [verdicts[1], verdicts[0], *verdicts[2:]])) == 2
    ours = Verdict(Outcome.PROTOCOL_ERROR, level=sandbox.level)
    assert "protocol_error, not" in faults(lambda verdicts: [*verdicts[:-1], ours])[0]
    weaker = faults(lambda verdicts: [replace(verdicts[0], level="L0"), *verdicts[1:]])
    assert weaker == [f"check 0, {soak.draw(0, 1).name}: judged at level 'L0', not {sandbox.level}"]


def test_the_same_seed_draws_the_same_questions_of_all_kinds(soak: Any) -> None:
    drawn = [soak.draw(number, 0) for number in range(4000)]
    assert drawn == [soak.draw(number, 0) for number in range(4000)]
    assert soak.draw(7, 0) != soak.draw(7, 1)
    hostile = [question for question in drawn if not question.name.startswith("an honest")]
    assert 0.08 < len(hostile) / len(drawn) < 0.12
    kinds = {*soak.HOSTILE, *soak.STDIO, *soak.TESTS, *soak.SLOW}
    assert len(kinds) > 30
    assert kinds == {question.name for question in [*hostile, *(soak.draw(number, 2) for number in range(9000))]} - {
        f"an honest program in {mode} mode" for mode in ("data", "split", "stdio")
    }


def test_memory_that_grows_in_the_second_half_is_told(soak: Any) -> None:
    mib = 1 << 20
    warm_up = [10 * mib] * 5 + [40 * mib] * 95
    assert soak.growth("it", [warm_up, [mib]]) == []
    creeping = [100 * mib + index * mib // 10 for index in range(200)]
    assert "grew by 7.9 MiB, 7%" in soak.growth("it", [warm_up, creeping])[0]
    assert soak.growth("it", [[300 * mib + index * mib // 10 for index in range(200)]]) == []  # below 5 %
    assert soak.growth("it", [[]]) == ["no sample of the memory of it"]


def test_processes_and_files_that_are_left_are_told(soak: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(soak, "FAREWELL_SECONDS", 0.1)
    before = soak.traces(())
    assert soak.left_behind(before, ()) == []
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True) as left:
        deadline = time.monotonic() + 5
        while left.pid not in soak.zygote_leaders(soak.processes()) and time.monotonic() < deadline:
            time.sleep(0.01)
        (tmp_path / "forgotten").touch()
        faults = soak.left_behind(before, [left.pid])
        assert f"1 processes left behind: {left.pid}" in faults
        assert f"1 files left behind: {tmp_path / 'forgotten'}" in faults
        assert any(fault.startswith("1 open files left behind: pipe:") for fault in faults)
        left.kill()
