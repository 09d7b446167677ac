"""Landlock (file rules without namespaces), for rung L1: read the interpreter, write one private folder, nothing else.

System call numbers 444 to 446 are the same on all architectures. Only the standard library is imported.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from typing import Any

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG = 1
RULE_PATH_BENEATH = 1
READ_FILE, READ_DIR, WRITE_FILE, TRUNCATE = 1 << 2, 1 << 3, 1 << 1, 1 << 14
# access rights that each version of the interface knows; what a rule set does not handle stays free
FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
TCP_RIGHTS = 3  # bind, connect; version 4
SCOPES = 3  # abstract unix sockets, signals; version 6


def _call(number: int, *arguments: Any) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result: int = libc.syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"landlock: {os.strerror(code)}")
    return result


def version() -> int:
    """The kernel's Landlock version; raises OSError where it has none."""
    return _call(CREATE_RULESET, None, ctypes.c_size_t(0), VERSION_FLAG)


def restrict(readable: Iterable[str], writable: Iterable[str], devices: Iterable[str]) -> None:
    """Confine this process and its children for good; needs NO_NEW_PRIVS. Raises OSError."""
    abi = version()
    rights = FILE_RIGHTS[max(known for known in FILE_RIGHTS if known <= abi)]
    header = struct.pack("QQQ", rights, TCP_RIGHTS if abi >= 4 else 0, SCOPES if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = _call(CREATE_RULESET, header[:size], ctypes.c_size_t(size), 0)
    try:
        for path in readable:
            _allow(ruleset, path, READ_FILE | READ_DIR)
        for path in writable:
            _allow(ruleset, path, rights)
        for path in devices:
            _allow(ruleset, path, READ_FILE | WRITE_FILE | (TRUNCATE & rights))
        _call(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Grant `rights` on `path` and below; a path that does not exist needs no rule."""
    if not os.path.exists(path):
        return
    parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not os.path.isdir(path):
            rights &= ~READ_DIR
        _call(ADD_RULE, ruleset, RULE_PATH_BENEATH, struct.pack("=Qi", rights, parent), 0)
    finally:
        os.close(parent)
