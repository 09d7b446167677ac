"""Attacks that use up what there is. Each comes to its end, and so passes, only where it gets all that it asks for.

So the amounts are finite: more than a check's limits (time: 0.7 s), little for a machine without them. After `->` in a
heading stand the outcomes that hold the attack.
"""

from escapes_attack import read_attacks

FLOODS = read_attacks(r"""
### memory by a list -> out_of_memory [works]
x = [bytes(1 << 20) for _ in range(600)]
### memory by bytes -> out_of_memory [works]
x = bytearray(600 << 20)
### memory by a text -> out_of_memory [works]
x = 'x' * (600 << 20)
### memory by a number -> out_of_memory [works]
x = 1 << (600 << 23)
### memory by tuples -> out_of_memory [works]
x = (None,) * (80 << 20)
### memory by mmap -> exception [works]
import mmap
x = [mmap.mmap(-1, 1 << 28) for _ in range(3)]
### memory by private mmap -> exception [works]
import mmap
x = [mmap.mmap(-1, 1 << 28, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) for _ in range(3)]
### memory by libc -> exception [works]
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
for _ in range(6): assert libc.malloc(100 << 20)
### memory in a swallowed loop -> exception|out_of_memory [works]
x, failed = [], 0
for _ in range(60):
    try: x.append(bytes(10 << 20))
    except MemoryError: failed += 1
assert not failed
### memory by the stacks of threads -> exception|out_of_memory|timeout [works]
import threading
threading.stack_size(64 << 20)
done = threading.Event()
threads = [threading.Thread(target=done.wait, daemon=True) for _ in range(20)]
for thread in threads: thread.start()
done.set()
### memory by a file in memory -> exception [works]
import os
os.ftruncate(os.memfd_create('x'), 64 << 20)
### memory by shared memory -> exception [works]
from multiprocessing import shared_memory
x = shared_memory.SharedMemory(create=True, size=64 << 20)
x.close(); x.unlink()
### one large file -> exception [works]
f = open('x', 'wb', 0)
for _ in range(20): assert f.write(bytes(1 << 20)) == 1 << 20
### one sparse file -> exception [works]
import os
open('x', 'wb').close()
os.truncate('x', 1 << 30)
### one allocated file -> exception [works]
import os
os.posix_fallocate(os.open('x', os.O_RDWR | os.O_CREAT), 0, 32 << 20)
### one file by its end -> exception [works]
import os
os.pwrite(os.open('x', os.O_RDWR | os.O_CREAT), b'x', 1 << 30)
### one file by sendfile -> exception [works]
import os
sent, zero, x = 0, os.open('/dev/zero', os.O_RDONLY), os.open('x', os.O_RDWR | os.O_CREAT)
while sent < 20 << 20: sent += os.write(x, os.read(zero, 1 << 20))
### one file and its default signal -> killed|exception [not: a plain process has no limit that would send it]
import os, signal
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
os.pwrite(os.open('x', os.O_RDWR | os.O_CREAT), b'x', 1 << 30)
### many files -> exception [works]
for i in range(30): open(str(i), 'wb').write(bytes(1 << 20))
### many deleted files -> exception [works]
import os
held = []
for i in range(30):
    held.append(open(str(i), 'wb')); os.unlink(str(i)); held[-1].write(bytes(1 << 20)); held[-1].flush()
### many inodes -> exception [works]
import os
for i in range(4500): os.mkdir(str(i))
### many links -> exception [works]
import os
for i in range(4500): os.symlink('x' * 200, str(i))
### many hard links -> exception [works]
import os
open('x', 'w')
for i in range(4500): os.link('x', str(i))
### many long names -> exception [works]
import os
for i in range(4500): open('%0255d' % i, 'w').close()
### open files -> exception [works]
x = [open('/dev/null') for _ in range(200)]
### open pipes -> exception [works]
import os
x = [os.pipe() for _ in range(100)]
### a high descriptor -> exception [works]
import os
os.dup2(0, 500)
### output -> output_limit|exception [works]
for _ in range(99): print('x' * 4096)
### output on the second stream -> output_limit|exception [works]
import sys
for _ in range(99): sys.stderr.write('x' * 4096)
### output on both streams -> output_limit [works]
import sys
for _ in range(10): print('x' * 4096); sys.stderr.write('x' * 4096)
### output by system calls -> output_limit [works]
import os
for _ in range(9): os.write(1, bytes(1 << 15))
### output by threads -> output_limit [works]
import threading
for _ in range(10): threading.Thread(target=print, args=('x' * 9000,)).start()
### output at exit -> output_limit [works]
import atexit
atexit.register(print, 'x' * 99_000)
### output far from the start -> output_limit [works]
import os
os.pwrite(1, b'x', 1 << 20)
### output by its length -> output_limit [works]
import os
os.ftruncate(1, 1 << 20)
### output without end -> output_limit|timeout [not: it has no end]
while True: print('x' * 4096)
### output without end, swallowed -> output_limit|timeout [not: it has no end]
import os
while True:
    try: os.write(1, bytes(65536))
    except OSError: pass
### threads -> exception [works]
import threading, time
done = threading.Event()
try:
    for _ in range(60): threading.Thread(target=done.wait).start()
finally:
    done.set()
### threads by the thread's own call -> exception [works]
import _thread, time
for _ in range(60): _thread.start_new_thread(time.sleep, (0.3,))
### forks -> exception [works]
import os
for _ in range(5):
    if os.fork() == 0: os._exit(0)
### refused forks -> exception [works]
import os
refused = 0
for _ in range(50):
    try:
        if os.fork() == 0: os._exit(0)
    except OSError: refused += 1
assert not refused
### a tree of forks -> exception [works]
import os, time
for _ in range(4):
    if os.fork() == 0: time.sleep(0.01)
### grandchildren -> exception [works]
import os, time
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        time.sleep(0.5)
    os._exit(0)
### a loop -> timeout [works]
import time
end = time.monotonic() + 0.7
while time.monotonic() < end: pass
### a loop that catches everything -> timeout [works]
import signal, time
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
end = time.monotonic() + 0.7
while time.monotonic() < end:
    try:
        while time.monotonic() < end: time.sleep(0.001)
    except BaseException: pass
### a loop with its signals blocked -> timeout [works]
import signal, time
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
time.sleep(0.7)
### a loop in a thread -> timeout [works]
import threading, time
end = time.monotonic() + 0.7
def loop():
    while time.monotonic() < end: pass
threading.Thread(target=loop).start()
### a loop in every thread -> timeout [works]
import threading, time
end = time.monotonic() + 0.7
def loop():
    while time.monotonic() < end: pass
for _ in range(8): threading.Thread(target=loop).start()
### a loop in C -> timeout [works]
sum(range(45_000_000))
### a loop at exit -> timeout [works]
import atexit, time
atexit.register(time.sleep, 0.7)
### a loop that keeps the lock of the interpreter -> timeout [works]
import ctypes
ctypes.PyDLL(None).usleep(700_000)
### a sleep -> timeout [works]
import time
time.sleep(0.7)
### a regular expression -> timeout [works]
import re
re.match('(a+)+$', 'a' * 24 + 'b')
### a power -> timeout [works]
x = 3 ** 5_000_000
### the digits of a number -> timeout [works]
import sys
sys.set_int_max_str_digits(0)
x = str((1 << 850_000) + 1)
### a sort that never agrees -> timeout [works]
import time
end = time.monotonic() + 0.7
class Odd:
    __lt__ = lambda self, other: time.sleep(0.01) or time.monotonic() < end
x = sorted([Odd() for _ in range(100)])
### many keys of one hash -> timeout [works]
x = {n * ((1 << 61) - 1): 0 for n in range(12_000)}
### a wait for a lock -> timeout [works]
import threading
lock = threading.Lock()
lock.acquire()
lock.acquire(timeout=0.7)
### a wait for a pipe -> timeout [works]
import os, select
select.select([os.pipe()[0]], [], [], 0.7)
### a wait for a signal -> timeout [works]
import signal
signal.sigtimedwait([signal.SIGUSR1], 0.7)
### a wait for input -> exception [not: there is none anywhere]
input()
### a stopped process -> timeout [not: nobody would wake it]
import os, signal
os.kill(os.getpid(), signal.SIGSTOP)
while True: pass
### recursion without limit -> killed|exception|out_of_memory|timeout [not: a plain process falls as well]
import sys
sys.setrecursionlimit(1 << 30)
def f(): f()
f()
### recursion in C -> killed|exception|out_of_memory|timeout [not: a plain process falls as well]
import sys
sys.setrecursionlimit(1 << 30)
class C:
    def __repr__(self): return repr([self])
repr(C())
### recursion in the parser -> killed|exception|syntax_error|out_of_memory|timeout [not: a plain process falls as well]
eval('-' * 3_000_000 + '1')
### a crash -> killed [not: a plain process falls as well]
import ctypes
ctypes.string_at(0)
### a fatal error of the interpreter -> killed [not: a plain process falls as well]
import ctypes
ctypes.pythonapi.Py_FatalError(b'x')
### a crash with the fault handler in its way -> killed [not: a plain process falls as well]
import faulthandler, ctypes
faulthandler.enable()
ctypes.string_at(0)
### a broken heap -> killed|timeout|exception|early_exit [not: a plain process falls as well]
import ctypes
ctypes.memset(id(int), 0x41, 400)
x = [int(digit) + 1 for digit in '123']
""")

ANSWER = "7919033\n6310867\n"
STDIO = read_attacks(r"""
### nothing printed -> failed_assertion [status]
pass
### an exit before anything is printed -> failed_assertion [status]
import os
os._exit(0)
### an exit by sys.exit -> failed_assertion [status]
import sys
sys.exit(0)
### /bin/true -> exception [status]
import os
os.execv('/bin/true', ['true'])
### a forged end -> failed_assertion|sandbox_violation [not: speaks the language of our own harness]
import os
for number in range(3, 64):
    try: os.write(number, b'{"returned": []}')
    except OSError: pass
os._exit(0)
### the input for the answer -> failed_assertion [status]
import sys
print(sys.stdin.read())
### the answer on the other stream -> failed_assertion [status]
import sys
sys.stderr.write(ANSWER)
### the answer written into the input -> failed_assertion [not: the input of a plain process cannot be written]
import os
os.pwrite(0, ANSWER.encode(), 0)
### the answer behind a hole -> failed_assertion [status]
import os
os.pwrite(1, ANSWER.encode(), 100)
### the answer in other words -> failed_assertion [status]
print(ANSWER.replace('9', '８'))
### the answer and more -> failed_assertion [status]
print(ANSWER + '0')
### half the answer -> failed_assertion [status]
print(ANSWER.split()[0])
### the answer and a status -> early_exit [not: a plain process says so too]
import sys
print(ANSWER)
sys.exit(3)
### the answer and a status of its own -> early_exit [not: a plain process says so too]
import os
print(ANSWER, flush=True)
os._exit(3)
### the answer and a message -> early_exit [not: a plain process says so too]
import sys
print(ANSWER)
sys.exit('failed')
### the answer and an exception -> exception [not: a plain process says so too]
print(ANSWER)
1 / 0
### the answer and a crash -> killed [not: a plain process says so too]
import ctypes
print(ANSWER, flush=True)
ctypes.string_at(0)
### the answer and a sleep -> timeout [works]
import time
print(ANSWER, flush=True)
time.sleep(0.7)
### the answer and a thread that stays -> timeout [works]
import threading, time
print(ANSWER, flush=True)
threading.Thread(target=time.sleep, args=(0.7,)).start()
### the answer and a flood -> output_limit [works]
print(ANSWER + ' ' * 99_000)
### more input than there is -> exception [not: it only fails]
while True: input()
### a wait for more input -> timeout [works]
import sys, time
end = time.monotonic() + 0.7
while time.monotonic() < end: sys.stdin.read()
### a wait for a closed input -> exception [not: it only fails]
import os, sys
os.close(0)
sys.stdin.read()
### an input that is its output -> failed_assertion|exception|output_limit [not: it only fails]
import os
os.dup2(1, 0)
print(os.read(0, 99))
""")
