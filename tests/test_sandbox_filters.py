"""The system call filters of both architectures, decided by an interpreter of their byte code and held to the rules.

The rules stand here a second time, in words of their own (`zygote_rule`, `candidate_rule`): a wrong jump, mask or
number shows.
"""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hornbook.sandbox.prepared import PLACE_OF_PID
from hornbook.sandbox.seccomp import ARCHITECTURES, HOSTILE, candidate_filter, zygote_filter

ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000  # SECCOMP_RET_* of linux/seccomp.h
EPERM, ENOSYS, ENOTTY, ENOTSUP = (FAIL | code for code in (errno.EPERM, errno.ENOSYS, errno.ENOTTY, errno.ENOTSUP))
STRICTEST_FIRST = (KILL, FAIL, ALLOW)
MACHINES = sorted(ARCHITECTURES)
PIDS = (1, 2, 4711)
X32 = 0x40000000
NEW_PID = 0x20000000
CLONE_FLAGS = {
    "CLONE_VM": 0x100, "CLONE_FILES": 0x400, "CLONE_VFORK": 0x4000, "CLONE_THREAD": 0x10000, "CLONE_NEWNS": 0x20000,
    "CLONE_SETTLS": 0x80000, "CLONE_NEWCGROUP": 0x2000000, "CLONE_NEWUTS": 0x4000000, "CLONE_NEWIPC": 0x8000000,
    "CLONE_NEWUSER": 0x10000000, "CLONE_NEWPID": NEW_PID, "CLONE_NEWNET": 0x40000000,
}  # fmt: skip
NAMESPACES = [value for name, value in CLONE_FLAGS.items() if name.startswith("CLONE_NEW")]
IOCTLS = (0x541B, 0x5421, 0x5450, 0x5451)  # FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
FILE_COMMANDS = (8, 10, 15, 1024, 1026)  # of fcntl, closed: F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY

# calls of the attacks that the sandbox must end, not merely refuse
MUST_KILL = """
    ptrace process_vm_readv process_vm_writev pidfd_getfd bpf io_uring_setup io_uring_enter io_uring_register
    userfaultfd keyctl add_key request_key perf_event_open kexec_load init_module finit_module delete_module
    open_by_handle_at pivot_root chroot move_mount open_tree fsopen fsmount mount_setattr swapon reboot
""".split()  # noqa: SIM905
# calls of the tables that no argument may open to a candidate
NEVER = """
    execve execveat fork vfork setuid setresuid setresgid capset setrlimit seccomp setsid setpgid sendmsg recvmsg tkill
    mount umount2 unshare setns pidfd_open
""".split()  # noqa: SIM905
# calls that are closed because no table names them: number on x86-64, on aarch64
OUTSIDE = {
    "socket": (41, 198), "connect": (42, 203), "accept": (43, 202), "accept4": (288, 242), "bind": (49, 200),
    "listen": (50, 201), "sendmmsg": (307, 269), "recvmmsg": (299, 243), "shmget": (29, 194), "shmat": (30, 196),
    "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "personality": (135, 92), "setgid": (106, 144), "setgroups": (116, 159),
    "setreuid": (113, 145), "setfsuid": (122, 151), "fchown": (93, 55), "fchownat": (260, 54), "mknodat": (259, 33),
    "mlock": (149, 228), "sched_setaffinity": (203, 122), "setpriority": (141, 140), "sethostname": (170, 161),
    "clock_adjtime": (305, 266), "quotactl": (179, 60), "inotify_init1": (294, 26), "timer_create": (222, 107),
}  # fmt: skip
# what an interpreter cannot live without, with arguments that it gives
HONEST = """
    read write close fstat lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn pread64 pwrite64
    readv writev mremap madvise dup dup3 nanosleep getpid gettid getppid getuid geteuid getgid getegid sendto recvfrom
    getsockopt setsockopt uname fcntl ftruncate getcwd fchdir openat mkdirat newfstatat unlinkat renameat readlinkat
    faccessat futex sched_yield sched_getaffinity getdents64 set_robust_list rseq exit exit_group epoll_create1
    epoll_ctl epoll_pwait eventfd2 pipe2 ppoll pselect6 clock_gettime clock_nanosleep getrandom statx sigaltstack
""".split()  # noqa: SIM905


def run_filter(code: bytes, arch: int, number: int, arguments: tuple[int, ...]) -> int:
    """What a filter returns for a call: classic BPF over `struct seccomp_data`, as in linux/seccomp.h."""
    data = struct.pack("<IIQ6Q", number, arch, 0, *arguments)
    accumulator, position = 0, 0
    while True:
        operation, on_true, on_false, constant = struct.unpack_from("<HBBI", code, 8 * position)
        position += 1
        match operation:
            case 0x20:  # BPF_LD | BPF_W | BPF_ABS
                accumulator = struct.unpack_from("<I", data, constant)[0]
            case 0x15:  # BPF_JMP | BPF_JEQ | BPF_K
                position += on_true if accumulator == constant else on_false
            case 0x35:  # BPF_JMP | BPF_JGE | BPF_K
                position += on_true if accumulator >= constant else on_false
            case 0x45:  # BPF_JMP | BPF_JSET | BPF_K
                position += on_true if accumulator & constant else on_false
            case 0x06:  # BPF_RET | BPF_K
                return constant
            case _:
                raise AssertionError(f"operation {operation:#x} is none that these filters need")


def strictest(decisions: list[int]) -> int:
    """What the kernel does when several filters have decided: it obeys the strictest one."""
    return min(decisions, key=lambda decision: STRICTEST_FIRST.index(decision & 0xFFFF0000))


FILTERS = {machine: zygote_filter(machine) for machine in MACHINES}
CANDIDATE_FILTERS = {
    (machine, pid): candidate_filter(machine).replace(PLACE_OF_PID, struct.pack("<I", pid))
    for machine in MACHINES
    for pid in PIDS
}


def decide(code: bytes, machine: str, call: str | int, arguments: tuple[int, ...], arch: int | None) -> int:
    own_arch, numbers = ARCHITECTURES[machine]
    number = numbers[call] if isinstance(call, str) else call
    padded = (*arguments, *[0] * (6 - len(arguments)))
    return run_filter(code, own_arch if arch is None else arch, number, padded)


def zygote_decides(machine: str, call: str | int, *arguments: int, arch: int | None = None) -> int:
    return decide(FILTERS[machine], machine, call, arguments, arch)


def candidate_decides(machine: str, pid: int, call: str | int, *arguments: int, arch: int | None = None) -> int:
    """The decision over a candidate's call, to whom both filters apply."""
    both = (CANDIDATE_FILTERS[machine, pid], FILTERS[machine])
    return strictest([decide(code, machine, call, arguments, arch) for code in both])


def outside(machine: str) -> dict[str, int]:
    """Calls that the table of this architecture does not name, and their numbers."""
    place = ("x86_64", "aarch64").index(machine)
    return {call: pair[place] for call, pair in OUTSIDE.items()}


def test_the_interpreter_agrees_with_filters_worked_out_by_hand() -> None:
    code = b"".join(
        struct.pack("<HBBI", *row)
        for row in (
            (0x20, 0, 0, 16 + 8 * 1 + 4), (0x15, 0, 1, 7), (0x06, 0, 0, 100),  # high half of argument 1 == 7: 100
            (0x20, 0, 0, 16), (0x45, 1, 0, 6), (0x06, 0, 0, 200),  # no bit of 6 in argument 0: 200
            (0x35, 0, 1, 0x10), (0x06, 0, 0, 300), (0x06, 0, 0, 400),  # argument 0 >= 16: 300, else 400
        )
    )  # fmt: skip
    assert run_filter(code, 0, 0, (0, 7 << 32, 0, 0, 0, 0)) == 100
    assert run_filter(code, 0, 0, (1, 7, 0, 0, 0, 0)) == 200
    assert run_filter(code, 0, 0, (0x12, 0, 0, 0, 0, 0)) == 300
    assert run_filter(code, 0, 0, (0x0F, 0, 0, 0, 0, 0)) == 400
    assert strictest([ALLOW, EPERM]) == EPERM
    assert strictest([KILL, EPERM]) == KILL


def zygote_rule(call: str, arguments: tuple[int, ...]) -> set[int]:
    """What the zygote's filter may answer to a call that the table names."""
    low = [value & 0xFFFFFFFF for value in arguments]  # the arguments below are ints to the kernel
    if call in HOSTILE:
        return {KILL}
    if call.endswith("xattr"):
        return {ENOTSUP}
    match call:
        case "clone":
            # 0x80 is CLONE_NEWTIME to other calls and a part of the exit signal here: refused or not, both will do
            return {KILL} if any(low[0] & flag for flag in NAMESPACES) else {KILL, ALLOW} if low[0] & 0x80 else {ALLOW}
        case "clone3":
            return {ENOSYS}
        case "ioctl":
            return {ALLOW} if low[1] in IOCTLS else {ENOTTY, EPERM}
        case "socketpair":
            return {ALLOW} if low[0] == 1 else {EPERM}
        case "unshare":
            return {ALLOW} if low[0] == NEW_PID else {KILL}
        case "setns":
            return {ALLOW} if low[1] == NEW_PID else {KILL}
        case "execve" | "execveat" | "vfork" | "setuid" | "setresuid" | "setresgid" | "tkill":
            return {EPERM}
    return {ALLOW, EPERM}


def candidate_rule(call: str, arguments: tuple[int, ...], pid: int) -> set[int]:
    """What both filters together may answer to a candidate's call."""
    low = [value & 0xFFFFFFFF for value in arguments]
    match call:
        case "mount" | "umount2" | "unshare" | "setns":
            return {KILL}
        case "clone" if KILL not in zygote_rule(call, arguments):
            return {ALLOW} if low[0] & CLONE_FLAGS["CLONE_THREAD"] else {EPERM}
        case "kill" | "tgkill":
            return {ALLOW} if low[0] == pid else {EPERM}
        case "fcntl":
            return {EPERM} if low[1] in FILE_COMMANDS else {ALLOW}
        case "sendto":
            return {ALLOW} if arguments[4] == 0 else {EPERM}
        case "prctl":
            return {ALLOW} if low[0] == 15 else {EPERM}  # PR_SET_NAME
        case "prlimit64":
            return {ALLOW} if low[0] == 0 and arguments[2] == 0 else {EPERM}
    if call in NEVER:
        return {EPERM}
    return zygote_rule(call, arguments)


# 64-bit arguments: a value that some rule compares with, or one a bit beside it, below a high half
VALUES = [0, 1, 2, 17, 4711, 0x80, 0xFFFFFFFF, *CLONE_FLAGS.values(), *IOCTLS, *FILE_COMMANDS]
LOW = st.sampled_from([*VALUES, *(value ^ 1 << bit for value in VALUES for bit in (0, 4, 16, 29))])
ARGUMENT = st.builds(lambda low, high: low | high << 32, LOW, st.sampled_from([0, 0, 1, 0x7FFF, 0xFFFFFFFF]))
CONDITIONAL = "clone clone3 fcntl ioctl kill prctl prlimit64 sendto setns socketpair tgkill unshare".split()  # noqa: SIM905


def checked(decision: int, allowed: set[int], told: str) -> None:
    assert decision in allowed, f"{told}: {decision:#x}, not one of {[hex(value) for value in sorted(allowed)]}"


@pytest.mark.parametrize("machine", MACHINES)
@given(pid=st.sampled_from(PIDS), arguments=st.tuples(*[ARGUMENT] * 6))
def test_calls_that_depend_on_their_arguments_are_decided_by_the_rules(
    machine: str, pid: int, arguments: tuple[int, ...]
) -> None:
    for call in CONDITIONAL:
        told = f"{call}{arguments} by {pid} on {machine}"
        checked(zygote_decides(machine, call, *arguments), zygote_rule(call, arguments), told)
        checked(candidate_decides(machine, pid, call, *arguments), candidate_rule(call, arguments, pid), told)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_named_call_is_decided_by_the_rules(machine: str) -> None:
    for call in ARCHITECTURES[machine][1]:
        for value in (0, 1, 15, 4711, 4711 + 2**32, 2**32, NEW_PID, 0x10000, IOCTLS[1]):
            for index in range(5):
                arguments = tuple(value if place == index else 0 for place in range(6))
                told = f"{call}{arguments} on {machine}"
                checked(zygote_decides(machine, call, *arguments), zygote_rule(call, arguments), told)
                checked(candidate_decides(machine, 4711, call, *arguments), candidate_rule(call, arguments, 4711), told)


@pytest.mark.parametrize("machine", MACHINES)
def test_attacks_end_the_process_and_what_only_serves_attacks_stays_closed(machine: str) -> None:
    numbers = ARCHITECTURES[machine][1]
    assert [call for call in MUST_KILL if call in numbers and zygote_decides(machine, call) != KILL] == []
    assert len([call for call in MUST_KILL if call in numbers]) > 25
    for call, number in outside(machine).items():
        assert zygote_decides(machine, number) in (EPERM, KILL), call
        assert candidate_decides(machine, 1, number) in (EPERM, KILL), call


@pytest.mark.parametrize("machine", MACHINES)
def test_an_honest_interpreter_and_its_threads_get_their_calls(machine: str) -> None:
    for call in HONEST:
        assert zygote_decides(machine, call) == ALLOW, call
        assert candidate_decides(machine, 1, call) == ALLOW, call
    thread = 0x3D0F00  # what glibc's pthread_create gives to clone
    assert candidate_decides(machine, 1, "clone", thread) == ALLOW
    assert candidate_decides(machine, 1, "prlimit64", 0, 7, 0, 0x7FFF12345678) == ALLOW
    assert candidate_decides(machine, 2, "tgkill", 2, 9, 34) == ALLOW
    assert candidate_decides(machine, 1, "socketpair", 1, 0x80001) == ALLOW
    assert zygote_decides(machine, "clone", 0x01200011) == ALLOW  # fork, by glibc


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("flag", NAMESPACES)
def test_clone_with_a_namespace_flag_kills_whatever_else_it_asks(machine: str, flag: int) -> None:
    for other in (0, 17, 0x3D0F00, 0x01200011, 0xFFFFFF00, 1 << 40):
        assert zygote_decides(machine, "clone", flag | other) == KILL
        assert candidate_decides(machine, 1, "clone", flag | other) == KILL


@pytest.mark.parametrize("machine", MACHINES)
def test_what_an_argument_opens_is_these_few_values_and_no_other(machine: str) -> None:
    def opened(call: str, index: int, values: range) -> list[int]:
        return [value for value in values if candidate_decides(machine, 2, call, *[0] * index, value) == ALLOW]

    assert opened("ioctl", 1, range(0x5400, 0x5480)) == sorted(IOCTLS)  # the terminal's calls
    assert opened("socketpair", 0, range(64)) == [1]
    assert opened("prctl", 0, range(128)) == [15]
    assert set(range(2048)) - set(opened("fcntl", 1, range(2048))) == set(FILE_COMMANDS)
    for call in ("kill", "tgkill"):
        assert opened(call, 0, range(128)) == [2]
        assert opened(call, 0, range(2**32 - 128, 2**32)) == []  # groups of processes, and all of them


@pytest.mark.parametrize("machine", MACHINES)
def test_a_new_limit_or_a_receiver_is_refused_whichever_half_of_its_address_is_zero(machine: str) -> None:
    for address in (1, 0x7FFFFFFF, 1 << 32, 0x7FFF << 32, 2**64 - 1):
        assert candidate_decides(machine, 1, "prlimit64", 0, 7, address) == EPERM
        assert candidate_decides(machine, 1, "sendto", 3, 0x1000, 1, 0, address) == EPERM
    for pid in (1, 2, 0xFFFFFFFF):
        assert candidate_decides(machine, 1, "prlimit64", pid, 7, 0) == EPERM


@pytest.mark.parametrize("machine", MACHINES)
@given(number=st.integers(0, 1024) | st.integers(0, X32 - 1), argument=st.integers(0, 2**64 - 1))
def test_an_unknown_call_fails_with_eperm(machine: str, number: int, argument: int) -> None:
    if number not in ARCHITECTURES[machine][1].values():
        assert zygote_decides(machine, number, *[argument] * 6) == EPERM
        assert candidate_decides(machine, 1, number, *[argument] * 6) == EPERM


@given(number=st.integers(X32, 2**32 - 1))
@example(number=X32)
@example(number=X32 + 59)
@example(number=2**32 - 1)
def test_an_x32_call_kills(number: int) -> None:
    assert zygote_decides("x86_64", number) == KILL
    assert candidate_decides("x86_64", 1, number) == KILL


@pytest.mark.parametrize("machine", MACHINES)
@given(arch=st.integers(0, 2**32 - 1), number=st.integers(0, 500))
@example(arch=0x40000003, number=1)  # i386: its calls have other numbers
@example(arch=0x40000028, number=1)  # 32-bit arm
@example(arch=0xC000003E, number=1)
@example(arch=0xC00000B7, number=1)
def test_a_call_of_another_architecture_kills(machine: str, arch: int, number: int) -> None:
    if arch != ARCHITECTURES[machine][0]:
        assert zygote_decides(machine, number, arch=arch) == KILL
        assert candidate_decides(machine, 1, number, arch=arch) == KILL


@pytest.mark.parametrize("machine", MACHINES)
def test_without_a_root_of_its_own_a_candidate_changes_no_mode_time_or_size_by_name(machine: str) -> None:
    code = candidate_filter(machine, has_own_root=False)
    for call in ("chmod", "fchmod", "fchmodat", "utime", "utimes", "utimensat", "truncate"):
        if call in ARCHITECTURES[machine][1]:
            assert decide(code, machine, call, (), None) == EPERM
    assert decide(code, machine, "ftruncate", (), None) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_the_programs_are_what_the_kernel_accepts_and_every_path_ends_in_a_return(machine: str) -> None:
    for code in [FILTERS[machine], *(CANDIDATE_FILTERS[machine, pid] for pid in PIDS)]:
        assert len(code) % 8 == 0
        program = list(struct.iter_unpack("<HBBI", code))
        assert 0 < len(program) <= 4096  # BPF_MAXINSNS
        for position, (operation, on_true, on_false, constant) in enumerate(program):
            assert operation in (0x20, 0x15, 0x35, 0x45, 0x06)  # those of `run_filter`
            if operation & 7 == 5:  # a jump; all go forward, so every path comes to the last instruction at the latest
                assert position + 1 + max(on_true, on_false) < len(program), position
            elif operation == 0x20:
                assert constant in range(0, 64, 4)  # inside struct seccomp_data
            elif operation == 0x06:
                assert constant & 0xFFFF0000 in STRICTEST_FIRST
        assert program[-1][0] == 0x06
        assert reached(program) == set(range(len(program)))


def reached(program: list[tuple[int, ...]]) -> set[int]:
    """Positions that some call reaches; one that none does is a miscounted jump."""
    seen: set[int] = set()
    pending = [0]
    while pending:
        position = pending.pop()
        if position in seen:
            continue
        seen.add(position)
        operation, on_true, on_false, _ = program[position]
        if operation != 0x06:
            pending += [position + 1 + on_true, position + 1 + on_false]  # both are 0 where nothing is compared
    return seen


@pytest.mark.parametrize("machine", MACHINES)
def test_the_place_of_the_own_process_number_is_a_constant_that_is_compared_and_nothing_else(machine: str) -> None:
    code = candidate_filter(machine)
    places = [index for index in range(len(code)) if code[index : index + 4] == PLACE_OF_PID]
    assert places
    for place in places:
        assert place % 8 == 4
        assert code[place - 4 : place - 2] == struct.pack("<H", 0x15)


HEADERS = {  # the first that is installed; all 64-bit architectures but x86-64 share the generic table
    "x86_64": ["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"],
    "aarch64": [
        "/usr/include/aarch64-linux-gnu/asm/unistd_64.h",
        "/usr/aarch64-linux-gnu/include/asm/unistd_64.h",
        "/usr/aarch64-linux-gnu/include/asm-generic/unistd.h",
        "/usr/include/asm-generic/unistd.h",
    ],
}


@pytest.mark.parametrize("machine", MACHINES)
def test_the_numbers_are_those_of_the_kernel_headers(machine: str) -> None:
    found = [path for path in map(Path, HEADERS[machine]) if path.is_file()]
    if not found:
        pytest.skip(f"no kernel headers for {machine} here: none of {', '.join(HEADERS[machine])}")
    theirs = read_numbers(found[0].read_text())
    assert len(theirs) > 250
    ours = {**ARCHITECTURES[machine][1], **outside(machine)}
    newest = max(theirs.values())
    unknown = [call for call, number in ours.items() if call not in theirs and number <= newest]
    assert unknown == []
    assert {call: number for call, number in ours.items() if theirs.get(call, number) != number} == {}
    assert len(set(ours.values())) == len(ours)


def read_numbers(header: str) -> dict[str, int]:
    """System call numbers of an asm/unistd.h; some are defined by way of a name with another prefix."""
    defined: dict[str, str] = dict(re.findall(r"^#\s*define\s+(__NR\w+)\s+(\w+)", header, re.MULTILINE))
    values = {name.removeprefix("__NR_"): defined.get(value, value) for name, value in defined.items()}
    return {name: int(value) for name, value in values.items() if not name.startswith("__NR") and value.isdigit()}


def test_the_architectures_are_named_as_the_kernel_names_them() -> None:
    little_endian_64_bit = 0xC0000000
    assert {machine: audit for machine, (audit, _) in ARCHITECTURES.items()} == {
        "x86_64": little_endian_64_bit | 62,  # EM_X86_64 of linux/elf-em.h
        "aarch64": little_endian_64_bit | 183,
    }
