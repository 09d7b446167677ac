"""The ladder of the sandbox, other users, and the end of the host."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from hornbook import errors
from hornbook.errors import SandboxError
from hornbook.sandbox import Check, JailedSandbox, Probe, probe
from hornbook.sandbox.probe import LEVELS

PACKAGE = Path(errors.__file__).parent


# ---- the end of the host ------------------------------------------------------------------------------------------

HOST = """
import sys
from hornbook.sandbox import Check, JailedSandbox, Limits
with JailedSandbox(workers=2) as sandbox:
    loop = Check("while True: pass", limits=Limits(wall_seconds=60, cpu_seconds=60))
    def checks():
        yield Check("")
        yield loop
        yield loop
    for verdict in sandbox.map(checks()):
        print([worker.usual._process.pid for worker in sandbox._workers if worker.usual._process], flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_host(sandbox: JailedSandbox, number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", HOST], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as host:
        assert host.stdout is not None
        stubs = json.loads(host.stdout.readline())
        time.sleep(0.5)
        stubs += [pid for pid in children(host.pid) if pid not in stubs]
        assert len(session_members(stubs)) >= 4
        host.send_signal(number)
        host.wait(10)
    deadline = time.monotonic() + 5
    while session_members(stubs) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert session_members(stubs) == []


def process_table() -> dict[int, tuple[int, int, str]]:
    """pid -> (parent, session, state) of all processes that can be seen."""
    table = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:  # it ended meanwhile
                continue
            table[int(entry.name)] = (int(fields[1]), int(fields[3]), fields[0])
    return table


def children(parent: int) -> list[int]:
    return [pid for pid, fields in process_table().items() if fields[0] == parent]


def session_members(leaders: list[int]) -> list[int]:
    """Living processes of these sessions: each zygote and all below it are one session."""
    return [pid for pid, fields in process_table().items() if fields[1] in leaders and fields[2] != "Z"]


def test_a_forked_copy_of_the_host_cannot_use_the_sandbox(sandbox: JailedSandbox) -> None:
    sandbox._owner += 1  # what a forked child sees: the pid that made the sandbox is not its own
    try:
        with pytest.raises(SandboxError, match="after a fork"):
            sandbox.run(Check(""))
    finally:
        sandbox._owner -= 1


# ---- the ladder ---------------------------------------------------------------------------------------------------
def test_probe_names_a_reason_for_every_rung_above_the_one_that_stands() -> None:
    found = probe()
    assert isinstance(found, Probe)
    assert found.level in LEVELS
    assert list(found.reasons) == list(LEVELS[: LEVELS.index(found.level)])
    assert all(found.reasons.values())


def test_an_unknown_level_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(SandboxError, match=r"L9.*auto, L3, L2, L1, L0"):
        JailedSandbox(level="L9")


def test_the_identity_names_design_rung_and_limits_and_no_machine(sandbox: JailedSandbox) -> None:
    assert sandbox.identity == (
        f"jailed-zygote-2/{sandbox.level}/wall_seconds=3.0,cpu_seconds=3,memory_bytes=536870912,file_bytes=8388608,"
        "output_bytes=65536,processes=24/seed=0,hash_seed=0"
    )


LADDER = """
import json, sys
from hornbook.errors import SandboxError
from hornbook.sandbox import Check, JailedSandbox, Limits
def run(level):
    program = '''
def f(x):
    import os, socket
    for attack in (lambda: open("/etc/passwd").read(), lambda: os.listdir("/"), lambda: open("/usr/x", "w"),
                   lambda: socket.socket(), lambda: os.fork() or os._exit(0), lambda: os.kill(os.getppid(), 0)):
        try:
            attack()
        except OSError:
            x += 1
    return x
'''
    try:
        with JailedSandbox(workers=1, level=level) as sandbox:
            data = sandbox.run(Check(program, "f", arguments=((1,),)))
            split = sandbox.run(Check(program, "f", tests="assert f(1) >= 1"))
            loop = sandbox.run(Check("import time; time.sleep(9)", limits=Limits(wall_seconds=0.3)))
            return [data.level, data.values and data.values[0], split.outcome, loop.outcome]
    except SandboxError as error:
        return str(error)
print(json.dumps({level: run(level) for level in sys.argv[1:]}))
"""


def ladder_as(user: int, levels: list[str], folder: Path) -> dict[str, object]:
    """Run LADDER under another uid with the system's interpreter and a copy of the package that it can read."""
    package = folder / "hornbook"
    shutil.copytree(PACKAGE / "sandbox", package / "sandbox", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PACKAGE / "errors.py", package)
    (package / "__init__.py").touch()
    script = folder / "ladder.py"
    script.write_text(LADDER)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    done = subprocess.run(
        ["/usr/bin/python3", "-B", str(script), *levels],
        user=user, group=user, extra_groups=[], env={"PYTHONPATH": str(folder)}, cwd=folder,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout)
    return result


def system_python_serves() -> bool:
    script = "import sys; sys.exit(sys.version_info < (3, 11))"
    return Path("/usr/bin/python3").exists() and not subprocess.run(["/usr/bin/python3", "-c", script]).returncode


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become an ordinary user")
@pytest.mark.skipif(not system_python_serves(), reason="/usr/bin/python3 is not there or is older than 3.11")
def test_every_rung_works_for_an_ordinary_user_or_says_why_not() -> None:
    with tempfile.TemporaryDirectory(prefix="hornbook-ladder-", dir="/tmp") as name:  # pytest's own folder is root's
        results = ladder_as(65534, list(LEVELS), Path(name))
    for level, result in results.items():
        if isinstance(result, str):
            assert "no safe sandbox here" in result
            assert level in result
            continue
        # 1 + the number of attacks that fail: the jail's own root may be listed; at L0 only the write into /usr fails
        value = {"L3": 6, "L2": 6, "L1": 7, "L0": 2}[level]
        assert result == [level, value, "passed", "timeout"], level
    assert isinstance(results["L0"], list)


def test_without_user_namespaces_auto_refuses_with_the_way_out_and_l1_works_when_asked() -> None:
    outer = ["unshare", "--user", "--map-root-user"]
    forbid = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'  # of this new namespace alone
    try:
        subprocess.run([*outer, "sh", "-c", forbid, "sh", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"cannot make a user namespace that forbids further ones: {error}")
    done = subprocess.run(
        [*outer, "sh", "-c", forbid, "sh", sys.executable, "-B", "-c", LADDER, "auto", "L1"],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert "no safe sandbox here. L3: user namespace" in result["auto"]
    assert "sysctl -w user.max_user_namespaces" in result["auto"]
    assert "--sandbox-level" in result["auto"]
    assert result["L1"] == ["L1", 7, "passed", "timeout"] or "landlock" in result["L1"]


def test_an_interpreter_that_the_jail_cannot_read_is_named() -> None:
    if os.geteuid() != 0 or os.stat("/root").st_mode & 0o5 or not sys.base_prefix.startswith("/root/"):
        pytest.skip("needs root with an interpreter below a closed /root")
    with pytest.raises(SandboxError, match=r"interpreter prefix /root/.* is not readable for uid"):
        JailedSandbox(level="L1")
