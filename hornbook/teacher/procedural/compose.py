"""Compositions: which chains of parts exist, which are held out, and how one becomes a concrete task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from random import Random

from hornbook.teacher.procedural.family import WORDS, draw_params, fill
from hornbook.teacher.procedural.parts import DOMAINS, MAPS, PREDICATES, Domain, Map, Predicate
from hornbook.teacher.procedural.reducers import REDUCERS, Reducer
from hornbook.teacher.procedural.task import load_expression

Step = Predicate | Map
HELD_OUT_RATE = 0.1
"""Fraction of the compositions that no training exercise and no textbook shows."""

QUANTIFIERS = ("all", "any")


@dataclass(frozen=True)
class Composition:
    """A chain of steps over a domain, ended by a reducer, or by `all`/`any`, whose question is the last step.

    `key` is the chain's code without names: chains of the same code have the same key, and with it the same split.
    """

    domain: Domain
    steps: tuple[Step, ...]
    reducer: Reducer | None
    quantifier: str = ""

    @property
    def end(self) -> str:
        return self.reducer.id if self.reducer else self.quantifier

    @property
    def id(self) -> str:
        return f"compose:{self.domain.id}:" + ".".join((*(step.id for step in self.steps), self.end))

    @property
    def shape(self) -> str:
        """One letter a step, P for a predicate and M for a map, then Q for a quantifier or R for a reducer."""
        return "".join("P" if isinstance(step, Predicate) else "M" for step in self.steps) + (
            "R" if self.reducer else "Q"
        )

    @property
    def key(self) -> str:
        end = "|".join((self.reducer.comprehension, *self.reducer.loop)) if self.reducer else self.quantifier
        return " > ".join((*(step.code for step in self.steps), end))

    @property
    def is_held_out(self) -> bool:
        """Decided by a hash of `key`, the same on every machine and for every seed."""
        return int.from_bytes(sha256(self.key.encode()).digest()[:4], "big") < HELD_OUT_RATE * 2**32


POOLS: dict[str, tuple[int | str, ...]] = {
    "ints": tuple(range(-15, 36)),
    "words": (*WORDS, ""),
    "chars": tuple("abdegilmnoprstuxyzABEKMORT 0123789"),
}
"""The elements that inputs are made of."""


def _outcomes(domain: Domain, expression: str) -> set[str]:
    """The different values that an expression in `$x` or `x` takes over the domain's pool, as text."""
    function = load_expression(fill(expression, {"x": "x"}))
    return {repr(function(element)) for element in POOLS[domain.id]}


def chained(first: Map, second: Step, constants: tuple[dict[str, object], ...]) -> str:
    """The expression in `$x` of `second` applied to what `first` gives."""
    inner = fill(first.code, {**constants[0], "x": "$x"})
    return fill(second.code, {**constants[1], "x": f"({inner})"})


@lru_cache(maxsize=4096)
def _tell_apart(domain_id: str, first: str, second: str) -> bool:
    """Whether, for most constants, three elements pass both predicates, and some only one of them."""
    tests = {part.id: part for part in PREDICATES[domain_id]}
    rng = Random(f"{domain_id} {first} {second}")
    good = 0
    for _ in range(6):
        one, two = (
            load_expression(fill(part.code, {**draw_params(part.params, rng), "x": "x"}))
            for part in (tests[first], tests[second])
        )
        outcomes = Counter((bool(one(element)), bool(two(element))) for element in POOLS[domain_id])
        good += outcomes[True, True] > 2 and outcomes[True, False] > 0 and outcomes[False, True] > 0
    return good >= 4


@lru_cache(maxsize=4096)
def _makes_sense(domain_id: str, first: str, second: str) -> bool:
    """Whether, for most constants, a step after a map changes something (the last digit of a number is never
    negative).
    """
    domain = DOMAINS[domain_id]
    change = next(part for part in MAPS[domain_id] if part.id == first)
    step = next(part for part in _steps_after(change) if part.id == second)
    rng = Random(f"{domain_id} {first} {second}")
    good = 0
    for _ in range(6):
        constants = ({**draw_params(change.params, rng)}, {**draw_params(step.params, rng)})
        expression = chained(change, step, constants)
        if isinstance(step, Map):
            good += len(_outcomes(domain, expression)) > 1
        else:
            mapped = fill(change.code, {**constants[0], "x": "x"})
            kept = _outcomes(domain, f"{mapped} if {fill(expression, {'x': 'x'})} else None")
            good += "None" in kept and len(kept) > 2
    return good >= 4


@lru_cache(maxsize=4096)
def _leaves_choice(domain_id: str, first: str, second: str) -> bool:
    """Whether, for most constants, a map gives several values of what a predicate keeps (one-digit numbers have one
    digit).
    """
    test = next(part for part in PREDICATES[domain_id] if part.id == first)
    change = next(part for part in MAPS[domain_id] if part.id == second)
    rng = Random(f"{domain_id} {first} {second}")
    good = 0
    for _ in range(6):
        kept, mapped = (fill(part.code, {**draw_params(part.params, rng), "x": "x"}) for part in (test, change))
        good += len(_outcomes(DOMAINS[domain_id], f"{mapped} if {kept} else None")) > 2
    return good >= 4


def _steps_after(change: Map) -> tuple[Step, ...]:
    """The predicates and maps that can follow a map: those of numbers, or those of words."""
    kind = "ints" if change.result == "int" else "words"
    return (*PREDICATES[kind], *MAPS[kind])


def _may_follow(domain: Domain, first: Predicate, second: Predicate) -> bool:
    return first.kind != second.kind and _tell_apart(domain.id, first.id, second.id)


def _endings(domain: Domain, element: str, maps: int) -> Iterator[Reducer]:
    for reducer in REDUCERS:
        fits = element in reducer.accepts and domain.id in reducer.domains and reducer.with_map in (None, bool(maps))
        if fits and (reducer.id != "dictionary" or maps == 1):
            yield reducer


def _chains(domain: Domain) -> Iterator[tuple[Step, ...]]:
    """All chains of one or two steps: P, M, PM, PP, MP, MM. Two predicates are of different kinds, in the order of
    the table.
    """
    predicates, maps = PREDICATES[domain.id], MAPS[domain.id]
    for predicate in predicates:
        yield (predicate,)
        yield from ((predicate, change) for change in maps if _leaves_choice(domain.id, predicate.id, change.id))
        if predicate.kind == "form":  # one order only: `a and b` is `b and a`
            yield from ((predicate, other) for other in predicates if _may_follow(domain, predicate, other))
    for change in maps:
        yield (change,)
        if domain.id != "chars":
            followers = (step for step in _steps_after(change) if step.id != change.id)
            yield from ((change, step) for step in followers if _makes_sense(domain.id, change.id, step.id))


@lru_cache(maxsize=1)
def compositions() -> dict[str, Composition]:
    """All compositions by id, in a fixed order."""
    found: dict[str, Composition] = {}
    for domain in DOMAINS.values():
        for steps in _chains(domain):
            maps = [step for step in steps if isinstance(step, Map)]
            element = maps[-1].result if maps else domain.element
            for reducer in _endings(domain, element, len(maps)):
                if reducer.id != "dictionary" or isinstance(steps[-1], Map):
                    composition = Composition(domain, steps, reducer)
                    found[composition.id] = composition
        for quantifier in QUANTIFIERS:
            for first in PREDICATES[domain.id]:
                for second in PREDICATES[domain.id]:
                    if _may_follow(domain, first, second):
                        composition = Composition(domain, (first, second), None, quantifier)
                        found[composition.id] = composition
    return found
