"""Trees, renaming and concepts: hand-made cases, and properties over made-up programs."""

from __future__ import annotations

import keyword

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.syntax import (
    CONCEPTS,
    arity,
    concepts_used,
    docstring,
    function_named,
    functions,
    parse,
    renamed_tree,
    serialise,
    tree_family,
)

UNREADABLE = ("def f(:", "x = '\0'", "'\ud800'", "(" * 500 + ")" * 500, "  indented")

TEMPLATE = """
import math

def {f}({a}, {b}=2):
    {c} = []
    for {d} in {a}:
        if {d} > {b}:
            {c}.append(math.sqrt({d}))
    return [{e} + 1 for {e} in {c}]
"""
NAMES = st.lists(
    st.from_regex(r"[a-z][a-z_]{0,5}", fullmatch=True).filter(lambda name: not keyword.iskeyword(name)),
    min_size=6,
    max_size=6,
    unique=True,
).filter(lambda names: "math" not in names)


def same(first: str, second: str) -> bool:
    return renamed_tree(first) == renamed_tree(second)


@pytest.mark.parametrize("code", UNREADABLE)
def test_unreadable_code_is_none_everywhere(code: str) -> None:
    for tool in (parse, functions, serialise, renamed_tree, tree_family, concepts_used):
        assert tool(code) is None


def test_code_too_deep_for_the_writer_is_none() -> None:
    deep = "x = " + " + ".join(["y"] * 900)
    assert parse(deep) is not None
    assert renamed_tree(deep) is None
    assert serialise(deep) is not None


@given(NAMES, NAMES)
@settings(max_examples=60, deadline=None)
def test_consistent_renaming_changes_no_tree(first: list[str], second: list[str]) -> None:
    one = TEMPLATE.format(**dict(zip("fabcde", first, strict=True)))
    other = TEMPLATE.format(**dict(zip("fabcde", second, strict=True)))
    assert same(one, other)
    assert serialise(one) == serialise(other)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("def f(a, b): return a - b", "def f(a, b): return b - a"),
        ("def f(a): return a + 1", "def f(a): return a + 2"),
        ("def f(a): return a.lower()", "def f(a): return a.upper()"),
        ("def f(a): return sum(a)", "def f(a): return max(a)"),
        ("from math import floor\ndef f(a): return floor(a)", "from math import ceil\ndef f(a): return ceil(a)"),
        ("def f(a): return a % 2", "def f(a): return a % 2.0"),
        ("def f(a, b): return f(b, a)", "def f(a, b): return f(a, b)"),
        ("def f(a): return v1", "def f(a): return a"),
        ("def f(a, *, b): return b", "def f(a, b): return b"),
        ("x = 1\ndef f():\n global x\n x = 2", "x = 1\ndef f():\n x = 2"),
    ],
)
def test_programs_that_differ_have_different_trees(first: str, second: str) -> None:
    assert not same(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("def f(a):\n 'Doc.'\n # note\n return a", "def g(value: int) -> int:\n return value"),
        ("def f(a): return [x for x in a] + [x for x in a]", "def f(a): return [x for x in a] + [y for y in a]"),
        ("def f(x): return [x for x in x]", "def f(y): return [z for z in y]"),
        ("import math as m\nx = m.pi", "import math\ny = math.pi"),
        ("from math import pi as p\nx = p", "from math import pi\nx = pi"),
        ("def h(a): return a\ndef f(x): return h(a=x)", "def g(b): return b\ndef f(y): return g(b=y)"),
        ("def f(a):\n n: int = 0\n return n", "def f(a):\n m = 0\n return m"),
        (
            "def f(a):\n try:\n  a()\n except ValueError as e:\n  print(e)",
            "def f(b):\n try:\n  b()\n except ValueError as x:\n  print(x)",
        ),
        ("def f(a):\n if (n := len(a)) > 1:\n  return n", "def f(a):\n if (k := len(a)) > 1:\n  return k"),
        ("f = lambda a, b: b", "g = lambda x, y: y"),
        (
            "x = 1\nclass A:\n x = 2\n def f(self): return x",
            "y = 1\nclass A:\n x = 2\n def f(this): return y",
        ),
        ("def f(a):\n match a:\n  case [x, *r]:\n   return r", "def f(b):\n match b:\n  case [y, *s]:\n   return s"),
        (
            "def f():\n n = 0\n def g():\n  nonlocal n\n  n += 1\n return g",
            "def a():\n m = 0\n def b():\n  nonlocal m\n  m += 1\n return b",
        ),
    ],
)  # fmt: skip
def test_programs_that_differ_by_names_alone_have_one_tree(first: str, second: str) -> None:
    assert same(first, second)


def test_keywords_of_foreign_functions_and_methods_keep_their_names() -> None:
    assert not same("sorted(x, key=len)", "sorted(x, reverse=len)")
    assert not same("class A:\n def f(self): pass", "class A:\n def g(self): pass")


def test_families_blank_numbers_and_strings_but_not_truth() -> None:
    assert tree_family("def f(a): return a > -3") == tree_family("def f(a): return a > 5")
    assert tree_family("def f(a): return 'x' in a") == tree_family("def f(a): return 'y' in a")
    assert tree_family("def f(a): return True") != tree_family("def f(a): return False")
    assert tree_family("def f(a): return a > 3", constants=True) != tree_family(
        "def f(a): return a > 5", constants=True
    )


def test_huge_numbers_are_no_obstacle() -> None:
    assert renamed_tree("x = 0x" + "f" * 5000) is not None


def test_serialised_trees_know_operators_and_not_names() -> None:
    assert serialise("a + b") == serialise("c + d")
    assert serialise("a + b") != serialise("a - b")
    assert serialise("f(1)") == serialise("g('text')")
    assert serialise("def f(a):\n 'Doc.'\n return -1") == serialise("def f(a): return 2")


def test_functions_are_those_at_top_level_and_methods() -> None:
    code = "if True:\n def a(): pass\nclass B:\n def b(self):\n  def inner(): pass\nasync def c(): pass\n"
    assert [function.name for function in functions(code) or []] == ["a", "b", "c"]
    assert function_named("def f(a): pass\ndef f(a, b): pass", "f").args.args[1].arg == "b"  # type: ignore[union-attr]
    assert function_named("def f(): pass", "g") is None


def test_docstrings_are_read_without_indentation_and_behind_imports() -> None:
    function = function_named("def f(a):\n    import math\n    '''One.\n\n    Two.\n    '''\n", "f")
    assert function is not None
    assert docstring(function) == "One.\n\nTwo."
    plain = function_named("def f(a): return 'x'", "f")
    assert plain is not None
    assert docstring(plain) == ""


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("", (0, 0)),
        ("a, b", (2, 2)),
        ("a, /, b=1", (1, 2)),
        ("*a", (0, float("inf"))),
        ("a, *, b", (1, 0)),
        ("a, *, b=1", (1, 1)),
    ],
)
def test_arity_is_the_range_of_positions(signature: str, expected: tuple[int, float]) -> None:
    function = function_named(f"def f({signature}): pass", "f")
    assert function is not None
    assert arity(function) == expected


def test_concepts_of_a_program_are_found() -> None:
    code = (
        "from collections import Counter\n"
        "def f(words: list, k=2):\n"
        "    'Doc.'\n"
        "    found = {}\n"
        "    for index, word in enumerate(words[::k]):\n"
        "        while not word:\n"
        "            break\n"
        "        found[word.upper()] = f'{index}'\n"
        "    try:\n"
        "        return f(words[-1])\n"
        "    except ValueError:\n"
        "        return sorted(found, key=lambda w: -len(w))\n"
    )
    found = concepts_used(code) or set()
    assert {
        *("function", "annotations", "default argument", "docstring", "dict", "for loop", "nested loop", "while loop"),
        *("break", "tuple unpacking", "enumerate()", "slicing", "slicing with step", "f-string", ".upper()", "try"),
        *("recursion", "negative index", "sorting with key", "sorted()", "lambda", "len()", "import collections"),
    } <= found
    assert found <= set(CONCEPTS)
    assert not {"class", "zip()", "while else", "set"} & found


@given(st.text(max_size=80))
@settings(max_examples=150, deadline=None)
def test_any_text_gives_a_stated_result(text: str) -> None:
    readable = parse(text) is not None
    for tool in (functions, serialise, concepts_used):
        assert (tool(text) is not None) == readable
    assert renamed_tree(text) is None or readable
