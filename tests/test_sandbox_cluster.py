"""A batch of checks as a unit of the engine: both nodes of a local Ray cluster judge with pools of their own."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hornbook.engine import Engine, Rows
from hornbook.errors import SandboxError
from hornbook.events import Events
from hornbook.sandbox import Check, Limits, Outcome, Verdict
from hornbook.sandbox.local import LocalSandbox
from hornbook.store import Work

BATCHES, BATCH = 8, 12
VERDICT = {"number": "int64", "outcome": "string", "detail": "string", "output": "string", "values": "string"}


def checks(batch: int) -> list[Check]:
    """A batch in all modes, with verdicts of several kinds; each check differs from all others by its number."""
    made = []
    for number in range(batch * BATCH, (batch + 1) * BATCH):
        double = f"def f(x):\n    print('check {number}')\n    return 2 * x"
        made.append(
            [
                Check(double, "f", arguments=((number,),), expected=(2 * number,)),
                Check(double, "f", arguments=((number,),), expected=(number + 1,)),
                Check(double, "f", tests=f"assert f({number}) == {2 * number}"),
                Check(double, "f", tests=f"assert f({number}) == 'another', 'number {number}'"),
                Check(f"print(int(input()) + {number})", stdin="1\n", expected_output=str(number + 1)),
                Check(f"import os\nprint({number}, flush=True)\nos._exit({number % 200})"),
            ][number % 6]
        )
    made.append(Check("while True: pass", limits=Limits(wall_seconds=0.3)))
    return made


def row(number: int, verdict: Verdict) -> dict[str, Any]:
    """What two runs of a check have in common: all but times and memory."""
    told = {"detail": verdict.detail, "output": verdict.output, "values": repr(verdict.values)}
    return {"number": number, "outcome": str(verdict.outcome), **told}


@dataclass(frozen=True)
class Judge:
    """Judges one batch in whatever process it has travelled to."""

    sandbox: LocalSandbox

    def __call__(self, unit: Mapping[str, Any]) -> Rows:
        batch = checks(unit["batch"])
        verdicts = self.sandbox.map(batch)
        rows = [row(100 * unit["batch"] + index, verdict) for index, verdict in enumerate(verdicts)]
        return Rows(read=len(batch), outputs={"verdicts": rows}, facts={"node": node(), "zygotes": sessions_below()})


def node() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())


def sessions_below() -> list[int]:
    """The zygotes of this process: each leads a session of its own."""
    own = os.getpid()
    return [pid for pid, (parent, session) in processes().items() if parent == own and session == pid]


def processes() -> dict[int, tuple[int, int]]:
    """pid -> (parent, session) of all living processes."""
    table = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:  # it ended meanwhile
                continue
            if fields[0] != "Z":
                table[int(entry.name)] = (int(fields[1]), int(fields[3]))
    return table


def drive(folder: str) -> None:
    """Judges all batches on the cluster that RAY_ADDRESS names; prints the batches' facts."""
    work = Work(Path(folder), "evaluate", "", Events())
    units = [{"batch": batch} for batch in range(BATCHES)]
    mapped = Engine("ray", 2).map(
        units, Judge(LocalSandbox().single()), work, {"verdicts": VERDICT}, description="judge", unit="batches"
    )
    print(json.dumps({"facts": list(mapped.facts), "rows": list(mapped.datasets["verdicts"].rows())}))


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A cluster of two nodes with one core each."""
    pytest.importorskip("ray", reason="needs the ray extra: pip install 'hornbook[ray]'")
    from ray.cluster_utils import Cluster

    store_bytes = 100 * 2**20
    running = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": store_bytes})
    try:
        running.add_node(num_cpus=1, object_store_memory=store_bytes)
        yield running
    finally:
        running.shutdown()


@pytest.fixture
def local() -> Iterator[LocalSandbox]:
    sandbox = LocalSandbox(workers=1)
    try:
        _ = sandbox.level
    except SandboxError as error:
        pytest.skip(f"no jail on this machine: {error}")
    yield sandbox
    sandbox.close()


def test_a_judge_of_batches_travels_without_its_pool(local: LocalSandbox) -> None:
    judge = Judge(local)
    first = [row(0, verdict) for verdict in local.map(checks(0))]
    copy = pickle.loads(pickle.dumps(judge))
    assert copy == judge
    assert [row(0, verdict) for verdict in copy.sandbox.map(checks(0))] == first
    assert {verdict["outcome"] for verdict in first} == {
        Outcome.PASSED, Outcome.FAILED_ASSERTION, Outcome.EARLY_EXIT, Outcome.TIMEOUT
    }  # fmt: skip


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_two_nodes_judge_as_one_machine_does_and_leave_no_zygote(
    local: LocalSandbox, cluster: Any, tmp_path: Path
) -> None:
    done = subprocess.run(  # a process of its own: an engine keeps its first address for good
        [sys.executable, "-c", "import sys, test_sandbox_cluster as t; t.drive(sys.argv[1])", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "RAY_ADDRESS": cluster.address},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    facts, rows = result["facts"], result["rows"]

    assert len({fact["node"] for fact in facts}) == 2
    zygotes = {pid for fact in facts for pid in fact["zygotes"]}
    assert all(fact["zygotes"] for fact in facts)
    assert len(zygotes) >= 2

    expected = [
        row(100 * batch + index, verdict)
        for batch in range(BATCHES)
        for index, verdict in enumerate(local.map(checks(batch)))
    ]
    assert rows == expected

    cluster.shutdown()
    deadline = time.monotonic() + 10
    while any(session in zygotes for _, session in processes().values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid, (_, session) in processes().items() if session in zygotes] == []
