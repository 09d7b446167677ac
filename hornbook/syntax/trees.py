"""Parsing that never raises, the functions of a file, and trees as sequences of node types."""

from __future__ import annotations

import ast
import warnings
from typing import TypeAlias

Code: TypeAlias = str | ast.AST
"""Source text, or a tree that was parsed before."""

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python raises for text that is no program: bad syntax, NUL or lone surrogates, nesting beyond its stack."""

_SKIPPED_FIELDS = frozenset({"ctx", "annotation", "returns", "type_comment", "type_params", "type_ignores", "kind"})
"""Fields that do not change what a program computes."""

_NODE_TYPES = sorted({kind for kind in vars(ast).values() if isinstance(kind, type)}, key=lambda kind: kind.__name__)
_NUMBER = {kind: number for number, kind in enumerate(_NODE_TYPES)}
FIELDS = {
    kind: tuple(name for name in getattr(kind, "_fields", ()) if name not in _SKIPPED_FIELDS) for kind in _NODE_TYPES
}
"""The fields of each node type that trees are compared by."""


def parse(code: str) -> ast.Module | None:
    """The tree of a program, or None where it is not Python 3 or is nested too deeply.

    >>> parse("x = 1") is None, parse("x =") is None
    (False, True)
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old escapes such as "\\d" in foreign code are no business of ours
            return ast.parse(code)
    except UNREADABLE:
        return None


def tree_of(code: Code) -> ast.AST | None:
    """`code` itself where it is a tree, else its tree."""
    return parse(code) if isinstance(code, str) else code


def functions(code: Code) -> list[Function] | None:
    """Top-level functions and the methods of top-level classes, in order; None for unreadable code.

    Those below `if`, `try` or `with` count as top level; functions inside functions belong to the outer one.

    >>> [function.name for function in functions("class A:\\n def f(self): pass\\ndef g():\\n def h(): pass")]
    ['f', 'g']
    """
    tree = tree_of(code)
    if tree is None:
        return None
    found: list[Function] = []
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(node)
        elif isinstance(node, ast.stmt | ast.Module | ast.excepthandler):
            blocks = (getattr(node, name, None) for name in ("body", "handlers", "orelse", "finalbody"))
            pending.extend(reversed([below for block in blocks if isinstance(block, list) for below in block]))
    return found


def function_named(code: Code, name: str) -> Function | None:
    """The last function of that name among `functions(code)`, which is the one that a call reaches."""
    return next((found for found in reversed(functions(code) or []) if found.name == name), None)


def docstring(function: Function | ast.Module) -> str:
    """The docstring as written, without indentation; empty where there is none.

    A string that follows only imports counts as well (some benchmark prompts import before they explain).
    """
    for statement in function.body:
        if is_text(statement):
            constant = statement.value  # type: ignore[attr-defined]
            return "\n".join(line.strip() for line in constant.value.strip().splitlines())
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            break
    return ""


def is_text(node: ast.AST) -> bool:
    """Whether a statement is a bare string: a docstring, or a comment written as one."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def arity(function: Function) -> tuple[int, float]:
    """How many positional arguments a function takes: at least, and at most (infinity for `*args`).

    Where a keyword-only argument has no default, no call with positions alone works, and the range is empty: (1, 0).

    >>> arity(function_named("def f(a, b=1): pass", "f"))
    (1, 2)
    """
    arguments = function.args
    if any(default is None for default in arguments.kw_defaults):
        return 1, 0
    most = len(arguments.posonlyargs) + len(arguments.args)
    return most - len(arguments.defaults), float("inf") if arguments.vararg else most


def serialise(code: Code) -> tuple[int, ...] | None:
    """The tree in preorder as numbers of node types, with names, constants, comments and docstrings blanked.

    Annotations are left out and a negative literal counts as one constant, since neither changes what is computed.
    The numbers hold within one process; only their equality means anything. Source: phi-1 §5 compares trees "agnostic"
    to names, comments and docstrings by their edit distance; the form of the sequence is not published.

    >>> serialise("def f(a):\\n return a + 1") == serialise("def add(n: int) -> int:\\n 'Adds.'\\n return n + 22")
    True
    """
    tree = tree_of(code)
    if tree is None:
        return None
    numbers: list[int] = []
    stack = [tree]
    while stack:
        node = signless(stack.pop())
        kind = type(node)
        if kind is ast.AnnAssign:
            if node.value is None:  # type: ignore[attr-defined]
                continue
            kind = ast.Assign
        numbers.append(_NUMBER[kind])
        below: list[ast.AST] = []
        for name in FIELDS[type(node)]:
            value = getattr(node, name, None)
            if isinstance(value, ast.AST):
                below.append(value)
            elif isinstance(value, list):
                below.extend(item for item in value if isinstance(item, ast.AST) and not is_text(item))
        below.reverse()
        stack.extend(below)
    return tuple(numbers)


def signless(node: ast.AST) -> ast.AST:
    """The number below a literal minus sign, or the node itself."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return node.operand
    return node
