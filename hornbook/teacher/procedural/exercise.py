"""From a task to an exercise: docstring style, type hints, cases computed by running the solution, and the reply's
text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from hornbook.errors import TeacherError
from hornbook.teacher.procedural.family import ALIASES, Family, choose_alternatives, draw_params, fill
from hornbook.teacher.procedural.task import Task, load

DOCSTRING_STYLES = ("plain", "example", "examples", "sections")
_STYLE_WEIGHTS = (58, 30, 6, 6)
NAME_STYLES = ("plain", "verb", "topic")
_NAME_WEIGHTS = (75, 15, 10)
_VERBS = ("get", "compute", "find", "make")
HINT_RATE = 0.9
LONGEST_EXAMPLE = 48
"""Characters of a docstring example; longer ones are left out, since a small model would spend its lesson on
literals.
"""


def show(value: Any) -> str:
    """A value as a literal; sets in order, so that the text does not depend on the hash seed.

    >>> show({"b", "a"})
    "{'a', 'b'}"
    """
    if isinstance(value, set) and value:
        return "{" + ", ".join(map(repr, sorted(value))) + "}"
    return repr(value)


@dataclass(frozen=True)
class Exercise:
    """A function to complete: `prompt` ends with its docstring's line, `solution` is the body, `cases` hold
    (arguments, result).
    """

    topic: str
    entry_point: str
    prompt: str
    solution: str
    cases: tuple[tuple[tuple[Any, ...], Any], ...]


@dataclass(frozen=True)
class FamilyDraw:
    """A family with its parameters and argument names drawn; `values` holds both, by the placeholders of the
    templates.
    """

    family: Family
    params: dict[str, Any]
    values: dict[str, Any]


def draw_family(family: Family, rng: Random) -> FamilyDraw:
    """A family with its parameters and the names of its arguments drawn."""
    params = draw_params(family.params, rng)
    position = rng.randrange(4)
    names = {argument: _alias(argument, position) for argument, _ in family.arguments}
    return FamilyDraw(family, params, {**params, **names})


def family_task(drawn: FamilyDraw, rng: Random, wording: int | None = None) -> Task:
    """The task of a drawn family; `wording` None draws one of those open to training."""
    family, params, values = drawn.family, drawn.params, dict(drawn.values)
    index = rng.randrange(len(family.wordings) - 1) if wording is None else wording
    sentence = fill(choose_alternatives(family.wordings[index], rng), values)
    values["self"] = name = fill(rng.choice(family.names), values)
    return Task(
        topic=family.id,
        name=name,
        arguments=tuple((values[argument], hint) for argument, hint in family.arguments),
        result=family.result,
        sentence=sentence,
        body=fill(rng.choice(family.solutions), values),
        inputs=lambda case_rng, _: tuple(family.inputs(case_rng, params)),
        prelude=family.prelude,
    )


def _alias(argument: str, position: int) -> str:
    names = ALIASES.get(argument, (argument,))
    return names[position % len(names)]


def styled_name(task: Task, rng: Random, style: str | None = None) -> Task:
    """The task with its name in one of `NAME_STYLES`: as it is, with a verb before it, or with the argument after
    it.
    """
    style = style or rng.choices(NAME_STYLES, _NAME_WEIGHTS)[0]
    name, first = task.name, task.arguments[0][0]
    if style == "verb" and name.split("_")[0] not in (*_VERBS, "is", "has", "all", "any", "check"):
        return renamed(task, f"{rng.choice(_VERBS)}_{name}")
    if style == "topic" and first not in name.split("_"):
        return renamed(task, f"{name}_in_{first}" if task.arguments[0][1] != "int" else f"{name}_for_{first}")
    return task


def renamed(task: Task, name: str) -> Task:
    """The task under another function name; a recursive body calls itself by the new one."""
    return replace(task, name=name, body=re.sub(rf"\b{task.name}\(", f"{name}(", task.body))


def draw_cases(task: Task, count: int, rng: Random) -> tuple[tuple[tuple[Any, ...], Any], ...]:
    """`count` calls with different arguments and their results; the results are not all equal.

    Raises TeacherError where the task's inputs do not allow that.
    """
    function = load(task.program, task.name)
    cases: dict[str, tuple[tuple[Any, ...], Any]] = {}
    results: set[str] = set()
    for index in range(30 * count):
        arguments = task.inputs(rng, index)
        key = repr(arguments)
        if key in cases:
            continue
        result = function(*arguments)
        shown = show(result)
        if len(cases) == count - 1 and len(results | {shown}) < 2:
            continue
        cases[key] = (arguments, result)
        results.add(shown)
        if len(cases) == count:
            return tuple(cases.values())
    raise TeacherError(
        f"topic {task.topic}: no {count} different calls with different results; its inputs are too narrow"
    )


def write(task: Task, rng: Random, *, cases: int, docstring_style: str | None = None) -> Exercise:
    """The exercise of a task. `docstring_style` is one of `DOCSTRING_STYLES`; None draws one."""
    drawn = draw_cases(task, cases, rng)
    style = docstring_style or rng.choices(DOCSTRING_STYLES, _STYLE_WEIGHTS)[0]
    hints = rng.random() < HINT_RATE
    given = ", ".join(f"{name}: {hint}" if hints else name for name, hint in task.arguments)
    head = f"{task.prelude}def {task.name}({given}){' -> ' + task.result if hints else ''}:\n"
    body = "".join(f"    {line}\n" for line in task.body.split("\n"))
    return Exercise(task.topic, task.name, head + _docstring(task, drawn, style), body, drawn)


def _docstring(task: Task, cases: Sequence[tuple[tuple[Any, ...], Any]], style: str) -> str:
    if style == "sections":
        return _sections(task)
    examples = _examples(task, cases, 2 if style == "examples" else 1) if style != "plain" else []
    if not examples:
        return f'    """{task.sentence}"""\n'
    shown = "".join(f"    >>> {call}\n    {result}\n" for call, result in examples)
    return f'    """{task.sentence}\n\n{shown}    """\n'


def _examples(task: Task, cases: Sequence[tuple[tuple[Any, ...], Any]], most: int) -> list[tuple[str, str]]:
    """Up to `most` short calls with their results, those that return something first."""
    found = []
    for arguments, result in sorted(cases, key=lambda case: (not case[1], abs(len(show(case)) - 24))):
        call = f"{task.name}({', '.join(map(show, arguments))})"
        if (
            len(call) + len(show(result)) <= LONGEST_EXAMPLE + len(task.name)
            and "\\" not in call
            and result is not None
        ):
            found.append((call, show(result)))
    return found[:most]


def _sections(task: Task) -> str:
    """The docstring with Args and Returns."""
    args = "".join(f"        {name} ({hint})\n" for name, hint in task.arguments)
    return f'    """{task.sentence}\n\n    Args:\n{args}    Returns:\n        {task.result}\n    """\n'


def reply_text(exercise: Exercise) -> str:
    """The exercise as a teacher's reply: the function in one block, its cases as asserts in another."""
    lines = []
    for arguments, result in exercise.cases:
        call = f"{exercise.entry_point}({', '.join(map(show, arguments))})"
        operator = "is" if result is None or isinstance(result, bool) else "=="
        lines.append(f"assert {call} {operator} {show(result)}")
    tests = "\n".join(lines)
    return f"```python\n{exercise.prompt}{exercise.solution}```\n\n```python\n{tests}\n```\n"
