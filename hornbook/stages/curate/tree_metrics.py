"""Metrics of any language with a tree-sitter grammar, from one parse."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hornbook.languages import DEEPEST, Language, parse_tree, walk
from hornbook.stages.curate.topics import style_of, topic_of

if TYPE_CHECKING:
    import tree_sitter

MODULE = re.compile(r"""["'<]([@\w./-]+)[">']|(?:use|import)\s+(?:static\s+)?([\w]+)|require\(["']([^"']+)""")
TEST = re.compile(r"^(test|it|describe)\b|^[tT]est[A-Z_]")


def tree_metrics(text: str, language: Language) -> dict[str, Any]:
    """The metrics of the syntax tree; `problem` alone where the grammar finds an error, or a depth of no program."""
    root = parse_tree(text, language)
    if root.has_error:
        return {"problem": f"syntax error in line {_first_error(root)}"}
    functions = methods = classes = documented = tests = imports = data = 0
    modules: set[str] = set()
    within: list[tuple[int, bool]] = []  # depth and kind of the definitions that the walk is inside of
    for node, depth in walk(root):
        if depth >= DEEPEST:
            return {"problem": f"nested more than {DEEPEST:,} levels deep"}
        while within and within[-1][0] >= depth:
            within.pop()
        kind = node.type
        if kind in language.functions:
            functions += 1
            methods += bool(within) and not within[-1][1]
            documented += _is_documented(node, language)
            tests += TEST.match(_name(node)) is not None
            within.append((depth, True))
        elif kind in language.classes:
            classes += 1
            documented += _is_documented(node, language)
            within.append((depth, False))
        elif kind in language.imports or (kind == "call_expression" and _text(node).startswith("require(")):
            imports += 1
            modules |= _modules(node)
        elif kind in language.containers and not any(is_function for _, is_function in within):
            parent = node.parent
            if (parent is None or parent.type not in language.containers) and _is_literal(node, language):
                data += node.end_byte - node.start_byte
    top = [one for one in root.named_children if one.type not in language.comments]
    defining = language.functions | language.classes | language.imports
    others = sum(one.type not in defining and not _defines(one, language) for one in top)
    return {
        "data_rate": min(1.0, data / max(1, root.end_byte)),
        "functions": functions,
        "classes": classes,
        "documented_rate": documented / max(1, functions + classes),
        "imports": imports,
        "top_level_rate": others / max(1, len(top)),
        "topic": topic_of(sorted(modules)),
        "style": style_of(functions, methods, classes, tests, others),
    }


def _first_error(root: tree_sitter.Node) -> int:
    """The line of the first error, counted from 1."""
    return next((node.start_point[0] + 1 for node, _ in walk(root) if node.is_error or node.is_missing), 1)


def _is_documented(node: tree_sitter.Node, language: Language) -> bool:
    """Whether a comment stands right before a definition, or before the statement that it is part of."""
    one: tree_sitter.Node | None = node
    while one is not None and one.prev_named_sibling is None and one.parent is not None:
        if one.start_point[0] != one.parent.start_point[0]:
            return False
        one = one.parent
    before = one.prev_named_sibling if one else None
    if before is not None and before.type not in language.comments and one is not None and one.parent is not None:
        outer = one.parent  # const f = () => ...: the comment stands before the declaration
        before = outer.prev_named_sibling if outer.start_point[0] == node.start_point[0] else before
    return before is not None and before.type in language.comments and node.start_point[0] - before.end_point[0] <= 1


def _name(node: tree_sitter.Node) -> str:
    named = node.child_by_field_name("name")
    return _text(named) if named is not None else ""


def _text(node: tree_sitter.Node) -> str:
    return (node.text or b"")[:200].decode("utf-8", "replace")


def _modules(node: tree_sitter.Node) -> set[str]:
    """The first names of the modules that an import names; a relative path is none."""
    found = {next(filter(None, groups)) for groups in MODULE.findall(_text(node))}
    return {re.split(r"[/.]", name.removeprefix("node:"))[0] for name in found if not name.startswith(".")} - {""}


def _is_literal(node: tree_sitter.Node, language: Language) -> bool:
    """Whether a display holds nothing but constants, keys and displays of them; a name alone is no data."""
    allowed = language.literals | language.containers | language.comments
    found = False
    stack = [node]
    while stack:
        one = stack.pop()
        if one.type in language.literals:
            found = True
        elif one.type in allowed:
            stack.extend(one.named_children)
        else:
            return False
    return found


def _defines(node: tree_sitter.Node, language: Language) -> bool:
    """Whether a top-level statement defines a function or a class: an export, a namespace, `const f = () => ...`."""
    wanted = language.functions | language.classes
    return any(below.type in wanted for child in node.named_children for below in (child, *child.named_children))
