"""`hornbook exec`: what a user gives becomes a verdict on standard output, or one line about what is wrong with it."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hornbook.cli import main
from hornbook.errors import BadInput
from hornbook.sandbox import Limits, probe, trial
from hornbook.sandbox.probe import LEVELS, why_not

GUIDE = Path(__file__).parent.parent / "docs" / "guides" / "sandbox.md"
ADD = "def add(a, b):\n    return a + b\n"


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def record(self) -> dict[str, Any]:
        assert (self.code, self.err) == (0, "")
        (line,) = self.out.splitlines()
        return dict(json.loads(line))

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Hornbook = Callable[..., Ended]


@pytest.fixture(scope="session")
def jail() -> None:
    """Skips where no safe rung stands."""
    found = probe()
    if found.level not in ("L3", "L2"):
        pytest.skip(f"no jail on this machine: {found.reasons}")


@pytest.fixture
def hornbook(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Hornbook:
    """Calls the command in a folder of its own, where files are made from the names and contents given."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str, **files: str | bytes) -> Ended:
        for name, content in files.items():
            path = tmp_path / name.replace("_", ".")
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        monkeypatch.setattr(sys, "argv", ["hornbook", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return Ended(int(stop.value.code or 0), out, err)

    return call


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


# ---- one program -----------------------------------------------------------------------------------------------------


def test_cases_give_a_verdict_with_all_that_was_promised(jail: None, hornbook: Hornbook) -> None:
    cases = json.dumps([[[1, 2], 3], [[[1], [2]], [1, 2]]])
    found = hornbook("exec", "p.py", "--entry", "add", "--cases", "c.json", "--json", p_py=ADD, c_json=cases).record
    assert (found["verdict"], found["detail"], found["output"]) == ("passed", "", "")
    assert found["level"] in ("L3", "L2")
    assert 0 < found["cpu_seconds"] < found["wall_seconds"] + 1
    assert found["peak_memory_bytes"] > 1 << 20
    assert "id" not in found


def test_tests_use_the_prelude_and_not_the_programs_helpers(jail: None, hornbook: Hornbook) -> None:
    words = ["exec", "p.py", "--entry", "f", "--tests", "t.py", "--prelude", "q.py", "--json"]
    tests = "def check(candidate):\n    assert candidate(1) == helper(1)\n"
    prelude = "def helper(x):\n    return x + 1\n"
    forged = "def helper(x):\n    return 42\ndef f(x):\n    return 42\n"
    right = hornbook(*words, p_py="def f(x):\n    return x + 1\n", t_py=tests, q_py=prelude)
    assert right.record["verdict"] == "passed"
    assert hornbook(*words, p_py=forged, t_py=tests, q_py=prelude).record["verdict"] == "failed_assertion"


def test_a_program_that_reads_and_prints_is_judged_by_what_it_prints(jail: None, hornbook: Hornbook) -> None:
    words = ["exec", "p.py", "--stdin", "in.txt", "--json"]
    files = {"p_py": "print(int(input()) * 2)\n", "in_txt": "21\n"}
    assert hornbook(*words, **files).record["output"] == "42\n"
    assert hornbook(*words, "--expect", "out.txt", **files, out_txt="42").record["verdict"] == "passed"
    assert hornbook(*words, "--expect", "out.txt", **files, out_txt="43").record["verdict"] == "failed_assertion"
    alone = hornbook("exec", "p.py", "--expect", "out.txt", "--json", p_py="print('hello')\n", out_txt="hello\n")
    assert alone.record["verdict"] == "passed"


@pytest.mark.parametrize(
    ("program", "verdict"),
    [
        ("", "passed"),
        ("import sys\nif __name__ == '__main__':\n    print('ran')\n", "passed"),
        ("\ufeffx = 1\n", "passed"),
        ("1 / 0\n", "exception"),
        ("import os\nos._exit(0)\n", "early_exit"),
        ("def f(:\n", "syntax_error"),
        ("x = 'a\0b'\n", "syntax_error"),
        (b"x = '\xff'\n", "syntax_error"),
        ("while True:\n    pass\n", "timeout"),
    ],
)
def test_any_program_ends_in_a_verdict_and_code_0(
    jail: None, hornbook: Hornbook, program: str | bytes, verdict: str
) -> None:
    found = hornbook("exec", "p.py", "--wall", "0.5", "--json", p_py=program).record
    assert found["verdict"] == verdict


@pytest.mark.parametrize(
    ("returned", "expected", "verdict"),
    [
        ("1.0", "1.0", "passed"),
        ("0.1 + 0.2", "0.3", "passed"),
        ("1", "1.0", "failed_assertion"),
        ("1.0", "1", "failed_assertion"),
        ("True", "1", "failed_assertion"),
        ("(1, 2)", "[1, 2]", "failed_assertion"),
        ("(1, {2})", '{"__python__": "(1, {2})"}', "passed"),
        ("{'a': [b'x']}", '{"a": [{"__python__": "b\'x\'"}]}', "passed"),
        ("{'t': [1]}", '{"t": [1]}', "passed"),
        ("{'__python__': 1}", '{"__python__": "{\'__python__\': 1}"}', "passed"),
        ("float('nan')", "NaN", "passed"),
    ],
)
def test_json_values_mean_one_python_value_each(
    jail: None, hornbook: Hornbook, returned: str, expected: str, verdict: str
) -> None:
    files = {"p_py": f"def f():\n    return {returned}\n", "c_json": f"[[[], {expected}]]"}
    assert hornbook("exec", "p.py", "--entry", "f", "--cases", "c.json", "--json", **files).record["verdict"] == verdict


@pytest.mark.parametrize(
    ("program", "knobs", "verdict"),
    [
        ("x = bytearray(200 << 20)", [], "passed"),
        ("x = bytearray(200 << 20)", ["--memory", "128"], "out_of_memory"),
        ("print('x' * 3000)", [], "passed"),
        ("print('x' * 3000)", ["--output-size", "1"], "output_limit"),
        ("open('/tmp/f', 'wb').write(bytes(3 << 20))", [], "passed"),
        ("open('/tmp/f', 'wb').write(bytes(3 << 20))", ["--file-size", "1"], "exception"),
        ("while True: pass", ["--wall", "8", "--cpu", "1"], "timeout"),
        (
            "import threading, time\n"
            "threads = [threading.Thread(target=time.sleep, args=(0.2,)) for _ in range(8)]\n"
            "for thread in threads: thread.start()",
            ["--processes", "3"],
            "exception",
        ),
    ],
)
def test_each_limit_acts(jail: None, hornbook: Hornbook, program: str, knobs: list[str], verdict: str) -> None:
    found = hornbook("exec", "p.py", "--json", *knobs, p_py=program).record
    assert found["verdict"] == verdict, found
    assert found["wall_seconds"] < 6


def test_a_rung_below_l2_is_in_force_only_when_it_is_asked_for(jail: None, hornbook: Hornbook) -> None:
    assert hornbook("exec", "p.py", "--sandbox-level", "L0", "--json", p_py="x = 1").record["level"] == "L0"
    assert hornbook("exec", "p.py", "--json", p_py="x = 1").record["level"] in ("L3", "L2")


def test_a_sandbox_that_cannot_start_is_one_line_and_code_1(hornbook: Hornbook) -> None:
    level = next((level for level in LEVELS if why_not(level)), None)
    if level is None:
        pytest.skip("every rung stands on this machine")
    ended = hornbook("exec", "p.py", "--sandbox-level", level, "--json", p_py="x = 1")
    assert (ended.code, ended.out) == (1, "")
    assert re.fullmatch(rf"error: no safe sandbox here. {level}: [^\n]+\n", ended.err)


def test_people_read_a_verdict_that_cannot_steer_their_terminal(jail: None, hornbook: Hornbook) -> None:
    program = "print('\\x1b[2Jshown ☃')\nraise ValueError('bad\\x07 value\\nsecond')\n"
    ended = hornbook("exec", "p.py", p_py=program)
    first, second, *output = ended.out.splitlines()
    assert ended.code == 0
    assert re.fullmatch(r"exception: ValueError: bad\\x07 value(\\n| )second", first)
    assert re.fullmatch(r"0\.\d+ s wall, 0\.\d+ s CPU, \d+ MiB, sandbox L[23]", second)
    assert output == ["output:", "\\x1b[2Jshown ☃"]


# ---- what cannot be used ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.py"], "cannot read nowhere.py: No such file"),
        (["."], "cannot read .: Is a directory"),
        ([], "nothing to run"),
        (["p.py", "--cases", "c.json"], "cases need an entry"),
        (["p.py", "--tests", "t.py"], "tests need an entry"),
        (["p.py", "--entry", "f", "--cases", "c.json", "--tests", "t.py"], "cases and tests judge in different ways"),
        (["p.py", "--entry", "f", "--tests", "t.py", "--stdin", "t.py"], "tests and stdin judge in different ways"),
        (["p.py", "--entry", "f"], 'entry "f" is a function to call'),
        (["p.py", "--prelude", "t.py"], "a prelude is code that tests use"),
        (["p.py", "--entry", "f", "--cases", "nowhere.json"], "cannot read nowhere.json"),
        (["p.py", "--entry", "f", "--cases", "t.py"], "t.py is not JSON"),
        (["p.py", "--entry", "f", "--cases", "latin.txt"], "latin.txt is not UTF-8: invalid start byte at byte 2"),
        (["p.py", "--stdin", "latin.txt"], "latin.txt is not UTF-8"),
        (["p.py", "--entry", "f", "--cases", "flat.json"], "case 0 is [1, 2], not [[arguments...], expected]"),
        (["p.py", "--entry", "f", "--cases", "none.json"], "cases are [], not [[[arguments...], expected], ...]"),
        (["p.py", "--entry", "f", "--cases", "code.json"], '__python__ holds "open(1)", not a Python literal'),
        (["p.py", "--entry", "f", "--cases", "deep.json"], "nested deeper than 200 levels"),
        (["p.py", "--entry", "f", "--cases", "deepest.json"], "deepest.json is not JSON"),
        (["p.py", "--wall", "0"], "'--wall'"),
        (["p.py", "--wall", "nan"], "--wall"),
        (["p.py", "--wall", "inf"], "--wall"),
        (["p.py", "--cpu", "-1"], "'--cpu'"),
        (["p.py", "--memory", "0"], "'--memory'"),
        (["p.py", "--output-size", "0"], "'--output-size'"),
        (["p.py", "--workers", "0"], "'--workers'"),
        (["p.py", "--sandbox-level", "L9"], "unknown sandbox level `L9`; known: auto, L3"),
        (["p.py", "--bogus"], "--bogus"),
        (["p.py", "--batch", "b.jsonl"], "give --batch and limits alone"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_code_2(hornbook: Hornbook, words: list[str], message: str) -> None:
    ended = hornbook(
        "exec",
        *words,
        "--json",
        p_py=ADD,
        t_py="assert f()",
        c_json="[[[1], 1]]",
        latin_txt=b"ab\xff",
        flat_json="[[1, 2]]",
        none_json="[]",
        code_json='[[[], {"__python__": "open(1)"}]]',
        deep_json="[[[], " + "[" * 300 + "]" * 300 + "]]",
        deepest_json="[" * 100_000,
    )
    assert (ended.code, ended.out) == (2, "")
    assert re.fullmatch(r"error: [^\n]+\n", ended.err)
    assert message in ended.err


def test_a_wall_limit_that_bounds_nothing_is_refused() -> None:
    for seconds in (float("nan"), float("inf")):
        with pytest.raises(BadInput, match="bounds nothing"):
            trial.make_limits(seconds, None, 512, 8, 64, 24)
    assert trial.make_limits(2.5, None, 512, 8, 64, 24) == Limits(2.5, 3)


# ---- batches ---------------------------------------------------------------------------------------------------------


def test_a_batch_gives_one_line_each_in_order(jail: None, hornbook: Hornbook) -> None:
    batch = lines(
        {"id": "data", "program": "import time\ntime.sleep(0.3)\n" + ADD, "entry": "add", "cases": [[[1, 2], 3]]},
        {"id": 7, "program": ADD, "entry": "add", "tests": "def check(c):\n    assert c(1, 1) == 3\n", "cases": None},
        {"program": "print(input())", "stdin": "x", "expected_output": "x\n"},
        {"id": "run", "program": "x = '\ud800'"},
    )
    ended = hornbook("exec", "--batch", "b.jsonl", "--json", "--workers", "2", b_jsonl=batch)
    assert ended.code == 0
    assert [(found["id"], found["verdict"]) for found in ended.records] == [
        ("data", "passed"),
        (7, "failed_assertion"),
        (3, "passed"),
        ("run", "syntax_error"),
    ]
    people = hornbook("exec", "--batch", "b.jsonl", "--workers", "2").out.splitlines()
    assert [line.partition(":")[0] for line in people] == ["data", "7", "3", "run"]
    assert people[0] == "data: passed"


def test_a_batch_may_be_compressed_and_empty(jail: None, hornbook: Hornbook) -> None:
    packed = gzip.compress(lines({"program": "x = 1"}).encode() + b"\n  \n" + lines({"program": "y"}).encode())
    found = hornbook("exec", "--batch", "b.gz", "--json", b_gz=packed)
    assert [(record["id"], record["verdict"]) for record in found.records] == [(1, "passed"), (4, "exception")]
    assert hornbook("exec", "--batch", "b.jsonl", "--json", b_jsonl="") == Ended(0, "", "")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"{", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'"text"', 'holds "text", not an object'),
        (b'{"program": "\xff"}', "is not UTF-8"),
        (b'{"id": "x"}', "there is no program"),
        (b'{"program": 5}', "program is 5, which is no string"),
        (b'{"program": "", "id": [1]}', "id is [1], neither a string nor a number"),
        (b'{"program": "", "entry": "f", "cases": 5}', "cases are 5, not"),
        (b'{"program": "", "entry": "f", "cases": [[1, 2]]}', "case 0 is [1, 2], not"),
        (b'{"program": "", "stdin": "\\ud800"}', "stdin holds half a character"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_before_anything_runs(hornbook: Hornbook, row: bytes, message: str) -> None:
    ended = hornbook("exec", "--batch", "b.jsonl", "--json", b_jsonl=lines({"program": "x = 1"}).encode() + row)
    assert (ended.code, ended.out) == (2, "")
    assert re.fullmatch(r"error: b.jsonl line 2[ :][^\n]+\n", ended.err)
    assert message in ended.err


def test_a_key_that_nothing_reads_is_told_once(jail: None, hornbook: Hornbook) -> None:
    row = {"program": "print(1)", "stdin": "", "expected_ouput": "2"}
    ended = hornbook("exec", "--batch", "b.jsonl", "--json", b_jsonl=lines(row, row))
    assert ended.err == 'b.jsonl line 1: nothing reads "expected_ouput"; did you mean `expected_output`?\n'
    assert len(ended.records) == 2


def test_verdicts_stream_and_progress_stays_off_standard_output(jail: None, tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text(lines({"program": "x = 1"}, {"program": "import time\ntime.sleep(2.4)"}))
    with start_batch(tmp_path / "b.jsonl") as process:
        assert process.stdout is not None
        first, seen_at = json.loads(process.stdout.readline()), time.monotonic()
        out, err = process.communicate(timeout=30)
    assert time.monotonic() - seen_at > 1  # the second ran on
    assert [first["id"], json.loads(out)["id"]] == [1, 2]
    assert re.search(r"exec .* 1/2 programs .* to go", err)


def test_ctrl_c_keeps_what_was_printed_and_leaves_no_process(jail: None, tmp_path: Path) -> None:
    endless = {"program": "while True: pass"}
    (tmp_path / "b.jsonl").write_text(lines({"program": "x = 1"}, endless, endless))
    with start_batch(tmp_path / "b.jsonl", "--wall", "60") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["verdict"] == "passed"
        time.sleep(0.5)
        started = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "stopped; the verdicts printed so far stand"
    assert len(started) >= 2  # a zygote and the check in it
    ends_by = time.monotonic() + 2  # the kernel ends the check's processes when the zygote's has ended
    while (left := [pid for pid in started if is_running(pid)]) and time.monotonic() < ends_by:
        time.sleep(0.02)
    assert left == []


def start_batch(path: Path, *words: str) -> subprocess.Popen[str]:
    """The command as a process of its own, with its output buffered as Python does by itself."""
    command = [sys.executable, "-m", "hornbook", "exec", "--json", "--workers", "1", "--batch", str(path), *words]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def descendants(root: int) -> set[int]:
    """Processes below `root`, by the parents that the kernel names."""
    parents = {int(path.name): stat_fields(path)[1] for path in Path("/proc").iterdir() if path.name.isdigit()}
    found = {root}
    while more := {pid for pid, parent in parents.items() if int(parent or 0) in found} - found:
        found |= more
    return found - {root}


def stat_fields(folder: Path) -> list[str]:
    """State, parent and so on of a process; nothing of one that has gone."""
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["", ""]


def is_running(pid: int) -> bool:
    return stat_fields(Path("/proc") / str(pid))[0] not in ("", "Z")


# ---- the guide -------------------------------------------------------------------------------------------------------


def test_the_guides_python_runs(jail: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.S)
    assert blocks
    for number, block in enumerate(blocks):
        path = tmp_path / f"block_{number}.py"
        path.write_text(block)
        done = subprocess.run([sys.executable, path], capture_output=True, text=True, env=os.environ, check=False)
        assert done.returncode == 0, done.stderr
