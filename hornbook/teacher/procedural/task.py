"""A task: one concrete function to write, before its docstring style and its cases are chosen; and running our own
code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any


@dataclass(frozen=True)
class Task:
    """A function in parts: `sentence` says what it does, `body` is its unindented code, `inputs` draws the arguments
    of a call.

    `inputs(rng, index)` may use the index of the case, so that edge cases come first.
    """

    topic: str
    name: str
    arguments: tuple[tuple[str, str], ...]
    result: str
    sentence: str
    body: str
    inputs: Callable[[Random, int], tuple[Any, ...]]
    prelude: str = ""

    @property
    def program(self) -> str:
        """The bare function, without hints and docstring."""
        lines = "\n".join("    " + line for line in self.body.split("\n"))
        names = ", ".join(name for name, _ in self.arguments)
        return f"{self.prelude}def {self.name}({names}):\n{lines}\n"


@lru_cache(maxsize=8192)
def load(program: str, name: str) -> Callable[..., Any]:
    """The function `name` of `program`, which is text of this package: replies of a language model never come here."""
    namespace: dict[str, Any] = {}
    exec(compile(program, "<procedural>", "exec"), namespace)
    function: Callable[..., Any] = namespace[name]
    return function


@lru_cache(maxsize=8192)
def load_expression(expression: str) -> Callable[[Any], Any]:
    """A function of `x` from an expression of the parts, with the same trust as `load`."""
    return load(f"def of(x):\n    return {expression}\n", "of")
