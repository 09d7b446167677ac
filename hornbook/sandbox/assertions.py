"""Tests that only hold results of calls on literals against literals are carried out as data.

Nine in ten of HumanEval's tests, and more of MBPP's, are such: `assert candidate([1, 2]) == 3`. Their calls go into the
jail, their results come out and are compared here by Python's own operators on plain data: the expected values never
enter the jail, and one process does what takes two otherwise. Test code is read, never run, on this side.
"""

from __future__ import annotations

import ast
import operator
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

MAX_TESTS_BYTES = 1 << 16
NUMBERS = (bool, int, float)
ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
MAX_OPERAND, MAX_EXPONENT = 10**12, 20
SINGLETONS = (None, True, False)
_parsing = threading.Lock()


class Unclear(Exception):
    """Whether an assertion holds cannot be said on this side: the tests have to run."""


@dataclass(frozen=True)
class Assertion:
    """One call of the entry point, and what must hold of its result."""

    arguments: tuple[Any, ...]
    text: str
    holds: Callable[[Any], bool]


@lru_cache(maxsize=2048)
def read_assertions(tests: str, entry_point: str) -> tuple[Assertion, ...] | None:
    """The assertions that the tests consist of, in the order in which they run; None where they do anything else.

    Tests are asserts of the entry point, or a function `check(candidate)` that holds them.

    >>> [found] = read_assertions("def check(f):\\n    assert f(1, [2]) == 3", "add")
    >>> found.arguments, found.holds(3), found.holds(4)
    ((1, [2]), True, False)
    >>> read_assertions("import math\\nassert add(1, 2) == 3", "add") is None
    True
    """
    if entry_point in ("", "check", "abs") or len(tests) > MAX_TESTS_BYTES:
        return None
    try:
        with _parsing, warnings.catch_warnings():  # about escapes, say; filters belong to the process, hence the lock
            warnings.simplefilter("ignore")
            body = ast.parse(tests).body
        functions = [statement for statement in body if isinstance(statement, ast.FunctionDef)]
        others = [statement for statement in body if not isinstance(statement, ast.FunctionDef)]
        found = list(_assertions(others, entry_point))
        if [function.name for function in functions] == ["check"]:
            found += _assertions(functions[0].body, _parameter(functions[0]))
        elif functions:
            return None
    except (Unclear, SyntaxError, ValueError, TypeError, ArithmeticError, RecursionError, MemoryError):
        return None
    return tuple(found) or None


def _parameter(function: ast.FunctionDef) -> str:
    """The name by which `check` knows the entry point."""
    given = function.args
    others = (given.defaults, given.posonlyargs, given.kwonlyargs, given.vararg, given.kwarg, function.decorator_list)
    if any(others) or len(given.args) != 1 or given.args[0].arg == "abs":
        raise Unclear
    return given.args[0].arg


def _assertions(statements: list[ast.stmt], name: str) -> Iterator[Assertion]:
    """The assertions in a block; Unclear for a statement that is none and that could do anything."""
    taken = (name, "abs", "check")
    for statement in statements:
        if isinstance(statement, ast.Assert):
            if statement.msg is not None and not isinstance(statement.msg, ast.Constant):
                raise Unclear
            if not (isinstance(statement.test, ast.Constant) and statement.test.value):  # `assert True, "..."`
                yield _assertion(statement.test, name)
        elif isinstance(statement, ast.Assign):  # HumanEval's METADATA
            if not all(isinstance(target, ast.Name) and target.id not in taken for target in statement.targets):
                raise Unclear
            _literal(statement.value)
        elif not isinstance(statement, ast.Pass) and not (
            isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        ):
            raise Unclear


def _assertion(test: ast.expr, name: str) -> Assertion:
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=ast.Call() as call):
            return Assertion(_arguments(call, name), ast.unparse(test), operator.not_)
        case ast.Call():
            return Assertion(_arguments(test, name), ast.unparse(test), bool)
        case ast.Compare(
            left=ast.Call(
                func=ast.Name(id="abs"), args=[ast.BinOp(ast.Call() as call, ast.Sub(), wanted)], keywords=[]
            ),
            ops=[ast.Lt() | ast.LtE() as comparison],
            comparators=[bound],
        ):
            return Assertion(
                _arguments(call, name), ast.unparse(test), _near(_number(wanted), _number(bound), type(comparison))
            )
        case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq() | ast.Is() as comparison], comparators=[right]):
            tested, literal = (left, right) if isinstance(left, ast.Call) else (right, left)
            if not isinstance(tested, ast.Call):
                raise Unclear
            holds = _equal(_literal(literal), type(comparison))
            return Assertion(_arguments(tested, name), ast.unparse(test), holds)
    raise Unclear


def _equal(wanted: Any, comparison: type[ast.cmpop]) -> Callable[[Any], bool]:
    """`got == wanted`, `got != wanted`, or `got is wanted` where that means something for a literal."""
    if comparison is ast.Eq:
        return lambda got: bool(got == wanted)
    if comparison is ast.NotEq:
        return lambda got: bool(got != wanted)
    if not any(wanted is singleton for singleton in SINGLETONS):
        raise Unclear
    return lambda got: got is wanted


class _Folded(ast.NodeTransformer):
    """Carries out arithmetic on numbers and joins texts, as the compiler does: `candidate(3 * 19)`."""

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
            value = node.operand.value
            if type(value) is int or type(value) is float:
                return ast.Constant(-value)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant):
            left, right = node.left.value, node.right.value
            is_text = isinstance(node.op, ast.Add) and isinstance(left, str) and isinstance(right, str)
            if is_text or (type(node.op) in ARITHMETIC and _is_small(left) and _is_small(right, node.op)):
                return ast.Constant(ARITHMETIC[type(node.op)](left, right))
        return node


def _is_small(value: object, operation: ast.operator | None = None) -> bool:
    """Whether arithmetic on a number takes no time and space to speak of."""
    most = MAX_EXPONENT if isinstance(operation, ast.Pow) else MAX_OPERAND
    return (type(value) is int or type(value) is float) and abs(value) <= most


def _literal(expression: ast.expr) -> Any:
    """The value of a literal; raises ValueError for anything else."""
    return ast.literal_eval(_Folded().visit(expression))


def _arguments(call: ast.Call, name: str) -> tuple[Any, ...]:
    """The literal arguments of a call of the entry point."""
    if not isinstance(call.func, ast.Name) or call.func.id != name or call.keywords:
        raise Unclear
    return tuple(_literal(argument) for argument in call.args)


def _number(expression: ast.expr) -> float:
    value: float = _literal(expression)
    if type(value) not in NUMBERS:
        raise Unclear
    return value


def _near(wanted: float, bound: float, comparison: type[ast.cmpop]) -> Callable[[Any], bool]:
    """`abs(got - wanted) < bound` for numbers; Unclear for what may have another subtraction."""
    compare = operator.lt if comparison is ast.Lt else operator.le

    def holds(got: Any) -> bool:
        if type(got) not in NUMBERS:
            raise Unclear
        return bool(compare(abs(got - wanted), bound))

    return holds
