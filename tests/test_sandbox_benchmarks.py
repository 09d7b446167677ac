"""Verdicts on the published benchmarks, beside plain execution."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hornbook.benchmarks import ProblemSet, check_for, humaneval, mbpp, reference_limits
from hornbook.sandbox import JailedSandbox, Outcome

PLAIN = """
import json, os, sys
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        try:
            exec(json.loads(line), {"__name__": "solution"})
        except BaseException:
            os._exit(1)
        os._exit(0)
    print(os.waitpid(child, 0)[1] == 0, flush=True)
"""


@pytest.fixture(scope="module")
def benchmarks() -> Path:
    folder = os.environ.get("HORNBOOK_BENCHMARKS")
    if not folder:
        pytest.skip("HORNBOOK_BENCHMARKS names no folder with HumanEval.jsonl.gz and mbpp.jsonl")
    return Path(folder)


def outcomes(problems: ProblemSet, completions: list[str], sandbox: JailedSandbox) -> list[Outcome]:
    """The verdicts on one completion for each problem, under the limits that the references set."""
    limits = reference_limits(problems.problems, sandbox)
    checks = [
        check_for(problem, completion, limits[problem.task_id])
        for problem, completion in zip(problems, completions, strict=True)
    ]
    return [verdict.outcome for verdict in sandbox.map(checks)]


def test_all_canonical_solutions_of_humaneval_pass_three_times_and_no_empty_body_does(
    sandbox: JailedSandbox, benchmarks: Path
) -> None:
    problems = humaneval(benchmarks)
    canonical = [problem.canonical_solution for problem in problems]
    for _ in range(3):
        assert outcomes(problems, canonical, sandbox) == [Outcome.PASSED] * 164
    empty = [outcomes(problems, ["    pass\n"] * 164, sandbox) for _ in range(3)]
    assert Outcome.PASSED not in empty[0]
    assert empty[0] == empty[1] == empty[2]


@pytest.mark.slow
def test_all_canonical_solutions_of_mbpp_get_the_verdict_of_plain_execution(
    sandbox: JailedSandbox, benchmarks: Path
) -> None:
    problems = mbpp(benchmarks)
    programs = "".join(json.dumps(problem.program + "\n" + problem.test) + "\n" for problem in problems)
    plain = subprocess.run([sys.executable, "-c", PLAIN], input=programs, capture_output=True, text=True, check=True)
    passed = [line == "True" for line in plain.stdout.split()]
    found = outcomes(problems, [problem.canonical_solution for problem in problems], sandbox)
    differences = [
        (problem.task_id, outcome.value)
        for problem, outcome, is_right in zip(problems, found, passed, strict=True)
        if (outcome is Outcome.PASSED) != is_right
    ]
    assert differences == []
    assert sum(passed) == 974
