"""Licences of installed distributions, from the three places where package metadata may name one, as SPDX-like ids."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)+")

SPELLINGS: Mapping[str, str] = {
    r"apache\b.*\b2": "Apache-2.0",
    r"apache": "Apache-2.0",
    r"\bmit-0\b|mit no attribution": "MIT-0",
    r"\bmit-cmu\b|\bhpnd\b|historical permission": "HPND",
    r"^(the )?(expat|mit)\b": "MIT",
    r"\b0bsd\b": "0BSD",
    r"3[- ]clause|new bsd|modified bsd|bsd[- ]3": "BSD-3-Clause",
    r"2[- ]clause|simplified bsd|bsd[- ]2": "BSD-2-Clause",
    r"^(the )?bsd\b": "BSD",
    r"python software foundation|^psf\b|^psfl\b": "PSF-2.0",
    r"^isc\b": "ISC",
    r"mozilla public license.*2|^mpl[- ]?v?2": "MPL-2.0",
    r"agpl|affero": "AGPL-3.0",
    r"lesser general public.*(v?3)|^lgpl.*3": "LGPL-3.0",
    r"lesser general public|^lgpl": "LGPL-2.1",
    r"general public license.*v?3|^gpl.*3": "GPL-3.0",
    r"general public license|^gpl": "GPL-2.0",
    r"unlicense": "Unlicense",
    r"zlib": "Zlib",
    r"boost": "BSL-1.0",
    r"cc0|public domain": "CC0-1.0",
}
"""What people write, to what it is called; the first that matches, lower case, counts."""


def licence_id(expression: str | None, licence: str | None, classifiers: Sequence[str]) -> str:
    """The licence that metadata names: `License-Expression`, a short `License`, the classifiers, or else `unknown`.

    Several classifiers are joined by AND, the stricter reading.

    >>> licence_id(None, "Apache License, Version 2.0", [])
    'Apache-2.0'
    >>> licence_id(None, None, ["License :: OSI Approved :: MIT License", "Topic :: Software Development"])
    'MIT'
    """
    if expression and expression.strip():
        return expression.strip()
    short = (licence or "").strip()
    if short and len(short) <= 100 and "\n" not in short:
        if EXPRESSION.fullmatch(short):
            return short
        if named := _named(short):
            return named
    last = [line.split(" :: ")[-1] for line in classifiers if line.startswith("License ::")]
    found = sorted({_named(name) for name in last} - {""})
    return " AND ".join(found) or "unknown"


def _named(text: str) -> str:
    """The id of a licence as people spell it, or an empty string."""
    lower = text.lower()
    return next((name for spelling, name in SPELLINGS.items() if re.search(spelling, lower)), "")
