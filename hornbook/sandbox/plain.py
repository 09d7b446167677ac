"""Plain data across a trust border: a tagged form that JSON can carry, and equality that no value can influence.

Plain data is None, bool, int, float, complex, str, bytes, list, tuple, dict, set and frozenset, nested. Only the
standard library is imported, so that the jailed processes use the same code as the host.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from typing import Any

MAX_DEPTH = 200
MAX_COLLISIONS = 64
RELATIVE_TOLERANCE = 1e-6
ABSOLUTE_TOLERANCE = 1e-12  # so that 0.1 + 0.2 - 0.3 equals 0.0
MAX_LOOSE_MATCHES = 256  # elements of a set or dictionary that may be matched by tolerance, a quadratic search
SMALL_INT = 1 << 62
SEQUENCES: dict[str, Callable[[Iterable[Any]], Any]] = {"t": tuple, "s": set, "f": frozenset}

CONTAINERS = ("l", "d", *SEQUENCES)
JSON_KINDS = {type(None), bool, str}
JSON_LEAVES = {*JSON_KINDS, int, float}
LEAVES = {type(None), bool, int, float, complex, str, bytes}

Other = Callable[[Any], Any]


def is_plain(value: Any) -> bool:
    """Whether a value is built of the plain types themselves, without subclasses.

    >>> is_plain([1, ("a", {2: None})]), is_plain(bytearray(b"a"))
    (True, False)
    """
    kind = type(value)
    if kind in LEAVES:
        return True
    if kind is dict:
        return is_plain(list(value.keys())) and is_plain(list(value.values()))
    if kind not in (list, tuple, set, frozenset):
        return False
    return LEAVES.issuperset(map(type, value)) or all(map(is_plain, value))


def encode(value: Any, other: Other | None = None) -> Any:
    """`value` in the tagged form: what JSON has stays as it is, everything else is an object with one tag.

    A value of a subclass (IntEnum, namedtuple, defaultdict) is written as its base type by the base type's own methods,
    so an overridden `__eq__`, `__iter__` or `__len__` does not travel. Sets are written in a fixed order. `other`
    encodes what is not plain data. Raises TypeError for a value that is not plain, ValueError when it is nested deeper
    than MAX_DEPTH.

    >>> encode([1, (2.5, None), {"a": {3}}])
    [1, {'t': [2.5, None]}, {'d': [['a', {'s': [3]}]]}]
    """
    return _encode(value, other, 0)


def _encode(value: Any, other: Other | None, depth: int) -> Any:
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -SMALL_INT < value < SMALL_INT else {"i": hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {"F": repr(value)}
    if depth >= MAX_DEPTH:
        raise ValueError(f"data is nested deeper than {MAX_DEPTH} levels")
    depth += 1
    if kind is list:
        return value[:] if _is_written_as_is(value) else [_encode(item, other, depth) for item in value]
    if kind is tuple:
        return {"t": [_encode(item, other, depth) for item in value]}
    if kind is dict:
        return {"d": [[_encode(key, other, depth), _encode(item, other, depth)] for key, item in value.items()]}
    return _encode_rare(value, kind, other, depth)


def _is_written_as_is(items: list[Any]) -> bool:
    """Whether JSON has all of a list's items: told for the whole list at once, which is many times faster."""
    kinds = set(map(type, items))
    return kinds <= JSON_KINDS or (kinds == {int} and min(items) > -SMALL_INT and max(items) < SMALL_INT)


def _encode_rare(value: Any, kind: type, other: Other | None, depth: int) -> Any:
    """Sets, bytes, complex numbers and subclasses, each read by the base type's own methods."""
    if issubclass(kind, set | frozenset):
        iterate = set.__iter__ if issubclass(kind, set) else frozenset.__iter__
        items = [_encode(item, other, depth) for item in iterate(value)]
        return {"s" if issubclass(kind, set) else "f": sorted(items, key=json.dumps)}
    if issubclass(kind, bytes):
        return {"b": bytes.hex(value)}
    if issubclass(kind, complex):
        return {"c": [_encode(complex.real.__get__(value), None, 0), _encode(complex.imag.__get__(value), None, 0)]}
    if issubclass(kind, int):
        return _encode(int.__int__(value), None, 0)
    if issubclass(kind, float):
        return _encode(float.__float__(value), None, 0)
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, list):
        return [_encode(item, other, depth) for item in list.__iter__(value)]
    if issubclass(kind, tuple):
        return {"t": [_encode(item, other, depth) for item in tuple.__iter__(value)]}
    if issubclass(kind, dict):
        return {"d": [[_encode(key, other, depth), _encode(item, other, depth)] for key, item in dict.items(value)]}
    if other is not None:
        return other(value)
    raise TypeError(f"{kind.__name__} is not plain data")


def decode(form: Any, other: Other | None = None) -> Any:
    """The value that `encode` wrote; `other` gets each object whose tag is not one of plain data.

    Raises ValueError for anything that `encode` cannot have written, so a forged form is told from data.

    >>> decode({"t": [1, {"s": [2]}]})
    (1, {2})
    """
    return decode_all([form], other)[0]


def decode_all(forms: list[Any], other: Other | None = None) -> tuple[Any, ...]:
    """The values of a list of forms, as `decode` has them, at less cost."""
    if type(forms) is not list:
        raise ValueError("not a list of values")
    try:
        return tuple([_decode(form, other, 0) for form in forms])
    except (TypeError, KeyError, AttributeError, OverflowError) as error:  # depth is bounded
        raise ValueError(f"not the tagged form of plain data: {error}") from None


def _decode(form: Any, other: Other | None, depth: int) -> Any:
    kind = type(form)
    if kind is not list and kind is not dict:
        return form
    ((tag, body),) = (("l", form),) if kind is list else form.items()
    if tag in CONTAINERS and depth >= MAX_DEPTH:
        raise ValueError(f"data is nested deeper than {MAX_DEPTH} levels")
    depth += 1
    if kind is list:
        return form[:] if JSON_LEAVES.issuperset(map(type, form)) else [_decode(item, other, depth) for item in form]
    if tag in SEQUENCES:
        items = [_decode(item, other, depth) for item in body]
        if tag != "t":
            _refuse_collisions(items)
        return SEQUENCES[tag](items)
    if tag == "d":
        pairs = [(_decode(key, other, depth), _decode(item, other, depth)) for key, item in body]
        _refuse_collisions([key for key, _ in pairs])
        return dict(pairs)
    if tag == "i":
        return int(body, 16)
    if tag == "F":
        return float(body)
    if tag == "b":
        return bytes.fromhex(body)
    if tag == "c":
        real, imaginary = body
        return complex(_decode(real, None, depth), _decode(imaginary, None, depth))
    if other is not None:
        return other(form)
    raise ValueError(f"unknown tag {str(tag)[:20]!r}")


def _refuse_collisions(keys: list[Any]) -> None:
    """Raise ValueError for many different keys of one hash value: a set of them would take quadratic time."""
    if len(keys) > MAX_COLLISIONS:
        counts: dict[int, int] = {}
        for key in keys:
            value = hash(key)
            counts[value] = counts.get(value, 0) + 1
        if max(counts.values()) > MAX_COLLISIONS:
            raise ValueError(f"more than {MAX_COLLISIONS} keys have the same hash value")


def same(got: Any, want: Any) -> bool:
    """Whether two plain values are equal: types agree, bool is not int, floats by relative tolerance, NaN equals NaN.

    Tolerances: 1e-6 relative, 1e-12 absolute. Dictionaries compare without order. Values that are not plain data are
    never the same as anything.

    >>> same([1, 0.1 + 0.2], [1, 0.3]), same(1, True), same((1,), [1])
    (True, False, False)
    """
    kind = type(want)
    if type(got) is not kind:
        return False
    if kind is float:
        return got == want or (got != got and want != want) or _close(got, want)
    if kind in (bool, int, str, bytes, type(None)):
        return bool(got == want)
    if kind is complex:
        return same(got.real, want.real) and same(got.imag, want.imag)
    if kind in (list, tuple):
        return len(got) == len(want) and all(map(same, got, want))
    if kind in (set, frozenset):
        return _same_pairs([(item, None) for item in got], [(item, None) for item in want])
    if kind is dict:
        return _same_pairs(list(got.items()), list(want.items()))
    return False


def _close(got: float, want: float) -> bool:
    return math.isclose(got, want, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE)


def _same_pairs(got: list[tuple[Any, Any]], want: list[tuple[Any, Any]]) -> bool:
    """Match (key, value) pairs without order: by identical key first, what is left by tolerance."""
    if len(got) != len(want):
        return False
    wanted: dict[Any, list[tuple[Any, Any]]] = {}
    for key, value in want:
        wanted.setdefault(_identity(key), []).append((key, value))
    loose = []
    for key, value in got:
        matches = wanted.get(_identity(key))
        if not matches:
            loose.append((key, value))
        elif not same(value, matches.pop()[1]):
            return False
    if not loose:
        return True
    rest = [pair for pairs in wanted.values() for pair in pairs]
    if len(loose) > MAX_LOOSE_MATCHES:
        return False
    for key, value in loose:
        found = next((i for i, (k, v) in enumerate(rest) if same(key, k) and same(value, v)), None)
        if found is None:
            return False
        del rest[found]
    return True


def _identity(key: Any) -> Any:
    """A hashable stand-in for a plain key that keeps `1`, `1.0` and `True` apart and makes NaN equal to itself."""
    kind = type(key)
    if kind is tuple:
        return (kind, tuple(map(_identity, key)))
    if kind is frozenset:
        return (kind, frozenset(map(_identity, key)))
    return (kind, "nan") if key != key else (kind, key)
