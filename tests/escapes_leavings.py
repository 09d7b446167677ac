"""What a check may try to leave to the next. The program leaves it; `f` of the second program says whether it is there.

Without walls both run in one process, one after the other.
"""

from escapes_attack import read_attacks

LEAVINGS = read_attacks(r"""
### a file [works]
open('planted', 'w').write('x')
--- tests
import os
def f(): return os.path.exists('planted')
### a file in the temporary folder [works]
import os, tempfile
open(tempfile.gettempdir() + '/hornbook-escape', 'w').write('x')
--- tests
import os, tempfile
def f():
    path = tempfile.gettempdir() + '/hornbook-escape'
    return os.path.exists(path) and not os.unlink(path)
### a file that was deleted and is open [works]
import os
os.dup2(os.open('x', os.O_RDWR | os.O_CREAT), 50)
os.unlink('x')
--- tests
import os
def f():
    try: os.fstat(50)
    except OSError: return False
    return True
### a closed folder [works]
import os
os.mkdir('closed')
os.mkdir('closed/inner', 0)
os.chmod('closed', 0)
--- tests
import os
def f(): return 'closed' in os.listdir('.')
### a deep folder [not: it would have to be cleared away]
import os
for _ in range(1500):
    os.mkdir('d')
    os.chdir('d')
--- tests
import os
def f(): return 'd' in os.listdir('.')
### a deep folder of closed folders [not: it would have to be cleared away]
import os
for _ in range(300):
    os.mkdir('d' * 250)
    os.chdir('d' * 250)
    os.chmod('.', 0o300)
--- tests
import os
def f(): return os.listdir('.') != []
### a name that is no text [works]
open(b'\xff\n\\', 'w')
--- tests
import os
def f(): return os.listdir(b'.') == [b'\xff\n\\'] or b'\xff\n\\' in os.listdir(b'.')
### a link to everything [works]
import os
os.symlink('/', 'root')
--- tests
import os
def f(): return os.path.islink('root')
### a pipe with a name [works]
import os
os.mkfifo('pipe')
--- tests
import os
def f(): return os.path.exists('pipe')
### a module in its folder [works]
open('planted_module.py', 'w').write('x = 1')
--- tests
import sys
sys.path.insert(0, '.')
def f():
    try: import planted_module
    except ImportError: return False
    return True
### a customization in its folder [works]
open('sitecustomize.py', 'w').write('import builtins; builtins.planted = 1')
open('usercustomize.py', 'w').write('import builtins; builtins.planted = 1')
--- tests
import os
def f(): return os.path.exists('sitecustomize.py')
### a full folder [not: a plain process has the machine's disk]
for i in range(99):
    try: open(str(i), 'wb').write(bytes(1 << 20))
    except OSError: pass
--- tests
def f():
    try: [open(str(i), 'wb').write(bytes(1 << 20)) for i in range(12)]
    except OSError: return True
    return False
### a folder of many names [works]
import os
for i in range(3000): os.mkdir(str(i))
--- tests
import os
def f(): return len(os.listdir('.')) > 100
### no right to its folder [works]
import os
os.chmod('.', 0)
--- tests
import os
def f(): return not os.stat('.').st_mode & 0o700
### another time of its folder [works]
import os
os.utime('.', (1, 1))
--- tests
import os
def f(): return os.stat('.').st_mtime == 1
### the group's right to its folder [works]
import os
os.chmod('.', 0o1770)
--- tests
import os
def f(): return os.stat('.').st_mode & 0o7777 == 0o1770
### flags on its streams [works]
import fcntl, os
for number in range(3): fcntl.fcntl(number, fcntl.F_SETFL, os.O_NONBLOCK | os.O_APPEND)
--- tests
import fcntl, os
def f(): return any(fcntl.fcntl(number, fcntl.F_GETFL) & (os.O_NONBLOCK | os.O_APPEND) for number in range(3))
### a lock on its streams [works]
import fcntl
for number in range(3): fcntl.flock(number, fcntl.LOCK_EX)
--- tests
import fcntl, os
def f():
    try: fcntl.flock(os.open('/dev/null', os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError: return True
    return False
### a lock on a library [works]
import fcntl, os
os.dup2(os.open(os.__file__, os.O_RDONLY), 50)
fcntl.flock(50, fcntl.LOCK_EX)
--- tests
import fcntl, os
def f():
    try: fcntl.flock(os.open(os.__file__, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError: return True
    return False
### an owner of its streams [works]
import fcntl, os
for number in range(3):
    try: fcntl.fcntl(number, fcntl.F_SETOWN, os.getpid())
    except PermissionError: pass
--- tests
import fcntl
def f(): return any(fcntl.fcntl(number, fcntl.F_GETOWN) for number in range(3))
### a variable of the environment [works]
import os
os.environ['PLANTED'] = '1'
--- tests
import os
def f(): return 'PLANTED' in os.environ
### a builtin [works]
import builtins
builtins.planted = 1
--- tests
import builtins
def f(): return hasattr(builtins, 'planted')
### a constant of a module [works]
import math
math.pi = 3
--- tests
import math
def f(): return math.pi == 3
### a number overwritten in memory [works]
import ctypes
ctypes.c_uint32.from_address(id(77) + 24).value = 78
--- tests
def f(): return [int('70') + 7] == [int('7') + 71]
### an empty text overwritten in memory [works]
import ctypes
ctypes.c_uint8.from_address(id('') + 16).value = 9
--- tests
def f(): return len('') == 9
### a module [works]
import sys, types
sys.modules['planted'] = types.ModuleType('planted')
--- tests
import sys
def f(): return 'planted' in sys.modules
### a way to import [works]
import sys
sys.meta_path.insert(0, type('Finder', (), {'find_spec': lambda *name: None, 'planted': 1}))
--- tests
import sys
def f(): return any(hasattr(finder, 'planted') for finder in sys.meta_path)
### a path [works]
import sys
sys.path.append('/planted')
--- tests
import sys
def f(): return '/planted' in sys.path
### a limit of recursion [works]
import sys
sys.setrecursionlimit(777)
--- tests
import sys
def f(): return sys.getrecursionlimit() == 777
### a limit of digits [works]
import sys
sys.set_int_max_str_digits(777)
--- tests
import sys
def f(): return sys.get_int_max_str_digits() == 777
### a collector at rest [works]
import gc
gc.set_threshold(777)
--- tests
import gc
def f(): return gc.get_threshold()[0] == 777
### a handler of a signal [works]
import signal
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
--- tests
import signal
def f(): return signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN
### a blocked signal [works]
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
--- tests
import signal
def f(): return signal.SIGUSR1 in signal.pthread_sigmask(signal.SIG_BLOCK, [])
### an alarm [works]
import signal
signal.setitimer(signal.ITIMER_REAL, 60)
--- tests
import signal
def f(): return signal.getitimer(signal.ITIMER_REAL)[0] > 0
### a mask of rights [works]
import os
os.umask(0o123)
--- tests
import os
def f(): return os.umask(0) == 0o123
### another folder [works]
import os
os.chdir('/usr')
--- tests
import os
def f(): return os.getcwd() == '/usr'
### a thread [works]
import threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
--- tests
import threading
def f(): return threading.active_count() > 1
### a thread of the kernel's only [works]
import _thread, time
_thread.start_new_thread(time.sleep, (60,))
time.sleep(0.01)
--- tests
import _thread
def f(): return _thread._count() > 0
### random numbers [works]
import random
random.seed(777)
--- tests
import random
def f():
    state = random.getstate()
    random.seed(777)
    return state == random.getstate()
### a context of decimals [works]
import decimal
decimal.getcontext().prec = 7
--- tests
import decimal
def f(): return decimal.getcontext().prec == 7
### a timeout of sockets [works]
import socket
socket.setdefaulttimeout(7)
--- tests
import socket
def f(): return socket.getdefaulttimeout() == 7
### a time zone [works]
import os, time
os.environ['TZ'] = 'XXX-7'
time.tzset()
--- tests
import time
def f(): return time.tzname[0] == 'XXX'
### a function at exit [works]
import atexit
for _ in range(50): atexit.register(str)
--- tests
import atexit
def f(): return atexit._ncallbacks() >= 50
### a stream [works]
import io, sys
sys.stdout = io.StringIO()
--- tests
import sys
def f(): return sys.stdout is not sys.__stdout__
### a trace [works]
import sys, threading
threading.settrace(str)
--- tests
import threading
def f(): return threading._trace_hook is not None if hasattr(threading, '_trace_hook') else False
### a handler of encodings [works]
import codecs
codecs.register_error('planted', str)
--- tests
import codecs
def f():
    try: codecs.lookup_error('planted')
    except LookupError: return False
    return True
### a patched class of the library [works]
import collections
collections.Counter.total = lambda self: 777
--- tests
import collections
def f(): return collections.Counter().total() == 777
### a patched harness [not: names the modules of our own harness]
import sys
for name in list(sys.modules):
    if name.startswith('hornbook'): sys.modules[name].planted = 1
--- tests
import sys
def f(): return any(hasattr(module, 'planted') for name, module in sys.modules.items() if name.startswith('hornbook'))
### a name of its process [works]
import ctypes
ctypes.CDLL(None).prctl(15, b'planted', 0, 0, 0)
--- tests
import ctypes
def f():
    name = ctypes.create_string_buffer(16)
    ctypes.CDLL(None).prctl(16, name, 0, 0, 0)
    return name.value == b'planted'
### a lower limit [works]
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))
--- tests
import resource
def f(): return resource.getrlimit(resource.RLIMIT_NOFILE) == (30, 30)
### a lower rank [works]
import os
os.nice(5)
--- tests
import os
def f():
    try: return os.nice(0) >= 5
    except PermissionError: return False
""")
