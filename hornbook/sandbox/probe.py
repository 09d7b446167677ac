"""Which rung of the ladder stands on this machine, why not a higher one, and what would raise it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from hornbook.errors import SandboxError
from hornbook.sandbox.host import COMMON, Zygote, ZygoteLost

LEVELS = ("L3", "L2", "L1", "L0")
AUTOMATIC = ("L3", "L2")
# kernel settings that forbid user namespaces: file, the value that forbids, the command that allows
SWITCHES = (
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    ("/proc/sys/user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=10000"),
)
IN_CONTAINER = "in a container: start it with --security-opt seccomp=unconfined, or --privileged"


@dataclass(frozen=True)
class Probe:
    """The highest rung that stands ("" if none), and for each higher one why it does not and what would raise it."""

    level: str
    reasons: dict[str, str] = field(default_factory=dict)


def probe() -> Probe:
    """Try the rungs from the top down; starts and ends one zygote per rung, about 0.2 s each."""
    reasons: dict[str, str] = {}
    for level in LEVELS:
        reason = why_not(level)
        if not reason:
            return Probe(level, reasons)
        reasons[level] = reason
    return Probe("", reasons)


def choose_level(level: str) -> str:
    """The rung to use: the one asked for, or for "auto" L3 or L2; raises SandboxError rather than go lower."""
    if level not in (*LEVELS, "auto"):
        raise SandboxError(f"unknown sandbox level {level!r}; known: auto, {', '.join(LEVELS)}")
    reasons = {}
    for rung in AUTOMATIC if level == "auto" else (level,):
        reasons[rung] = why_not(rung)
        if not reasons[rung]:
            return rung
    why = "; ".join(f"{rung}: {reason}" for rung, reason in reasons.items())
    lower = "L1 (Landlock, no namespaces) or L0 (limits only: trusted programs), by --sandbox-level or sandbox.level"
    raise SandboxError(f"no safe sandbox here. {why}. Or choose a weaker one yourself: {lower}")


def why_not(level: str) -> str:
    """Why a rung does not stand here, with the way out; "" when it stands."""
    if level != "L0" and sys.platform != "linux":
        return f"needs Linux, this is {sys.platform}; run it in a Linux virtual machine"
    zygote = Zygote(level, index=0, seed=0, hash_seed=0, modules=COMMON)
    try:
        zygote.start()
    except ZygoteLost as error:
        return f"{error}{_way_out(str(error))}"
    finally:
        zygote.stop()
    return ""


def _way_out(reason: str) -> str:
    """What an administrator could do about a failed step."""
    if reason.startswith("dedicated user"):
        return " (way out: run as an ordinary user, or as root with CAP_SETUID, CAP_SETGID and CAP_CHOWN)"
    if reason.startswith(("user namespace", "mount")):
        commands = [command for file, value, command in SWITCHES if _setting(file) == value]
        return f" (way out: {' and '.join(commands) or IN_CONTAINER})"
    if reason.startswith("landlock"):
        return " (way out: Linux 5.13 or later with landlock in the kernel's lsm= list)"
    if reason.startswith("pid"):
        return " (way out: Linux 5.8 or later)"
    return ""


def _setting(file: str) -> str:
    path = Path(file)
    return path.read_text().strip() if path.is_file() else ""
