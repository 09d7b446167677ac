"""What tests of the four laws share: an artifact's bytes, and an engine that dies half-way."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hornbook.engine import Engine, Job
from hornbook.store import Artifact


def bytes_of(artifact: Artifact) -> dict[str, Any]:
    """Checksums of an artifact's files by path, and its record without the time it took."""
    files = {
        str(path.relative_to(artifact.path)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(artifact.path.rglob("*"))
        if path.is_file() and path.name != "artifact.json"
    }
    record = json.loads((artifact.path / "artifact.json").read_text())
    return {**files, "record": {name: value for name, value in record.items() if name not in ("seconds", "inputs")}}


def assert_conserved(artifact: Artifact, kept: str) -> None:
    """The kept dataset and the rejects hold as many rows as the record says, and add up to what was read."""
    record, rejects = artifact.record, artifact.dataset("rejects")
    reasons = rejects.column("reason")
    assert record["read"] == record["kept"] + len(rejects) == len(artifact.dataset(kept)) + len(reasons)
    assert record["rejected"] == {reason: reasons.count(reason) for reason in sorted(set(reasons))}


class DyingEngine(Engine):
    """One worker that kills its own process, as `kill -9` would, when it has run so many units."""

    def __init__(self, units: int) -> None:
        super().__init__("native", 1)
        self.units_left = units

    def _stream(self, job: Job, units: Sequence[tuple[int, Any]]) -> Iterator[dict[str, Any]]:
        for result in super()._stream(job, units):
            self.units_left -= 1
            if self.units_left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            yield result


def run_and_die(program: str) -> None:
    """Runs a program of its own process and sees it killed."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=Path(__file__).parent)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
