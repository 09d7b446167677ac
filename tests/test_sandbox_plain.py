"""Plain data: the tagged form survives JSON, and equality believes no value."""

from __future__ import annotations

import json
import math
from collections import Counter, OrderedDict, namedtuple
from enum import IntEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.sandbox import decode, encode, same

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text() | st.binary()
keys = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.floats(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
        | st.sets(keys, max_size=4)
        | st.frozensets(keys, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(values)
def test_plain_data_survives_json(value: object) -> None:
    form = json.loads(json.dumps(encode(value), allow_nan=False))
    assert same(decode(form), value)
    assert encode(decode(form)) == form


@settings(max_examples=60, deadline=None)
@given(values, values)
def test_same_agrees_with_the_encoded_form(left: object, right: object) -> None:
    if json.dumps(encode(left)) == json.dumps(encode(right)):
        assert same(left, right)
    assert same(left, right) == same(right, left)


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("tsfdiFbcx"), inner, max_size=2),
    )
)
def test_decoding_any_json_gives_plain_data_or_value_error(form: object) -> None:
    try:
        value = decode(form)
    except ValueError:
        return
    assert same(decode(encode(value)), value)


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (True, 1), (1, 1.0), ([1], (1,)), ({1}, frozenset({1})), ({1}, {True}), ({1: 2}, {True: 2}), ({1: 2}, {1: 2.0}),
        ("a", b"a"), (0.1, 0.1001), ([1], [1, 1]), ({1, 2}, {1, 3}), (None, False), (math.inf, -math.inf),
        (object(), 1), ({(1,): 2}, {(True,): 2}), (1 + 0j, 1.0),
    ],
)  # fmt: skip
def test_different_values_are_not_the_same(got: object, want: object) -> None:
    assert not same(got, want)
    assert not same([got], [want])


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (0.1 + 0.2, 0.3), (math.nan, math.nan), ([math.nan], [float("nan")]), ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({0.1 + 0.2}, {0.3}), ({0.1 + 0.2: 1}, {0.3: 1}), ({math.nan: 1}, {float("nan"): 1}), (5.5e-17, 0.0),
        ({frozenset({(1, 2)})}, {frozenset({(1, 2)})}), (complex(1, 0.1 + 0.2), complex(1, 0.3)),
    ],
)  # fmt: skip
def test_equal_values_are_the_same(got: object, want: object) -> None:
    assert same(got, want)


def test_a_liar_is_never_the_same() -> None:
    class Liar(int):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = int.__hash__

    assert not same(Liar(1), 2)
    assert not same(2, Liar(1))
    assert decode(encode(Liar(1))) == 1


def test_subclasses_are_written_as_their_base_type() -> None:
    point = namedtuple("point", "x y")(1, 2)
    color = IntEnum("color", "RED")
    assert decode(encode([point, color.RED, OrderedDict(a=1), Counter("aa")])) == [(1, 2), 1, {"a": 1}, {"a": 2}]


def test_what_is_not_plain_is_refused() -> None:
    with pytest.raises(TypeError, match="object is not plain data"):
        encode([object()])
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="nested deeper than 200"):
        encode(endless)
