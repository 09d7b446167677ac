"""CPU per check of the sandbox, beside the method of openai/human-eval, re-implemented here from its description.

    python bench/sandbox.py [--rounds 5] [--checks 100] [--benchmarks FOLDER]

Both judge the same programs in turn, in one run. Two workloads: `data`, our own exercises (ten cases each), and
`split`, canonical solutions of HumanEval with their tests (left out, aloud, where the benchmark is not found). CPU is
that of the whole process tree: this process, what it has waited for, and every living descendant (the zygotes), to the
kernel's clock tick. The starting of zygotes is left out; human-eval has nothing to start beforehand. A ratio is the
quotient of the medians of the rounds; its range is that of the rounds.

human-eval's method, per check: a manager process for the result, a forked child, in it a temporary folder, dangerous
functions overwritten, output swallowed, an interval timer, and program and tests run in that one process.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import io
import json
import multiprocessing
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hornbook.sandbox import Check, JailedSandbox, decode

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
TIMEOUT_SECONDS = 3.0
TARGETS = {"data": 10.0, "split": 5.0}
MAKE_WORKLOADS = """
import json, sys
from pathlib import Path
from hornbook.benchmarks import humaneval
from hornbook.teacher.procedural.problem_sets import problems
count, folder = int(sys.argv[1]), sys.argv[2]
sets = {"data": problems("compositions", count, 0), "split": humaneval(Path(folder)).problems if folder else []}
print(json.dumps({name: [vars(problem) for problem in found] for name, found in sets.items()}))
"""
NAMES_TO_DISARM = {
    "os": "kill system putenv remove removedirs rmdir fchdir setuid fork forkpty killpg rename renames truncate "
    "replace unlink fchmod fchown chmod chown chroot lchown getcwd chdir",
    "shutil": "rmtree move chown",
    "subprocess": "Popen",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each, in turn")
    parser.add_argument("--checks", type=int, default=100, help="checks of each in a round")
    parser.add_argument("--benchmarks", default=os.environ.get("HORNBOOK_BENCHMARKS", ""), help="folder of HumanEval")
    options = parser.parse_args()
    if not options.benchmarks:
        print("split: left out, no HumanEval (set HORNBOOK_BENCHMARKS or give --benchmarks)")
    # in a process of its own, so that the one that human-eval's method forks stays as small as can be
    command = [sys.executable, "-c", MAKE_WORKLOADS, str(options.checks), options.benchmarks]
    made = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    for name, problems in json.loads(made.stdout).items():
        if problems:
            compare(name, problems[: options.checks], options.rounds)
            scale(name, problems[: options.checks])


def compare(name: str, problems: Sequence[dict[str, Any]], rounds: int) -> None:
    """Print the CPU of both methods on one workload."""
    checks = [jailed_check(problem) for problem in problems]
    programs = [single_program(problem) for problem in problems]
    spent: dict[str, list[float]] = {"sandbox": [], "human-eval": []}
    with JailedSandbox(workers=1) as sandbox:
        contenders: dict[str, Callable[[], int]] = {
            "sandbox": lambda: sum(verdict.passed for verdict in sandbox.map(checks)),
            "human-eval": lambda: sum(map(human_eval_passes, programs)),
        }
        sandbox.run(checks[0])  # starts the zygote
        for _ in range(rounds):
            for contender, run in contenders.items():
                before = tree_cpu_seconds()
                passed = run()
                spent[contender].append((tree_cpu_seconds() - before) / len(checks))
                if passed != len(checks):
                    raise SystemExit(f"{name}: {contender} passes {passed} of {len(checks)} right solutions")
        level = sandbox.level
    ours, theirs = (statistics.median(spent[contender]) for contender in ("sandbox", "human-eval"))
    low, high = min(spent["human-eval"]) / max(spent["sandbox"]), max(spent["human-eval"]) / min(spent["sandbox"])
    print(
        f"{name}: sandbox {level} {ours * 1000:.2f} ms CPU per check, human-eval {theirs * 1000:.2f}: "
        f"1/{theirs / ours:.1f} (1/{low:.1f} to 1/{high:.1f}), target 1/{TARGETS[name]:g}; "
        f"{1 / ours:.0f} checks per CPU second"
    )


def scale(name: str, problems: Sequence[dict[str, Any]]) -> None:
    """Print checks per second of wall time with one zygote, and with one for each core."""
    checks = [jailed_check(problem) for problem in problems] * 5
    rates = {}
    for workers in sorted({1, 2, os.cpu_count() or 1}):
        with JailedSandbox(workers=workers) as sandbox:
            list(sandbox.map(checks[: 4 * workers]))
            started = time.perf_counter()
            list(sandbox.map(checks))
            rates[workers] = len(checks) / (time.perf_counter() - started)
    print(
        f"{name}: checks per second "
        + ", ".join(f"{rate:.0f} with {workers} (x{rate / rates[1]:.2f})" for workers, rate in rates.items())
    )


def jailed_check(problem: dict[str, Any]) -> Check:
    program = problem["prompt"] + problem["canonical_solution"]
    if not problem["cases"]:
        return Check(program, problem["entry_point"], tests=problem["test"], prelude=problem["prelude"])
    cases = json.loads(problem["cases"])
    arguments = tuple(tuple(map(decode, given)) for given, _ in cases)
    return Check(program, problem["entry_point"], arguments, tuple(decode(result) for _, result in cases))


def single_program(problem: dict[str, Any]) -> str:
    """Solution, tests and the call of the tests in one text, as human-eval runs them."""
    name, test = problem["entry_point"], problem["test"]
    if problem["cases"]:
        cases = [([decode(value) for value in given], decode(result)) for given, result in json.loads(problem["cases"])]
        lines = [f"    assert candidate({', '.join(map(repr, given))}) == {result!r}" for given, result in cases]
        test = "def check(candidate):\n" + "\n".join(lines)
    return f"{problem['prompt']}{problem['canonical_solution']}\n{test}\ncheck({name})"


def tree_cpu_seconds() -> float:
    """CPU of this process, of its ended children, and of all living descendants with theirs."""
    own = os.times()
    total = own.user + own.system + own.children_user + own.children_system
    children: dict[int, list[int]] = {}
    times: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it ended meanwhile
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                children.setdefault(int(fields[1]), []).append(int(entry.name))
                times[int(entry.name)] = sum(map(int, fields[11:15]))
    pending = children.get(os.getpid(), [])
    while pending:
        pid = pending.pop()
        total += times[pid] / TICKS_PER_SECOND
        pending += children.get(pid, [])
    return total


# ---- human-eval's method ---------------------------------------------------------------------------------------------


class OutOfTime(Exception):
    pass


class NoInput(io.StringIO):
    """Output that swallows; reading from it is an error."""

    def read(self, *_: Any) -> str:
        raise OSError

    readline = readlines = read  # type: ignore[assignment]


def human_eval_passes(program: str) -> bool:
    """Judge one program as human-eval does."""
    context = multiprocessing.get_context("fork")
    with context.Manager() as manager:
        result = manager.list()
        process = context.Process(target=judge_in_one_process, args=(program, result))
        process.start()
        process.join(timeout=TIMEOUT_SECONDS + 1)
        if process.is_alive():
            process.kill()
        return bool(result) and result[0] == "passed"


def judge_in_one_process(program: str, result: Any) -> None:
    folder, leave = tempfile.mkdtemp(), os.chdir
    os.chdir(folder)
    saved = disarm()
    try:
        with swallowed_output(), interval_timer(TIMEOUT_SECONDS):
            exec(program, {})
        result.append("passed")
    except OutOfTime:
        result.append("timed out")
    except BaseException as error:
        result.append(f"failed: {error}")
    leave("/")
    for (module, name), function in saved.items():  # to remove the folder
        setattr(sys.modules[module], name, function)
    shutil.rmtree(folder)


def disarm() -> dict[tuple[str, str], Any]:
    """Overwrite what could do harm; returns what stood there."""
    faulthandler.disable()
    os.environ["OMP_NUM_THREADS"] = "1"
    names = [(module, name) for module, text in NAMES_TO_DISARM.items() for name in text.split()]
    saved = {(module, name): getattr(sys.modules[module], name) for module, name in names}
    for module, name in names:
        setattr(sys.modules[module], name, None)
    return saved


@contextlib.contextmanager
def swallowed_output() -> Any:
    stream = NoInput()
    stdin, sys.stdin = sys.stdin, stream
    try:
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            yield
    finally:
        sys.stdin = stdin


@contextlib.contextmanager
def interval_timer(seconds: float) -> Any:
    def expire(number: int, frame: Any) -> None:
        raise OutOfTime

    signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.signal(signal.SIGALRM, expire)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    main()
