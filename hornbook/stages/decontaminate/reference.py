"""What rows are compared with: runs of words and trees of all problems, indexed once per process."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from hornbook.benchmarks import OWN, Problem, ProblemSet
from hornbook.dataset import write_text
from hornbook.similarity import words
from hornbook.stages.decontaminate.trees import MIN_NODES, TreeIndex
from hornbook.syntax import Function, docstring, function_named, parse, serialise, tree_family

MATCH: Mapping[str, str] = {
    "row_id": "string",
    "source": "string",
    "benchmark": "string",
    "task_id": "string",
    "detector": "string",
    "part": "string",
    "score": "float64",
}
"""A row near a problem: by which detector, in which part, and how near, in [0, 1].

The part is `prompt` or `solution` of the problem (ngram), a function of the row (syntax), or its topic (behaviour).
"""

EQUAL_ONLY = ("compositions", "unseen")
PROMPT_ONLY = ("seen",)
RUN_WORDS = 8
"""Words from which a description counts as recognisable; of a shorter one, the whole prompt is looked for."""

Key = tuple[str, str]
"""A problem: name of its set, task id."""


@dataclass(frozen=True, order=True)
class Match:
    """One row near one problem."""

    benchmark: str
    task_id: str
    detector: str
    part: str
    score: float


class Reference:
    """All problems, ready to be compared with rows. `ngram` is the length in words of a run that may not be shared."""

    def __init__(self, sets: Mapping[str, Sequence[Problem]], ngram: int) -> None:
        self.ngram = ngram
        self.grams: dict[tuple[str, ...], list[tuple[Key, str]]] = {}
        self.totals: dict[tuple[Key, str], int] = {}
        self.runs: dict[tuple[str, ...], list[tuple[Key, list[str]]]] = {}
        self.equal: dict[tuple[int, ...], list[tuple[Key, str]]] = {}
        near: list[tuple[tuple[int, ...], Key]] = []
        for name, problems in sets.items():
            for problem in problems:
                key = (name, problem.task_id)
                if name not in OWN:
                    self._add_grams(key, "prompt", words(explanation(problem)))
                    self._add_grams(key, "solution", words(problem.canonical_solution))
                    near.extend(self._add_tree(key, problem, everywhere=False))
                    continue
                self._add_run(key, problem)
                if name in EQUAL_ONLY:
                    self._add_tree(key, problem, everywhere=True)
        self.trees = TreeIndex(near)

    # --- building ---------------------------------------------------------------------------------------------------

    def _add_grams(self, key: Key, part: str, text: Sequence[str]) -> None:
        grams = {gram for gram in runs(text, self.ngram) if _is_telling(gram)}
        self.totals[key, part] = len(grams)
        for gram in grams:
            self.grams.setdefault(gram, []).append((key, part))

    def _add_run(self, key: Key, problem: Problem) -> None:
        described = words(description(problem)) if key[0] in EQUAL_ONLY else []
        text = described if len(described) >= RUN_WORDS else words(problem.prompt)
        start = tuple(text[:RUN_WORDS])
        if len(start) == RUN_WORDS:
            self.runs.setdefault(start, []).append((key, text))

    def _add_tree(self, key: Key, problem: Problem, everywhere: bool) -> Iterator[tuple[tuple[int, ...], Key]]:
        """Enters the solution's function: to be equal to where it is short, or `everywhere`; else returns its tree."""
        function = function_named(problem.program, problem.entry_point)
        tree = None if function is None else serialise(function)
        if function is None or tree is None:
            return iter(())
        if everywhere or len(tree) < MIN_NODES:
            family = tree_family(function, constants=True)
            if family is not None:
                self.equal.setdefault(tree, []).append((key, family))
            return iter(())
        return iter([(tree, key)])

    # --- comparing --------------------------------------------------------------------------------------------------

    def near_text(self, text: str) -> list[Match]:
        """Problems with which a text shares runs of words; the score is the share of the problem's runs in it."""
        found_words = words(text)
        shared: dict[tuple[Key, str], int] = {}
        for gram in self.grams.keys() & set(runs(found_words, self.ngram)):
            for place in self.grams[gram]:
                shared[place] = shared.get(place, 0) + 1
        found = [
            Match(name, task_id, "ngram", part, count / self.totals[(name, task_id), part])
            for ((name, task_id), part), count in shared.items()
        ]
        started = self.runs.keys() & set(runs(found_words, RUN_WORDS))
        verbatim = {key for start in started for key, whole in self.runs[start] if _holds(text, whole)}
        return sorted(found + [Match(name, task_id, "ngram", "prompt", 1.0) for name, task_id in verbatim])

    def near_function(self, function: Function, match_rate: float) -> tuple[list[Match], float]:
        """Problems whose solution a function is near to, and the highest match rate that it reaches with any benchmark.

        Rates below the index's floor come back as 0.
        """
        tree = serialise(function)
        if tree is None:
            return [], 0.0
        rates = self.trees.near(tree)
        found = [Match(key[0], key[1], "syntax", function.name, rate) for key, rate in rates if rate >= match_rate]
        best = max((rate for _, rate in rates), default=0.0)
        if tree in self.equal:
            family = tree_family(function, constants=True)
            equal = [key for key, known in self.equal[tree] if known == family]
            found += [Match(*key, "syntax", function.name, 1.0) for key in equal]
            if any(name not in OWN for name, _ in equal):
                best = 1.0
        return sorted(found), best


def runs(items: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    """All runs of `length` neighbouring items, in order."""
    return zip(*(items[start:] for start in range(length)), strict=False)


def _holds(text: str, sentence: Sequence[str]) -> bool:
    """Whether a text has these words in this order, and its sentence or string ends behind them."""
    words_in_order = r"[\W_]+".join(sentence)
    return (
        re.search(rf"(?<![^\W_]){words_in_order}[^\w\n]*(?:[.!?\"'`]|\n\s*\n|\s*$|\n\s*[^\w\s])", text.lower())
        is not None
    )


def _is_telling(gram: Sequence[str]) -> bool:
    """Whether at least half of the words hold letters: runs of numbers are shared by chance."""
    return 2 * sum(not word.isdigit() for word in gram) >= len(gram)


def explanation(problem: Problem) -> str:
    """The text that says what to do: the docstring of the function or, without asserts, of the prompt."""
    tree = parse(problem.prompt)
    if tree is None:
        return problem.prompt
    function = function_named(tree, problem.entry_point)
    text = docstring(function if function is not None else tree)
    return "\n".join(line for line in text.splitlines() if not line.startswith("assert ")) or problem.prompt


def description(problem: Problem) -> str:
    """The explanation up to its first example or its list of arguments."""
    lines: list[str] = []
    for line in explanation(problem).splitlines():
        if line.startswith((">>>", "Args:")):
            break
        lines.append(line)
    return "\n".join(lines)


def write_problems(path: Path, sets: Mapping[str, ProblemSet]) -> None:
    """Leaves the problems where workers find them."""
    plain = {name: [asdict(problem) for problem in problems] for name, problems in sets.items()}
    write_text(path, json.dumps(plain, sort_keys=True))


@lru_cache(maxsize=2)
def read_reference(path: str, ngram: int) -> Reference:
    """The reference of the problems that `write_problems` left, once per process."""
    sets: dict[str, Iterable[dict[str, str]]] = json.loads(Path(path).read_text(encoding="utf-8"))
    return Reference({name: [Problem(**values) for values in problems] for name, problems in sets.items()}, ngram)
