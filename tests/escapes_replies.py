"""What a program or hostile tests may write where a reply, a message or a verdict is expected.

Only our own harness speaks these languages, so none of it can be shown elsewhere. Nothing here may pass, raise on the
caller's side, cost the caller time, or count as a failure of the harness.
"""

DEEP = 100_000
REPLIES = {  # data mode: instead of {"returned": [first, second]}
    "nothing": b"",
    "half a list": b"[",
    "a number": b"7",
    "a text": b'"returned"',
    "null": b"null",
    "not UTF-8": b"\xff\xfe\xfd",
    "UTF-16": '{"returned": [true, true]}'.encode("utf-16"),
    "a second value": b'{"returned": [1, 1]} {"returned": [1, 1]}',
    "zeros": bytes(4096),
    "an open list for each of many": b"[" * DEEP,
    "a list in a list, deeper than Python recurses": b'{"returned": [1, ' + b"[" * DEEP + b"]" * DEEP + b"]}",
    "one result": b'{"returned": [1]}',
    "three results": b'{"returned": [1, 1, 1]}',
    "results by name": b'{"returned": {"a": 1, "b": 1}}',
    "results as text": b'{"returned": "ab"}',
    "results in a cycle of names": b'{"returned": [1, 1], "returned": [true, true]}',
    "a stop and results": b'{"stopped": null, "detail": "", "returned": [1, 1]}',
    "a stop that is a pass": b'{"stopped": "passed", "detail": ""}',
    "a stop that is no stop": b'{"stopped": ["passed"]}',
    "a stop that is a failure of the harness": b'{"stopped": "protocol_error", "detail": ""}',
    "a stop without a detail": b'{"stopped": "exception"}',
    "a stop with a list as its detail": b'{"stopped": "exception", "detail": [[1]]}',
    "a stop with half a character": b'{"stopped": "exception", "detail": "\\ud800"}',
    "a stop that writes lines": b'{"stopped": "exception", "detail": "x\\npassed\\n\\u001b[2Jpassed"}',
    "a long detail": b'{"stopped": "exception", "detail": "' + b"x" * 900_000 + b'"}',
    "no number": b'{"returned": [NaN, NaN]}',
    "endless numbers": b'{"returned": [Infinity, -Infinity]}',
    "a number of a million digits": b'{"returned": [' + b"9" * 1_000_000 + b", 1]}",
    "a hexadecimal number of a million digits": b'{"returned": [{"i": "0x' + b"f" * 1_000_000 + b'"}, 1]}',
    "a float of a million digits": b'{"returned": [1' + b"0" * 1_000_000 + b".0, 1]}",
    "half a character": b'{"returned": ["\\ud800", "\\udfff"]}',
    "an unknown tag": b'{"returned": [{"z": 1}, 1]}',
    "no tag": b'{"returned": [{}, 1]}',
    "two tags": b'{"returned": [{"s": [], "t": []}, 1]}',
    "a tag twice": b'{"returned": [{"s": [1], "s": [2]}, 1]}',
    "a list in a set": b'{"returned": [{"s": [[1]]}, 1]}',
    "a dict in a frozenset": b'{"returned": [{"f": [{"d": []}]}, 1]}',
    "a dict of one": b'{"returned": [{"d": 5}, 1]}',
    "a dict of threes": b'{"returned": [{"d": [[1, 2, 3]]}, 1]}',
    "a list as a key": b'{"returned": [{"d": [[[1], 2]]}, 1]}',
    "a number that is a number": b'{"returned": [{"i": 5}, 1]}',
    "a number that is no number": b'{"returned": [{"i": "zz"}, 1]}',
    "a float that is no number": b'{"returned": [{"F": "zz"}, 1]}',
    "bytes that are none": b'{"returned": [{"b": "zz"}, 1]}',
    "a complex number of objects": b'{"returned": [{"c": [{"x": "a"}, 1]}, 1]}',
    "a complex number of three": b'{"returned": [{"c": [1, 2, 3]}, 1]}',
    "an object named by a list": b'{"returned": [{"x": [[[]]]}, 1]}',
    "an object with a long name": b'{"returned": [{"x": "' + b"x" * 900_000 + b'"}, 1]}',
    "many members of one hash": b'{"returned": [{"s": ['
    + b",".join(b"%d" % (k * ((1 << 61) - 1)) for k in range(1, 41_000))
    + b"]}, 1]}",
    "many keys of one hash": b'{"returned": [{"d": ['
    + b",".join(b"[%d,1]" % (k * ((1 << 61) - 1)) for k in range(1, 35_000))
    + b"]}, 1]}",
    "many tuples of one hash": b'{"returned": [{"s": ['
    + b",".join(b'{"t": [' + b",".join(b"-%d" % (1 + (k >> i & 1)) for i in range(15)) + b"]}" for k in range(1 << 14))
    + b"]}, 1]}",
    "many complex numbers of one hash": b'{"returned": [{"s": ['
    + b",".join(b'{"c": [%d,%d]}' % (1000003 * k, ((1 << 61) - 1 - k)) for k in range(1, 24_000))
    + b"]}, 1]}",
    "many lists": b'{"returned": [1, [' + b"[]," * 300_000 + b"1]]}",
    "many deep keys": b'{"returned": [{"s": ['
    + b",".join(b'{"t":[' * 150 + b"%d" % k + b"]}" * 150 for k in range(700))
    + b"]}, 1]}",
    "more than is read": b'{"returned": [1, "' + b"x" * (2 << 20) + b'"]}',
}
for depth in (150, 199, 201, 300, 400, 450, 470, 480, 490, 500, 600, 900, 990):  # around where something recurses
    for name, start, end in (
        ("lists", b"[", b"]"), ("tuples", b'{"t": [', b"]}"), ("sets", b'{"f": [', b"]}"),
        ("dicts", b'{"d": [[1, ', b"]]}"),
    ):  # fmt: skip
        REPLIES[f"{depth} {name}"] = b'{"returned": [' + start * depth + b"1" + end * depth + b", 1]}"

MESSAGES = {  # split mode: instead of the answer to the call of f
    "nothing": b"{}",
    "a list": b"[]",
    "half a list": b"[",
    "an open list for each of many": b"[" * DEEP,
    "a list deeper than Python recurses": b'{"value": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "a list nearly as deep": b'{"value": ' + b"[" * 480 + b"]" * 480 + b"}",
    "no number": b'{"value": NaN}',
    "a long number": b'{"value": ' + b"9" * 100_000 + b"}",
    "an unknown tag": b'{"value": {"z": 1}}',
    "a list in a set": b'{"value": {"s": [[1]]}}',
    "a type": b'{"value": {"T": "object"}}',
    "a type that is none": b'{"value": {"T": "eval"}}',
    "an endless range": b'{"value": {"R": [0, "1e9", 1]}}',
    "an object without a number": b'{"value": {"o": "x"}}',
    "an object of the judge": b'{"value": {"r": 0}}',
    "an object of the judge that it has not given": b'{"value": {"r": 7}}',
    "an object before the first": b'{"value": {"r": -1}}',
    "an object by its name": b'{"value": {"r": "check"}}',
    "a name of the judge": b'{"op": "get", "on": "__builtins__", "args": ["eval"], "named": {}}',
    "an attribute of a callback": b'{"op": "get", "on": 0, "args": ["__globals__"], "named": {}}',
    "a change of a callback": b'{"op": "set", "on": 0, "args": ["__code__", 1], "named": {}}',
    "an unknown operation": b'{"op": "eval", "on": 0, "args": ["1"], "named": {}}',
    "an operation that is none": b'{"op": ["call"], "on": 0, "args": [], "named": {}}',
    "a call of nothing": b'{"op": "call", "on": null, "args": [], "named": {}}',
    "a call of a truth": b'{"op": "call", "on": true, "args": [1], "named": {}}',
    "a call without arguments": b'{"op": "call", "on": 0}',
    "a call with one argument": b'{"op": "call", "on": 0, "args": 5, "named": {}}',
    "a call with names in a list": b'{"op": "call", "on": 0, "args": [], "named": []}',
    "a call with too many arguments": b'{"op": "call", "on": 0, "args": [1, 2, 3], "named": {"self": 1, "": 2}}',
    "an error that is none": b'{"error": 5}',
    "an error of three": b'{"error": ["KeyError", "x", "y"]}',
    "an error of the end": b'{"error": ["StopIteration", ""]}',
    "an error of a generator's end": b'{"error": ["GeneratorExit", ""]}',
    "an error of the judge": b'{"error": ["Closed", ""]}',
    "an error with a list": b'{"error": [["AssertionError"], [[]]]}',
    "a change of what cannot change": b'{"value": 1, "changed": [[1, 2], {"s": [1]}, 5]}',
    "a change that is none": b'{"value": 1, "changed": {"a": 1}}',
    "a stop": b'{"stopped": "passed", "detail": ""}',
    "a verdict": b'["passed", ""]',
    "a value twice": b'{"value": 1, "value": true}',
}

VERDICTS = {  # what hostile tests may leave as the judge's word, other than a pass
    "nothing": b"",
    "half a list": b"[",
    "an open list for each of many": b"[" * DEEP,
    "a pass alone": b'["passed"]',
    "a pass and more": b'["passed", "", ""]',
    "a pass in a list": b'[["passed"], ""]',
    "a text": b'"passed"',
    "a failure of the harness": b'["protocol_error", ""]',
    "an unknown outcome": b'["won", ""]',
    "a detail that is none": b'["exception", {"a": [1]}]',
    "a detail deeper than Python recurses": b'["exception", ' + b"[" * 990 + b"]" * 990 + b"]",
    "a detail of half a character": b'["exception", "\\ud800"]',
    "a detail that writes lines": b'["exception", "x\\npassed\\n\\u001b[2J"]',
    "a long detail": b'["exception", "' + b"x" * 900_000 + b'"]',
    "more than is read": b'["exception", "' + b"x" * (2 << 20) + b'"]',
    "zeros": bytes(4096),
}

SAME_HASH = ",".join(str(k * ((1 << 61) - 1)) for k in range(1, 2800))
TEXTS = {  # hostile tests, some of which the host reads without running them
    "minus signs": "assert f(1) == " + "-" * 60_000 + "1",
    "a sum": "assert f(1) == " + "1+" * 29_000 + "1",
    "negations": "assert " + "not " * 15_001 + "f(1)",
    "attributes": "assert f" + ".a" * 29_000,
    "calls": "assert f" + "()" * 29_000,
    "comparisons": "assert f(1)" + " == 1" * 12_000,
    "conditions": "assert f(1) == " + "1 if 1 else " * 5_000 + "1",
    "branches": "if 1: pass\n" + "elif 1: pass\n" * 5_000 + "assert f(1) == 1",
    "functions": "def a(): 0\n" * 5_000 + "assert f(1) == 1",
    "decorators": "@f\n" * 10_000 + "def g(): 0\nassert f(1) == 1",
    "parentheses": "assert f(1) == " + "(" * 190 + "1" + ")" * 190,
    "parentheses that are wrong": "assert f(1) == " + "(" * 150 + "x y" + ")" * 150,
    "braces that are wrong": "{**" * 190 + "x y",
    "lists": "assert f(1) == " + "[" * 190 + "]" * 190,
    "arguments in lists": "assert f(" + "[" * 190 + "]" * 190 + ") == 1",
    "lambdas": "assert f(1) == " + "lambda:" * 8_000 + "1",
    "a power": "assert f(1) == 9 ** 9 ** 9",
    "a product": "assert f(1) == 'a' * 10 ** 12",
    "many digits": "assert f(1) == " + "9" * 60_000,
    "many hexadecimal digits": "assert f(1) == 0x" + "f" * 60_000,
    "a float beyond floats": "assert abs(f(1) - 1e999999) < 1",
    "a zero character": "assert f(1) == 1\0",
    "half a character": "assert f(1) == '\ud800'",
    "keys of one hash": f"assert f({{{SAME_HASH}}}) == 1",
    "expected keys of one hash": f"assert f(1) == {{{SAME_HASH}}}",
    "a name for the function": "def check(g):\n    g = lambda x: 1\n    assert g(1) == 1\n    assert f(1) == 1",
    "a default": "def check(g=print): assert g(1) == 1",
    "another check": "def check(g): pass\ndef check(g): assert g(1) == 1",
    "a generator": "def check(g):\n    assert g(1) == 1\n    yield\nassert f(1) == 1",
}


def replying(reply: bytes) -> str:
    """A program of data mode that writes `reply` as its own and leaves."""
    return f"""
import os
def f(x):
    os.pwrite(3, {_built(reply)}, 0)
    os._exit(0)
"""


def sending(message: bytes) -> str:
    """A program of split mode that answers its judge with `message`, and later with `true`."""
    return f"""
import os, struct
def say(message):
    message = struct.pack('I', len(message)) + message
    for number in range(4, 24):
        try:
            while message: message = message[os.write(number, message):]
        except OSError: pass
def f(callback, numbers, text):
    say({_built(message)})
    say(b'{{"value": true}}')
    os._exit(0)
"""


def judging(verdict: bytes) -> str:
    """Hostile tests that write `verdict` as the judge's own and leave."""
    return f"""
import os
os.pwrite(3, {_built(verdict)}, 0)
os._exit(0)
"""


def _built(data: bytes) -> str:
    """A short expression for long data, which zlib makes small."""
    import zlib

    return f"__import__('zlib').decompress({zlib.compress(data)!r})" if len(data) > 400 else repr(data)
