"""Calls of the C library whose arguments stand ready, for use right after a fork.

An ordinary ctypes call with `use_errno` and conversions touches some 90 pages of a forked process, each of which the
kernel copies; one that is prepared touches about 20. Only the standard library is imported.
"""

from __future__ import annotations

import ctypes
import struct

PR_SET_SECCOMP, MODE_FILTER = 22, 2
PLACE_OF_PID = b"\x7a\x7b\x7c\x7d"  # in a filter, where the number of the process is to stand

_library = ctypes.PyDLL(None)


class PreparedCall:
    """A C function with its arguments: integers, or buffers that are passed by address."""

    def __init__(self, name: str, *arguments: int | ctypes.Array[ctypes.c_char]) -> None:
        self.name, self._kept = name, arguments
        self._function = getattr(_library, name)
        self._function.argtypes = [ctypes.c_long] * len(arguments)
        self._function.restype = ctypes.c_int
        self._arguments = tuple(
            ctypes.c_long(argument if isinstance(argument, int) else ctypes.addressof(argument))
            for argument in arguments
        )

    def __call__(self) -> None:
        """Make the call; raises OSError when it fails (which error the library does not say here)."""
        if self._function(*self._arguments) < 0:
            raise OSError(f"{self.name} was refused by the kernel")


class Filter:
    """A system call filter (BPF code) in memory, ready to be laid over this process; that needs NO_NEW_PRIVS."""

    def __init__(self, code: bytes) -> None:
        self._code = ctypes.create_string_buffer(code, len(code))
        header = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(self._code))  # struct sock_fprog
        self._call = PreparedCall("prctl", PR_SET_SECCOMP, MODE_FILTER, ctypes.create_string_buffer(header), 0, 0)

    def install(self) -> None:
        """Lay the filter over this process for good; raises OSError."""
        self._call()
