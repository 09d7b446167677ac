"""Programming languages: what a file's extension, comments and syntax tree look like in each.

Python is parsed by its own `ast`; the others by tree-sitter, each with the grammar package of its name. A language is
one entry of `LANGUAGES`: everything that depends on it, from the heuristics to the labels, reads it there.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from hornbook.errors import BadInput, closest

if TYPE_CHECKING:
    import tree_sitter


@dataclass(frozen=True)
class Language:
    """One language. `grammar` is the module and function of a tree-sitter grammar, empty where none is needed.

    The node types are those of the grammar: `functions` and `classes` define, `steps` compute something, `literals` are
    constants and `containers` displays of them, `simple` and `blocks` are statements without and with a body.
    """

    name: str
    extensions: tuple[str, ...]
    line_comments: tuple[str, ...] = ()
    block_comments: tuple[tuple[str, str], ...] = ()
    grammar: tuple[str, str] = ("", "")
    functions: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()
    comments: frozenset[str] = frozenset()
    loops: frozenset[str] = frozenset()
    blocks: frozenset[str] = frozenset()
    simple: frozenset[str] = frozenset()
    steps: frozenset[str] = frozenset()
    literals: frozenset[str] = frozenset()
    containers: frozenset[str] = frozenset()
    advanced: frozenset[str] = frozenset()
    own_modules: frozenset[str] = frozenset()


def _types(text: str) -> frozenset[str]:
    return frozenset(text.split())


C_COMMENTS: dict[str, Any] = {"line_comments": ("//",), "block_comments": (("/*", "*/"),)}

_SCRIPT: dict[str, Any] = {
    **C_COMMENTS,
    "functions": _types(
        "function_declaration function_expression generator_function_declaration generator_function arrow_function"
        " method_definition"
    ),
    "classes": _types("class_declaration class"),
    "imports": _types("import_statement"),
    "comments": _types("comment"),
    "loops": _types("for_statement for_in_statement while_statement do_statement"),
    "blocks": _types(
        "for_statement for_in_statement while_statement do_statement if_statement switch_statement try_statement"
    ),
    "simple": _types(
        "expression_statement lexical_declaration variable_declaration return_statement throw_statement break_statement"
        " continue_statement import_statement"
    ),
    "steps": _types(
        "if_statement ternary_expression binary_expression augmented_assignment_expression update_expression"
        " subscript_expression switch_case yield_expression"
    ),
    "literals": _types("string number true false null undefined regex template_string"),
    "containers": _types("array object pair property_identifier unary_expression"),
    "advanced": _types("await_expression yield_expression try_statement generator_function spread_element"),
    "own_modules": _types("assert fs path util events os readline url crypto http stream buffer perf_hooks"),
}

LANGUAGES: Mapping[str, Language] = {
    one.name: one
    for one in (
        Language("python", (".py", ".pyi"), ("#",)),
        Language(
            "javascript", (".js", ".mjs", ".cjs", ".jsx"), grammar=("tree_sitter_javascript", "language"), **_SCRIPT
        ),
        Language(
            "typescript",
            (".ts", ".mts", ".cts"),
            grammar=("tree_sitter_typescript", "language_typescript"),
            **{**_SCRIPT, "classes": _SCRIPT["classes"] | _types("interface_declaration abstract_class_declaration")},
        ),
        Language(
            "java",
            (".java",),
            grammar=("tree_sitter_java", "language"),
            **C_COMMENTS,
            functions=_types("method_declaration constructor_declaration lambda_expression"),
            classes=_types("class_declaration interface_declaration enum_declaration record_declaration"),
            imports=_types("import_declaration"),
            comments=_types("line_comment block_comment"),
            loops=_types("for_statement enhanced_for_statement while_statement do_statement"),
            blocks=_types(
                "for_statement enhanced_for_statement while_statement do_statement if_statement switch_expression"
                " try_statement"
            ),
            simple=_types(
                "expression_statement local_variable_declaration field_declaration return_statement throw_statement"
                " break_statement continue_statement import_declaration"
            ),
            steps=_types(
                "if_statement ternary_expression binary_expression update_expression array_access assignment_expression"
            ),
            literals=_types(
                "string_literal decimal_integer_literal hex_integer_literal decimal_floating_point_literal true false"
                " null_literal character_literal"
            ),
            containers=_types("array_initializer unary_expression"),
            advanced=_types("try_statement lambda_expression synchronized_statement wildcard"),
            own_modules=_types("java javax"),
        ),
        Language(
            "go",
            (".go",),
            grammar=("tree_sitter_go", "language"),
            **C_COMMENTS,
            functions=_types("function_declaration method_declaration func_literal"),
            classes=_types("type_declaration"),
            imports=_types("import_spec"),
            comments=_types("comment"),
            loops=_types("for_statement"),
            blocks=_types(
                "for_statement if_statement expression_switch_statement type_switch_statement select_statement"
            ),
            simple=_types(
                "expression_statement assignment_statement short_var_declaration var_declaration const_declaration"
                " return_statement break_statement continue_statement go_statement defer_statement send_statement"
            ),
            steps=_types("if_statement binary_expression inc_statement dec_statement index_expression expression_case"),
            literals=_types(
                "interpreted_string_literal raw_string_literal int_literal float_literal true false nil rune_literal"
            ),
            containers=_types(
                "composite_literal literal_value literal_element keyed_element slice_type array_type map_type"
                " type_identifier unary_expression"
            ),
            advanced=_types("go_statement select_statement defer_statement send_statement"),
        ),
        Language(
            "rust",
            (".rs",),
            grammar=("tree_sitter_rust", "language"),
            **C_COMMENTS,
            functions=_types("function_item closure_expression"),
            classes=_types("struct_item enum_item trait_item impl_item"),
            imports=_types("use_declaration"),
            comments=_types("line_comment block_comment"),
            loops=_types("for_expression while_expression loop_expression"),
            blocks=_types("for_expression while_expression loop_expression if_expression match_expression"),
            simple=_types("expression_statement let_declaration use_declaration const_item static_item"),
            steps=_types(
                "if_expression binary_expression compound_assignment_expr index_expression match_arm return_expression"
            ),
            literals=_types(
                "string_literal raw_string_literal integer_literal float_literal boolean_literal char_literal"
            ),
            containers=_types("array_expression tuple_expression unary_expression reference_expression"),
            advanced=_types("unsafe_block async_block await_expression macro_definition lifetime"),
            own_modules=_types("std core alloc crate self super"),
        ),
        Language(
            "c",
            (".c", ".h"),
            grammar=("tree_sitter_c", "language"),
            **C_COMMENTS,
            functions=_types("function_definition"),
            classes=_types("struct_specifier union_specifier enum_specifier"),
            imports=_types("preproc_include"),
            comments=_types("comment"),
            loops=_types("for_statement while_statement do_statement"),
            blocks=_types("for_statement while_statement do_statement if_statement switch_statement"),
            simple=_types(
                "expression_statement declaration return_statement break_statement continue_statement goto_statement"
                " preproc_include preproc_def"
            ),
            steps=_types(
                "if_statement conditional_expression binary_expression update_expression subscript_expression"
                " assignment_expression case_statement"
            ),
            literals=_types("string_literal number_literal char_literal true false null concatenated_string"),
            containers=_types(
                "initializer_list initializer_pair field_designator subscript_designator unary_expression"
            ),
            advanced=_types("goto_statement preproc_function_def pointer_expression"),
        ),
        Language(
            "cpp",
            (".cpp", ".cc", ".cxx", ".hpp", ".hh", ".hxx"),
            grammar=("tree_sitter_cpp", "language"),
            **C_COMMENTS,
            functions=_types("function_definition lambda_expression"),
            classes=_types("class_specifier struct_specifier union_specifier enum_specifier"),
            imports=_types("preproc_include"),
            comments=_types("comment"),
            loops=_types("for_statement for_range_loop while_statement do_statement"),
            blocks=_types(
                "for_statement for_range_loop while_statement do_statement if_statement switch_statement try_statement"
            ),
            simple=_types(
                "expression_statement declaration field_declaration return_statement break_statement continue_statement"
                " throw_statement preproc_include preproc_def using_declaration"
            ),
            steps=_types(
                "if_statement conditional_expression binary_expression update_expression subscript_expression"
                " assignment_expression case_statement"
            ),
            literals=_types(
                "string_literal number_literal char_literal true false null concatenated_string raw_string_literal"
            ),
            containers=_types("initializer_list initializer_pair field_designator unary_expression"),
            advanced=_types("goto_statement template_declaration try_statement preproc_function_def"),
        ),
        Language("markdown", (".md", ".markdown")),
    )
}
"""The languages that Hornbook knows, by name. A document in another one is text: nothing is said of its code."""

_BY_EXTENSION = {extension: language.name for language in LANGUAGES.values() for extension in language.extensions}

DEEPEST = 2_000
"""Levels of a syntax tree beyond which a file is taken for no program."""


def language_of(path: str) -> str:
    """The language that a path's extension names, or nothing.

    >>> language_of("src/app.mjs"), language_of("notes")
    ('javascript', '')
    """
    return _BY_EXTENSION.get(PurePosixPath(path).suffix.lower(), "")


def patterns(languages: tuple[str, ...]) -> list[str]:
    """Globs of all files in some languages. Raises BadInput for an unknown one."""
    for name in languages:
        if name not in LANGUAGES:
            raise BadInput(f"unknown language `{name}`; did you mean `{closest(name, LANGUAGES)}`?")
    return [f"**/*{extension}" for name in languages for extension in LANGUAGES[name].extensions]


def parse_tree(text: str, language: Language) -> tree_sitter.Node:
    """The root of a text's syntax tree; errors are nodes of it. Raises BadInput where the grammar is not installed."""
    return _parser(language.name).parse(text.encode("utf-8", "replace")).root_node


def walk(root: tree_sitter.Node) -> Iterator[tuple[tree_sitter.Node, int]]:
    """Named nodes in order, each with its depth; without recursion. Nothing below `DEEPEST` is entered."""
    cursor = root.walk()
    depth = 0
    while True:
        node = cursor.node
        if node is not None and node.is_named:
            yield node, depth
        if depth < DEEPEST and cursor.goto_first_child():
            depth += 1
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            depth -= 1


@functools.lru_cache(maxsize=len(LANGUAGES))
def _parser(name: str) -> tree_sitter.Parser:
    module, function = LANGUAGES[name].grammar
    try:
        import tree_sitter

        grammar = getattr(importlib.import_module(module), function)()
    except ImportError as error:
        raise BadInput(f"{name} needs a grammar ({error}): pip install 'hornbook[languages]'") from None
    return tree_sitter.Parser(tree_sitter.Language(grammar))
