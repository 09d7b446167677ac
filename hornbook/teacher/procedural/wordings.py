"""How a composition is said in words: one line for each pattern, the last of each shape reserved for evaluation
(`seen`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hornbook.teacher.procedural.parts import Domain


def say(template: str, **values: str) -> str:
    """`template` with `$X`, `$o`, `$N` and the like replaced.

    >>> say("squares of $X", X="the numbers")
    'squares of the numbers'
    """
    for name, value in values.items():
        template = template.replace("$" + name, value)
    return template


def capital(sentence: str) -> str:
    """The sentence with a capital first letter."""
    return sentence[0].upper() + sentence[1:]


@dataclass(frozen=True)
class Speech:
    """The words of a composition: `tests` are (noun, are) of its predicates, `changes` (of, verb) of its maps."""

    domain: Domain
    source: str
    tests: tuple[tuple[str, str], ...]
    changes: tuple[tuple[str, str], ...]
    np: str = ""
    then: str = ""
    quantifier: str = ""

    @property
    def everything(self) -> str:
        return f"the {self.domain.nouns} in {self.source}"

    @property
    def each(self) -> str:
        return f"each {self.domain.noun}"

    @property
    def each_one(self) -> str:
        return f"each {self.domain.noun} in {self.source}"

    @property
    def kept(self) -> str:
        """The noun phrase of the first predicate: "the even numbers in nums"."""
        return f"the {say(self.tests[0][0], N=self.domain.nouns)} in {self.source}"

    @property
    def which(self) -> str:
        """The same with a clause: "the numbers in nums that are even"."""
        return f"{self.everything} that {self.are(0)}"

    def are(self, index: int) -> str:
        return self.tests[index][1]

    def verb(self, what: str, index: int = 0) -> str:
        """The imperative of a map: "square each one"."""
        return say(self.changes[index][1], o=what)

    def of(self, what: str, index: int = 0) -> str:
        """The noun phrase of a map: "the squares of the even numbers in nums"."""
        return "the " + say(self.changes[index][0], X=what)

    def result(self, what: str) -> str:
        """The noun phrase of the whole; `what` are the values before the last map, where a dictionary needs both."""
        if "$M" in self.np:
            return say(self.np, P=what, M=self.of(f"these {self.domain.nouns}"))
        return say(self.np, X=self.of(what) if len(self.changes) == 1 else what)


Pattern = Callable[[Speech], str]

PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "PR": (
        lambda s: f"Return {s.result(s.kept)}.",
        lambda s: f"Return {s.result(s.which)}.",
        lambda s: f"Keep {s.kept} and {s.then}.",
        lambda s: f"Take {s.which} and {s.then}.",
        lambda s: f"Given {s.source}, take the {s.domain.nouns} that {s.are(0)} and {s.then}.",
    ),
    "MR": (
        lambda s: f"Return {s.result(s.everything)}.",
        lambda s: f"{capital(s.verb(s.each_one))} and {s.then}.",
        lambda s: f"Take {s.source}, {s.verb(s.each)} and {s.then}.",
        lambda s: f"Given {s.source}, {s.verb(s.each)} and {s.then}.",
    ),
    "PMR": (
        lambda s: f"Return {s.result(s.kept)}.",
        lambda s: f"Return {s.result(s.which)}.",
        lambda s: f"Keep {s.kept}, {s.verb('each one')} and {s.then}.",
        lambda s: f"Take {s.which}, {s.verb('each one')} and {s.then}.",
        lambda s: f"{capital(s.verb('each of ' + s.kept))} and {s.then}.",
        lambda s: f"Given {s.source}, take the {s.domain.nouns} that {s.are(0)}, {s.verb('each one')} and {s.then}.",
    ),
    "PPR": (
        lambda s: f"Return {s.result(s.kept + ' that ' + s.are(1))}.",
        lambda s: f"Return {s.result(s.which + ' and ' + s.are(1))}.",
        lambda s: f"Take {s.kept} that {s.are(1)} and {s.then}.",
        lambda s: f"Keep {s.which} and {s.are(1)}, and {s.then}.",
        lambda s: f"Given {s.source}, take the {s.domain.nouns} that {s.are(0)} and {s.are(1)}, and {s.then}.",
    ),
    "MPR": (
        lambda s: f"{capital(s.verb(s.each_one))}, keep the results that {s.are(0)} and {s.then}.",
        lambda s: f"{capital(s.verb(s.each_one))}. Of the results, keep those that {s.are(0)} and {s.then}.",
        lambda s: f"Take {s.source}, {s.verb(s.each)}, keep the results that {s.are(0)} and {s.then}.",
        lambda s: f"Given {s.source}, {s.verb(s.each)}, keep the results that {s.are(0)} and {s.then}.",
    ),
    "MMR": (
        lambda s: f"{capital(s.verb(s.each_one))}, then {s.verb('each result', 1)} and {s.then}.",
        lambda s: f"{capital(s.verb(s.each_one))}. Then {s.verb('each result', 1)} and {s.then}.",
        lambda s: f"Take {s.source}, {s.verb(s.each)}, then {s.verb('each result', 1)} and {s.then}.",
        lambda s: f"Given {s.source}, {s.verb(s.each)}, then {s.verb('each result', 1)} and {s.then}.",
    ),
    "PPQ": (
        lambda s: f"Return True if {s.quantifier} of {s.kept} {s.are(1)}.",
        lambda s: f"Check whether {s.quantifier} of {s.kept} {s.are(1)}.",
        lambda s: f"Return whether {s.quantifier} of {s.kept} {s.are(1)}.",
        lambda s: f"Given {s.source}, tell whether {s.quantifier} of the {s.domain.nouns} that {s.are(0)} {s.are(1)}.",
    ),
}

NAMES: dict[str, tuple[str, ...]] = {
    "PR": ("$r_$p", "$p_$r", "$r_of_$p"),
    "MR": ("$r_$m", "$m_$r", "$r_of_$m"),
    "PMR": ("$r_$p_$m", "$p_$m_$r", "$r_of_$p_$m"),
    "PPR": ("$r_$p_$q", "$p_$q_$r", "$r_$p_and_$q"),
    "MPR": ("$r_$p_$m", "$m_$p_$r", "$r_$m_$p"),
    "MMR": ("$r_$m_$w", "$m_$w_$r", "$r_$m_then_$w"),
    "PPQ": ("$r_$p_$q", "$r_$p_are_$q", "check_$r_$p_$q"),
}
"""Function names by shape: r the ending, p and q the predicates, m and w the maps."""

PLAIN_NAMES = ("process", "compute", "solve", "evaluate", "transform")
