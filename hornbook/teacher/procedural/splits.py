"""Which topics are for training and which are kept for evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from random import Random

from hornbook.errors import BadInput, closest
from hornbook.teacher.procedural import families_counting as counting
from hornbook.teacher.procedural import families_grids as grids
from hornbook.teacher.procedural import families_lists as lists
from hornbook.teacher.procedural import families_numbers as numbers
from hornbook.teacher.procedural import families_order as order
from hornbook.teacher.procedural import families_simulation as simulation
from hornbook.teacher.procedural import families_sorting as sorting
from hornbook.teacher.procedural import families_strings as strings
from hornbook.teacher.procedural import families_tables as tables
from hornbook.teacher.procedural import families_text as text
from hornbook.teacher.procedural.chains import chain_task, draw_chain
from hornbook.teacher.procedural.compose import Composition, compositions
from hornbook.teacher.procedural.exercise import draw_family, family_task
from hornbook.teacher.procedural.family import Family
from hornbook.teacher.procedural.parts import Map
from hornbook.teacher.procedural.task import Task
from hornbook.teacher.procedural.wordings import PATTERNS

SPLITS = ("train", "compositions", "unseen")

UNSEEN_FAMILIES = frozenset(
    [
        "rotate_left",
        "longest_run",
        "merge_sorted",
        "two_sum",
        "greatest_divisor",
        "fibonacci",
        "shift_letters",
        "run_lengths",
        "balanced_brackets",
        "transpose",
        "binary_search",
        "missing_number",
    ]
)
"""Families that only the `unseen` problem set shows: no exercise and no textbook of the training split is about
them.
"""

_AREAS = (lists, order, sorting, numbers, counting, strings, text, tables, grids, simulation)

FAMILIES: dict[str, Family] = {family.id: family for area in _AREAS for family in area.FAMILIES}


@dataclass(frozen=True)
class Topic:
    """Something to teach. `family` is False for a composition, whose id is `compose:<domain>:<parts>`."""

    id: str
    title: str
    concepts: tuple[str, ...]
    family: bool


def _composition_topic(composition: Composition) -> Topic:
    steps = [("map " if isinstance(step, Map) else "filter ") + step.id.replace("_", " ") for step in composition.steps]
    title = f"{composition.domain.nouns}: " + ", ".join(steps) + f", then {composition.end.replace('_', ' ')}"
    kinds = tuple("map" if isinstance(step, Map) else "filter" for step in composition.steps)
    return Topic(composition.id, title, (composition.domain.id, *dict.fromkeys(kinds), composition.end), False)


@lru_cache(maxsize=4)
def _topics(split: str) -> tuple[Topic, ...]:
    if split not in SPLITS:
        raise BadInput(f"unknown split `{split}`; did you mean `{closest(split, SPLITS)}`? known: {', '.join(SPLITS)}")
    families = [family for family in FAMILIES.values() if (family.id in UNSEEN_FAMILIES) == (split == "unseen")]
    chains = [chain for chain in compositions().values() if chain.is_held_out == (split == "compositions")]
    found = [Topic(item.id, item.title, item.concepts, True) for item in families if split != "compositions"]
    return (*found, *(_composition_topic(chain) for chain in chains if split != "unseen"))


def topics(split: str = "train") -> list[Topic]:
    """The topics of a split: `train` (families and compositions), `compositions` (held out), `unseen` (families held
    out).
    """
    return list(_topics(split))


@lru_cache(maxsize=4)
def _by_shape(split: str) -> tuple[tuple[str, ...], dict[str, tuple[Topic, ...]]]:
    groups: dict[str, list[Topic]] = {}
    for topic in _topics(split):
        groups.setdefault("family" if topic.family else compositions()[topic.id].shape, []).append(topic)
    return tuple(groups), {shape: tuple(items) for shape, items in groups.items()}


SHARES = {"family": 0.40, "PR": 0.08, "MR": 0.08, "PMR": 0.20, "PPR": 0.07, "MPR": 0.07, "MMR": 0.05, "PPQ": 0.05}
"""How often each kind of topic is drawn: families are few and need repetition, short chains teach the parts of long
ones.
"""


def draw_topics(count: int, seed: int, split: str = "train") -> list[Topic]:
    """`count` topics of a split, drawn with repetition by the shares above; the same seed draws the same topics."""
    rng = Random(f"topics {split} {seed}")
    kinds, groups = _by_shape(split)
    drawn = rng.choices(kinds, [SHARES[kind] for kind in kinds], k=count)
    return [groups[kind][rng.randrange(len(groups[kind]))] for kind in drawn]


def split_of(topic: str) -> str:
    """The split that a topic's id belongs to. Raises BadInput for an unknown id."""
    if topic in FAMILIES:
        return "unseen" if topic in UNSEEN_FAMILIES else "train"
    chain = compositions().get(topic)
    if chain is None:
        raise BadInput(f"unknown topic `{topic[:60]}`; take one of hornbook.teacher.procedural.topics()")
    return "compositions" if chain.is_held_out else "train"


def make_task(topic: str, rng: Random, wording: int | None = None) -> Task:
    """A concrete task of a topic. Raises BadInput where the topic or the number of the wording is unknown."""
    split_of(topic)
    count = wording_count(topic)
    if wording is not None and not 0 <= wording < count:
        raise BadInput(f"topic {topic}: wording {wording} is unknown; it has 0 to {count - 1}")
    if topic in FAMILIES:
        return family_task(draw_family(FAMILIES[topic], rng), rng, wording)
    return chain_task(draw_chain(compositions()[topic], rng), rng, wording)


def wording_count(topic: str) -> int:
    """How many wordings a topic has; the last one is reserved for evaluation."""
    return len(FAMILIES[topic].wordings) if topic in FAMILIES else len(PATTERNS[compositions()[topic].shape])
