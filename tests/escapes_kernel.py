"""Attacks on other processes and on the kernel. The lines are the body of a function that returns "in" at their end."""

from escapes_attack import read_attacks

PROCESSES = read_attacks(r"""
### fork [works]
os.fork() or os._exit(0)
### fork by libc [works]
must(libc.fork()) or os._exit(0)
### fork by its number [works]
call(57) or os._exit(0)
### fork in the parent's memory [not: the child would return into the stack of its parent]
call(58) or os._exit(0)
### fork by clone [works]
call(56, 17, 0, 0, 0, 0) or os._exit(0)
### fork by clone without a signal [works]
call(56, 0, 0, 0, 0, 0) or os._exit(0)
### fork by clone that waits [works]
call(56, 0x4000 | 17, 0, 0, 0, 0) or os._exit(0)
### fork a sibling [works]
call(56, 0x8000 | 17, 0, 0, 0, 0) or os._exit(0)
### fork with bits above the flags [works]
call(56, 1 << 40 | 17, 0, 0, 0, 0) or os._exit(0)
### fork by clone3 [works]
must(libc.syscall(435, struct.pack('8Q', 0, 0, 0, 0, 17, 0, 0, 0), 64)) or os._exit(0)
### fork a terminal's process [works]
import pty
pty.fork()[0] or os._exit(0)
### fork twice to be nobody's child [works]
if not os.fork():
    if not os.fork():
        os.setsid(); time.sleep(0.2)
    os._exit(0)
### start a program [works]
if not os.fork(): os.execv('/bin/true', ['true'])
### become a program [not: it would not return to say so]
os.execv('/bin/true', ['true'])
### become a program by its descriptor [not: it would not return to say so]
must(libc.syscall(322, os.open('/bin/true', os.O_RDONLY), b'', None, None, 0x1000))
### start a shell [works]
import subprocess
subprocess.run(['/bin/sh', '-c', 'true'], check=True)
### start a shell by libc [works]
if libc.system(b'true') != 0: raise Refused
### start a program and read it [works]
if os.popen('echo x').read() != 'x\n': raise Refused
### make a program in memory [works]
os.memfd_create('x')
### make secret memory [kernel]
must(libc.syscall(447, 0))
### spawn [works]
os.posix_spawn('/bin/true', ['true'], {})
### start a multiprocessing child [works]
import multiprocessing
multiprocessing.get_context('fork').Process(target=print).start()
### start a pool of processes [works]
from concurrent.futures import ProcessPoolExecutor
ProcessPoolExecutor(1).submit(int).result(1)
### signal its parent [works]
os.kill(other(), 0)
### signal its group [works]
os.kill(0, 0)
### signal everybody [not: everybody is the whole machine]
os.kill(-1, 9)
### signal process 1 [works]
if os.getpid() == 1: raise Refused
os.kill(1, 0)
### signal a thread of its parent [works]
must(libc.tgkill(other(), other(), 0))
### signal by the old call [works]
call(200, other(), 0)
### queue a signal [works]
call(129, other(), 0, struct.pack('iii', 0, 0, -1) + bytes(116))
### open a process [works]
os.pidfd_open(os.getpid())
### signal by an open process [works]
signal.pidfd_send_signal(os.pidfd_open(other()), 0)
### signal by a socket [works]
pair = socket.socketpair()
fcntl.fcntl(pair[0], fcntl.F_SETOWN, other())
fcntl.fcntl(pair[0], 10, signal.SIGCONT)
fcntl.fcntl(pair[0], fcntl.F_SETFL, fcntl.fcntl(pair[0], fcntl.F_GETFL) | os.O_ASYNC)
pair[1].send(b'x')
### signal a group by a socket [works]
fcntl.fcntl(socket.socketpair()[0], fcntl.F_SETOWN, -os.getpgid(0) or -other())
### signal by a socket's extended owner [works]
fcntl.fcntl(socket.socketpair()[0], 15, struct.pack('ii', 1, other()))
### signal by ioctl [works]
fcntl.ioctl(socket.socketpair()[0], 0x8901, struct.pack('i', os.getpid()))
### signal by a timer [works]
must(libc.timer_create(0, struct.pack('QiI4xQ', 0, 0, 1, 0) + bytes(40), ctypes.create_string_buffer(8)))
### leave its session [works]
if os.getpid() == os.getpgid(0): os.fork() and os._exit(0)
os.setsid()
### leave its group [works]
os.setpgid(0, 0)
### slow another process down [works]
os.setpriority(os.PRIO_PROCESS, other(), 5)
### slow a whole user down [works]
os.setpriority(os.PRIO_USER, 0, 0)
### push itself forward [root]
os.nice(-5)
### run before everybody else [root]
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)); os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
### reach its disk first [kernel]
call(251, 1, 0, 2 << 13)
### pin itself to a core [works]
os.sched_setaffinity(0, os.sched_getaffinity(0))
### pin another process [works]
os.sched_setaffinity(other(), os.sched_getaffinity(0))
### raise its limits [root]
must(libc.setrlimit(resource.RLIMIT_CPU, struct.pack('qq', -1, -1)))
### raise a limit by prlimit [root]
must(libc.prlimit(0, resource.RLIMIT_FSIZE, struct.pack('qq', -1, -1), None))
### change another process's limits [works]
resource.prlimit(other(), resource.RLIMIT_CORE, (0, 0))
### read another process's limits [works]
resource.prlimit(other(), resource.RLIMIT_CPU)
### be traced [works]
must(libc.ptrace(0, 0, 0, 0))
### trace another process [works]
pid = other()
must(libc.ptrace(0x4206, pid, None, None))
### read another process's memory [kernel]
there = ctypes.create_string_buffer(8)
here = struct.pack('QQ', ctypes.addressof(there), 8)
must(libc.process_vm_readv(other(), here, 1, struct.pack('QQ', id(int), 8), 1, 0))
### write another process's memory [kernel]
there = ctypes.create_string_buffer(8)
part = struct.pack('QQ', ctypes.addressof(there), 0)
must(libc.process_vm_writev(other(), part, 1, part, 1, 0))
### advise another process's memory [kernel]
part = struct.pack('QQ', id(0) & ~4095, 4096)
must(libc.syscall(440, os.pidfd_open(other()), part, 1, 20, 0))
### take a descriptor of another process [works]
must(libc.syscall(438, os.pidfd_open(other()), 0, 0))
### compare itself with another process [kernel]
call(312, os.getpid(), other(), 1, 0, 0)
### read another process's lock list [works]
call(274, other(), ctypes.create_string_buffer(8), ctypes.create_string_buffer(8))
### move another process's pages [kernel]
call(279, other(), 1, struct.pack('Q', id(int) & ~4095), None, ctypes.create_string_buffer(4), 0)
### outlive its parent [works]
must(libc.prctl(1, 0, 0, 0, 0))
### gather orphans [works]
must(libc.prctl(36, 1, 0, 0, 0))
### let others trace it [works]
must(libc.prctl(4, 1, 0, 0, 0))
### name its tracer [kernel]
must(libc.prctl(0x59616D61, -1, 0, 0, 0))
""")

KERNEL = read_attacks(r"""
### become root [root]
os.setuid(0)
### become another user [root]
os.setresuid(1, 1, 1)
### become another user for files [root]
libc.setfsuid(1)
if libc.setfsuid(1) != 1: raise Refused
### become another group [root]
os.setresgid(1, 1, 1)
### join groups [root]
os.setgroups([0])
### take capabilities [root]
must(libc.capset(struct.pack('Ii', 0x20080522, 0), struct.pack('6I', 1 << 21, 1 << 21, 0, 0, 0, 0)))
### keep capabilities [works]
must(libc.prctl(8, 1, 0, 0, 0))
### lay a filter over the filters [works]
must(libc.prctl(38, 1, 0, 0, 0))
code = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0x7FFF0000))
must(libc.prctl(22, 2, struct.pack('HxxxxxxQ', 1, ctypes.addressof(code)), 0, 0))
### answer its own system calls [kernel]
must(libc.prctl(38, 1, 0, 0, 0))
code = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0x7FFF0000))
call(317, 1, 8, struct.pack('HxxxxxxQ', 1, ctypes.addressof(code)))
### divert its system calls [kernel]
must(libc.prctl(59, 0, 0, 0, 0))
### change its timer slack [works]
must(libc.prctl(29, 1, 0, 0, 0))
### change its memory map [kernel]
must(libc.prctl(41, 0, 0, 0, 0))
### make a user namespace [kernel]
must(libc.unshare(0x10000000))
### make a mount namespace [root]
must(libc.unshare(0x20000))
### make a process namespace [root]
must(libc.unshare(0x20000000))
### make a network namespace [root]
must(libc.unshare(0x40000000))
### make a namespace of names [root]
must(libc.unshare(0x4000000))
### make a namespace of messages [root]
must(libc.unshare(0x8000000))
### make a cgroup namespace [root]
must(libc.unshare(0x2000000))
### make a time namespace [root]
must(libc.unshare(0x80))
### make a user namespace by clone [kernel]
call(56, 0x10000000 | 17, 0, 0, 0, 0) or os._exit(0)
### make a user namespace by clone3 [kernel]
must(libc.syscall(435, struct.pack('8Q', 0x10000000, 0, 0, 0, 17, 0, 0, 0), 64)) or os._exit(0)
### join a namespace [root]
must(libc.setns(os.open('/proc/1/ns/uts', os.O_RDONLY), 0))
### join the namespaces of a process [root]
must(libc.setns(os.pidfd_open(other()), 0x4000000))
### mount a file system [root]
os.mkdir('m'); must(libc.mount(b'x', b'm', b'tmpfs', 0, None))
### mount over its own folder [root]
must(libc.mount(b'x', b'/tmp', b'tmpfs', 0, None))
### mount the process table [root]
os.mkdir('m'); must(libc.mount(b'proc', b'm', b'proc', 0, None))
### make a mount writable [root]
must(libc.mount(None, b'/', None, 4096 | 32, None))
### show a folder elsewhere [root]
os.mkdir('m'); must(libc.mount(b'/', b'm', None, 4096, None))
### unmount [root]
os.mkdir('m'); must(libc.mount(b'x', b'm', b'tmpfs', 0, None)); must(libc.umount2(b'm', 2))
### open a file system [root]
must(libc.syscall(430, b'tmpfs', 0))
### open a tree [root]
must(libc.syscall(428, -100, b'/', 1))
### change a mount [root]
os.mkdir('m'); must(libc.mount(b'x', b'm', b'tmpfs', 0, None))
must(libc.syscall(442, -100, b'm', 0, struct.pack('4Q', 1, 0, 0, 0), ctypes.c_long(32)))
### change its root [root]
must(libc.chroot(b'.'))
### turn its root [root]
os.makedirs('m/old'); must(libc.mount(b'm', b'm', None, 4096, None))
try:
    os.makedirs('m/old', exist_ok=True); must(libc.syscall(155, b'm', b'm/old'))
except OSError as error:
    if error.errno != 22: raise
### load a kernel module [not: needs a module of this kernel]
call(313, os.open('/dev/null', os.O_RDONLY), b'', 0)
### unload a kernel module [not: harms the machine]
call(176, b'none', 0)
### load another kernel [not: harms the machine]
call(246, 0, 0, None, 0)
### restart the machine [not: harms the machine]
call(169, 0xFEE1DEAD, 672274793, 0x1234567, 0)
### swap [not: harms the machine]
call(167, b'/dev/null', 0)
### stop swapping [not: harms the machine]
call(168, b'/dev/null')
### set the clock [not: harms the machine]
time.clock_settime(time.CLOCK_REALTIME, 0)
### set the clock by the old call [not: harms the machine]
call(164, struct.pack('qq', 1, 0), None)
### bend the clock [not: harms the machine]
call(159, struct.pack('I', 0x4000) + bytes(204))
### switch accounting [not: harms the machine]
call(163, None)
### hang up the terminal [not: tests run without one]
call(153)
### write all disks [works]
call(162)
### rename the machine [root]
socket.sethostname('escape')
### rename its domain [root]
must(libc.setdomainname(b'escape', 6))
### use the ports of the hardware [kernel]
must(libc.ioperm(0x80, 1, 1))
### use all ports of the hardware [kernel]
must(libc.iopl(3))
### change its segments [kernel]
call(154, 1, struct.pack('IIII', 0, 0, 0, 0x51), 16)
### change its personality [works]
must(libc.personality(0x40000))
### load a program into the kernel [root]
call(321, 0, struct.pack('IIII', 2, 4, 8, 1) + bytes(112), 128)
### count events of the machine [kernel]
event = struct.pack('IIQQQQQ', 1, 120, 0, 0, 0, 0, 1 << 5) + bytes(72)
call(298, event, 0, -1, -1, 0)
### handle its own page faults [kernel]
call(323, 1)
### watch all files [root]
call(300, 0, 0)
### watch a file [works]
must(libc.inotify_init())
### watch a folder by signals [works]
fcntl.fcntl(os.open('/usr', os.O_RDONLY), 1026, 2)
### read a keyring [kernel]
call(250, 0, -3, 1)
### add a key [kernel]
call(248, b'user', b'escape', b'x', 1, -2)
### ask for a key [kernel]
call(248, b'user', b'escape', b'x', 1, -2); call(249, b'user', b'escape', None, -2)
### share memory by SysV [works]
libc.shmctl(must(libc.shmget(0, 4096, 0o1600)), 0, None)
### queue messages by SysV [works]
libc.msgctl(must(libc.msgget(0, 0o1600)), 0, None)
### use SysV semaphores [works]
libc.semctl(must(libc.semget(0, 1, 0o1600)), 0, 0)
### queue messages by POSIX [kernel]
name = b'/' + NAME.encode()
must(libc.mq_open(name, 0o102, 0o600, None)); libc.mq_unlink(name)
### share memory by POSIX [works]
from multiprocessing import shared_memory
block = shared_memory.SharedMemory(create=True, size=64)
block.close(); block.unlink()
### use POSIX semaphores [works]
import multiprocessing
multiprocessing.Semaphore()
### lock memory [root]
must(libc.mlockall(3)); libc.munlockall()
### lock one page [kernel]
must(libc.mlock(ctypes.create_string_buffer(4096), 4096))
### map locked memory [kernel]
mmap.mmap(-1, 1 << 16, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x2000)
### map huge pages [not: few machines keep any]
mmap.mmap(-1, 1 << 21, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000)
### map the zero page [root]
libc.mmap.restype = ctypes.c_long
if libc.mmap(None, 4096, 3, 0x32, -1, ctypes.c_long(0)) != 0: raise Refused
### lease a file of the host [root]
fcntl.fcntl(os.open(os.__file__, os.O_RDONLY), 1024, 0)
### make a ring of events [works]
call(206, 8, ctypes.create_string_buffer(8))
### make a rule set of Landlock [not: it can only take rights away]
must(libc.syscall(444, struct.pack('Q', 1), 8, 0))
### call what no table knows [not: no kernel has it]
must(libc.syscall(1023, 0))
### call a number beyond all tables [not: no kernel has it]
must(libc.syscall(ctypes.c_long((1 << 31) + 39)))
### call a number with bits above 32 [kernel]
must(libc.syscall(ctypes.c_long((1 << 32) + 41), 1, 1, 0))
""")
