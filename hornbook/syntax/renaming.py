"""Trees up to the names that a program chooses itself: equal text means equal programs up to consistent renaming."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable

from hornbook.syntax.trees import FIELDS, UNREADABLE, Code, is_text, signless, tree_of

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def renamed_tree(code: Code, *, constants: bool = True) -> str | None:
    """A canonical form that two programs share exactly when they differ by nothing but the names they bind themselves.

    Arguments, local and global variables, functions and classes are numbered in order of appearance, scope by scope.
    Attributes, methods, keywords of foreign functions, builtins and imported names stay; an alias stands for what it
    was imported from. Comments, docstrings and annotations are dropped. Without `constants`, numbers, strings and bytes
    are blanked. None for code that is not Python or is nested too deeply.

    >>> renamed_tree("def f(a): return a + 1") == renamed_tree("def add(n): return n + 1")
    True
    >>> renamed_tree("def f(a): return a + 1") == renamed_tree("def f(a): return a + 2")
    False
    """
    try:
        tree = tree_of(code)
        if tree is None:
            return None
        writer = _Writer(constants)
        module = _Scope(None, "module")
        if not isinstance(tree, ast.Module):
            writer.bind(module, [tree])
        writer.write(tree, module)
        return " ".join(writer.parts)
    except UNREADABLE:
        return None


def tree_family(code: Code, *, constants: bool = False) -> str | None:
    """The hash (128 bits, hexadecimal) of the renamed tree; by default numbers and strings are blanked.

    >>> tree_family("def f(a): return a + 1") == tree_family("def add(n): return n + 2")
    True
    """
    tree = renamed_tree(code, constants=constants)
    return None if tree is None else hashlib.sha256(tree.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class _Scope:
    """The names that one scope binds: each has a number (None until it first appears) or what it was imported from."""

    def __init__(self, parent: _Scope | None, kind: str) -> None:
        self.parent, self.kind = parent, kind
        self.names: dict[str, int | str | None] = {}
        self.outer: set[str] = set()
        self.global_names: set[str] = set()
        self.below: dict[str, _Scope] = {}

    def add(self, name: str) -> None:
        """Binds a name here, or, where `global` or `nonlocal` says so, further out."""
        if name not in self.outer:
            self.names.setdefault(name, None)

    def holder(self, name: str) -> _Scope | None:
        """The scope that a name refers to; as in Python, a class's names are not seen from inside its methods."""
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.global_names:
                return scope.module
            if name in scope.names and (scope is self or scope.kind != "class"):
                return scope
            scope = scope.parent
        return None

    @property
    def module(self) -> _Scope:
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope


class _Writer:
    """Writes a tree in preorder, each node as its type and its fields."""

    def __init__(self, constants: bool) -> None:
        self.constants = constants
        self.parts: list[str] = []
        self.count = 0

    # --- which names a scope binds ------------------------------------------------------------------------------------

    def bind(self, scope: _Scope, nodes: Iterable[ast.AST]) -> None:
        """Enters into `scope` all names that `nodes` bind in it, without entering the scopes below."""
        here = list(_same_scope(nodes))
        for node in here:
            if isinstance(node, ast.Global | ast.Nonlocal):
                scope.outer.update(node.names)
            if isinstance(node, ast.Global):
                scope.global_names.update(node.names)
                for name in node.names:
                    scope.module.names.setdefault(name, None)
        for node in here:
            self._bind_node(scope, node)

    def _bind_node(self, scope: _Scope, node: ast.AST) -> None:
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                scope.add(node.id)
        elif isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            scope.add(node.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                shown = alias.asname or alias.name.partition(".")[0]
                scope.names[shown] = alias.name if alias.asname else shown
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                scope.names[alias.asname or alias.name] = f"{'.' * node.level}{node.module or ''}.{alias.name}"
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            if node.name:
                scope.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            scope.add(node.rest)

    # --- writing ------------------------------------------------------------------------------------------------------

    def name(self, name: str, scope: _Scope) -> str:
        """How a name is written: its number, what it was imported from, or itself where nothing here binds it."""
        holder = scope.holder(name)
        if holder is None or holder.kind == "class":
            return name
        if holder.names[name] is None:
            holder.names[name] = self.count
            self.count += 1
        known = holder.names[name]
        return f"%{known}" if isinstance(known, int) else f"@{known}"

    def write(self, node: ast.AST, scope: _Scope) -> None:
        if isinstance(node, ast.Name):
            self.parts.append(self.name(node.id, scope))
        elif isinstance(node, ast.Constant):
            self.parts.append(self._constant(node.value))
        elif isinstance(node, ast.Module):
            self.bind(scope, node.body)
            self._fields(node, scope)
        elif isinstance(node, (*_FUNCTIONS, ast.Lambda)):
            self._function(node, scope)
        elif isinstance(node, ast.ClassDef):
            self._class(node, scope)
        elif isinstance(node, _COMPREHENSIONS):
            self._comprehension(node, scope)
        elif isinstance(node, ast.Call):
            self._call(node, scope)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self.parts.append("Assign [")
                self.write(node.target, scope)
                self.parts.append("]")
                self.write(node.value, scope)
        elif isinstance(node, ast.Import | ast.ImportFrom | ast.Global | ast.Nonlocal):
            self.parts.append(_written_verbatim(node))
        elif not self.constants and signless(node) is not node:
            self.write(signless(node), scope)
        else:
            self._fields(node, scope)

    def _fields(self, node: ast.AST, scope: _Scope) -> None:
        """A node's type, then its fields: nodes below, names, lists in brackets, `-` for what is absent."""
        self.parts.append(type(node).__name__)
        binds = isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar | ast.MatchMapping)
        for field in FIELDS[type(node)]:
            value = getattr(node, field, None)
            if isinstance(value, ast.AST):
                self.write(value, scope)
            elif isinstance(value, list):
                self._list(value, scope)
            elif isinstance(value, str):
                self.parts.append(self.name(value, scope) if binds else value)
            else:
                self.parts.append("-" if value is None else repr(value))

    def _list(self, items: list[ast.AST | None], scope: _Scope) -> None:
        self.parts.append("[")
        for item in items:
            if item is None:
                self.parts.append("-")
            elif not isinstance(item, ast.AST):
                self.parts.append(str(item))
            elif not is_text(item):
                self.write(item, scope)
        self.parts.append("]")

    def _constant(self, value: object) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            return hex(value) if self.constants else "int"  # decimal text of huge numbers is refused by Python
        if isinstance(value, str | bytes | float | complex) and not self.constants:
            return type(value).__name__
        return repr(value)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: _Scope) -> None:
        """A function: decorators and defaults belong to the scope around it, arguments and body to its own."""
        inner = _Scope(scope, "function")
        arguments = node.args
        ordered = [*arguments.posonlyargs, *arguments.args, arguments.vararg, *arguments.kwonlyargs, arguments.kwarg]
        for argument in ordered:
            if argument is not None:
                inner.names[argument.arg] = None
        self.parts.append(type(node).__name__)
        if not isinstance(node, ast.Lambda):
            self.parts.append(self.name(node.name, scope))
            holder = scope.holder(node.name)
            if holder is not None:
                holder.below[node.name] = inner
            self._list([*node.decorator_list], scope)
        self._list([*arguments.defaults], scope)
        self._list([*arguments.kw_defaults], scope)
        positions = (len(arguments.posonlyargs), len(arguments.args), len(arguments.kwonlyargs))
        self.parts.append(f"{positions}{'*' if arguments.vararg else ''}{'**' if arguments.kwarg else ''}")
        self.parts.extend(self.name(argument.arg, inner) for argument in ordered if argument is not None)
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        self.bind(inner, body)
        self._list([*body], inner)

    def _class(self, node: ast.ClassDef, scope: _Scope) -> None:
        self.parts.extend(("ClassDef", self.name(node.name, scope)))
        for items in (node.decorator_list, node.bases, node.keywords):
            self._list([*items], scope)
        inner = _Scope(scope, "class")
        self.bind(inner, node.body)
        self._list([*node.body], inner)

    def _comprehension(self, node: ast.AST, scope: _Scope) -> None:
        """A comprehension: a scope of its own, except that the first iterable is evaluated outside."""
        generators: list[ast.comprehension] = node.generators  # type: ignore[attr-defined]
        inner = _Scope(scope, "function")
        self.bind(inner, [generator.target for generator in generators])
        self.parts.append(f"{type(node).__name__} {len(generators)}")
        for index, generator in enumerate(generators):
            self.write(generator.iter, scope if index == 0 else inner)
            self.write(generator.target, inner)
            self._list([*generator.ifs], inner)
            self.parts.append(f"async{generator.is_async}")
        results = [getattr(node, field) for field in ("elt", "key", "value") if hasattr(node, field)]
        self._list(results, inner)

    def _call(self, node: ast.Call, scope: _Scope) -> None:
        """A call; keywords of the program's own functions are written as the arguments that they name."""
        self.parts.append("Call")
        self.write(node.func, scope)
        self._list([*node.args], scope)
        called = None
        if isinstance(node.func, ast.Name) and node.keywords:
            holder = scope.holder(node.func.id)
            called = holder.below.get(node.func.id) if holder else None
        for keyword in node.keywords:
            own = called is not None and keyword.arg in called.names
            self.parts.append(self.name(keyword.arg, called) if own else f"{keyword.arg}=")  # type: ignore[arg-type]
            self.write(keyword.value, scope)
        self.parts.append(")")


def _same_scope(nodes: Iterable[ast.AST]) -> Iterable[ast.AST]:
    """The nodes and all below them in the same scope; of a scope below only its own node and what runs outside it.

    A walrus inside a comprehension binds outside of it, so comprehensions are searched for those alone.
    """
    stack = list(nodes)
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, _FUNCTIONS):
            outside: list[ast.AST | None] = [*node.decorator_list, *node.args.defaults, *node.args.kw_defaults]
            stack.extend(below for below in outside if below is not None)
        elif isinstance(node, ast.Lambda):
            stack.extend(below for below in [*node.args.defaults, *node.args.kw_defaults] if below is not None)
        elif isinstance(node, ast.ClassDef):
            stack.extend([*node.decorator_list, *node.bases, *node.keywords])
        elif isinstance(node, _COMPREHENSIONS):
            stack.extend(below.target for below in ast.walk(node) if isinstance(below, ast.NamedExpr))
        else:
            stack.extend(ast.iter_child_nodes(node))


def _written_verbatim(node: ast.AST) -> str:
    """Imports by what they import; `global` and `nonlocal` by their number of names."""
    if isinstance(node, ast.Import):
        return "Import " + ",".join(alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        names = ",".join(alias.name for alias in node.names)
        return f"ImportFrom {'.' * node.level}{node.module or ''}.{names}"
    return f"{type(node).__name__} {len(node.names)}"  # type: ignore[attr-defined]
