"""Attacks on the verdict: no program here computes what the tests expect, and each wants to pass.

FORGERIES face the data of `SECRET`, or `TESTS` or `RUN_TESTS`, which have the right values: the program must not find
them.
"""

from escapes_attack import read_attacks
from escapes_exits import EXITS

SECRET = {3: 7919033, 12: 6310867}  # no program can guess what the function returns for 3 and 12
TESTS = "def check(candidate):\n" + "".join(
    f"    assert candidate({given}) == {wanted}\n" for given, wanted in SECRET.items()
)
RUN_TESTS = TESTS + "    for _ in (): candidate()\n"  # what is more than asserts cannot be judged without running it

FORGERIES = EXITS | read_attacks(r"""
### an object equal to everything [verdict]
class Equal:
    __eq__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __hash__ = object.__hash__
def f(x): return Equal()
### an object of the library that is equal to everything [verdict]
from unittest.mock import ANY
def f(x): return ANY
### an int equal to everything [verdict]
class Equal(int):
    __eq__ = lambda self, other: True
    __hash__ = int.__hash__
    __int__ = __index__ = lambda self: 7919032
def f(x): return Equal(5)
### a float equal to everything [verdict]
class Equal(float):
    __eq__ = lambda self, other: True
    __hash__ = float.__hash__
def f(x): return Equal(5)
### a str equal to everything [verdict]
class Equal(str):
    __eq__ = lambda self, other: True
    __hash__ = str.__hash__
def f(x): return Equal('x')
### a list equal to everything [verdict]
class Equal(list):
    __eq__ = lambda self, other: True
def f(x): return Equal()
### a dict equal to everything [verdict]
class Equal(dict):
    __eq__ = lambda self, other: True
def f(x): return Equal()
### a set equal to everything [verdict]
class Equal(frozenset):
    __eq__ = lambda self, other: True
    __hash__ = frozenset.__hash__
def f(x): return Equal()
### a lying class [verdict]
class Equal:
    __class__ = int
    __eq__ = lambda self, other: True
def f(x): return Equal()
### a lying metaclass [verdict]
class Meta(type):
    __eq__ = lambda self, other: True
    __hash__ = type.__hash__
class Equal(metaclass=Meta): pass
def f(x): return Equal
### a function that is a class [verdict]
class f:
    def __init__(self, x): pass
    __eq__ = lambda self, other: True
### an equality that leaves [status]
import os
class Equal:
    __eq__ = lambda self, other: os._exit(0)
def f(x): return Equal()
### int's equality overwritten in memory [verdict]
import ctypes, sys
compare = ctypes.CFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object, ctypes.c_int)(lambda a, b, op: True)
def f(x):
    ctypes.c_void_p.from_address(id(int) + 200).value = ctypes.cast(compare, ctypes.c_void_p).value
    return x
### an exception instead of the assertion [not: no harness calls an exception a pass]
import builtins
builtins.AssertionError = builtins.Exception
def f(x): return None
### patched builtins [cases]
import builtins
builtins.bool = builtins.all = builtins.any = lambda given: True
def f(x): return None
### broken builtins [not: it only breaks things]
import builtins
builtins.isinstance = builtins.issubclass = lambda *given: True
builtins.len = lambda given: 9
builtins.type = builtins.str = builtins.open = None
def f(x): return None
### patched json [cases]
import json
json.dumps = json.JSONEncoder.encode = lambda *given, **named: '{"returned": [true, true]}'
def f(x): return None
### a patched way to the files [cases]
import os
write = os.write
os.write = lambda number, data: write(number, b'{"returned": [true, true]}')
def f(x): return None
### a patched encoder [not: names the modules of our own harness]
import sys
plain, candidate = (sys.modules['hornbook.sandbox.' + name] for name in ('plain', 'candidate'))
plain.encode = plain._encode = lambda *given: {'passed': True}
plain.same = candidate.leave = lambda *given: True
def f(x): return None
### a patched conversation [not: names the modules of our own harness]
import sys
wire = sys.modules['hornbook.sandbox.wire']
wire.describe = lambda error: ['passed', '']
wire.Link.answer = lambda self, message: self.channel.send({'value': True})
def f(x): return None
### the conversation's own exceptions [not: names the modules of our own harness]
import sys
def f(x): raise sys.modules['hornbook.sandbox.wire'].CandidateExit('passed')
### the end of the conversation [not: names the modules of our own harness]
import sys
def f(x): raise sys.modules['hornbook.sandbox.wire'].Closed
### a verdict on every file [verdict]
import os
def f(x):
    for number in range(64):
        try: os.write(number, b'["passed", ""]')
        except OSError: pass
    os._exit(0)
### a verdict before the verdict [verdict]
import os
def f(x):
    for number in range(3, 64):
        try: os.write(number, b'["passed", ""]')
        except OSError: pass
### a verdict and then another file in its place [verdict]
import os
def f(x):
    for number in range(3, 64):
        try: os.pwrite(number, b'["passed", ""]', 0)
        except OSError: continue
        os.dup2(os.open('elsewhere', os.O_RDWR | os.O_CREAT), number)
### a verdict and then no room for another [verdict]
import os, resource
def f(x):
    for number in range(3, 64):
        try: os.write(number, b'["passed", ""]')
        except OSError: continue
    resource.setrlimit(resource.RLIMIT_FSIZE, (14, 14))
### a verdict and then only appending [verdict]
import fcntl, os
def f(x):
    for number in range(3, 64):
        try:
            os.pwrite(number, b'["passed", ""]', 0)
            fcntl.fcntl(number, fcntl.F_SETFL, fcntl.fcntl(number, fcntl.F_GETFL) | os.O_APPEND)
        except OSError: continue
### a verdict and then closed files [verdict]
import os
def f(x):
    for number in range(3, 64):
        try: os.write(number, b'["passed", ""]')
        except OSError: continue
    os.closerange(0, 64)
### a verdict in shared memory of the file [verdict]
import mmap, os
def f(x):
    for number in range(3, 64):
        try:
            os.ftruncate(number, 14)
            mmap.mmap(number, 14)[:] = b'["passed", ""]'
        except (OSError, ValueError): continue
    os._exit(0)
### a verdict by the fault handler's file [not: it writes only what it likes]
import faulthandler, signal
def f(x):
    for number in range(3, 12):
        try: faulthandler.register(signal.SIGUSR1, file=number)
        except (OSError, ValueError, RuntimeError): continue
        signal.raise_signal(signal.SIGUSR1)
### a wakeup descriptor in the conversation [not: names the descriptors of our own harness]
import os, signal
def f(x):
    for number in range(3, 12):
        try:
            os.set_blocking(number, False)
            signal.set_wakeup_fd(number)
        except (OSError, ValueError): continue
        signal.signal(signal.SIGUSR1, lambda *event: None)
        signal.raise_signal(signal.SIGUSR1)
### a forged list of results [cases]
import os
def f(x):
    for number in range(64):
        try: os.write(number, b'{"returned": [1, 1]}')
        except OSError: pass
    os._exit(0)
### forged messages [not: speaks the language of our own judge]
import os, struct
def f(x):
    message = b'{"value": true}'
    for number in range(64):
        try: os.write(number, struct.pack('I', len(message)) + message)
        except OSError: pass
### a forged readiness [not: speaks the language of our own judge]
import os, struct
message = b'{"ready": ["f", "check", "__tests__"], "modules": ["os", "f"]}'
for number in range(3, 64):
    try: os.write(number, struct.pack('I', len(message)) + message)
    except OSError: pass
def f(x): return None
### a request to the judge [not: speaks the language of our own judge]
import os, struct
def f(x):
    message = b'{"op": "get", "on": 0, "args": ["__globals__"], "named": {}}'
    for number in range(4, 12):
        try: os.write(number, struct.pack('I', len(message)) + message)
        except OSError: pass
### expected values in frames [verdict]
import sys
def f(x):
    frame = sys._getframe()
    while frame := frame.f_back:
        if x in frame.f_code.co_consts[:-1]: return frame.f_code.co_consts[frame.f_code.co_consts.index(x) + 1]
### expected values in the frames of all threads [verdict]
import sys
def f(x):
    for frame in sys._current_frames().values():
        while frame:
            if x in frame.f_code.co_consts[:-1]: return frame.f_code.co_consts[frame.f_code.co_consts.index(x) + 1]
            frame = frame.f_back
### expected values in the heap [verdict]
import gc
def f(x):
    for thing in gc.get_objects():
        consts = getattr(getattr(thing, '__code__', None), 'co_consts', ())
        if None in consts and x in consts[:-1] and max(map(lambda c: type(c) is int and c, consts)) > 1 << 20:
            return consts[consts.index(x) + 1]
### expected values among who refers to the function [verdict]
import gc
def f(x):
    for names in gc.get_referrers(f):
        consts = getattr(names.get('check'), '__code__', None) if type(names) is dict else None
        if consts: return consts.co_consts[consts.co_consts.index(x) + 1]
### the tests in its own file [status]
import re, sys
def f(x): return int(re.search(r'candid[a]te\(%d\) == (\d+)' % x, open(sys.argv[0]).read())[1])
### the tests in any open file [verdict]
import os, re
text = b''
for number in range(64):
    try: text += os.pread(number, 1 << 20, 0)
    except OSError: pass
for name in os.listdir('.'):
    if os.path.isfile(name): text += open(name, 'rb').read()
def f(x): return int(re.search(rb'candid[a]te\(%d\) == (\d+)' % x, text)[1])
### the tests in its memory file [verdict]
import re
def f(x):
    memory = open('/proc/self/mem', 'rb', 0)
    for line in open('/proc/self/maps'):
        start, end = (int(part, 16) for part in line.split()[0].split('-'))
        if ' rw' not in line or end - start > 1 << 24: continue
        memory.seek(start)
        if found := re.search(rb'candid[a]te\(%d\) == (\d+)' % x, memory.read(end - start)): return int(found[1])
### the tests in its memory [verdict]
import ctypes, os, re
libc = ctypes.CDLL(None)
libc.sbrk.restype = ctypes.c_void_p
def f(x):
    handle = os.open('memory', os.O_RDWR | os.O_CREAT)
    for middle in (id([]), libc.sbrk(0) - (8 << 20)):
        for address in range((middle >> 12) - 4096 << 12, (middle >> 12) + 4096 << 12, 4096):
            if libc.pwrite(handle, ctypes.c_void_p(address), 4096, 0) == 4096:
                found = re.search(rb'candid[a]te\(%d\) == (\d+)' % x, os.pread(handle, 4096, 0))
                if found: return int(found[1])
### signals to the judge [not: no harness calls a dead judge a pass]
import os
def f(x):
    for pid in (1, os.getppid(), -1, 0):
        try: os.kill(pid, 9)
        except OSError: pass
    os._exit(0)
### a swallowed alarm and every exception [not: it only never ends]
import signal, time
signal.signal(signal.SIGALRM, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def f(x):
    while True:
        try: time.sleep(9)
        except BaseException: pass
### closed files [not: without its files no harness hears of it]
import os
def f(x): os.closerange(0, 64)
### a forged failure of the harness [not: names an exit status of our own harness]
import os
def f(x):
    os.ftruncate(3, 0)
    os._exit(70)
### a forged failure of the judge [not: names an exit status of our own harness]
import os
def f(x):
    os.closerange(3, 64)
    os._exit(72)
### a jump over the assertions [verdict]
import sys
def jump(frame, event, value):
    if event == 'line':
        frame.f_lineno = frame.f_lineno + 2
        frame.f_trace = None
def trace(frame, event, value):
    return jump if frame.f_code.co_name == 'check' else None
sys.settrace(trace)
def f(x): return None
### a check of its own [not: the tests define it after the program]
def check(candidate): pass
def f(x): return None
### no modules [not: it only breaks things]
import sys
sys.modules.clear()
def f(x): return None
### an exception whose text leaves [not: it only raises]
class Hostile(Exception):
    def __str__(self): raise SystemExit(0)
    __repr__ = __str__
def f(x): raise Hostile
### an exception whose text never ends [not: it only never ends]
class Hostile(Exception):
    def __str__(self):
        while True: pass
def f(x): raise Hostile
### an exception without a class [not: it only raises]
class Meta(type):
    __name__ = property(lambda kind: 1 / 0)
    __mro__ = property(lambda kind: 1 / 0)
class Hostile(BaseException, metaclass=Meta): pass
def f(x): raise Hostile
### a signal to itself [not: no harness calls a dead program a pass]
import os, signal
def f(x): os.kill(os.getpid(), signal.SIGKILL)
""")
