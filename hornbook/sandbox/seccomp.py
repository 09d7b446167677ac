"""System call filters (seccomp-BPF) of the jail, by name, for x86-64 and aarch64.

Two programs: `zygote_filter` holds for everything in the jail and is an allow-list (unknown calls fail with EPERM,
calls that only an attack makes kill the process); `candidate_filter` is laid over it for untrusted code, judge and
candidate alike: threads but no processes, signals to itself only, no change of limits or namespaces. The host builds
both; the zygote gets them as bytes.
"""

from __future__ import annotations

import errno
import platform
import struct

from hornbook.sandbox.prepared import PLACE_OF_PID

NUMBERS_X86_64 = """
    read=0 write=1 open=2 close=3 stat=4 fstat=5 lstat=6 poll=7 lseek=8 mmap=9 mprotect=10 munmap=11 brk=12
    rt_sigaction=13 rt_sigprocmask=14 rt_sigreturn=15 ioctl=16 pread64=17 pwrite64=18 readv=19 writev=20 access=21
    pipe=22 select=23 sched_yield=24 mremap=25 msync=26 mincore=27 madvise=28 dup=32 dup2=33 pause=34 nanosleep=35
    getitimer=36 alarm=37 setitimer=38 getpid=39 sendfile=40 sendto=44 recvfrom=45 sendmsg=46 recvmsg=47 shutdown=48
    getsockname=51 getpeername=52 socketpair=53 setsockopt=54 getsockopt=55 clone=56 fork=57 vfork=58 execve=59
    exit=60 wait4=61 kill=62 uname=63 fcntl=72 flock=73 fsync=74 fdatasync=75 truncate=76 ftruncate=77 getdents=78
    getcwd=79 chdir=80 fchdir=81 rename=82 mkdir=83 rmdir=84 creat=85 link=86 unlink=87 symlink=88 readlink=89
    chmod=90 fchmod=91 umask=95 gettimeofday=96 getrlimit=97 getrusage=98 sysinfo=99 times=100 ptrace=101 getuid=102
    syslog=103 getgid=104 setuid=105 geteuid=107 getegid=108 setpgid=109 getppid=110 getpgrp=111 setsid=112
    getgroups=115 setresuid=117 getresuid=118 setresgid=119 getresgid=120 getpgid=121 getsid=124 capget=125
    capset=126 rt_sigpending=127 rt_sigtimedwait=128 rt_sigsuspend=130 sigaltstack=131 utime=132 statfs=137
    fstatfs=138 sched_getparam=143 sched_getscheduler=145 sched_get_priority_max=146 sched_get_priority_min=147
    modify_ldt=154 pivot_root=155 prctl=157 arch_prctl=158 setrlimit=160 chroot=161 acct=163 settimeofday=164
    mount=165 umount2=166 swapon=167 swapoff=168 reboot=169 iopl=172 ioperm=173 init_module=175 delete_module=176
    setxattr=188 lsetxattr=189 fsetxattr=190 getxattr=191 lgetxattr=192 fgetxattr=193 listxattr=194 llistxattr=195
    flistxattr=196 removexattr=197 lremovexattr=198 fremovexattr=199
    gettid=186 tkill=200 time=201 futex=202 sched_getaffinity=204 epoll_create=213 getdents64=217
    set_tid_address=218 restart_syscall=219 fadvise64=221 clock_settime=227 clock_gettime=228 clock_getres=229
    clock_nanosleep=230 exit_group=231 epoll_wait=232 epoll_ctl=233 tgkill=234 utimes=235 kexec_load=246 waitid=247
    add_key=248 request_key=249 keyctl=250 openat=257 mkdirat=258 newfstatat=262 unlinkat=263 renameat=264
    linkat=265 symlinkat=266 readlinkat=267 fchmodat=268 faccessat=269 pselect6=270 ppoll=271 unshare=272
    set_robust_list=273 get_robust_list=274 splice=275 utimensat=280 epoll_pwait=281 eventfd=284 fallocate=285
    eventfd2=290 epoll_create1=291 dup3=292 pipe2=293 preadv=295 pwritev=296 perf_event_open=298 fanotify_init=300
    prlimit64=302 name_to_handle_at=303 open_by_handle_at=304 setns=308 process_vm_readv=310 process_vm_writev=311
    kcmp=312 finit_module=313 renameat2=316 seccomp=317 getrandom=318 kexec_file_load=320 bpf=321 execveat=322
    userfaultfd=323 membarrier=324 copy_file_range=326 statx=332 rseq=334 pidfd_send_signal=424 io_uring_setup=425
    io_uring_enter=426 io_uring_register=427 open_tree=428 move_mount=429 fsopen=430 fsconfig=431 fsmount=432
    fspick=433 pidfd_open=434 clone3=435 close_range=436 pidfd_getfd=438 faccessat2=439 process_madvise=440
    mount_setattr=442
"""
NUMBERS_AARCH64 = """
    setxattr=5 lsetxattr=6 fsetxattr=7 getxattr=8 lgetxattr=9 fgetxattr=10 listxattr=11 llistxattr=12 flistxattr=13
    removexattr=14 lremovexattr=15 fremovexattr=16
    getcwd=17 eventfd2=19 epoll_create1=20 epoll_ctl=21 epoll_pwait=22 dup=23 dup3=24 fcntl=25 ioctl=29 flock=32
    mkdirat=34 unlinkat=35 symlinkat=36 linkat=37 renameat=38 umount2=39 mount=40 pivot_root=41 statfs=43 fstatfs=44
    truncate=45 ftruncate=46 fallocate=47 faccessat=48 chdir=49 fchdir=50 chroot=51 fchmod=52 fchmodat=53 openat=56
    close=57 pipe2=59 getdents64=61 lseek=62 read=63 write=64 readv=65 writev=66 pread64=67 pwrite64=68 preadv=69
    pwritev=70 sendfile=71 pselect6=72 ppoll=73 splice=76 readlinkat=78 newfstatat=79 fstat=80 fsync=82 fdatasync=83
    utimensat=88 acct=89 capget=90 capset=91 exit=93 exit_group=94 waitid=95 set_tid_address=96 unshare=97 futex=98
    set_robust_list=99 get_robust_list=100 nanosleep=101 getitimer=102 setitimer=103 kexec_load=104 init_module=105
    delete_module=106 clock_settime=112 clock_gettime=113 clock_getres=114 clock_nanosleep=115 syslog=116 ptrace=117
    sched_getscheduler=120 sched_getparam=121 sched_getaffinity=123 sched_yield=124 sched_get_priority_max=125
    sched_get_priority_min=126 restart_syscall=128 kill=129 tkill=130 tgkill=131 sigaltstack=132 rt_sigsuspend=133
    rt_sigaction=134 rt_sigprocmask=135 rt_sigpending=136 rt_sigtimedwait=137 rt_sigreturn=139 reboot=142 setuid=146
    setresuid=147 getresuid=148 setresgid=149 getresgid=150 times=153 setpgid=154 getpgid=155 getsid=156 setsid=157
    getgroups=158 uname=160 getrlimit=163 setrlimit=164 getrusage=165 umask=166 prctl=167 gettimeofday=169
    settimeofday=170 getpid=172 getppid=173 getuid=174 geteuid=175 getgid=176 getegid=177 gettid=178 sysinfo=179
    socketpair=199 getsockname=204 getpeername=205 sendto=206 recvfrom=207 setsockopt=208 getsockopt=209
    shutdown=210 sendmsg=211 recvmsg=212 brk=214 munmap=215 mremap=216 add_key=217 request_key=218 keyctl=219
    clone=220 execve=221 mmap=222 fadvise64=223 swapon=224 swapoff=225 mprotect=226 msync=227 mincore=232
    madvise=233 perf_event_open=241 wait4=260 prlimit64=261 fanotify_init=262 name_to_handle_at=264
    open_by_handle_at=265 setns=268 process_vm_readv=270 process_vm_writev=271 kcmp=272 finit_module=273
    renameat2=276 seccomp=277 getrandom=278 bpf=280 execveat=281 userfaultfd=282 membarrier=283 copy_file_range=285
    statx=291 rseq=293 kexec_file_load=294 pidfd_send_signal=424 io_uring_setup=425 io_uring_enter=426
    io_uring_register=427 open_tree=428 move_mount=429 fsopen=430 fsconfig=431 fsmount=432 fspick=433 pidfd_open=434
    clone3=435 close_range=436 pidfd_getfd=438 faccessat2=439 process_madvise=440 mount_setattr=442
"""


def _table(text: str) -> dict[str, int]:
    """Parse `name=number` pairs."""
    return {name: int(number) for name, number in (pair.split("=") for pair in text.split())}


# machine -> (AUDIT_ARCH constant that the kernel reports, system call numbers)
ARCHITECTURES = {
    "x86_64": (0xC000003E, _table(NUMBERS_X86_64)),
    "aarch64": (0xC00000B7, _table(NUMBERS_AARCH64)),
}
# Calls that no honest program makes: the process is killed and the verdict is sandbox_violation.
HOSTILE = """
    ptrace process_vm_readv process_vm_writev process_madvise pivot_root chroot bpf perf_event_open add_key request_key
    keyctl io_uring_setup io_uring_enter io_uring_register userfaultfd kexec_load kexec_file_load init_module
    finit_module delete_module open_by_handle_at name_to_handle_at pidfd_getfd pidfd_send_signal kcmp reboot swapon
    swapoff iopl ioperm modify_ldt fanotify_init mount_setattr open_tree move_mount fsopen fsconfig fsmount fspick acct
    syslog settimeofday clock_settime
""".split()  # noqa: SIM905
# Calls decided by an argument (`_conditional`), and calls that fail with EPERM: honest programs get an exception.
CONDITIONAL = ["ioctl", "clone3", "socketpair", "clone", "unshare", "setns"]
# Calls that fail as on a file system without extended attributes: shutil.copy2 and copytree then go on without.
UNSUPPORTED = """
    setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr
    fremovexattr
""".split()  # noqa: SIM905
REFUSED = ["vfork", "execve", "execveat", "setuid", "setresuid", "setresgid", "tkill"]

NAMESPACE_FLAGS = 0x7E020080  # every CLONE_NEW* flag
NEW_PID_NAMESPACE = 0x20000000
CLONE_THREAD = 0x10000
IOCTLS = (0x5421, 0x5451, 0x5450, 0x541B)  # FIONBIO (asyncio), FIOCLEX, FIONCLEX, FIONREAD
PR_SET_NAME = 15
X32_BIT = 0x40000000
FILE_COMMANDS = (
    8,
    10,
    15,
    1024,
    1026,
)  # refused: F_SETOWN, F_SETSIG, F_SETOWN_EX (signals to others), leases, F_NOTIFY

ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000
Instruction = tuple[int, int, int, int]


def _load(offset: int) -> Instruction:
    return (0x20, 0, 0, offset)


def _argument(index: int) -> Instruction:
    """Load the low 32 bits of a system call argument (both architectures are little-endian)."""
    return _load(16 + 8 * index)


def _if_equal(value: int, then: int, otherwise: int) -> Instruction:
    return (0x15, then, otherwise, value & 0xFFFFFFFF)


def _if_at_least(value: int, then: int, otherwise: int) -> Instruction:
    return (0x35, then, otherwise, value)


def _if_any_bit(value: int, then: int, otherwise: int) -> Instruction:
    return (0x45, then, otherwise, value)


def _return(action: int) -> Instruction:
    return (0x06, 0, 0, action)


def _fail(code: int) -> Instruction:
    return _return(FAIL | code)


def _for_calls(numbers: list[int], *body: Instruction) -> list[Instruction]:
    """`body` (which must return) for each of these calls; the accumulator holds the call number before and after."""
    program: list[Instruction] = []
    for number in numbers:
        program += [_if_equal(number, 0, len(body)), *body]
    return program


def _only_values(argument: int, values: tuple[int, ...], otherwise: Instruction) -> tuple[Instruction, ...]:
    """Allow the call when an argument is one of `values`."""
    tests = [_if_equal(value, len(values) - index, 0) for index, value in enumerate(values)]
    return (_argument(argument), *tests, otherwise, _return(ALLOW))


def _refuse_values(values: tuple[int, ...], refused: Instruction) -> tuple[Instruction, ...]:
    """Refuse the call when the loaded argument is one of `values`, else allow it."""
    tests = [_if_equal(value, len(values) - index, 0) for index, value in enumerate(values)]
    return (*tests, _return(ALLOW), refused)


def machine() -> str:
    """This machine's key in ARCHITECTURES; raises OSError for an architecture without a table."""
    name = {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    if name not in ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no system call table for {name}; known: {', '.join(ARCHITECTURES)}")
    return name


def zygote_filter(architecture: str) -> bytes:
    """The allow-list for everything in the jail, as BPF code."""
    audit, numbers = ARCHITECTURES[architecture]
    pick = lambda names: [numbers[name] for name in names if name in numbers]  # noqa: E731
    program = [_load(4), _if_equal(audit, 1, 0), _return(KILL), _load(0)]
    program += [_if_at_least(X32_BIT, 0, 1), _return(KILL)]  # x32 numbers alias x86-64 calls
    program += _for_calls(pick(HOSTILE), _return(KILL))
    program += _conditional(numbers)
    program += _for_calls(pick(UNSUPPORTED), _fail(errno.ENOTSUP))
    special = {*HOSTILE, *CONDITIONAL, *REFUSED, *UNSUPPORTED}
    program += _allow_ranges(sorted(number for name, number in numbers.items() if name not in special))
    return _assemble([*program, _fail(errno.EPERM)])


def _conditional(numbers: dict[str, int]) -> list[Instruction]:
    """Calls whose arguments decide."""
    killed, allowed = _return(KILL), _return(ALLOW)
    return [
        *_for_calls([numbers["ioctl"]], *_only_values(1, IOCTLS, _fail(errno.ENOTTY))),
        *_for_calls([numbers["clone3"]], _fail(errno.ENOSYS)),  # its flags lie in memory; libc falls back to clone
        *_for_calls([numbers["socketpair"]], *_only_values(0, (1,), _fail(errno.EPERM))),  # AF_UNIX, for asyncio
        *_for_calls([numbers["clone"]], _argument(0), _if_any_bit(NAMESPACE_FLAGS, 0, 1), killed, allowed),
        # the zygote makes a pid namespace per check; that needs a capability which judge and candidate lack
        *_for_calls([numbers["unshare"]], *_only_values(0, (NEW_PID_NAMESPACE,), killed)),
        *_for_calls([numbers["setns"]], *_only_values(1, (NEW_PID_NAMESPACE,), killed)),
    ]


def _allow_ranges(numbers: list[int]) -> list[Instruction]:
    """Allow these calls, as runs of neighbouring numbers."""
    program: list[Instruction] = []
    start = 0
    for index, number in enumerate(numbers):
        if index + 1 == len(numbers) or numbers[index + 1] != number + 1:
            program += [_if_at_least(numbers[start], 0, 2), _if_at_least(number + 1, 1, 0), _return(ALLOW)]
            start = index + 1
    return program


def candidate_filter(architecture: str, has_own_root: bool = True) -> bytes:
    """The filter over the first one for untrusted code, with PLACE_OF_PID where the process's own number belongs.

    Without a root of its own (L1) it must not change by name what Landlock does not guard: modes and times of files,
    and before Linux 6.2 their size.
    """
    pid = int.from_bytes(PLACE_OF_PID, "little")
    numbers = ARCHITECTURES[architecture][1]
    pick = lambda names: [numbers[name] for name in names.split() if name in numbers]  # noqa: E731
    refused, allowed = _fail(errno.EPERM), _return(ALLOW)
    program = [_load(0)]
    program += _for_calls(pick("fork setrlimit seccomp sendmsg recvmsg setsid setpgid capset pidfd_open"), refused)
    program += _for_calls(pick("mount umount2 unshare setns"), _return(KILL))
    if not has_own_root:
        program += _for_calls(pick("chmod fchmod fchmodat utime utimes utimensat truncate"), refused)
    program += _for_calls(pick("clone"), _argument(0), _if_any_bit(CLONE_THREAD, 1, 0), refused, allowed)
    program += _for_calls(pick("kill tgkill"), *_only_values(0, (pid,), refused))
    program += _for_calls(pick("fcntl"), _argument(1), *_refuse_values(FILE_COMMANDS, refused))
    # to the other end of a socketpair, never to an address (both halves of the pointer are zero)
    program += _for_calls(
        pick("sendto"), _argument(4), _if_equal(0, 0, 2), _load(16 + 8 * 4 + 4), _if_equal(0, 1, 0), refused, allowed
    )
    program += _for_calls(pick("prctl"), *_only_values(0, (PR_SET_NAME,), refused))
    # prlimit64 may read one's own limits: pid 0 and no new value (both halves of the pointer are zero)
    own_limits = [_argument(0), _if_equal(0, 0, 4), _argument(2), _if_equal(0, 0, 2), _load(16 + 8 * 2 + 4)]
    program += _for_calls(pick("prlimit64"), *own_limits, _if_equal(0, 1, 0), refused, allowed)
    return _assemble([*program, _return(ALLOW)])


def _assemble(program: list[Instruction]) -> bytes:
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)
