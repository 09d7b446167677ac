"""Runs untrusted programs and judges them where they cannot reach the judge.

A program never shares a process with the tests that judge it. Data mode sends arguments into the jail and compares the
plain results outside it; split mode runs the tests in a process of their own, held as tightly, that reaches the program
by plain data; stdio mode sends text in and compares the text that comes out.

What it stops at rungs L3 and L2: reading or writing the user's files, any network, other processes (signals, ptrace,
memory), starting programs or processes, namespaces, mounts, io_uring, bpf, keyrings, SysV IPC; endless loops, memory,
disk, output and thread floods; leaving early, forged results, lying `__eq__`, patched builtins, reading the expected
values. L1 stops the same by Landlock and system call filters, except that file names and sizes outside can be asked
for, processes are not hidden, and disk use is bounded per file only; it also refuses every change of a file's mode or
times, so `shutil.copy` fails there. L0 bounds resources and nothing else.

What it does not stop: defects of the kernel, timing and cache side channels, reading the interpreter's and /usr's own
files, a program that recognises the arguments of its tests and returns memorised answers, tests that pass whatever the
program does, and memory held by both processes of a split check together (the bound is per process).
"""

from hornbook.sandbox.contract import Check, Limits, Outcome, Sandbox, Verdict
from hornbook.sandbox.plain import decode, encode, same
from hornbook.sandbox.pool import JailedSandbox
from hornbook.sandbox.probe import Probe, probe

__all__ = [
    "Check",
    "JailedSandbox",
    "Limits",
    "Outcome",
    "Probe",
    "Sandbox",
    "Verdict",
    "decode",
    "encode",
    "probe",
    "same",
]
