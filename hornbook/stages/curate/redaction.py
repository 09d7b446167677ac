"""Secrets and personal data: found by form and context, replaced by placeholders that keep code parsing.

Keys of known services are found by the patterns of `detect-secrets`; passwords by the name they are assigned to; e-mail
addresses, public IP addresses and names of authors by their form. Everything is looked for in strings and comments
alone, since a placeholder there changes no syntax; one compiled pattern per kind passes over files that hold none of
it.
"""

from __future__ import annotations

import functools
import importlib
import io
import ipaddress
import math
import pkgutil
import re
import tokenize
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from hornbook.recipe.curate import REDACTED

PLACEHOLDERS = {"key": "<KEY>", "email": "<EMAIL>", "ip": "<IP_ADDRESS>", "name": "<NAME>"}

HEADER_LINES = 40
"""Where the names of authors stand."""


@dataclass(frozen=True)
class Finding:
    """Something to replace: its kind, and where it stands in characters. What it says is not kept."""

    kind: str
    start: int
    end: int


def find(text: str, language: str = "python", kinds: Collection[str] = REDACTED) -> list[Finding]:
    """All secrets and personal data of a text, in order and without overlaps.

    >>> [one.kind for one in find('MAIL = "jane.doe@corp.io"  # by phone')]
    ['email']
    """
    found = [one for kind in REDACTED if kind in kinds for one in FINDERS[kind](text)]
    if not found:
        return []
    allowed = _strings_and_comments(text) if language == "python" else None
    chosen: list[Finding] = []
    for one in sorted(found, key=lambda one: (one.start, REDACTED.index(one.kind), -one.end)):
        if chosen and one.start < chosen[-1].end:
            continue
        if allowed is None or any(start <= one.start and one.end <= end for start, end in allowed):
            chosen.append(one)
    return chosen


def redact(text: str, findings: Sequence[Finding]) -> str:
    """The text with a placeholder in place of each finding.

    >>> redact("by jane.doe@corp.io", find("by jane.doe@corp.io", "markdown"))
    'by <EMAIL>'
    """
    pieces, last = [], 0
    for one in findings:
        pieces += [text[last : one.start], PLACEHOLDERS[one.kind]]
        last = one.end
    return "".join([*pieces, text[last:]]) if findings else text


def _strings_and_comments(text: str) -> list[tuple[int, int]] | None:
    """Where the strings and comments of Python code stand; None where it cannot be cut into tokens."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    kinds = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    spans = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type in kinds:
                (first, column), (last, end) = token.start, token.end
                spans.append((starts[first - 1] + column, starts[last - 1] + end))
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        return None
    return spans


# --- keys and passwords ---------------------------------------------------------------------------------------------

CANDIDATE = re.compile(
    r"AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9]|AccountKey=|gh[pousr]_|gl[a-z]{2,6}-|GR1348941|xox[a-z]-|hooks\.slack|sk-|pypi-AgE"
    r"|npm_|_authToken|SG\.|[rs]k_live_|sq0csp|eyJ|-us\d|github_pat_|AIza|\d{8,10}:[\w-]{35}|\b(?:AC|SK)[a-z0-9]{32}"
)
"""What every known key begins with or holds: lines without it are not looked at again."""

PLUGINS = (
    "aws", "azure_storage_key", "discord", "github_token", "gitlab_token", "jwt", "mailchimp", "npm", "openai",
    "pypi_token", "sendgrid", "slack", "square_oauth", "stripe", "telegram_token", "twilio",
)  # fmt: skip

OWN = (
    re.compile(r"github_pat_[A-Za-z0-9_]{22,}"),
    re.compile(r"AIza[0-9A-Za-z_-]{35}"),
    re.compile(r"sk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,}"),
    re.compile(r"npm_[A-Za-z0-9]{36}"),
    re.compile(r"xox[a-z]-[A-Za-z0-9-]{20,}"),
)
"""Forms that came after the library's last release."""

PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[^-]{20,20000}-----END [A-Z0-9 ]{0,40}-----")

URL_PASSWORD = re.compile(r"://[^\s:/?#\[\]@'\"<>{}%$]{1,80}:([^\s:/?#\[\]@'\"<>{}%$]{3,100})@")

ASSIGNED = re.compile(
    r"(?i)\b[\w.-]{0,40}(?:passw(?:or)?d|passwd|pwd|secret|api_?key|access_?key|auth_?token|private_?key|access_?token)"
    r"[\w]{0,20}[\"']?\]?\s{0,4}(?::\s{0,4}str\s{0,4})?(?:=|:|=>)\s{0,4}[rbu]?[\"']([^\"'\s]{6,200})[\"']"
)

DULL = re.compile(
    r"(?i)^[<{\[(%$*.x-]|example|changeme|placeholder|dummy|your|test|sample|fake|secret$|password|passwd|^none$|^null$"
    r"|^true$|^false$|_key$|_token$|foobar|invalid|redacted|\.\.\.|^[a-z_]+$|^[A-Z_]+$|^[a-z]+(?:[-./ ][a-z]+)*$"
)
"""What stands where a password might, and is none: placeholders, names, plain words."""


def _keys(text: str) -> Iterator[Finding]:
    if "PRIVATE KEY" in text:
        yield from (Finding("key", *match.span()) for match in PEM.finditer(text))
    if "://" in text:
        for match in URL_PASSWORD.finditer(text):
            if not DULL.search(match[1]):
                yield Finding("key", *match.span(1))
    seen = -1
    for candidate in CANDIDATE.finditer(text):
        start = text.rfind("\n", 0, candidate.start()) + 1
        if start == seen:
            continue
        seen = start
        end = text.find("\n", candidate.start())
        line = text[start : end if end >= 0 else len(text)]
        for pattern in _known_keys() if len(line) <= 2_000 else ():
            for match in pattern.finditer(line):
                group = 1 if pattern.groups == 1 and match[1] and len(match[1]) >= 16 else 0
                yield Finding("key", start + match.start(group), start + match.end(group))
    for match in ASSIGNED.finditer(text):
        if not DULL.search(match[1]) and _bits_per_character(match[1]) >= 2.5 and re.search(r"\d|[^\w]", match[1]):
            yield Finding("key", *match.span(1))


@functools.lru_cache(maxsize=1)
def _known_keys() -> tuple[re.Pattern[str], ...]:
    """The library's patterns for keys of known services, and our own."""
    import detect_secrets.plugins as plugins

    found: list[re.Pattern[str]] = []
    for module in pkgutil.iter_modules(plugins.__path__):
        if module.name in PLUGINS:
            loaded = importlib.import_module(f"detect_secrets.plugins.{module.name}")
            detectors = [
                one for one in vars(loaded).values() if isinstance(one, type) and one.__module__ == loaded.__name__
            ]
            found += [pattern for one in detectors for pattern in getattr(one, "denylist", ())]
    return (*found, *OWN)


def _bits_per_character(text: str) -> float:
    """Shannon's entropy of a text's characters."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


# --- people and machines --------------------------------------------------------------------------------------------

EMAIL = re.compile(r"(?<![\w.+/@-])[A-Za-z0-9][\w.+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w@-])")
NO_PERSON = re.compile(r"(?i)@(?:[\w.-]+\.)?(?:example|test|invalid|localhost|local)(?:\.(?:com|org|net|edu))?$|^git@")

IP4 = re.compile(r"(?<![\w.:-])(?:\d{1,3}\.){3}\d{1,3}(?![\w.-]|/\d)")
IP6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{1,4}:){2,7}(?::?[0-9A-Fa-f]{1,4}){1,6}(?![\w:.])")
VERSION = re.compile(r"(?i)(?:version|release|ver|v|rev|oid|build)[\s\"'=:(>]{0,6}$")

WRITER = re.compile(
    r"(?im)^[\s#*/;!%-]{0,12}(?:@?authors?|:authors?|maintainers?|written by|created by|modified by|contributors?)"
    r"\s{0,4}[:=]?\s{1,8}(?P<name>[^\W\d_][\w.'-]*(?:[ ][^\W\d_][\w.'-]*){1,3})(?=\s*(?:$|[<(,;]|on\b|\d))"
)
DUNDER = re.compile(r"__(?:author|maintainer)__\s{0,4}=\s{0,4}[\"'](?P<name>[^\"'<\n]{2,60}?)\s*(?=[\"'<])")
COPYRIGHT = re.compile(
    r"(?im)copyright\s*(?:\(c\)|©)?\s*[\d, -]{4,40}(?:by\s+)?"
    r"(?P<name>[A-Z][\w.'-]*(?: [A-Z][\w.'-]*){1,2})(?=\s*(?:$|[<(,.;]))"
)
ORGANISATION = re.compile(
    r"(?i)\b(?:inc|ltd|llc|gmbh|corp\w*|company|foundation|authors?|contributors?|developers?|team|project|software|labs?"
    r"|university|institute|google|microsoft|facebook|meta|ibm|intel|nvidia|apple|amazon|red hat|rights|license|the"
    r"|free|systems?|technolog\w*|group|community|committers|python|limited|research|laborator\w*|holders?|s\.a|b\.v)\b"
)


def _emails(text: str) -> Iterator[Finding]:
    if "@" in text:
        for match in EMAIL.finditer(text):
            if not NO_PERSON.search(match[0]):
                yield Finding("email", *match.span())


def _addresses(text: str) -> Iterator[Finding]:
    for match in IP4.finditer(text):
        if not VERSION.search(text, max(0, match.start() - 16), match.start()) and _is_public(match[0]):
            yield Finding("ip", *match.span())
    if "::" in text or text.count(":") > 6:
        for match in IP6.finditer(text):
            if _is_public(match[0]):
                yield Finding("ip", *match.span())


def _is_public(text: str) -> bool:
    """Whether a text is the address of one machine that all can reach."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address) and (text.count(".0") > 1 or int(text.split(".")[0]) < 5):
        return False  # 1.2.0.0, 4.3.2.1: netmasks and versions far more often than machines
    return address.is_global and not address.is_multicast


def _names(text: str) -> Iterator[Finding]:
    end = 0
    for _ in range(HEADER_LINES):
        end = text.find("\n", end) + 1
        if not end:
            end = len(text)
            break
    for pattern, last in ((WRITER, end), (COPYRIGHT, end), (DUNDER, len(text))):
        for match in pattern.finditer(text, 0, last):
            if not ORGANISATION.search(match["name"]):
                yield Finding("name", *match.span("name"))


FINDERS = {"key": _keys, "email": _emails, "ip": _addresses, "name": _names}
