"""Problem sets are what was published, and `sanitise` only ever cuts."""

from __future__ import annotations

import ast
import gzip
import json
import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.benchmarks import (
    Problem,
    ProblemSet,
    check_for,
    humaneval,
    load_problem_sets,
    mbpp,
    own,
    prelude,
    prelude_of,
    sanitise,
)
from hornbook.errors import BadInput

PROMPT = 'def double(a):\n    """Return twice a."""\n'
COLUMNS = ("task_id", "prompt", "entry_point", "canonical_solution", "test")


@pytest.fixture
def folder() -> Path:
    """The user's folder of benchmarks."""
    path = os.environ.get("HORNBOOK_BENCHMARKS")
    if not path:
        pytest.skip("HORNBOOK_BENCHMARKS names no folder with HumanEval.jsonl.gz and mbpp.jsonl")
    return Path(path)


def write_lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))


# --- problem sets -----------------------------------------------------------------------------------------------------


def test_humaneval_has_its_164_problems(folder: Path) -> None:
    problems = humaneval(folder)
    assert len(problems) == 164
    assert [problem.task_id for problem in problems] == [f"HumanEval/{index}" for index in range(164)]
    assert all(ast.parse(problem.program) for problem in problems)
    assert humaneval(folder).fingerprint == problems.fingerprint


def test_preludes_hold_the_helpers_that_tests_need(folder: Path) -> None:
    by_id = {problem.task_id: problem for problem in humaneval(folder)}
    assert prelude(by_id["HumanEval/38"]).startswith("def encode_cyclic(s: str):")
    assert "def encode_shift" in prelude(by_id["HumanEval/50"])
    assert "decode_shift" not in prelude(by_id["HumanEval/50"])
    assert "import math" in prelude(by_id["HumanEval/32"])
    assert "def poly" in prelude(by_id["HumanEval/32"])
    assert prelude(by_id["HumanEval/2"]) == ""


def test_mbpp_has_its_974_problems(folder: Path) -> None:
    problems = mbpp(folder)
    assert len(problems) == 974
    assert sum(problem.topic == "test" for problem in problems) == 500
    for problem in problems:
        assert f"{problem.entry_point}(" in problem.test
        assert ast.get_docstring(ast.parse(problem.prompt))


def test_reference_solutions_pass_in_the_sandbox_and_empty_ones_do_not(folder: Path) -> None:
    from hornbook.sandbox.local import LocalSandbox

    sandbox = LocalSandbox()
    problems = humaneval(folder).problems
    verdicts = list(sandbox.map(check_for(problem, problem.canonical_solution) for problem in problems))
    failed = [problem.task_id for problem, verdict in zip(problems, verdicts, strict=True) if not verdict.passed]
    empty = list(sandbox.map(check_for(problem, "    pass\n") for problem in problems[:40]))
    sandbox.close()
    assert failed == []
    assert not any(verdict.passed for verdict in empty)


def test_sanitising_leaves_reference_solutions_whole(folder: Path) -> None:
    for problem in (*humaneval(folder), *mbpp(folder)):
        kept = sanitise(problem.prompt, problem.canonical_solution, problem.entry_point)
        assert kept.strip() == problem.canonical_solution.strip(), problem.task_id


def test_a_changed_benchmark_is_refused(tmp_path: Path) -> None:
    rows = [
        {column: f"HumanEval/{index}" if column == "task_id" else "x" for column in COLUMNS} for index in range(164)
    ]
    write_lines(tmp_path / "HumanEval.jsonl.gz", rows)
    with pytest.raises(BadInput, match="differs from what was published"):
        humaneval(tmp_path)
    write_lines(tmp_path / "HumanEval.jsonl.gz", rows[:163])
    with pytest.raises(BadInput, match="163 tasks"):
        humaneval(tmp_path)
    write_lines(tmp_path / "HumanEval.jsonl.gz", [{"task_id": 1}])
    with pytest.raises(BadInput, match="line 1 lacks `prompt`"):
        humaneval(tmp_path)
    (tmp_path / "HumanEval.jsonl.gz").write_bytes(b"\x1f\x8bbroken")
    with pytest.raises(BadInput, match="cannot read"):
        humaneval(tmp_path)


def test_a_missing_benchmark_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no HumanEval.jsonl.gz .* download it there from https://"):
        humaneval(tmp_path)
    with pytest.raises(BadInput, match=r"no mbpp\.jsonl"):
        mbpp(tmp_path)


def test_absent_benchmarks_are_left_out_and_unknown_ones_are_errors(tmp_path: Path) -> None:
    assert list(load_problem_sets(["seen", "humaneval", "mbpp"], tmp_path, 3, 0)) == ["seen"]
    assert list(load_problem_sets(["humaneval", "unseen"], None, 3, 0)) == ["unseen"]
    with pytest.raises(BadInput, match="did you mean `humaneval`"):
        load_problem_sets(["humanevl"], tmp_path, 3, 0)
    with pytest.raises(BadInput, match="no folder"):
        load_problem_sets(["seen"], tmp_path / "nowhere", 3, 0)


def test_own_sets_depend_on_nothing_but_their_seed() -> None:
    assert own("compositions", 5, 1).fingerprint == own("compositions", 5, 1).fingerprint
    assert own("compositions", 5, 1).fingerprint != own("compositions", 5, 2).fingerprint
    assert own("seen", 5, 1).fingerprint != own("unseen", 5, 1).fingerprint


def test_a_changed_problem_changes_the_fingerprint() -> None:
    one = Problem("b", "b/0", "def f(a):\n", "f", "    return a\n", test="assert f(1) == 1")
    sets = [ProblemSet("b", (one,)), ProblemSet("c", (one,)), ProblemSet("b", (one, one)), ProblemSet("b", ())]
    assert len({item.fingerprint for item in sets}) == 4


def test_checks_have_the_mode_of_their_problem() -> None:
    cases = json.dumps([[[1, {"t": [2]}], 3], [[0, {"t": []}], {"s": [1]}]])
    data = check_for(Problem("own", "own/0", "def f(a, b):\n", "f", "", cases=cases), "    return a\n")
    assert (data.arguments, data.expected) == (((1, (2,)), (0, ())), (3, {1}))
    assert data.program == "def f(a, b):\n    return a\n"
    split = check_for(Problem("b", "b/0", "import re\ndef f(a):\n", "f", "", test="assert f(1)"), "    return a\n")
    assert (split.tests, split.prelude, split.arguments) == ("assert f(1)", "import re\n", None)
    with pytest.raises(ValueError, match="neither cases nor a test"):
        check_for(Problem("b", "b/1", "def f(a):\n", "f", ""), "")


def test_preludes_end_before_decorators_and_unfinished_functions() -> None:
    assert prelude_of("import re\n\n@cache\ndef f(a):\n", "f") == "import re\n"
    assert prelude_of('"""Write f."""\n', "f") == ""


# --- sanitise ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("    return 2 * a\n", "    return 2 * a\n"),
        ("    return 2 * a\n\nprint(double(1))\n", "    return 2 * a\n\n"),
        ("    return 2 * a\n\n\ndef other(b):\n    return b\n", "    return 2 * a\n\n\n"),
        ("    return 2 * a\n```\nThis doubles a.\n", "    return 2 * a\n"),
        ("    return 2 * a\n    if a", "    return 2 * a\n"),
        ("    return twice(a)\n\ndef twice(b):\n    return 2 * b\n", None),
        ("    return twice(a)\n\ndef twice(b):\n    return TWO * b\n\nTWO = 2\nprint(3)\n", 6),
        ("    result = 2 * a\n    return result\n\nresult = double(2)\n", 3),
        ("    return 2 * a\n\n@cache\ndef other(b):\n    return b\n", 2),
        ("Here is the code:\n", ""),
        ("    return '''\n", ""),
        ("", ""),
        ("    return 2 * a\n\ndef double(a):\n    return a + a\n\nassert double(1) == 2\n", 5),
        ("    return 2 * a\r\n\r\nprint(1)\r\n", "    return 2 * a\r\n\r\n"),
        ("    return 2 * a\n\\\nx = 1\n", "    return 2 * a\n"),
        ("    return 2 * a\n\0\n", "    return 2 * a\n"),
    ],
)
def test_a_completion_ends_where_its_function_does(completion: str, expected: str | int | None) -> None:
    """`expected` None is the whole completion, a number its first lines."""
    lines = completion.splitlines(keepends=True)
    whole = completion if expected is None else "".join(lines[:expected]) if isinstance(expected, int) else expected
    assert sanitise(PROMPT, completion, "double") == whole


def test_a_completion_may_go_on_in_the_prompts_last_line() -> None:
    prompt = PROMPT.rstrip()
    assert sanitise(prompt, "\n    return 2 * a\n\nprint(1)", "double") == "\n    return 2 * a\n\n"
    assert sanitise("def double(a): return", " 2 * a\nprint(1)\n", "double") == " 2 * a\n"


def test_programs_that_define_the_function_themselves_keep_what_stands_before_it() -> None:
    completion = "import math\n\ndef helper(a):\n    return a\n\ndef double(a):\n    return 2 * a\n"
    assert sanitise('"""Write double."""\n', completion + "\nprint(double(1))\n", "double") == completion + "\n"


PIECES = (
    *("    return a\n", "    b = a\n", "\n", "def double(b):\n", "def help(b):\n", "x = 1\n", "print(1)\n", "'''\n"),
    *(
        "(\n",
        ")\n",
        "    if a:\n",
        "        pass\n",
        "# note\n",
        "@help\n",
        "return",
        "\t\n",
        "    help(x)\n",
        "else:\n",
    ),
    *(
        "import x",
        "    try:\n",
        "    except E:\n",
        "\x0c\n",
        "x = [\n",
        "]\n",
        "\\\n",
        "\r",
        "    return help(x); y = 1\n",
    ),
    *("é = f'{a'\n", "\0"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
@settings(max_examples=400, deadline=None)
def test_sanitising_cuts_whole_lines_and_only_once(completion: str) -> None:
    kept = sanitise(PROMPT, completion, "double")
    assert completion.startswith(kept)
    assert kept in ("", completion) or kept.endswith(("\n", "\r"))
    assert sanitise(PROMPT, kept, "double") == kept
    ast.parse(PROMPT + kept)


@given(st.lists(st.sampled_from([piece for piece in PIECES if piece[0] in " \t)]\\("]), max_size=9).map("".join))
@settings(max_examples=400, deadline=None)
def test_the_longest_readable_prefix_is_found(completion: str) -> None:
    """Indented pieces make no new statement at top level, so the answer is the longest prefix that parses."""
    lines = completion.splitlines(keepends=True)
    best = ""
    for count in range(len(lines), 0, -1):
        try:
            tree = ast.parse(PROMPT + "".join(lines[:count]))
        except (SyntaxError, ValueError):
            continue
        if len(tree.body) == 1:
            best = "".join(lines[:count])
            break
    assert sanitise(PROMPT, completion, "double") == best


def test_long_noise_is_cut_quickly() -> None:
    rng = random.Random(0)
    noise = "".join(rng.choice(PIECES[:-1]) for _ in range(2000))
    assert noise.startswith(sanitise(PROMPT, noise, "double"))
