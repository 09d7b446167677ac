"""What can be told from Python code without running it: trees, families, concepts. Pure, standard library only.

Every function takes code of unknown origin and returns None where it is not Python (or nested too deeply to be read);
none raises for bad code.
"""

from hornbook.syntax.concepts import CONCEPTS, concepts_used
from hornbook.syntax.renaming import renamed_tree, tree_family
from hornbook.syntax.trees import Code, Function, arity, docstring, function_named, functions, parse, serialise

__all__ = [
    "CONCEPTS",
    "Code",
    "Function",
    "arity",
    "concepts_used",
    "docstring",
    "function_named",
    "functions",
    "parse",
    "renamed_tree",
    "serialise",
    "tree_family",
]
