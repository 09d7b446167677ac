"""The form of an exercise family, and the small literals that its inputs are made of.

A family is data: templates for wordings, solutions and names, with `$name` for an argument or a drawn parameter. In
wordings `{a|b}` stands for one of the alternatives. The last wording of every family is reserved for evaluation
(`seen`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

Params = Mapping[str, Any]
Draw = Callable[[Random, Params], Any]

_PLACEHOLDER = re.compile(r"\$([a-z_]\w*)")
_ALTERNATIVES = re.compile(r"\{([^{}]*)\}")

ALIASES: dict[str, tuple[str, ...]] = {
    "nums": ("nums", "numbers", "values", "data"),
    "words": ("words", "names", "tokens", "strings"),
    "text": ("text", "s", "line", "phrase"),
    "n": ("n", "number", "num"),
    "a": ("a", "x", "first"),
    "b": ("b", "y", "second"),
    "left": ("left", "xs", "first"),
    "right": ("right", "ys", "second"),
    "matrix": ("matrix", "grid", "table"),
    "scores": ("scores", "prices", "stock", "ages"),
    "pairs": ("pairs", "entries", "items"),
}
"""Names that an argument may take; the choice is the same position for all arguments of a function, so `a, b` become
`x, y`.
"""


@dataclass(frozen=True)
class Family:
    """One kind of exercise: everything that varies is drawn from here by a seed. See the module's docstring for the
    templates.
    """

    id: str
    title: str
    concepts: tuple[str, ...]
    arguments: tuple[tuple[str, str], ...]
    result: str
    wordings: tuple[str, ...]
    solutions: tuple[str, ...]
    names: tuple[str, ...]
    inputs: Draw
    idea: str
    pitfall: str
    params: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    prelude: str = ""


def family(
    identifier: str,
    title: str,
    concepts: str,
    signature: str,
    wordings: Sequence[str],
    solutions: Sequence[str],
    names: str,
    inputs: Draw,
    *,
    idea: str,
    pitfall: str,
    params: Mapping[str, Sequence[Any]] | None = None,
    prelude: str = "",
) -> Family:
    """A `Family` from its compact notation: words separated by spaces, `a: int; b: list[int] -> bool` for the
    signature.

    A parameter key of several names ("sign word") draws tuples, so that the names vary together.
    """
    left, result = signature.rsplit(" -> ", 1)
    arguments = tuple((name, hint) for name, hint in (part.split(": ", 1) for part in left.split("; ")))
    return Family(
        id=identifier,
        title=title,
        concepts=tuple(concepts.split()),
        arguments=arguments,
        result=result,
        wordings=tuple(wordings),
        solutions=tuple(solutions),
        names=tuple(names.split()),
        inputs=inputs,
        idea=idea,
        pitfall=pitfall,
        params=params or {},
        prelude=prelude,
    )


def fill(template: str, values: Params) -> str:
    """`template` with each `$name` replaced; a name without a value is a defect of the family and raises KeyError.

    >>> fill("return $a + $k", {"a": "x", "k": 3})
    'return x + 3'
    """
    if "$" not in template:
        return template
    return _PLACEHOLDER.sub(lambda match: str(values[match.group(1)]), template)


def choose_alternatives(template: str, rng: Random) -> str:
    """`template` with each `{a|b}` replaced by one of its alternatives."""
    if "{" not in template:
        return template
    return _ALTERNATIVES.sub(lambda match: rng.choice(match.group(1).split("|")), template)


def draw_params(params: Mapping[str, Sequence[Any]], rng: Random) -> dict[str, Any]:
    """One value for each parameter; a key of several names draws them together."""
    drawn: dict[str, Any] = {}
    for key, options in params.items():
        value = options[rng.randrange(len(options))]
        if " " in key:
            drawn.update(zip(key.split(), value, strict=True))
        else:
            drawn[key] = value
    return drawn


# --- inputs: short literals, edge cases included ----------------------------------------------------------------------

WORDS = [
    "ant",
    "apple",
    "bee",
    "bird",
    "book",
    "boat",
    "cat",
    "cup",
    "code",
    "dog",
    "door",
    "egg",
    "eel",
    "fish",
    "fog",
    "goat",
    "hat",
    "ice",
    "ink",
    "jam",
    "key",
    "kite",
    "lamp",
    "leaf",
    "level",
    "moon",
    "nest",
    "noon",
    "oak",
    "owl",
    "pea",
    "pen",
    "radar",
    "rain",
    "red",
    "rope",
    "sea",
    "sky",
    "star",
    "sun",
    "tea",
    "toy",
    "tree",
    "up",
    "wind",
    "yes",
    "zoo",
]


def each(*draws: Draw) -> Draw:
    """The arguments of one call, drawn one by one."""
    return lambda rng, params: tuple(draw(rng, params) for draw in draws)


def integer(low: int, high: int) -> Draw:
    """An integer between the bounds, both included."""
    return lambda rng, params: rng.randint(low, high)


def near(name: str, spread: int = 3) -> Draw:
    """An integer close to the parameter `name`, or a small multiple of it."""

    def draw(rng: Random, params: Params) -> int:
        centre = int(params[name])
        return rng.choice((centre, centre + rng.randint(-spread, spread), centre * rng.randint(2, 4)))

    return draw


def ints(low: int = -9, high: int = 20, *, least: int = 0, most: int = 5, distinct: bool = False) -> Draw:
    """A list of small integers; values repeat now and then unless `distinct`."""

    def draw(rng: Random, params: Params) -> list[int]:
        size = rng.randint(least, most)
        if distinct:
            return rng.sample(range(low, high + 1), size)
        values = [rng.randint(low, high) for _ in range(size)]
        if size > 1 and rng.random() < 0.3:
            values[rng.randrange(size)] = values[0]
        return values

    return draw


def ints_near(name: str, *, least: int = 0, most: int = 5) -> Draw:
    """A list of integers of which some lie at, beside or at a multiple of the parameter `name`."""
    close, far = near(name, 2), integer(-9, 20)

    def draw(rng: Random, params: Params) -> list[int]:
        return [(close if rng.random() < 0.6 else far)(rng, params) for _ in range(rng.randint(least, most))]

    return draw


def sorted_ints(low: int = 0, high: int = 20, *, least: int = 0, most: int = 5) -> Draw:
    """A list of integers in increasing order."""
    plain = ints(low, high, least=least, most=most)
    return lambda rng, params: sorted(plain(rng, params))


def word(options: Sequence[str] = WORDS) -> Draw:
    """A short word."""
    return lambda rng, params: rng.choice(options)


def words(*, least: int = 0, most: int = 4, options: Sequence[str] = WORDS) -> Draw:
    """A list of short words."""
    return lambda rng, params: [rng.choice(options) for _ in range(rng.randint(least, most))]


def phrase(*, least: int = 0, most: int = 3, options: Sequence[str] = WORDS) -> Draw:
    """Short words with single spaces between them."""
    return lambda rng, params: " ".join(rng.choice(options) for _ in range(rng.randint(least, most)))


def letters(alphabet: str = "abcde", *, least: int = 0, most: int = 6) -> Draw:
    """A string over a small alphabet, so that letters repeat."""
    return lambda rng, params: "".join(rng.choice(alphabet) for _ in range(rng.randint(least, most)))


def matrix(*, square: bool = False, low: int = 0, high: int = 9, most: int = 3) -> Draw:
    """A list of equally long rows, at least one by one."""

    def draw(rng: Random, params: Params) -> list[list[int]]:
        rows = rng.randint(1, most)
        columns = rows if square else rng.randint(1, most)
        return [[rng.randint(low, high) for _ in range(columns)] for _ in range(rows)]

    return draw


def counts(*, least: int = 0, most: int = 3, low: int = 0, high: int = 12) -> Draw:
    """A dictionary from short words to small integers."""

    def draw(rng: Random, params: Params) -> dict[str, int]:
        keys = rng.sample(WORDS[:24], rng.randint(least, most))
        return {key: rng.randint(low, high) for key in keys}

    return draw


def pairs(first: Draw, second: Draw, *, least: int = 0, most: int = 3) -> Draw:
    """A list of tuples of two."""
    return lambda rng, params: [(first(rng, params), second(rng, params)) for _ in range(rng.randint(least, most))]


def one_of(*options: Any) -> Draw:
    """One of the values given."""
    return lambda rng, params: rng.choice(options)


def listed(draw: Draw, *, least: int = 0, most: int = 3) -> Draw:
    """A list of values of another draw."""
    return lambda rng, params: [draw(rng, params) for _ in range(rng.randint(least, most))]


def either(first: Draw, second: Draw) -> Draw:
    """One of two draws, each half of the time."""
    return lambda rng, params: (first if rng.random() < 0.5 else second)(rng, params)
