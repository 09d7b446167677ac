"""The parts of compositions: domains, predicates and maps (reducers: `reducers.py`, explanations: `explain.py`).

In code `$x` is the value at hand; `$k`, `$m`, `$r`, `$c`, `$s` are constants drawn by the seed. In words `$N` is the
noun of the domain, `$X` a noun phrase, `$o` an object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Constants = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Domain:
    """What a composition walks over: `noun` and `nouns` name one element and several, `variable` holds one in code."""

    id: str
    hint: str
    element: str
    noun: str
    nouns: str
    variable: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Predicate:
    """A test on one element: `noun` as in "even $N", `are` as in "are even", `word` for function names.

    `kind` is "size" (an order on the elements) or "form"; only tests of different kinds are combined, so none
    contradicts another.
    """

    id: str
    noun: str
    are: str
    code: str
    word: str
    kind: str
    params: Constants = field(default_factory=dict)


@dataclass(frozen=True)
class Map:
    """A change of one element: `of` as in "squares of $X", `verb` as in "square $o", `result` the type that comes
    out.
    """

    id: str
    of: str
    verb: str
    code: str
    word: str
    result: str
    params: Constants = field(default_factory=dict)


DOMAINS: dict[str, Domain] = {
    "ints": Domain("ints", "list[int]", "int", "number", "numbers", "n", ("nums", "numbers", "values", "data")),
    "words": Domain("words", "list[str]", "str", "word", "words", "w", ("words", "names", "tokens", "strings")),
    "chars": Domain("chars", "str", "str", "character", "characters", "c", ("text", "s", "line", "phrase")),
}

_BOUND: Constants = {"k": range(2, 16)}
_SMALL: Constants = {"k": range(3, 10)}
_DIGIT: Constants = {"k": range(1, 10)}
_LETTER: Constants = {"c": "abdegilmnoprst"}
_SPAN: Constants = {"k m": tuple((low, high) for low in range(1, 6) for high in (8, 10, 12))}
_REST: Constants = {"k r": tuple((base, rest) for base in range(3, 8) for rest in range(1, base))}
_SET: Constants = {"s": ("abc", "xyz", "abcd", "lmno", "rst", "bcd", "nop", "aeo")}

PREDICATES: dict[str, tuple[Predicate, ...]] = {
    "ints": (
        Predicate("even", "even $N", "are even", "$x % 2 == 0", "even", "form"),
        Predicate("odd", "odd $N", "are odd", "$x % 2 == 1", "odd", "form"),
        Predicate("nonzero", "nonzero $N", "are not zero", "$x != 0", "nonzero", "form"),
        Predicate(
            "divisible", "$N divisible by $k", "are divisible by $k", "$x % $k == 0", "divisible", "form", _SMALL
        ),
        Predicate(
            "indivisible", "$N not divisible by $k", "are not divisible by $k", "$x % $k != 0", "uneven", "form", _SMALL
        ),
        Predicate("last_digit_is", "$N ending in $k", "end in $k", "abs($x) % 10 == $k", "ending", "form", _DIGIT),
        Predicate(
            "has_digit",
            "$N containing the digit $k",
            "contain the digit $k",
            "'$k' in str($x)",
            "digit",
            "form",
            _DIGIT,
        ),
        Predicate(
            "rest",
            "$N with remainder $r modulo $k",
            "have remainder $r modulo $k",
            "$x % $k == $r",
            "rest",
            "form",
            _REST,
        ),
        Predicate("unequal", "$N different from $k", "are different from $k", "$x != $k", "other", "form", _BOUND),
        Predicate("positive", "positive $N", "are positive", "$x > 0", "positive", "size"),
        Predicate("negative", "negative $N", "are negative", "$x < 0", "negative", "size"),
        Predicate("above", "$N greater than $k", "are greater than $k", "$x > $k", "above", "size", _BOUND),
        Predicate("below", "$N less than $k", "are less than $k", "$x < $k", "below", "size", _BOUND),
        Predicate("at_least", "$N of at least $k", "are at least $k", "$x >= $k", "from", "size", _BOUND),
        Predicate("at_most", "$N of at most $k", "are at most $k", "$x <= $k", "up_to", "size", _BOUND),
        Predicate("between", "$N from $k to $m", "are from $k to $m", "$k <= $x <= $m", "between", "size", _SPAN),
        Predicate(
            "outside", "$N outside $k to $m", "are outside $k to $m", "($x < $k or $x > $m)", "outside", "size", _SPAN
        ),
        Predicate("two_digit", "two-digit $N", "have two digits", "10 <= abs($x) <= 99", "two_digit", "size"),
        Predicate("one_digit", "one-digit $N", "have one digit", "abs($x) < 10", "one_digit", "size"),
    ),
    "words": (
        Predicate(
            "starts", "$N starting with '$c'", "start with '$c'", "$x.startswith('$c')", "starting", "form", _LETTER
        ),
        Predicate("ends", "$N ending with '$c'", "end with '$c'", "$x.endswith('$c')", "ending", "form", _LETTER),
        Predicate("holds", "$N containing '$c'", "contain '$c'", "'$c' in $x", "containing", "form", _LETTER),
        Predicate("lacks", "$N without '$c'", "lack '$c'", "'$c' not in $x", "without", "form", _LETTER),
        Predicate("mirrored", "palindromic $N", "are palindromes", "$x == $x[::-1]", "mirrored", "form"),
        Predicate(
            "longer", "$N longer than $k", "are longer than $k", "len($x) > $k", "long", "size", {"k": range(2, 5)}
        ),
        Predicate(
            "shorter", "$N shorter than $k", "are shorter than $k", "len($x) < $k", "short", "size", {"k": range(3, 6)}
        ),
        Predicate("exactly", "$N of length $k", "have length $k", "len($x) == $k", "sized", "size", {"k": range(2, 5)}),
        Predicate("nonempty", "nonempty $N", "are not empty", "$x != ''", "nonempty", "size"),
        Predicate("even_length", "$N of even length", "have even length", "len($x) % 2 == 0", "even", "size"),
    ),
    "chars": (
        Predicate("vowel", "vowels 'aeiou'", "are vowels 'aeiou'", "$x in 'aeiou'", "vowel", "form"),
        Predicate("is_digit", "digits", "are digits", "$x.isdigit()", "digit", "form"),
        Predicate("is_letter", "letters", "are letters", "$x.isalpha()", "letter", "form"),
        Predicate("is_upper", "uppercase letters", "are uppercase letters", "$x.isupper()", "upper", "form"),
        Predicate("is_lower", "lowercase letters", "are lowercase letters", "$x.islower()", "lower", "form"),
        Predicate("not_space", "$N other than spaces", "are not spaces", "$x != ' '", "nonspace", "size"),
        Predicate("not_char", "$N other than '$c'", "are not '$c'", "$x != '$c'", "other", "size", _LETTER),
        Predicate("in_set", "$N found in '$s'", "are found in '$s'", "$x in '$s'", "known", "form", _SET),
        Predicate("past", "$N that sort after '$c'", "sort after '$c'", "$x > '$c'", "later", "size", _LETTER),
    ),
}

MAPS: dict[str, tuple[Map, ...]] = {
    "ints": (
        Map("square", "squares of $X", "square $o", "$x * $x", "squares", "int"),
        Map("cube", "cubes of $X", "cube $o", "$x ** 3", "cubes", "int"),
        Map("double", "doubles of $X", "double $o", "$x * 2", "doubles", "int"),
        Map("negate", "negatives of $X", "negate $o", "-$x", "negated", "int"),
        Map("absolute", "absolute values of $X", "take the absolute value of $o", "abs($x)", "absolute", "int"),
        Map("last_digit", "last digits of $X", "take the last digit of $o", "abs($x) % 10", "last_digits", "int"),
        Map("digit_count", "digit counts of $X", "count the digits of $o", "len(str(abs($x)))", "digit_counts", "int"),
        Map(
            "digit_sum",
            "digit sums of $X",
            "add up the digits of $o",
            "sum(int(d) for d in str(abs($x)))",
            "digit_sums",
            "int",
        ),
        Map("times", "results of multiplying $X by $k", "multiply $o by $k", "$x * $k", "multiples", "int", _SMALL),
        Map("plus", "results of adding $k to $X", "add $k to $o", "$x + $k", "raised", "int", _SMALL),
        Map("minus", "results of subtracting $k from $X", "subtract $k from $o", "$x - $k", "lowered", "int", _SMALL),
        Map(
            "from_k",
            "results of subtracting $X from $k",
            "subtract $o from $k",
            "$k - $x",
            "complements",
            "int",
            _BOUND,
        ),
        Map(
            "floor_div",
            "results of floor-dividing $X by $k",
            "floor-divide $o by $k",
            "$x // $k",
            "quotients",
            "int",
            _SMALL,
        ),
        Map("modulo", "remainders of $X modulo $k", "take $o modulo $k", "$x % $k", "remainders", "int", _SMALL),
        Map(
            "distance",
            "distances of $X from $k",
            "take the distance of $o from $k",
            "abs($x - $k)",
            "distances",
            "int",
            _BOUND,
        ),
        Map(
            "cap",
            "results of limiting $X to at most $k",
            "limit $o to at most $k",
            "min($x, $k)",
            "capped",
            "int",
            _BOUND,
        ),
        Map(
            "lift",
            "results of lifting $X to at least $k",
            "lift $o to at least $k",
            "max($x, $k)",
            "lifted",
            "int",
            _BOUND,
        ),
        Map("text", "string forms of $X", "convert $o to a string", "str($x)", "strings", "str"),
    ),
    "words": (
        Map("upper", "uppercase forms of $X", "convert $o to uppercase", "$x.upper()", "upper", "str"),
        Map("capital", "capitalized forms of $X", "capitalize $o", "$x.capitalize()", "capitalized", "str"),
        Map("backward", "reversals of $X", "reverse $o", "$x[::-1]", "reversed", "str"),
        Map("twice", "repetitions of $X, each written twice", "write $o twice", "$x * 2", "twice", "str"),
        Map(
            "head",
            "first $k letters of each of $X",
            "take the first $k letters of $o",
            "$x[:$k]",
            "heads",
            "str",
            {"k": range(2, 5)},
        ),
        Map(
            "tail",
            "last $k letters of each of $X",
            "take the last $k letters of $o",
            "$x[-$k:]",
            "tails",
            "str",
            {"k": range(2, 5)},
        ),
        Map(
            "suffix",
            "results of adding '$c' after $X",
            "add '$c' after $o",
            "$x + '$c'",
            "marked",
            "str",
            {"c": "!?.,;:"},
        ),
        Map(
            "prefix",
            "results of putting '$c' before $X",
            "put '$c' before $o",
            "'$c' + $x",
            "tagged",
            "str",
            {"c": "#@&-+*"},
        ),
        Map(
            "strip_letter",
            "results of removing '$c' from $X",
            "remove '$c' from $o",
            "$x.replace('$c', '')",
            "cut",
            "str",
            _LETTER,
        ),
        Map(
            "pad",
            "results of padding $X with dots to length $k",
            "pad $o with dots to length $k",
            "$x.ljust($k, '.')",
            "padded",
            "str",
            {"k": range(4, 7)},
        ),
        Map("length", "lengths of $X", "take the length of $o", "len($x)", "lengths", "int"),
        Map(
            "letter_count",
            "counts of '$c' in each of $X",
            "count '$c' in $o",
            "$x.count('$c')",
            "counts",
            "int",
            _LETTER,
        ),
    ),
    "chars": (
        Map("upper", "uppercase forms of $X", "convert $o to uppercase", "$x.upper()", "upper", "str"),
        Map("lower", "lowercase forms of $X", "convert $o to lowercase", "$x.lower()", "lower", "str"),
        Map("swap", "forms of $X with swapped case", "swap the case of $o", "$x.swapcase()", "swapped", "str"),
        Map("twice", "repetitions of $X, each written twice", "write $o twice", "$x * 2", "twice", "str"),
        Map(
            "suffix",
            "results of adding '$c' after $X",
            "add '$c' after $o",
            "$x + '$c'",
            "marked",
            "str",
            {"c": "!?.,;:-"},
        ),
        Map(
            "prefix",
            "results of putting '$c' before $X",
            "put '$c' before $o",
            "'$c' + $x",
            "tagged",
            "str",
            {"c": "#@&-+*"},
        ),
        Map("code", "character codes of $X", "take the character code of $o", "ord($x)", "codes", "int"),
    ),
}
