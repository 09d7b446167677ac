"""One test per escape: each passes only if the attack fails, and is seen to fail where there are no walls.

The attacks stand in the modules `escapes_*`; what runs them without walls in `escapes_naive`.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import escapes_replies as replies
import pytest
from escapes_attack import REFUSALS, Attack, Places, open_places, reaching
from escapes_exhaustion import ANSWER, FLOODS, STDIO
from escapes_forging import FORGERIES, RUN_TESTS, SECRET, TESTS
from escapes_host import FILES, NETWORK
from escapes_judged import HONEST, JUDGED, PRELUDES
from escapes_kernel import KERNEL, PROCESSES
from escapes_leavings import LEAVINGS
from escapes_naive import Job, container, is_pass, run_naively
from escapes_ordinary import run_as_ordinary_user, why_no_ordinary_user
from escapes_stalls import STALLS
from escapes_traces import Session, led_by_children, nothing_left

from hornbook.errors import SandboxError
from hornbook.sandbox import Check, JailedSandbox, Limits, Outcome, Verdict
from hornbook.sandbox.host import imports_other
from hornbook.sandbox.seccomp import ARCHITECTURES, HOSTILE, machine

SHORT = Limits(wall_seconds=0.3, cpu_seconds=1)
EQUIPPED = "import queue\n"  # programs that import this or its like run on a zygote of their own
SERVES = "def f(x): return {3: 7919033, 12: 6310867}[x]"
WON = {Outcome.PASSED, Outcome.PROTOCOL_ERROR}  # a pass, or a harness that takes the blame and tries again
GROUPS: dict[str, dict[str, Attack]] = {
    "forging": FORGERIES, "judged": JUDGED, "stalls": STALLS, "floods": FLOODS, "stdio": STDIO, "leavings": LEAVINGS,
    "files": FILES, "network": NETWORK, "processes": PROCESSES, "kernel": KERNEL,
}  # fmt: skip
REACHES = FILES | NETWORK | PROCESSES | KERNEL


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[Session]]:
    """The sessions of all zygotes; at the end nothing of this module is left on the machine."""
    with nothing_left(tmp_path_factory.mktemp("temporary")) as sessions:
        yield sessions


@pytest.fixture(scope="module")
def places(traces: set[Session], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    with open_places(tmp_path_factory.mktemp("places")) as made:
        yield made


@contextmanager
def opened(level: str, traces: set[Session]) -> Iterator[JailedSandbox]:
    """A sandbox of one worker whose zygotes have started; skips where the rung does not stand."""
    try:
        made = JailedSandbox(workers=1, level=level)
    except SandboxError as error:
        pytest.skip(f"{level} does not stand on this machine: {error}")
    with made:
        assert made.run(Check("pass")).passed
        assert made.run(Check(EQUIPPED)).passed
        traces |= led_by_children()
        yield made


@pytest.fixture(scope="module", params=["L3", "L2"])
def sandbox(request: pytest.FixtureRequest, places: Places, traces: set[Session]) -> Iterator[JailedSandbox]:
    with opened(request.param, traces) as made:
        yield made


@pytest.fixture(scope="module")
def highest(places: Places, traces: set[Session]) -> Iterator[JailedSandbox]:
    """The highest rung, for what no rung does otherwise: how replies and texts are read."""
    with opened("auto", traces) as made:
        yield made


def attempt(sandbox: JailedSandbox, check: Check) -> Verdict:
    """The verdict on a hostile check, which is a sound one; after it the sandbox still serves honest programs."""
    verdict = sandbox.run(check)
    verdict.detail.encode()
    assert verdict.detail.isprintable()
    assert len(verdict.detail) < 4000
    assert len(verdict.output) <= check.limits.output_bytes
    start = EQUIPPED if imports_other(check) else ""  # so that it meets the same zygote
    honest = sandbox.run(Check(start + SERVES, "f", arguments=((3,), (12,)), expected=tuple(SECRET.values())))
    assert honest.passed, honest
    return verdict


def outcomes(name: str) -> list[str]:
    """What stands after the arrow in the name of an attack."""
    return name.partition(" -> ")[2].split("|")


def limits_of(name: str) -> Limits:
    """Little time for an attack that the wall limit must end, else enough for a busy machine."""
    return Limits(wall_seconds=0.15) if "timeout" in outcomes(name) else Limits()


# ---- forging: no program passes without the right values ------------------------------------------------------------


@pytest.mark.parametrize("mode", ["data", "asserts", "tests"])
@pytest.mark.parametrize("name", FORGERIES)
def test_no_forgery_passes(sandbox: JailedSandbox, name: str, mode: str) -> None:
    check = Check(FORGERIES[name].code, "f", limits=SHORT)
    if mode == "data":
        check = replace(check, arguments=tuple((given,) for given in SECRET), expected=tuple(SECRET.values()))
    else:  # asserts alone may be read outside the jail, other tests have to run
        check = replace(check, tests=TESTS if mode == "asserts" else RUN_TESTS)
    assert attempt(sandbox, check).outcome not in WON


@pytest.mark.parametrize("name", JUDGED)
def test_no_program_deceives_its_tests(sandbox: JailedSandbox, name: str) -> None:
    attack = JUDGED[name]
    check = Check(attack.code, "f", tests=attack.tests, prelude=PRELUDES.get(name, ""), limits=SHORT)
    assert attempt(sandbox, check).outcome not in WON


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_program_passes_the_same_tests(sandbox: JailedSandbox, name: str) -> None:
    assert sandbox.run(Check(HONEST[name], "f", tests=JUDGED[name].tests, prelude=PRELUDES.get(name, ""))).passed


def test_an_honest_program_passes_the_tests_that_forgeries_fail(sandbox: JailedSandbox) -> None:
    assert sandbox.run(Check(SERVES, "f", tests=TESTS)).passed
    assert sandbox.run(Check(SERVES, "f", tests=RUN_TESTS)).passed


@pytest.mark.parametrize("name", STALLS)
def test_no_program_stalls_its_tests(sandbox: JailedSandbox, name: str) -> None:
    verdict = attempt(sandbox, Check(STALLS[name].code, "f", tests=STALLS[name].tests, limits=limits_of(name)))
    assert verdict.outcome in outcomes(name), verdict


@pytest.mark.parametrize("name", STDIO)
def test_no_program_passes_without_printing_the_answer_and_ending_well(sandbox: JailedSandbox, name: str) -> None:
    program = f"ANSWER = {ANSWER!r}\n{STDIO[name].code}"
    check = Check(program, stdin="3\n12\n", expected_output=ANSWER, limits=limits_of(name))
    verdict = attempt(sandbox, check)
    assert verdict.outcome in outcomes(name), verdict


@pytest.mark.parametrize("name", replies.REPLIES)
def test_no_reply_harms_or_deceives_the_host(highest: JailedSandbox, name: str) -> None:
    program = replies.replying(replies.REPLIES[name])
    started = time.monotonic()
    verdict = highest.run(Check(program, "f", arguments=((3,), (12,)), expected=tuple(SECRET.values())))
    assert verdict.outcome not in WON
    assert "Error: [Errno" not in verdict.detail  # else nothing was written
    assert time.monotonic() - started < 3
    attempt(highest, Check(program, "f", arguments=((3,), (12,))))  # without expected values


@pytest.mark.parametrize("name", replies.MESSAGES)
def test_no_message_harms_or_deceives_the_judge(highest: JailedSandbox, name: str) -> None:
    tests = f"assert f(lambda x: x, [1], 'x') == {SECRET[3]}"
    verdict = attempt(highest, Check(replies.sending(replies.MESSAGES[name]), "f", tests=tests))
    assert verdict.outcome not in WON


@pytest.mark.parametrize("name", replies.VERDICTS)
def test_no_word_of_hostile_tests_harms_the_host(highest: JailedSandbox, name: str) -> None:
    verdict = attempt(highest, Check("def f(): pass", "f", tests=replies.judging(replies.VERDICTS[name])))
    assert verdict.outcome not in WON


@pytest.mark.parametrize("name", replies.TEXTS)
def test_no_text_of_hostile_tests_harms_the_host(highest: JailedSandbox, name: str) -> None:
    started = time.monotonic()
    verdict = attempt(highest, Check("def f(*given): return None", "f", tests=replies.TEXTS[name], limits=SHORT))
    assert verdict.outcome not in WON
    assert time.monotonic() - started < 3


def test_the_candidate_cannot_look_into_what_a_test_passes_to_it(sandbox: JailedSandbox) -> None:
    call = "def f(callback): return callback(2)"
    assert sandbox.run(Check(call, "f", tests="assert f(lambda x: x + 1) == 3")).passed
    for steal in ("callback.__globals__", "callback.__code__", "list(callback)", "str(callback)", "callback[0]"):
        verdict = sandbox.run(Check(f"def f(callback): return {steal}", "f", tests="assert f(lambda x: x)"))
        assert verdict.outcome is Outcome.SANDBOX_VIOLATION, steal


# ---- reaching out: `reach` returns "in" when the attack succeeds ----------------------------------------------------


@pytest.mark.parametrize("name", REACHES)
def test_no_program_reaches_out(sandbox: JailedSandbox, places: Places, name: str) -> None:
    verdict = attempt(sandbox, Check(reaching(REACHES[name], places), "reach", arguments=((),)))
    answer = str(verdict.values[0]) if verdict.values else verdict.outcome.value
    assert answer in {*REFUSALS, "sandbox_violation"}, verdict


@pytest.mark.parametrize("name", REACHES)
def test_no_tests_reach_out(sandbox: JailedSandbox, places: Places, name: str) -> None:
    """Hostile tests are held as tightly as the program; they may say anything about it, and these ask for the truth."""
    tests = reaching(REACHES[name], replace(places, held=6)) + "answer = reach()\nassert answer == 'in', answer\n"
    verdict = attempt(sandbox, Check("def f(): pass", "f", tests=tests))
    answer = verdict.detail.removeprefix("AssertionError: ")
    assert answer in REFUSALS or verdict.outcome is Outcome.SANDBOX_VIOLATION, verdict


@pytest.mark.parametrize("name", ["fork", "make a TCP socket", "read /etc/passwd", "hold more files than it was given"])
def test_no_other_mode_lets_out(sandbox: JailedSandbox, places: Places, name: str) -> None:
    program = reaching(REACHES[name], replace(places, held=4)) + "print(reach())\n"
    assert attempt(sandbox, Check(program, stdin="")).output.strip() in REFUSALS
    assert attempt(sandbox, Check(program)).output.strip() in REFUSALS
    judged = reaching(REACHES[name], replace(places, held=5))
    assert attempt(sandbox, Check(judged, "reach", tests="answer = reach()\nassert answer != 'in'")).passed


@pytest.mark.parametrize("call", [name for name in HOSTILE if name in ARCHITECTURES[machine()][1]])
def test_a_hostile_system_call_ends_the_program(sandbox: JailedSandbox, call: str) -> None:
    number = ARCHITECTURES[machine()][1][call]
    program = f"import ctypes\ndef f(): ctypes.CDLL(None).syscall({number}, 0, 0, 0, 0, 0, 0)"
    assert sandbox.run(Check(program, "f", arguments=((),))).outcome is Outcome.SANDBOX_VIOLATION


# ---- exhaustion -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_at_its_limit(sandbox: JailedSandbox, name: str) -> None:
    started = time.monotonic()
    verdict = attempt(sandbox, Check(FLOODS[name].code, limits=limits_of(name)))
    assert verdict.outcome in outcomes(name), verdict
    assert time.monotonic() - started < 6


# Of the floods of time a few are enough, since each takes its time; what tests print goes nowhere.
OF_TIME = ("a loop that catches", "a loop with", "a wait for a lock")
FLOODS_OF_TESTS = [name for name in FLOODS if "timeout" not in outcomes(name) or name.startswith(OF_TIME)]


@pytest.mark.parametrize("name", [name for name in FLOODS_OF_TESTS if not name.startswith("output")])
def test_a_flood_of_hostile_tests_ends_at_its_limit(sandbox: JailedSandbox, name: str) -> None:
    verdict = attempt(sandbox, Check("def f(): pass", "f", tests=FLOODS[name].code, limits=limits_of(name)))
    assert verdict.outcome in {*outcomes(name), "failed_assertion"}, verdict


@pytest.mark.parametrize("number", [2, 6, 9, 10, 15, 24, 25, 31, 33, 34, 35, 63, 64])
def test_a_program_that_signals_itself_has_a_verdict(sandbox: JailedSandbox, number: int) -> None:
    program = f"import os\ndef f(): os.kill(os.getpid(), {number})"
    hostile = "def g(): pass"
    for check in (
        Check(program, "f", arguments=((),), expected=(1,), limits=SHORT),
        Check(program, "f", tests="assert f() == 1", limits=SHORT),
        Check(hostile, "g", tests=f"{program}\nf()\nassert False", limits=SHORT),
        Check(f"{program}\nf()\nassert False", stdin="", limits=SHORT),
    ):
        assert attempt(sandbox, check).outcome not in WON


# ---- from one check to the next -------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["program", "tests"])
@pytest.mark.parametrize("name", LEAVINGS)
def test_nothing_of_a_check_reaches_the_next(sandbox: JailedSandbox, name: str, by: str) -> None:
    leave = EQUIPPED + LEAVINGS[name].code
    check = Check(leave) if by == "program" else Check("def g(): pass", "g", tests=leave)
    assert sandbox.run(check).outcome is not Outcome.PROTOCOL_ERROR
    assert attempt(sandbox, Check(EQUIPPED + LEAVINGS[name].tests, "f", arguments=((),))).values == (False,)


SEARCH = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.sbrk.restype = ctypes.c_void_p
def f(word):
    needle, flip = bytes(word), bytes(code ^ 1 for code in range(256))  # the search itself must not hold the word
    page, handle, found = 4096, os.open('memory', os.O_RDWR | os.O_CREAT), 0
    brk = libc.sbrk(0)
    for middle, pages in ((id([]), 4096), (brk - 4096 * page, 4096)):
        for number in range(-pages, pages):
            address = (middle // page + number) * page
            if libc.pwrite(handle, ctypes.c_void_p(address), page, 0) == page:
                found += os.pread(handle, page, 0).translate(flip).count(needle)
    return found
planted = PLANTED
"""


def test_the_memory_of_a_check_holds_nothing_of_the_one_before(sandbox: JailedSandbox) -> None:
    secret = "quetzalcoatl"
    disguised = [ord(letter) ^ 1 for letter in secret]
    limits = Limits(wall_seconds=9)
    assert sandbox.run(Check(f"def f(x): return {secret!r}", "f", arguments=((secret,),), expected=(secret,))).passed
    assert sandbox.run(Check("def g(): pass", "g", tests=f"assert {secret!r}; g()", prelude=f"x = {secret!r}")).passed
    search = Check(SEARCH.replace("PLANTED", "None"), "f", arguments=((disguised,),), limits=limits)
    assert sandbox.run(search).values == (0,)
    control = Check(SEARCH.replace("PLANTED", repr(secret)), "f", arguments=((disguised,),), limits=limits)
    assert (sandbox.run(control).values or (0,))[0] > 0


# ---- without walls the same attacks work ----------------------------------------------------------------------------


def naive_job(group: str, attack: Attack, places: Places) -> Job:
    """The attack for the method that its heading names."""
    if group == "leavings":
        return Job("checks", attack.code, attack.tests)
    if attack.code in {reach.code for reach in REACHES.values()}:
        return Job("call", reaching(attack, places), entry="reach")
    method = attack.where if attack.where in ("verdict", "cases", "status") else "program"
    if group == "forging":
        data = json.dumps([[[given], wanted] for given, wanted in SECRET.items()])
        return Job(method, attack.code, data if method == "cases" else f"{RUN_TESTS}check(f)\n")
    start = PRELUDES.get(attack.name, "") if group == "judged" else f"ANSWER = {ANSWER!r}\n" * (group == "stdio")
    return Job(method, start + attack.code, attack.tests)


@pytest.fixture(scope="module")
def without_walls(places: Places) -> Callable[[str], dict[str, Any]]:
    """What comes of the attacks of a group without walls; runs them when first asked."""
    found: dict[str, dict[str, Any]] = {}

    def run(group: str) -> dict[str, Any]:
        if group not in found:
            jobs = {name: naive_job(group, it, places) for name, it in GROUPS[group].items() if it.is_shown}
            found[group] = run_naively(jobs)
        return found[group]

    return run


@pytest.mark.parametrize(
    ("group", "name"), [(group, name) for group, them in GROUPS.items() for name, it in them.items() if it.is_shown]
)
def test_the_attack_works_without_walls(without_walls: Callable[[str], dict[str, Any]], group: str, name: str) -> None:
    where = GROUPS[group][name].where
    if where == "root" and not container():
        pytest.skip("works for root alone, in namespaces that keep the machine whole")
    found = without_walls(group)[name]
    refused = str(found) in REFUSALS
    if refused and (where == "kernel" or (found == "Refused" and machine() != "x86_64")):
        pytest.skip(f"this machine answers {found}")
    assert found == "in" or is_pass(found), found


# ---- an ordinary user, and rung L1 ----------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["L3", "L1"])
def ordinary(request: pytest.FixtureRequest, places: Places) -> dict[str, list[Verdict]]:
    """Verdicts on attacks, judged for an ordinary user, by group and name."""
    if why := why_no_ordinary_user():
        pytest.skip(why)
    series = {
        f"reaching: {name}": [Check(reaching(it, places), "reach", arguments=((),))] for name, it in REACHES.items()
    }
    for name, it in FORGERIES.items():
        series[f"forging: {name}"] = [Check(it.code, "f", tests=RUN_TESTS, limits=SHORT)]
    for name, it in LEAVINGS.items():
        programs = [Check(EQUIPPED + it.code), Check(EQUIPPED + it.tests, "f", arguments=((),))]
        series[f"leaving: {name}"] = programs
    folder = tempfile.mkdtemp(prefix="hornbook-escapes-", dir="/tmp")
    os.chmod(folder, 0o777)
    found = run_as_ordinary_user(request.param, series, folder)
    assert os.listdir(folder) == []
    os.rmdir(folder)
    if isinstance(found, str):
        pytest.skip(f"{request.param} does not stand here for an ordinary user: {found}")
    return found


@pytest.mark.parametrize("name", REACHES)
def test_nothing_reaches_out_for_an_ordinary_user(ordinary: dict[str, list[Verdict]], name: str) -> None:
    (verdict,) = ordinary[f"reaching: {name}"]
    answer = str(verdict.values[0]) if verdict.values else verdict.outcome.value
    assert answer in {*REFUSALS, "sandbox_violation"}, verdict


@pytest.mark.parametrize("name", FORGERIES)
def test_no_forgery_passes_for_an_ordinary_user(ordinary: dict[str, list[Verdict]], name: str) -> None:
    assert ordinary[f"forging: {name}"][0].outcome not in WON


@pytest.mark.parametrize("name", LEAVINGS)
def test_nothing_is_left_for_the_next_check_of_an_ordinary_user(ordinary: dict[str, list[Verdict]], name: str) -> None:
    assert ordinary[f"leaving: {name}"][1].values == (False,)
