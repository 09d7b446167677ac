"""Programs that want to hold up, blow up or confuse the tests that call them; each comes with its tests (split mode).

They pass only where the tests wait for them, or take what they send. After `->` stand the outcomes that hold them.
"""

from escapes_attack import read_attacks

STALLS = read_attacks(r"""
### a call that sleeps -> timeout [verdict]
import time
def f(): time.sleep(0.7)
--- tests
f()
### a call that counts -> timeout [verdict]
def f(): return sum(range(45_000_000))
--- tests
f()
### a top level that sleeps -> timeout [verdict]
import time
time.sleep(0.7)
def f(): pass
--- tests
f()
### a list without end -> timeout|out_of_memory [not: it has no end]
import itertools
def f(): return itertools.count()
--- tests
assert list(f()) == [0]
### a member of a list without end -> timeout [verdict]
import itertools, time
def f(): return (time.sleep(0.01) or n for n in itertools.count())
--- tests
assert 100 in f()
### an iterator that is its own -> timeout|out_of_memory|exception [not: it has no end]
class Own:
    __iter__ = __next__ = lambda self: self
def f(): return Own()
--- tests
for thing in f():
    for thing in thing: pass
### a length beyond memory -> exception|out_of_memory|early_exit [not: it only fails]
class Long:
    __len__ = lambda self: (1 << 62)
    __getitem__ = lambda self, key: 0
def f(): return Long()
--- tests
assert list(f()) == [0]
### a length that is none -> exception [not: it only fails]
class Long:
    __len__ = lambda self: -1
def f(): return Long()
--- tests
assert len(f()) >= 0
### an attribute that never comes -> timeout [verdict]
import time
class Slow:
    __getattr__ = lambda self, name: time.sleep(0.7)
def f(): return Slow()
--- tests
assert f().x is None
### a text that never comes -> timeout [verdict]
import time
class Slow:
    __str__ = lambda self: time.sleep(0.7) or 'x'
def f(): return Slow()
--- tests
assert str(f()) == 'x'
### a large answer -> sandbox_violation|output_limit|exception [verdict]
def f(): return 'x' * (6 << 20)
--- tests
assert len(f()) == 6 << 20
### many large answers -> out_of_memory|timeout|exception [verdict]
def f(): return 'x' * (3 << 20)
--- tests
kept = [f() + str(n) for n in range(250)]
### a deep answer -> exception|sandbox_violation [verdict]
def f():
    things = []
    for _ in range(5000): things = [things]
    return things
--- tests
things = f()
for _ in range(4999): things = things[0]
assert things == [[]]
### an answer that holds itself -> exception|sandbox_violation [verdict]
def f():
    things = []
    things.append(things)
    return things
--- tests
things = f()
assert things[0] is things
### many keys of one hash -> timeout|exception|sandbox_violation|out_of_memory [verdict]
def f(): return [n * ((1 << 61) - 1) for n in range(12_000)]
--- tests
assert len(set(f())) == 12_000
### many objects -> exception|sandbox_violation|timeout|out_of_memory|failed_assertion [not: it only fails]
def f(): return [object() for _ in range(300_000)]
--- tests
assert f()[0] == 0
### a callback without end -> timeout [verdict]
import time
def f(callback):
    end = time.monotonic() + 0.7
    while time.monotonic() < end: callback(1)
--- tests
f(lambda x: x)
### a call of each other without end -> exception|timeout|out_of_memory [not: it only fails]
def f(callback): return callback(f)
--- tests
def again(function): return function(again)
f(again)
### a deep call of each other -> timeout|exception|failed_assertion [not: it only fails]
def f(callback, n): return callback(n - 1) if n else 0
--- tests
def again(n): return f(again, n)
assert f(again, 200) == 7
### a callback with wrong arguments -> exception [not: it only fails]
def f(callback): return callback(1, 2, 3, x=4)
--- tests
f(lambda x: x)
### a callback with a liar -> failed_assertion|exception [verdict]
class Lie:
    __eq__ = lambda self, other: True
def f(callback): return callback(Lie())
--- tests
assert f(lambda x: x == 7919033) is True
### a callback with a lying dict of names -> exception|failed_assertion|sandbox_violation [not: it only fails]
class Lie(dict):
    keys = lambda self: ['x', 'y', '__class__']
    __getitem__ = lambda self, key: None
def f(callback): return callback(**Lie())
--- tests
assert f(lambda x: x) == 7919033
### an exception of a liar -> exception|failed_assertion [verdict]
class Lie(Exception):
    __eq__ = lambda self, other: True
    args = property(lambda self: (7919033,))
def f(): raise Lie
--- tests
try:
    f()
except Exception as error:
    assert error.args[0] == 7919033
### an exception with a long text -> exception [not: it only fails]
def f(): raise ValueError('x' * (6 << 20))
--- tests
f()
### an exception that is no exception -> exception|early_exit [not: it only fails]
class Hostile(BaseException): pass
def f(): raise Hostile('passed')
--- tests
f()
### an exception in a group -> exception [not: it only fails]
def f(): raise BaseExceptionGroup('passed', [SystemExit(0), KeyboardInterrupt()])
--- tests
f()
### an interrupt -> exception|early_exit [not: it only fails]
def f(): raise KeyboardInterrupt
--- tests
f()
### an assertion of its own -> exception|failed_assertion [not: it only fails]
def f(): raise AssertionError('passed')
--- tests
f()
### no memory, it says -> out_of_memory|exception [not: it only fails]
def f(): raise MemoryError
--- tests
f()
### a name that is no text -> failed_assertion|exception [not: it only fails]
globals()[7] = globals()[None] = 1
globals().update({'x' * 100_000: 1, '\ud800': 1})
def f(): return None
--- tests
assert f() == 7919033
### a hundred thousand names -> failed_assertion|exception [not: it only fails]
globals().update({f'name{n}': n for n in range(100_000)})
def f(): return None
--- tests
assert f() == 7919033
### a function that hides -> exception [not: it only fails]
class Names(dict): pass
def __getattr__(name): return lambda *given: 7919033
--- tests
assert f(3) == 7919033
### a connection that is closed -> early_exit|timeout [not: speaks the language of our own judge]
import os, time
def f():
    os.closerange(3, 64)
    time.sleep(0.7)
--- tests
f()
### a message that never ends -> timeout [not: speaks the language of our own judge]
import os, time
def f():
    for number in range(4, 24):
        try: os.write(number, b'\x00\x00\x10\x00{')
        except OSError: pass
    time.sleep(0.7)
--- tests
f()
### a message without a reader -> timeout|early_exit|exception [not: speaks the language of our own judge]
import time
def f(*given): time.sleep(0.7)
time.sleep(0.7)
--- tests
f('x' * (3 << 20))
### early answers -> failed_assertion|sandbox_violation|exception|timeout [not: speaks the language of our own judge]
import os, struct, threading
message = b'{"value": 7919032}'
def flood():
    while True:
        for number in range(4, 24):
            try: os.write(number, struct.pack('I', len(message)) + message)
            except OSError: pass
def f(*given): threading.Thread(target=flood).start()
--- tests
assert [f(n) for n in range(100)] == [7919033] * 100
""")
