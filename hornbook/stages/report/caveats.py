"""What the scores do not show, in sentences that depend on what was trained and scored."""

from __future__ import annotations

from collections.abc import Sequence

from hornbook.recipe import Recipe
from hornbook.stages.report.numbers import Run, Score, problem_set
from hornbook.stages.report.words import amount, count, counts, dig, listed, number

Caveat = tuple[str, str]
"""A title and what follows from it."""

SAME_TOKENS_RATE = 0.02
"""Arms whose training tokens differ by less than this share count as trained on equally many."""

TEACHERS_OWN = ("textbooks", "exercises")


def caveats(recipe: Recipe, run: Run, found: Sequence[Score]) -> list[Caveat]:
    """The sentences that stand beside the scores, the weightiest first."""
    sets = {score.problems for score in found}
    said = [
        _confound(recipe),
        _equal_tokens(run),
        (
            "One seed.",
            "Each arm was trained once. Intervals cover the choice of problems, not the luck of a training run.",
        ),
        *[_SETS[name] for name in ("compositions", "seen") if name in sets],
        _unseen(run) if "unseen" in sets else None,
        _humaneval(recipe, run) if "humaneval" in sets else None,
        _missing(recipe, sets),
    ]
    return [caveat for caveat in said if caveat is not None]


_SETS: dict[str, Caveat] = {
    "compositions": (
        "Held-out compositions",
        "combine steps that training shows, in combinations that it does not. This is the set to judge the arms by.",
    ),
    "seen": (
        "Seen",
        "measures new wording of known programs: most of its solutions occur in training once variables are renamed.",
    ),
}


def _confound(recipe: Recipe) -> Caveat | None:
    """Why a gap between an arm with textbooks and one without is not quality alone."""
    with_text = [name for name, arm in recipe.arms.items() if any(source in arm.pretrain for source in TEACHERS_OWN)]
    without = [name for name in recipe.arms if name not in with_text]
    if not with_text or not without:
        return None
    sides = f"{with_text[0]} and {without[0]}"
    if len(recipe.arms) > 2:
        sides = f"arms that read the teacher's text ({listed(with_text)}) and arms that do not ({listed(without)})"
    origin = "generator" if recipe.teacher.kind == "procedural" else "teacher"
    trained = ", and the tokenizer was trained on both" if recipe.pack.tokenizer is None else ""
    return (
        f"Part of the gap between {sides} is format.",
        f"The textbook text comes from the same {origin} as the exercises{trained}. An arm that reads it has seen "
        "the style of the problems before it is finetuned; an arm on real code has not. The gap is therefore no "
        "measure of the quality of the text alone.",
    )


def _equal_tokens(run: Run) -> Caveat | None:
    """Whether the arms were trained on equally many tokens."""
    totals: dict[str, float] = {}
    for arm, _, artifact in run.calls("model"):
        totals[arm] = totals.get(arm, 0.0) + (number(dig(artifact.facts, "tokens")) or 0.0)
    if len(totals) < 2:
        return None
    low, high = min(totals.values()), max(totals.values())
    if high - low <= SAME_TOKENS_RATE * high:
        return ("Equal compute.", f"Each arm was trained on {amount(high, 'tokens')} in all, with the same model.")
    each = [f"{arm} on {amount(total, 'tokens')}" for arm, total in totals.items()]
    return ("Unequal compute.", f"The arms were not trained on equally many tokens: {listed(each)}.")


def _unseen(run: Run) -> Caveat:
    parameters = [number(dig(artifact.facts, "parameters")) for _, _, artifact in run.calls("model")]
    largest = max((value for value in parameters if value is not None), default=None)
    model = "a model this small" if largest is None else f"a model of {amount(largest, 'parameters')}"
    return ("Unseen families", f"never occur in training. They are not expected to be learned by {model}.")


def _humaneval(recipe: Recipe, run: Run) -> Caveat:
    """How far the training data were kept clean of HumanEval."""
    facts = run.decontaminate.facts
    pruned = sum(counts(dig(facts, "pruned")).values())
    hit = counts(dig(facts, "problems_hit")).get("humaneval")
    if "humaneval" not in counts(dig(facts, "against")):
        state = "Here the training data were not checked against HumanEval: do not quote the score."
    elif not recipe.decontaminate.behaviour:
        state = (
            f"Here {count(pruned)} rows were pruned, but exercises that solve a HumanEval task in other words were "
            "kept: do not quote the score."
        )
    else:
        near = "" if hit is None else f", near {count(hit)} HumanEval problems"
        state = f"Here {count(pruned)} rows were pruned{near}; exercises were also run on HumanEval's own tests."
    return ("HumanEval", f"numbers mean something only after families that resemble its tasks are pruned. {state}")


def _missing(recipe: Recipe, sets: set[str]) -> Caveat | None:
    """Problem sets that the recipe names and no model was scored on."""
    missing = [problem_set(name) for name in recipe.evaluate.problem_sets if name not in sets]
    if not missing or not sets:
        return None
    reason = " Its file was not found." if missing == [problem_set("humaneval")] else ""
    return ("Not scored:", f"{listed(missing)}.{reason}")
