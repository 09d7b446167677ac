"""Textbook sections: the material of a lesson in the form that suits an audience, with code that was run.

Each audience has a form of its own (phi-1 §2.2 forces diversity by topic and audience): what comes first, whether the
parts are explained before or after the code, and what is added: a call followed by hand, a second way to write it, a
smaller function first, several inputs, edge cases.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from zlib import crc32

from hornbook.teacher.procedural.exercise import Exercise, show
from hornbook.teacher.procedural.lesson import Lesson, best_case, call_text, make_lesson

AUDIENCES = (
    "absolute beginner",
    "self-taught hobbyist",
    "data analyst",
    "interview candidate",
    "reader of a reference",
)
"""The audiences that the forms were made for; another audience gets one of the forms, always the same one."""


def textbook_reply(topic: str, audience: str, seed: object) -> str:
    """A section about a topic as a teacher's reply in Markdown; the same arguments always give the same text."""
    rng = Random(f"textbook {topic} {audience} {seed}")
    return _form(audience)(make_lesson(topic, rng), rng)


def _form(audience: str) -> Callable[[Lesson, Random], str]:
    """The form for an audience, by a word in its name."""
    for word, form in _FORMS.items():
        if word in audience.lower():
            return form
    forms = sorted(set(_FORMS.values()), key=lambda form: form.__name__)
    return forms[crc32(audience.encode()) % len(forms)]


def _code(exercise: Exercise, calls: int = 1, body: str | None = None) -> str:
    """A python block with the function and `calls` calls of it, and an output block with what they print, if
    anything.
    """
    solution = exercise.solution if body is None else "".join(f"    {line}\n" for line in body.split("\n"))
    if not calls:
        return f"```python\n{exercise.prompt}{solution}```"
    chosen = [best_case(exercise), *(case for case in exercise.cases if case != best_case(exercise))][:calls]
    printed, shown = [], []
    for arguments, result in chosen:
        call = call_text(exercise, arguments)
        printed.append(f"print(sorted({call}))" if isinstance(result, set) else f"print({call})")
        shown.append(show(sorted(result)) if isinstance(result, set) else str(result))
    lines = "\n".join(printed)
    return f"```python\n{exercise.prompt}{solution}\n{lines}\n```\n\n```output\n" + "\n".join(shown) + "\n```"


def _join(*paragraphs: str) -> str:
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


def _goal(sentence: str) -> str:
    """The task's sentence as the rest of "The function should ...": with a small letter."""
    return sentence[0].lower() + sentence[1:]


def _beginner(lesson: Lesson, rng: Random) -> str:
    """Parts first, in small steps; then the code; then a call by hand."""
    name = lesson.exercise.entry_point
    opening = rng.choice(
        (
            f"Let us write a function step by step. Its name is `{name}`. Its task: {_goal(lesson.sentence)}",
            f"A function has a name and a task. The name here is `{name}`. The task: {_goal(lesson.sentence)}",
            f"In this section you write `{name}`. What it does: {_goal(lesson.sentence)}",
        )
    )
    after = rng.choice(("Follow it by hand.", "Now do it on paper.", "Check one call yourself."))
    steps = "\n".join(f"{number}. {point}" for number, point in enumerate(lesson.points, 1))
    points = steps if len(lesson.points) > 1 else lesson.points[0]
    last = f"Remember: {lesson.pitfall}" if rng.random() < 0.6 else ""
    return _join(f"# {lesson.title}", opening, points, _code(lesson.exercise), f"{after} {lesson.trace}", last)


def _hobbyist(lesson: Lesson, rng: Random) -> str:
    """Code first, then why it works, then another way to write it."""
    opening = rng.choice(
        (
            f"Here is something to try at once. {lesson.sentence}",
            f"A small tool: {_goal(lesson.sentence)}",
            f"{lesson.sentence} It takes only a few lines.",
        )
    )
    why = rng.choice(("Why does it work?", "How it works:", "Look at the parts.")) + " " + " ".join(lesson.points)
    other = ""
    if lesson.other:
        how = rng.choice(
            ("The same function can be written in another way:", "Another way to write it:", "You could also write:")
        )
        other = how + "\n\n" + _code(lesson.exercise, calls=0, body=lesson.other)
    return _join(f"# {lesson.title}", opening, _code(lesson.exercise), why, other or lesson.pitfall)


def _analyst(lesson: Lesson, rng: Random) -> str:
    """The question in words of data, the rule, the code on several inputs, and what to watch."""
    opening = rng.choice(
        (
            f"You have data and a question about it. {lesson.sentence}",
            f"A common step when data is prepared: {_goal(lesson.sentence)}",
            f"The data comes in as a value of Python, and the rule is short. {lesson.sentence}",
        )
    )
    rule = "\n".join(f"- {point}" for point in lesson.points) if len(lesson.points) > 1 else lesson.points[0]
    watch = rng.choice(("Before you trust a result:", "A note on edge cases:", "Keep in mind:"))
    return _join(
        f"# {lesson.title}",
        opening,
        rule,
        _code(lesson.exercise, calls=rng.randint(2, 3)),
        f"{watch} {lesson.pitfall}",
    )


def _interview(lesson: Lesson, rng: Random) -> str:
    """Question, approach, code, and what one would be asked next."""
    question = rng.choice(("Question", "Task", "Problem"))
    approach = rng.choice(("Approach", "Idea", "Plan"))
    simplest = min(lesson.exercise.cases, key=lambda case: len(show(case)))
    edge = f"The call `{call_text(lesson.exercise, simplest[0])}` gives {show(simplest[1])}. {lesson.pitfall}"
    return _join(
        f"# {lesson.title}",
        f"**{question}.** {lesson.sentence}",
        f"**{approach}.** {' '.join(lesson.points)}",
        _code(lesson.exercise),
        f"**{rng.choice(('Edge case', 'Follow-up', 'Check'))}.** {edge}",
    )


def _reference(lesson: Lesson, rng: Random) -> str:
    """A smaller function first, where the task contains one, then the whole."""
    if lesson.part is None:
        intro = rng.choice(("What it does:", "Purpose:", "In short:"))
        return _join(
            f"# {lesson.title}",
            f"{intro} {_goal(lesson.sentence)}",
            " ".join(lesson.points),
            _code(lesson.exercise, calls=2),
            lesson.pitfall,
        )
    first = rng.choice(("Start with the first step alone.", "First only a part of it.", "One step at a time."))
    then = rng.choice(("Now the whole.", "Then the rest is added.", "With the other steps it becomes this."))
    return _join(
        f"# {lesson.title}",
        f"{first} {lesson.points[0]}",
        _code(lesson.part),
        f"{then} {' '.join(lesson.points[1:])}",
        _code(lesson.exercise),
    )


_FORMS: dict[str, Callable[[Lesson, Random], str]] = {
    "beginner": _beginner,
    "child": _beginner,
    "hobby": _hobbyist,
    "analyst": _analyst,
    "scien": _analyst,
    "interview": _interview,
    "candidate": _interview,
    "reference": _reference,
    "teacher": _reference,
}
