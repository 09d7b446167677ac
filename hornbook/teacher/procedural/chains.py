"""One composition made concrete: constants, wording, code style, function name and inputs drawn by a seed."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Any

from hornbook.teacher.procedural.compose import POOLS, Composition
from hornbook.teacher.procedural.family import draw_params, fill
from hornbook.teacher.procedural.parts import Map, Predicate
from hornbook.teacher.procedural.task import Task, load_expression
from hornbook.teacher.procedural.wordings import NAMES, PATTERNS, PLAIN_NAMES, Speech, say

LOOP_RATE = 0.35
"""Share of the solutions written as a loop; the others are comprehensions, which are shorter."""


def composition_task(composition: Composition, rng: Random, wording: int | None = None) -> Task:
    """A concrete task of `composition`; `wording` None draws one of those open to training."""
    constants = [draw_params(step.params, rng) for step in composition.steps]
    ending = draw_params(composition.reducer.params, rng) if composition.reducer else {}
    domain = composition.domain
    source = rng.choice(domain.sources)
    patterns = PATTERNS[composition.shape]
    pattern = patterns[rng.randrange(len(patterns) - 1) if wording is None else wording]
    code = [fill(step.code, {**values, "x": "$x"}) for step, values in zip(composition.steps, constants, strict=True)]
    inputs = _inputs(composition, tuple(code))
    return Task(
        topic=composition.id,
        name=_name(composition, rng),
        arguments=((source, domain.hint),),
        result=_result_type(composition),
        sentence=pattern(_speech(composition, constants, ending, source)),
        body=_body(composition, code, ending, source, loop=rng.random() < LOOP_RATE),
        inputs=inputs,
    )


def _speech(composition: Composition, constants: list[dict[str, Any]], ending: dict[str, Any], source: str) -> Speech:
    tests, changes = [], []
    for step, values in zip(composition.steps, constants, strict=True):
        keep = {**values, "o": "$o"}
        if isinstance(step, Predicate):
            tests.append((fill(step.noun, keep), fill(step.are, keep)))
        else:
            changes.append((fill(step.of, keep), fill(step.verb, keep)))
    reducer, domain = composition.reducer, composition.domain
    np = fill(reducer.np, ending) if reducer else ""
    then = say(fill(reducer.then, ending), N=domain.noun) if reducer else ""
    return Speech(domain, source, tuple(tests), tuple(changes), np, then, composition.quantifier)


def _name(composition: Composition, rng: Random) -> str:
    """A name from the parts' words, or now and then one that says nothing."""
    if rng.random() < 0.1:
        return rng.choice(PLAIN_NAMES)
    words = {"r": composition.reducer.word if composition.reducer else composition.quantifier}
    for step in composition.steps:
        free = ("p", "q") if isinstance(step, Predicate) else ("m", "w")
        words[free[1] if free[0] in words else free[0]] = step.word
    return say(rng.choice(NAMES[composition.shape]), **words)


def _result_type(composition: Composition) -> str:
    if composition.reducer is None:
        return "bool"
    maps = [step for step in composition.steps if isinstance(step, Map)]
    element = composition.domain.element
    return say(composition.reducer.result, T=maps[-1].result if maps else element, E=element)


def _body(composition: Composition, code: list[str], ending: dict[str, Any], source: str, *, loop: bool) -> str:
    """The solution's lines, without the indentation of the function."""
    x = composition.domain.variable
    if composition.reducer is None:
        first, second = say(code[0], x=x), say(code[1], x=x)
        return (
            _loop_question(composition, first, second, source)
            if loop
            else (f"return {composition.quantifier}({second} for {x} in {source} if {first})")
        )
    reducer = composition.reducer
    staged = composition.shape in ("MPR", "MMR")
    test = " and ".join(say(c, x=x) for s, c in zip(composition.steps, code, strict=True) if isinstance(s, Predicate))
    value = next((say(c, x=x) for s, c in zip(composition.steps, code, strict=True) if isinstance(s, Map)), x)
    if loop and reducer.id == "first" and not test:
        loop = False
    if loop or not reducer.comprehension:
        before, step, after = (fill_end(part, ending) for part in reducer.loop)
        if staged:
            return _staged_loop(composition, code, source, (before, step, after))
        lines = [before] if before else []
        lines.append(f"for {x} in {source}:")
        indent = "    "
        if test:
            lines.append(f"    if {test}:")
            indent = "        "
        lines += [indent + say(step, v=value, x=x), after]
        return "\n".join(lines)
    comprehension = fill_end(reducer.comprehension, ending)
    if not staged:
        walk = f"for {x} in {source}" + (f" if {test}" if test else "")
        return say(comprehension, **{"for": walk}, v=value, x=x)
    return _staged_comprehension(composition, code, source, comprehension)


def fill_end(template: str, ending: dict[str, Any]) -> str:
    """The reducer's own constants (`$sep`) filled in; the rest of the placeholders stay."""
    return say(template, **{name: str(value) for name, value in ending.items()})


def _staged_comprehension(composition: Composition, code: list[str], source: str, comprehension: str) -> str:
    """First a list of the mapped values, then the second step over it."""
    x = composition.domain.variable
    first = f"mapped = [{say(code[0], x=x)} for {x} in {source}]"
    is_test = isinstance(composition.steps[1], Predicate)
    second = say(code[1], x="v")
    walk = "for v in mapped" + (f" if {second}" if is_test else "")
    return first + "\n" + say(comprehension, **{"for": walk}, v="v" if is_test else second)


def _staged_loop(composition: Composition, code: list[str], source: str, parts: tuple[str, str, str]) -> str:
    x, (before, step, after) = composition.domain.variable, parts
    second = say(code[1], x="v")
    lines = [before] if before else []
    lines += [f"for {x} in {source}:", f"    v = {say(code[0], x=x)}"]
    if isinstance(composition.steps[1], Predicate):
        lines += [f"    if {second}:", "        " + say(step, v="v")]
    else:
        lines.append("    " + say(step, v=second))
    return "\n".join([*lines, after])


def _loop_question(composition: Composition, first: str, second: str, source: str) -> str:
    """`all` or `any` as a loop that returns as soon as the answer is known."""
    x, ends_early = composition.domain.variable, composition.quantifier == "any"
    test = f"{first} and {second}" if ends_early else f"{first} and not {second}"
    return f"for {x} in {source}:\n    if {test}:\n        return {ends_early}\nreturn {not ends_early}"


# --- inputs ----------------------------------------------------------------------------------------------------------------


def _inputs(composition: Composition, code: tuple[str, ...]) -> Any:
    domain = composition.domain.id
    pools = [_matching(domain, test) for test in _tests(composition, code)]
    everything = POOLS[domain]

    def draw(rng: Random, index: int) -> tuple[Any, ...]:
        size = 0 if index == 0 else rng.randint(1, 5)
        chosen: list[Any] = []
        for _ in range(size):
            pool = rng.choice(pools) if pools and rng.random() < 0.7 else everything
            chosen.append(rng.choice(pool))
        return ("".join(chosen),) if domain == "chars" else (chosen,)

    return draw


def _tests(composition: Composition, code: tuple[str, ...]) -> list[str]:
    """Expressions in `x` that inputs should meet now and then: each predicate, and of two: both, and one without the other."""
    if composition.shape == "MPR":
        return [say(code[1], x=f"({say(code[0], x='x')})")]
    tests = [say(c, x="x") for s, c in zip(composition.steps, code, strict=True) if isinstance(s, Predicate)]
    if len(tests) < 2:
        return tests
    first, second = tests
    return [f"{first} and {second}", f"{first} and not {second}", f"{second} and not {first}"]


@lru_cache(maxsize=8192)
def _matching(domain: str, test: str) -> tuple[Any, ...]:
    """The elements of the pool that pass the test; all of them where none does."""
    function = load_expression(test)
    return tuple(element for element in POOLS[domain] if function(element)) or POOLS[domain]
