"""Runs checks as an ordinary user: root hands them to another uid, the system's interpreter and a copy of the package.

An interpreter below a closed /root cannot serve the dedicated users of rung L1, so root needs this for L1 too.
"""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hornbook import errors
from hornbook.sandbox import Check, Outcome, Verdict

NOBODY = 65534
SECONDS = 120
SCRIPT = """
import pickle, sys
from dataclasses import asdict
from hornbook.errors import SandboxError
from hornbook.sandbox import Check, JailedSandbox, Limits
level, series = pickle.load(sys.stdin.buffer)
found = {}
try:
    with JailedSandbox(workers=1, level=level) as sandbox:
        for name, checks in series.items():
            made = [Check(**{**check, "limits": Limits(**check["limits"])}) for check in checks]
            found[name] = [{**asdict(sandbox.run(check))} for check in made]
except SandboxError as error:
    found = str(error)
sys.stdout.buffer.write(pickle.dumps(found))
"""


def run_as_ordinary_user(level: str, series: Mapping[str, list[Check]], folder: str) -> dict[str, list[Verdict]] | str:
    """The verdicts on each series of checks, one after the other on one zygote; the reason where the rung fails.

    `folder` holds what the user may write outside the jail; it becomes the user's folder of temporary files.
    """
    with tempfile.TemporaryDirectory(prefix="hornbook-escapes-", dir="/tmp") as name:
        package = Path(name) / "hornbook"
        shutil.copytree(
            Path(errors.__file__).parent / "sandbox", package / "sandbox", ignore=shutil.ignore_patterns("__pycache__")
        )
        shutil.copy(errors.__file__, package)
        (package / "__init__.py").touch()
        for path in (Path(name), *Path(name).rglob("*")):
            path.chmod(0o755)
        root = os.geteuid() == 0
        other: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if root else {}
        done = subprocess.run(
            ["/usr/bin/python3" if root else sys.executable, "-B", "-c", SCRIPT],
            input=pickle.dumps((level, {key: [asdict(check) for check in checks] for key, checks in series.items()})),
            env={"PYTHONPATH": name, "TMPDIR": folder}, cwd=name, capture_output=True, timeout=SECONDS, check=True,
            **other,
        )  # fmt: skip
    found = pickle.loads(done.stdout)
    if isinstance(found, str):
        return found
    return {
        key: [Verdict(**{**verdict, "outcome": Outcome(verdict["outcome"])}) for verdict in verdicts]
        for key, verdicts in found.items()
    }


def why_no_ordinary_user() -> str:
    """Why checks cannot be run as an ordinary user here; "" when they can."""
    if os.geteuid() != 0:
        return ""
    script = "import sys; sys.exit(sys.version_info < (3, 11))"
    if not Path("/usr/bin/python3").exists() or subprocess.run(["/usr/bin/python3", "-c", script]).returncode:
        return "root lends another user /usr/bin/python3, which is not there or is older than 3.11"
    return ""
