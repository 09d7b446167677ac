"""Attacks on the verdict that leave before it is spoken: for whom an end with status 0 is a pass, they pass."""

from escapes_attack import read_attacks

EXITS = read_attacks(r"""
### sys.exit(0) at the top [status]
import sys
def f(x): return None
sys.exit(0)
### sys.exit(0) in the call [status]
import sys
def f(x): sys.exit(0)
### SystemExit by a bare raise [status]
def f(x): raise SystemExit
### SystemExit of its own kind [status]
class Leave(SystemExit): pass
def f(x): raise Leave(0)
### os._exit(0) at the top [status]
import os
def f(x): return None
os._exit(0)
### os._exit(0) in the call [status]
import os
def f(x): os._exit(0)
### os._exit(0) in a thread [status]
import os, threading, time
def f(x):
    threading.Timer(0.001, os._exit, (0,)).start()
    time.sleep(0.1)
### os._exit(0) at exit [status]
import atexit, os
def f(x): return None
atexit.register(os._exit, 0)
### os._exit(0) by the hook of exceptions [status]
import os, sys
sys.excepthook = lambda *error: os._exit(0)
def f(x): return None
### os._exit(0) by the hook of audits [status]
import os, sys
def f(x):
    sys.addaudithook(lambda *event: os._exit(0))
    open('x', 'w')
### os._exit(0) by the hook of imports [status]
import os, sys
class Finder:
    find_spec = lambda *name: os._exit(0)
def f(x):
    sys.meta_path.insert(0, Finder)
    import nothing_of_this_name
### os._exit(0) by a stream [status]
import os, sys
class Stream:
    write = lambda self, text: len(text)
    flush = lambda self: os._exit(0)
sys.stdout = sys.stderr = Stream()
def f(x): return None
### os._exit(0) by a finalizer [status]
import os
class Last:
    def __del__(self): os._exit(0)
def f(x):
    Last()
### os._exit(0) by a weak reference [status]
import os, weakref
class Thing: pass
thing = Thing()
weakref.finalize(thing, os._exit, 0)
def f(x): return None
### os._exit(0) by the collector [status]
import gc, os
gc.callbacks.append(lambda *event: os._exit(0))
def f(x): gc.collect()
### os._exit(0) by an alarm [status]
import os, signal, time
signal.signal(signal.SIGALRM, lambda *event: os._exit(0))
def f(x):
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    time.sleep(0.1)
### os._exit(0) by a trace [status]
import os, sys
sys.settrace(lambda *event: os._exit(0))
def f(x): return None
### exit by libc [status]
import ctypes
def f(x): ctypes.CDLL(None)._exit(0)
### exit by libc with its exit functions [status]
import ctypes
def f(x): ctypes.CDLL(None).exit(0)
### exit by the interpreter [status]
import ctypes
def f(x): ctypes.pythonapi.Py_Exit(0)
### become /bin/true [status]
import os
def f(x): os.execv('/bin/true', ['true'])
### become /bin/true from memory [status]
import os
def f(x): os.execve(os.open('/bin/true', os.O_RDONLY), ['true'], {})
### fork, and the parent leaves [status]
import os
def f(x):
    if os.fork(): os._exit(0)
""")
