"""The commands curate and dedup, from outside: what OUT holds, reruns, other targets, explanations, bad input."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_curate import lesson, long_file, plugin

from hornbook.dataset import Dataset

TEXTS = {f"lesson/{n:02d}.py": lesson(n) for n in range(20)} | {f"plugin/{n:02d}.py": plugin(n) for n in range(20)}
FEW = ["--set", "curate.forest.trees=10", "--set", "curate.labels=30", "--set", "corpus.files_per_unit=8"]


def hornbook(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hornbook", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300, check=False)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    for path, text in {**TEXTS, "copy/again.py": lesson(3), "bad/short.py": "x = 1\n"}.items():
        file = tmp_path / "code" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "code" / "bad" / "nul.py").write_bytes(b"x = 1\0")
    return tmp_path


def bytes_of(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file() and ".hornbook" not in path.parts]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


def test_a_folder_is_curated_explained_and_thresholded_again(code: Path) -> None:
    done = hornbook("curate", "code", "-o", "out", "--keep-tokens", "0.3", *FEW, cwd=code)
    assert done.returncode == 0, done.stderr
    kept, rejects = Dataset.open(code / "out"), Dataset.open(code / "out" / "rejects")
    manifest = kept.manifest
    assert manifest.read == 43 == manifest.rows + sum(manifest.rejected.values())
    assert len(rejects) == sum(manifest.rejected.values())
    assert {"has_nul", "too_short", "exact_duplicate", "below_threshold"} <= set(manifest.rejected)
    facts = json.loads((code / "out" / "curate.json").read_text())
    assert {"auc", "threshold", "kept_tokens_rate", "kept_files_rate"} <= set(facts)
    assert facts["kept_tokens_rate"] == pytest.approx(0.3, abs=0.05)

    first = bytes_of(code / "out")
    again = hornbook("curate", "code", "-o", "out", "--keep-tokens", "0.3", *FEW, cwd=code)
    assert "out: unchanged" in again.stdout
    assert bytes_of(code / "out") == first

    out = json.loads(hornbook("curate", "-o", "out", "--explain", "lesson/03.py", "--json", cwd=code).stdout)
    assert (out["kept"], out["reason"]) == (False, "exact_duplicate")
    seen = json.loads(
        hornbook("curate", "-o", "out", "--explain", kept.column("id")[0][:10], "--json", cwd=code).stdout
    )
    assert (seen["kept"], seen["path"]) == (True, kept.column("path")[0])
    nul = json.loads(hornbook("curate", "-o", "out", "--explain", "bad/nul.py", "--json", cwd=code).stdout)
    assert nul["reason"] == "has_nul"
    wrong = hornbook("curate", "-o", "out", "--explain", "bad/nil.py", cwd=code)
    assert (wrong.returncode, wrong.stderr) == (2, "error: no file `bad/nil.py` in out; did you mean `bad/nul.py`?\n")

    (code / "code").rename(code / "gone")
    other = hornbook("curate", "-o", "out", "--rethreshold", "0.05", cwd=code)
    assert other.returncode == 0, other.stderr
    assert "score" not in [line.split()[1] for line in other.stdout.splitlines() if line.startswith("2 curate")]
    assert len(Dataset.open(code / "out")) > manifest.rows
    assert json.loads((code / "out" / "curate.json").read_text())["selection"]["by"] == "threshold"


def test_duplicates_alone(tmp_path: Path) -> None:
    texts = [*(long_file(n) for n in range(6)), "# a new head\n" + long_file(0), long_file(1)]
    with gzip.open(tmp_path / "code.jsonl.gz", "wt") as file:
        file.writelines(json.dumps({"content": text, "path": f"{n}.py"}) + "\n" for n, text in enumerate(texts))
    done = hornbook("dedup", "code.jsonl.gz", "-o", "out", "--threshold", "0.7", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = pq.read_table(tmp_path / "out" / "clusters.parquet").to_pylist()
    assert sorted(row["path"] for row in rows) == [f"{n}.py" for n in range(8)]
    assert sum(row["kept"] for row in rows) == 6 == len(Dataset.open(tmp_path / "out"))
    cluster = {row["path"]: row["cluster"] for row in rows}
    assert cluster["0.py"] == cluster["6.py"]
    assert cluster["1.py"] == cluster["7.py"]
    assert len(set(cluster.values())) == 6


def test_javascript_goes_the_same_way(tmp_path: Path) -> None:
    for number in range(14):
        good = (
            f"/** Counts to {number}. */\nfunction count{number}(items) {{\n  let total = {number};\n"
            f"  for (const item of items) {{\n    if (item > {number}) {{ total += item * {number + 2}; }}\n  }}\n"
            "  return total;\n}\n"
        )
        bad = f'const app = require("./app{number}");\napp.use("/route{number}", require("./router{number}"));\n' * 3
        (tmp_path / "code" / str(number)).mkdir(parents=True)
        (tmp_path / "code" / str(number) / "good.js").write_text(good)
        (tmp_path / "code" / str(number) / "bad.js").write_text(bad)
    done = hornbook("curate", "code", "-o", "out", "--keep-tokens", "0.35", *FEW, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    kept = Dataset.open(tmp_path / "out")
    assert set(kept.column("language")) == {"javascript"}
    assert all(path.endswith("good.js") for path in kept.column("path"))


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 but cut")
    pq.write_table(pa.table({"number": [1]}), tmp_path / "wrong.parquet")
    (tmp_path / "prose.jsonl").write_text("not json\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    (tmp_path / "a.py").write_text(lesson(1))
    for words, said in [
        (["nowhere"], "nowhere does not exist"),
        (["empty"], "holds no file of a known language"),
        (["cut.parquet"], "cannot read cut.parquet as Parquet"),
        (["wrong.parquet"], "no column of a known name (number); say --text-column"),
        (["wrong.parquet", "--text-column", "numbr"], "did you mean text_column: number?"),
        (["prose.jsonl"], "cannot read prose.jsonl"),
        (["."], "lies inside the input"),
        ([], "no INPUT"),
    ]:
        done = hornbook("dedup", *words, "-o", "out", cwd=tmp_path)
        assert done.returncode == 2, (words, done.stderr)
        assert said in done.stderr, words
        assert [line[:6] for line in done.stderr.splitlines()][-1] == "error:"
        assert done.stderr.count("error:") == 1, done.stderr
    done = hornbook("dedup", "a.py", "-o", "other", cwd=tmp_path)
    assert done.returncode == 2
    assert (tmp_path / "other" / "mine.txt").read_text() == "mine"


@pytest.mark.slow
def test_runs_killed_at_random_end_with_the_same_bytes(code: Path) -> None:
    words = ["curate", "code", "--keep-tokens", "0.3", *FEW]
    assert hornbook(*words, "-o", "whole/out", cwd=code).returncode == 0
    rng = random.Random(5)
    command = [sys.executable, "-m", "hornbook", *words, "-o", "killed/out"]
    for _ in range(10):
        running = subprocess.Popen(
            command, cwd=code, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(rng.uniform(0.8, 5))
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    assert hornbook(*words, "-o", "killed/out", cwd=code).returncode == 0
    assert bytes_of(code / "killed" / "out") == bytes_of(code / "whole" / "out")
