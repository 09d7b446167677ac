"""One part of one source: which rows are near a problem, and which stay."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hornbook.dataset import read_rows, reject
from hornbook.engine import Rows
from hornbook.errors import ConservationError
from hornbook.stages.decontaminate.reference import Match, Reference, read_reference
from hornbook.syntax import functions, parse, tree_family

CURVE = (0.8, 0.85, 0.9, 0.95, 1.0)
"""Match rates at which pruned rows are counted (phi-1 §5: 0.95 to 0.8)."""

COMPARED = "_units/compared"
"""Where the pass over all sources leaves its parts, until they are gathered."""

BEHAVIOUR_SOURCES = ("textbooks", "exercises")

_BLOCK = re.compile(r"^```(?:python|py)\b[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Solved:
    """What the behaviour detector found: programs, functions and topics that solve tasks, each with the tasks.

    `programs` and `functions` are hashes of trees up to renaming, constants included; `topics` are topics of the
    procedural teacher, each of which is one family of exercises.
    """

    programs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    functions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    topics: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Scan:
    """Reads a part of a source, and parts its rows into clean and pruned; every match is listed."""

    problems: str
    ngram: int
    match_rate: float
    solved: Solved

    def __call__(self, unit: Mapping[str, str]) -> Rows:
        source = unit["source"]
        reference = read_reference(self.problems, self.ngram)
        rows = read_rows(Path(unit["path"]))
        clean: list[dict[str, Any]] = []
        pruned: list[dict[str, Any]] = []
        matches: list[dict[str, Any]] = []
        curve = dict.fromkeys(CURVE, 0)
        for row in rows:
            found, best = near_row(source, row, reference, self.match_rate)
            found += behaves_like(source, row, self.solved)
            for rate in CURVE:
                curve[rate] += best >= rate
            if not found:
                clean.append(row)
                continue
            found = sorted(set(found), key=_order)
            pruned.append(reject(row, f"{found[0].detector}_{found[0].benchmark}", _detail(source, found)))
            matches.extend({"row_id": row["id"], "source": source, **asdict(match)} for match in found)
        if len(clean) + len(pruned) != len(rows):
            raise ConservationError(f"{unit['path']}: read {len(rows)} rows, kept {len(clean)}, pruned {len(pruned)}")
        outputs = {f"{COMPARED}/{source}": clean, f"{COMPARED}/pruned": pruned, f"{COMPARED}/matches": matches}
        facts = {"source": source, "read": len(rows), "curve": [[rate, count] for rate, count in curve.items()]}
        return Rows(read=len(rows), outputs=outputs, facts=facts)


def near_row(source: str, row: Mapping[str, Any], reference: Reference, match_rate: float) -> tuple[list[Match], float]:
    """Everything that a row is near to by words and by syntax, and its highest match rate with a benchmark."""
    found = reference.near_text(row["text"])
    best = 0.0
    for code in code_of(source, row["text"]):
        for function in functions(code) or ():
            matches, rate = reference.near_function(function, match_rate)
            found += matches
            best = max(best, rate)
    return found, best


def behaves_like(source: str, row: Mapping[str, Any], solved: Solved) -> list[Match]:
    """The tasks that a synthetic row teaches to solve.

    The score is 1 where a program or function of the row itself solves the task, and 0.5 where another one of its
    topic's family does.
    """
    if source not in BEHAVIOUR_SOURCES or not solved.programs:
        return []
    found: dict[str, float] = dict.fromkeys(solved.topics.get(family_topic(row), ()), 0.5)
    for tree in filter(None, map(parse, code_of(source, row["text"]))):
        found.update(dict.fromkeys(solved.programs.get(program_key(tree) or "", ()), 1.0))
        for function in functions(tree) or ():
            tasks = solved.functions.get(tree_family(function, constants=True) or "", ())
            found.update(dict.fromkeys(tasks, 1.0))
    return [Match("humaneval", task, "behaviour", row["topic"], score) for task, score in sorted(found.items())]


def program_key(tree: ast.Module) -> str | None:
    """The hash of a program up to renaming, constants included; of a lone function, that of the function."""
    lone = tree.body[0] if len(tree.body) == 1 else None
    return tree_family(lone if isinstance(lone, ast.FunctionDef) else tree, constants=True)


def family_topic(row: Mapping[str, Any]) -> str:
    """The topic of a row where all rows of the topic are variants of one exercise; else the empty text.

    That holds for the procedural teacher's families, not for its compositions (`compose:...`), whose constants and
    parts vary, and not for a language model's topics, which are wide.
    """
    topic: str = row["topic"]
    return topic if row["teacher"].startswith("procedural") and not topic.startswith("compose:") else ""


def code_of(source: str, text: str) -> Iterator[str]:
    """The Python in a row: the text itself or, of a textbook section, its blocks."""
    if source == "textbooks":
        yield from (match.group(1) for match in _BLOCK.finditer(text))
    else:
        yield text


_DETECTORS = ("ngram", "syntax", "behaviour")


def _order(match: Match) -> tuple[int, Match]:
    return _DETECTORS.index(match.detector), match


def _detail(source: str, matches: Collection[Match]) -> str:
    """One line for people: where the row stood, and what it is near to."""
    shown = [f"{match.task_id} by {match.detector} of {match.part} ({match.score:.2f})" for match in matches]
    more = f" and {len(shown) - 4} more" if len(shown) > 4 else ""
    return f"{source}: near {', '.join(shown[:4])}{more}"
