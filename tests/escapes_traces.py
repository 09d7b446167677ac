"""What a process may leave on the machine: processes, mounts, shared objects."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

Session = tuple[int, int]
"""Number and start (clock ticks since boot) of the process that leads it: numbers come around again within minutes."""


@contextmanager
def nothing_left(folder: Path) -> Iterator[set[Session]]:
    """Holds what is done inside to leaving nothing on the machine.

    Yields a set that the caller fills with the sessions to watch. `folder` takes the temporary files meanwhile.
    """
    kept, tempfile.tempdir = tempfile.tempdir, str(folder)
    before, earlier, sessions = leftovers(), led_by_children(), set[Session]()  # other tests may keep a sandbox open
    try:
        yield sessions
    finally:
        tempfile.tempdir = kept
    deadline = time.monotonic() + 5
    while (alive := members(sessions - earlier)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alive == []
    assert os.listdir(folder) == []
    assert leftovers() == before


def leftovers() -> dict[str, object]:
    """What this process, its mounts and the machine's shared objects amount to."""
    processes = {pid: fields for pid, fields in process_table().items() if fields[0] == os.getpid()}
    objects = [path for path in (Path("/proc/sysvipc", kind) for kind in ("sem", "msg", "shm")) if path.exists()]
    return {
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "children": sorted(processes),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "objects": [[line.split()[1] for line in path.read_text().splitlines()] for path in objects],
        "queues": sorted(os.listdir("/dev/mqueue")) if os.path.isdir("/dev/mqueue") else [],
        "planted": [name for name in os.listdir("/dev/shm") if "escape" in name],
    }


def process_table() -> dict[int, tuple[int, int, int]]:
    """pid -> (parent, session, start) of all processes, zombies included."""
    table = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:  # it ended meanwhile
                continue
            table[int(entry.name)] = (int(fields[1]), int(fields[3]), int(fields[19]))
    return table


def led_by_children() -> set[Session]:
    """The sessions that children of this process lead."""
    own = os.getpid()
    return {
        (pid, start) for pid, (parent, session, start) in process_table().items() if (parent, session) == (own, pid)
    }


def members(sessions: set[Session]) -> list[int]:
    """The processes of these sessions; one whose leader started at another time has only the number in common."""
    table, starts = process_table(), dict(sessions)
    return [
        pid
        for pid, (_, session, _) in table.items()
        if session in starts and (session not in table or table[session][2] == starts[session])
    ]
