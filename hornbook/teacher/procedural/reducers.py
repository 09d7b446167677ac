"""How a composition collects its results.

`np` is the noun phrase ("the sum of $X"), `then` the imperative ("return the sum"). Code is given twice:
`comprehension` over `$v $for` (value, then `for n in nums if test`) and `loop` as the lines before the loop, per
value `$v`, and after the loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hornbook.teacher.procedural.parts import Constants


@dataclass(frozen=True)
class Reducer:
    """A way to collect results. `result` is the type that comes out, with `$T` for the type of one result.

    `accepts` are the types of results it takes; `domains`, where set, the only domains it serves. `with_map` is True
    where a map is needed, False where a map would change nothing, None where both make sense.
    """

    id: str
    np: str
    then: str
    comprehension: str
    loop: tuple[str, str, str]
    word: str
    result: str
    accepts: tuple[str, ...] = ("int", "str")
    domains: tuple[str, ...] = ("ints", "words", "chars")
    with_map: bool | None = None
    params: Constants = field(default_factory=dict)


_COLLECT = ("result = []", "result.append($v)")
_LISTS = ("ints", "words")
_INT, _STR = ("int",), ("str",)
_SEPARATOR: Constants = {"sep names": ((",", "commas"), ("-", "hyphens"), (" ", "spaces"), ("/", "slashes"))}

REDUCERS: tuple[Reducer, ...] = (
    Reducer(
        "sum",
        "the sum of $X",
        "return the sum",
        "return sum($v $for)",
        ("total = 0", "total += $v", "return total"),
        "sum",
        "int",
        _INT,
    ),
    Reducer(
        "product",
        "the product of $X",
        "return the product",
        "",
        ("product = 1", "product *= $v", "return product"),
        "product",
        "int",
        _INT,
        ("ints",),
    ),
    Reducer(
        "max",
        "the largest of $X, or 0 if there are none",
        "return the largest result, or 0 if there is none",
        "return max(($v $for), default=0)",
        (*_COLLECT, "return max(result, default=0)"),
        "max",
        "int",
        _INT,
    ),
    Reducer(
        "min",
        "the smallest of $X, or 0 if there are none",
        "return the smallest result, or 0 if there is none",
        "return min(($v $for), default=0)",
        (*_COLLECT, "return min(result, default=0)"),
        "min",
        "int",
        _INT,
    ),
    Reducer(
        "list",
        "a list of $X",
        "return the results as a list",
        "return [$v $for]",
        (*_COLLECT, "return result"),
        "list",
        "list[$T]",
    ),
    Reducer(
        "ascending",
        "a sorted list of $X",
        "return the results as a sorted list",
        "return sorted($v $for)",
        (*_COLLECT, "return sorted(result)"),
        "sorted",
        "list[$T]",
    ),
    Reducer(
        "descending",
        "a list of $X in decreasing order",
        "return the results in decreasing order",
        "return sorted(($v $for), reverse=True)",
        (*_COLLECT, "return sorted(result, reverse=True)"),
        "descending",
        "list[$T]",
        _INT,
    ),
    Reducer(
        "backwards",
        "a list of $X in reverse order",
        "return the results as a list in reverse order",
        "return [$v $for][::-1]",
        (*_COLLECT, "return result[::-1]"),
        "backwards",
        "list[$T]",
        domains=_LISTS,
    ),
    Reducer(
        "set",
        "the set of $X",
        "return the results as a set",
        "return {$v $for}",
        ("result = set()", "result.add($v)", "return result"),
        "set",
        "set[$T]",
    ),
    Reducer(
        "distinct",
        "the number of distinct values among $X",
        "return the number of distinct results",
        "return len({$v $for})",
        ("result = set()", "result.add($v)", "return len(result)"),
        "distinct",
        "int",
    ),
    Reducer(
        "first",
        "the first of $X, or None if there are none",
        "return the first result, or None if there is none",
        "return next(($v $for), None)",
        ("", "return $v", "return None"),
        "first",
        "$T | None",
    ),
    Reducer(
        "last",
        "the last of $X, or None if there are none",
        "return the last result, or None if there is none",
        "result = [$v $for]\nreturn result[-1] if result else None",
        ("last = None", "last = $v", "return last"),
        "last",
        "$T | None",
    ),
    Reducer(
        "mean",
        "the mean of $X, or 0.0 if there are none",
        "return the mean, or 0.0 if there are no results",
        "result = [$v $for]\nreturn sum(result) / len(result) if result else 0.0",
        (*_COLLECT, "return sum(result) / len(result) if result else 0.0"),
        "mean",
        "float",
        _INT,
    ),
    Reducer(
        "spread",
        "the largest minus the smallest of $X, or 0 if there are none",
        "return the largest result minus the smallest, or 0 if there is none",
        "result = [$v $for]\nreturn max(result) - min(result) if result else 0",
        (*_COLLECT, "return max(result) - min(result) if result else 0"),
        "spread",
        "int",
        _INT,
        ("ints",),
    ),
    Reducer(
        "joined_numbers",
        "a string of $X joined by $names",
        "return the results joined by $names as a string",
        "return '$sep'.join(str($v) $for)",
        ("parts = []", "parts.append(str($v))", "return '$sep'.join(parts)"),
        "joined",
        "str",
        _INT,
        ("ints",),
        params=_SEPARATOR,
    ),
    Reducer(
        "joined_words",
        "a string of $X joined by $names",
        "return the results joined by $names as a string",
        "return '$sep'.join($v $for)",
        ("parts = []", "parts.append($v)", "return '$sep'.join(parts)"),
        "joined",
        "str",
        _STR,
        _LISTS,
        params=_SEPARATOR,
    ),
    Reducer(
        "string",
        "a string of $X",
        "return the results as one string",
        "return ''.join($v $for)",
        ("result = ''", "result += $v", "return result"),
        "string",
        "str",
        _STR,
        ("chars",),
    ),
    Reducer(
        "longest",
        "the longest of $X, or '' if there are none",
        "return the longest result, or '' if there is none",
        "return max(($v $for), key=len, default='')",
        (*_COLLECT, "return max(result, key=len, default='')"),
        "longest",
        "str",
        _STR,
        _LISTS,
    ),
    Reducer(
        "count",
        "the number of $X",
        "return how many there are",
        "return sum(1 $for)",
        ("count = 0", "count += 1", "return count"),
        "count",
        "int",
        with_map=False,
    ),
    Reducer(
        "dictionary",
        "a dictionary from $P to $M",
        "return a dictionary from each $N to its result",
        "return {$x: $v $for}",
        ("result = {}", "result[$x] = $v", "return result"),
        "dict",
        "dict[$E, $T]",
        domains=("ints", "words"),
        with_map=True,
    ),
)
