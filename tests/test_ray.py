"""The data stages on a two-node local Ray cluster leave the same bytes as on this machine alone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_demo import RECIPE, artifacts

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture
def cluster() -> Iterator[str]:
    """The address of a cluster of two nodes with one core each."""
    pytest.importorskip("ray", reason="needs the ray extra: pip install 'hornbook[ray]'")
    from ray.cluster_utils import Cluster

    store_bytes = 100 * 2**20
    running = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": store_bytes})
    running.add_node(num_cpus=1, object_store_memory=store_bytes)
    yield running.address
    running.shutdown()


def run(root: Path, address: str, environment: dict[str, str]) -> None:
    words = ["run", str(RECIPE), "--root", str(root), "--until", "census", "--set", f"engine.address={address}"]
    done = subprocess.run(
        [sys.executable, "-m", "hornbook", *words],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_two_nodes_give_the_same_bytes(cluster: str, tmp_path: Path) -> None:
    run(tmp_path / "native", "native", {})
    run(tmp_path / "ray", "ray", {"RAY_ADDRESS": cluster})
    native = artifacts(tmp_path / "native")
    assert len(native) > 20
    assert artifacts(tmp_path / "ray") == native
