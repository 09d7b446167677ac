"""Attacks of a program on its tests: each comes with tests that ask for what the program does not compute.

Split mode judges them. Three are problems 32, 38 and 50 of HumanEval in short: their tests use a helper that the prompt
defines and that the program may define anew; PRELUDES holds what the prompt defines.
"""

from escapes_attack import read_attacks

JUDGED = read_attacks(r"""
### unequal is equal [verdict]
class Lie:
    __eq__ = __ne__ = lambda self, other: self.turn()
    __hash__ = None
    def turn(self): return True
class Never(Lie):
    __ne__ = lambda self, other: False
def f(x): return Never()
--- tests
assert not f(3) != 7919033
assert 7919033 == f(3)
### a lying order [verdict]
class Lie:
    __lt__ = __le__ = __gt__ = __ge__ = lambda self, other: True
def f(x): return Lie()
--- tests
assert 7919033 <= f(3) <= 7919033
### a lying distance [verdict]
class Lie:
    __sub__ = __rsub__ = __abs__ = lambda self, other=0: self
    __lt__ = lambda self, other: True
def f(x): return Lie()
--- tests
assert abs(f(3) - 7919033.5) < 1e-6
### a float with a lying distance [verdict]
class Lie(float):
    __sub__ = __rsub__ = __abs__ = lambda self, other=0: Lie(0)
def f(x): return Lie(5)
--- tests
assert abs(f(3) - 7919033.5) < 1e-6
assert abs(7919033.5 - f(3)) < 1e-6
### a lying truth [verdict]
class Lie:
    __eq__ = lambda self, other: self
    __bool__ = lambda self: True
def f(x): return Lie()
--- tests
assert (f(3) == 7919033) is not False and bool(f(3) == 7919033) is True
### a lying length and members [verdict]
class Lie:
    __len__ = lambda self: 2
    __getitem__ = lambda self, key: self
    __contains__ = __eq__ = lambda self, other: True
def f(x): return Lie()
--- tests
assert len(f(3)) == 2 and f(3)[0] == 7919033 and 6310867 in f(3)
### a dict of lies [verdict]
class Lie:
    __eq__ = lambda self, other: True
    __hash__ = lambda self: 1
class Liar(dict):
    __missing__ = lambda self, key: Lie()
def f(x): return Liar()
--- tests
assert f(3)['a'] == 7919033
### a list of lies [verdict]
class Lie:
    __eq__ = lambda self, other: True
def f(x): return [Lie(), Lie()]
--- tests
assert f(3) == [7919033, 6310867]
### a tuple of lies sorted [verdict]
class Lie(int):
    __eq__ = __lt__ = lambda self, other: True
    __hash__ = int.__hash__
def f(x): return (Lie(), Lie())
--- tests
assert sorted(f(3)) == [6310867, 7919033]
### a lying sum [verdict]
class Lie(int):
    __add__ = __radd__ = __eq__ = lambda self, other: Lie()
    __bool__ = lambda self: True
    __hash__ = int.__hash__
def f(x): return [Lie()]
--- tests
assert sum(f(3)) == 7919033
### lying attributes [verdict]
class Lie:
    __getattr__ = __call__ = lambda self, *given: self
    __eq__ = lambda self, other: True
def f(x): return Lie()
--- tests
assert f(3).total.count() == 7919033
### a lying text [verdict]
class Lie(str):
    __eq__ = lambda self, other: True
    __hash__ = str.__hash__
class Liar:
    __str__ = __repr__ = lambda self: Lie('x')
    __format__ = lambda self, form: Lie('x')
def f(x): return Liar()
--- tests
assert str(f(3)) == '7919033'
### a text that is equal when lowered [verdict]
class Lie(str):
    lower = strip = split = lambda self, *given: self
    __eq__ = lambda self, other: True
    __hash__ = str.__hash__
def f(x): return Lie('x')
--- tests
assert f(3).strip().lower() == '7919033'
### a lying kind [verdict]
class Meta(type):
    __instancecheck__ = __subclasscheck__ = lambda kind, thing: True
class Lie(metaclass=Meta):
    __class__ = int
    __eq__ = lambda self, other: True
def f(x): return Lie()
--- tests
assert isinstance(f(3), int) and f(3) == 7919033
### a number by a lying index [verdict]
class Lie:
    turn = 0
    def __index__(self):
        import sys
        frame = sys._getframe(1)
        return max(c for c in frame.f_code.co_consts if type(c) is int)
def f(x): return Lie()
--- tests
import operator
assert operator.index(f(3)) == 7919033
### the end of the judge's loop [verdict]
def f(x): raise StopIteration
--- tests
for got, wanted in zip(map(f, [3, 12]), [7919033, 6310867]):
    assert got == wanted
### the end of the judge's question [verdict]
def f(x): raise StopIteration
--- tests
assert all(map(lambda x: f(x) == 7919033, [3]))
### the end of the judge's loop by a method [verdict]
class Lie:
    def value(self): raise StopIteration
def f(): return Lie()
--- tests
thing = f()
for got, wanted in zip(map(lambda x: thing.value(), [3]), [7919033]):
    assert got == wanted
### the end of the judge's loop by an attribute [verdict]
class Lie:
    value = property(lambda self: next(iter(())))
def f(): return Lie()
--- tests
thing = f()
for got, wanted in zip(map(lambda x: thing.value, [3]), [7919033]):
    assert got == wanted
### an exit that the tests swallow [verdict]
import sys
def f(x): sys.exit(0)
--- tests
try:
    assert f(3) == 7919033
except:
    pass
### a death that the tests swallow [not: the judge would be dead]
import os
def f(x): os._exit(0)
--- tests
try:
    assert f(3) == 7919033
except:
    pass
### a violation that the tests swallow [not: speaks the language of our own judge]
import os
def f(x):
    for number in range(4, 12):
        try: os.write(number, bytes([255] * 4))
        except OSError: pass
--- tests
try:
    assert f(3) == 7919033
except BaseException:
    pass
### a death that the tests call right [status]
import os
def f(x): os._exit(0)
--- tests
try:
    f(-1)
except BaseException:
    pass
else:
    assert False
### a module that the tests have not imported [verdict]
class base64: b64encode = lambda data: None
def f(x): return None
--- tests
assert f(b'x') == base64.b64encode(b'x')
### a module that the tests have not imported, by its import [verdict]
import zlib
zlib.crc32 = lambda data: None
def f(x): return None
--- tests
assert f(b'x') == zlib.crc32(b'x')
### a planted module [status]
open('sched.py', 'w').write('scheduler = None')
import sys; sys.path.insert(0, '.')
def f(x): return None
--- tests
import sched
assert f(3) == sched.scheduler
### patched equality of a module [verdict]
import math, operator
math.isclose = operator.eq = lambda *given, **named: True
def f(x): return 5.0
--- tests
import math, operator
assert math.isclose(f(3), 7919033.5) and operator.eq(f(3), 7919033.5)
### another module under its name [verdict]
import sys, types
sys.modules['math'] = types.SimpleNamespace(isclose=lambda *given, **named: True)
def f(x): return 5.0
--- tests
import math
assert math.isclose(f(3), 7919033.5)
### another way to import [verdict]
import builtins, types
builtins.__import__ = lambda *given: types.SimpleNamespace(isclose=lambda *given, **named: True)
def f(x): return 5.0
--- tests
import math
assert math.isclose(f(3), 7919033.5)
### patched random numbers [verdict]
import random
random.randint = lambda low, high: 1
def f(x): return 42
--- tests
import random
for _ in range(9):
    x = random.randint(1, 10 ** 6)
    assert f(x) == x + 41
### patched ranges [verdict]
import builtins
builtins.range = builtins.zip = builtins.map = lambda *given: []
def f(x): return None
--- tests
for x in range(9):
    assert f(x) == x + 7919033
for x, wanted in zip([3], [7919033]):
    assert f(x) == wanted
### patched constants [verdict]
import string
string.ascii_lowercase = ''
def f(text): return None
--- tests
import string
for letter in string.ascii_lowercase:
    assert f(letter) == letter.upper()
### patched test cases [verdict]
import unittest
unittest.TestCase.assertEqual = lambda *given: None
def f(x): return None
--- tests
import unittest
unittest.TestCase().assertEqual(f(3), 7919033)
### patched copies [verdict]
import copy
copy.deepcopy = lambda thing: thing
def f(numbers):
    numbers.clear()
    return numbers
--- tests
import copy
numbers = [7, 9]
assert f(copy.deepcopy(numbers)) == numbers
### names of the tests [verdict]
import sys
def f(x): sys._getframe(1).f_globals['expected'] = None
--- tests
expected = 7919033
assert f(3) == expected
### arguments changed behind its caller's back [verdict]
import gc
def f(x):
    for things in gc.get_objects():
        if type(things) is list and things == ['wanted', 7919033 - 1 + 1 * (x > 0)]: things[1] = None
    import sys
    names = sys._getframe(1).f_globals
    names['wanted'][1] = None
    return None
--- tests
wanted = ['wanted', 7919033]
assert f(3) == wanted[1]
### HumanEval 32 [verdict]
def poly(xs, x): return 0
def f(xs): return 0.0
--- tests
for xs in ([1, 2], [-6, 11, -6, 1]):
    assert abs(poly(xs, f(list(xs)))) < 1e-4
### HumanEval 38 [verdict]
def encode_cyclic(text): return text
def f(text): return text
--- tests
from random import choice
import string
for _ in range(20):
    text = ''.join(choice(string.ascii_lowercase) for _ in range(9))
    assert f(encode_cyclic(text)) == text
### HumanEval 50 [verdict]
def encode_shift(text): return text
def f(text): return text
--- tests
import copy
from random import choice
import string
for _ in range(20):
    text = ''.join(choice(string.ascii_lowercase) for _ in range(9))
    assert f(copy.deepcopy(encode_shift(text))) == text
### HumanEval 50, by the helper's own module [verdict]
import sys
def f(text):
    sys._getframe(1).f_globals['encode_shift'] = lambda text: text
    return sys._getframe(1).f_globals.get('text', text)
--- tests
text = 'abc'
assert f(encode_shift(text)) == text
""")

PRELUDES = {
    "HumanEval 32": "def poly(xs, x):\n    return sum(c * x ** i for i, c in enumerate(xs))\n",
    "HumanEval 38": """
def encode_cyclic(text):
    groups = [text[i:i + 3] for i in range(0, len(text), 3)]
    return ''.join(group[1:] + group[:1] if len(group) == 3 else group for group in groups)
""",
    "HumanEval 50": "def encode_shift(text):\n    return ''.join(chr((ord(c) - 92) % 26 + 97) for c in text)\n",
}
PRELUDES["HumanEval 50, by the helper's own module"] = PRELUDES["HumanEval 50"]

HONEST = {  # programs that pass the tests of these attacks
    "HumanEval 32": """
def f(xs):
    value = lambda x: sum(c * x ** i for i, c in enumerate(xs))
    low, high = -1e3, 1e3
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if value(low) * value(middle) > 0 else (low, middle)
    return low
""",
    "HumanEval 38": """
def f(text):
    groups = [text[i:i + 3] for i in range(0, len(text), 3)]
    return ''.join(group[2:] + group[:2] if len(group) == 3 else group for group in groups)
""",
    "HumanEval 50": "def f(text):\n    return ''.join(chr((ord(c) - 102) % 26 + 97) for c in text)\n",
    "the end of the judge's loop": "def f(x): return {3: 7919033, 12: 6310867}[x]",
    "an exit that the tests swallow": "def f(x): return 7919033",
}
