"""Cutting a raw completion where the function that was asked for ends."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence

from hornbook.syntax import parse
from hornbook.syntax.trees import UNREADABLE

_LINE = re.compile(r"[^\n\r]*(?:\r\n|\n|\r)|[^\n\r]+")
_NEVER_IN_CODE = re.compile("[\0\ud800-\udfff]")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)
_ASSIGNMENTS = (ast.Assign, ast.AnnAssign)


def sanitise(prompt: str, completion: str, entry_point: str) -> str:
    """The completion up to where it stops being the function that the prompt asks for: a prefix, in whole lines.

    First the longest prefix with which the prompt is Python; of that, all before the first statement at top level,
    behind the entry point, that is no helper it uses (a definition, an import or an assignment of a name it reads, at
    any remove). Nothing is added, moved or repaired, so wrong code stays wrong; a second pass changes nothing. Where
    not even the prompt alone is Python, nothing is left.

    >>> sanitise("def f(a):\\n", "    return a\\n\\nprint(f(1))\\n", "f")
    '    return a\\n\\n'
    """
    text = prompt + completion
    end = _readable_end(text, len(prompt))
    while True:
        cut = _other_code(text[:end], len(prompt), entry_point)
        if cut is None:
            return text[len(prompt) : end]
        end = _readable_end(text[:cut], len(prompt))  # a line that ends in a backslash cannot end the program


def _readable_end(text: str, least: int) -> int:
    """The largest end of a line (or `least`) up to which the text is Python; `least` where there is none.

    An error in a line stands in every prefix that holds the line, so the search goes on before it.
    """
    starts = _line_starts(text)
    never = _NEVER_IN_CODE.search(text)
    end = len(text) if never is None else _before(starts, never.start() + 1)
    while end > least:
        wrong_line = _first_wrong_line(text[:end])
        if wrong_line is None:
            return end
        wrong_start = starts[min(wrong_line, len(starts)) - 1]
        end = min(wrong_start, _before(starts, end))
    return least


def _first_wrong_line(text: str) -> int | None:
    """The line (from 1) at which Python stops reading: None where it reads all, beyond the last where it cannot say."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        return error.lineno or len(text) + 1
    except UNREADABLE:
        return len(text) + 1
    return None


def _other_code(text: str, least: int, entry_point: str) -> int | None:
    """Where the first line starts, at `least` or behind, that holds a statement the entry point does not need."""
    tree = parse(text)
    if tree is None:
        return None
    starts = _line_starts(text)
    needed = _needed_names(tree.body, entry_point)
    is_defined = False
    for statement in tree.body:
        decorators = getattr(statement, "decorator_list", [])
        start = starts[min(node.lineno for node in (statement, *decorators)) - 1]
        if isinstance(statement, _DEFINITIONS) and statement.name == entry_point:
            is_defined = True
        elif is_defined and start >= least and not _bound(statement) & needed:
            return start
    return None


def _needed_names(statements: Sequence[ast.stmt], entry_point: str) -> set[str]:
    """Global names that the entry point reads, and those that their definitions read in turn."""
    by_name: dict[str, list[ast.stmt]] = {}
    for statement in statements:
        for name in _bound(statement):
            by_name.setdefault(name, []).append(statement)
    needed: set[str] = set()
    pending = [entry_point]
    while pending:
        for statement in by_name.get(pending.pop(), ()):
            read = _read(statement) - needed
            needed |= read
            pending.extend(read)
    return needed


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a definition, an import or an assignment binds; of any other statement, none."""
    if isinstance(statement, _DEFINITIONS):
        return {statement.name}
    if isinstance(statement, _IMPORTS):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    return _stored(statement) if isinstance(statement, _ASSIGNMENTS) else set()


def _read(statement: ast.stmt) -> set[str]:
    """The names that a statement reads and does not bind inside itself."""
    nodes = list(ast.walk(statement))
    read = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    if not isinstance(statement, _DEFINITIONS):
        return read
    return read - _stored(statement) - {node.arg for node in nodes if isinstance(node, ast.arg)}


def _stored(statement: ast.stmt) -> set[str]:
    nodes = ast.walk(statement)
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _line_starts(text: str) -> list[int]:
    """Where each line starts, lines parted as Python's parser parts them (`splitlines` also parts at form feeds)."""
    return [match.start() for match in _LINE.finditer(text)] or [0]


def _before(starts: Sequence[int], end: int) -> int:
    """The last line start before `end`."""
    return max((start for start in starts if start < end), default=0)
