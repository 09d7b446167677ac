"""Redaction: planted secrets are found, look-alikes stay, code keeps parsing, and nothing takes long."""

from __future__ import annotations

import ast
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.stages.curate.redaction import find, redact

SECRETS = [
    ('KEY = "AKIA' + 'QYLPMN5HNBKLJX2T"', "key"),
    ('token = "ghp_' + 'a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"', "key"),
    ('password = "hunter2!Xy9"', "key"),
    ('db = "postgres://admin:s3cr3tPw9@db.corp.io/x"', "key"),
    (
        'pem = """-----BEGIN RSA PRIVATE KEY-----\n' + "MIIEpAIBAAKCAQEA7b" * 4 + '\n-----END RSA PRIVATE KEY-----"""',
        "key",
    ),
    ('slack = "xoxb-' + '123456789012-123456789012-abcdefABCDEF1234567890ab"', "key"),
    ("# mail jane.doe@corp.io for help", "email"),
    ('HOST = "8.8.8.8"', "ip"),
    ('HOST = "2001:4860:4860::8888"', "ip"),
    ("# Author: Jane Doe", "name"),
    ('__author__ = "Jane Doe"', "name"),
    ("# Copyright (c) 2020 Jane Doe", "name"),
]

HARMLESS = [
    'password = "changeme"',
    'api_key = "YOUR_API_KEY"',
    'secret = os.environ["SECRET"]',
    'MAIL = "user@example.com"',
    'clone = "git@github.com:a/b.git"',
    "y = a@b.c",
    "@app.route\ndef f(): pass",
    'HOST = "127.0.0.1"',
    'HOST = "192.168.1.20"',
    'version = "10.4.3.1"',
    'MASK = "255.255.255.0"',
    "# Author: The Foo Authors",
    "# Copyright (c) 2020 Python Software Foundation",
    'digest = "d41d8cd98f00b204e9800998ecf8427e"',
    "# 12:30:45 is a time",
]


@pytest.mark.parametrize(("code", "kind"), SECRETS)
def test_a_planted_item_is_found_and_the_code_still_parses(code: str, kind: str) -> None:
    text = f"import os\n{code}\nx = 1\n"
    found = find(text)
    assert [one.kind for one in found] == [kind]
    clean = redact(text, found)
    ast.parse(clean)
    assert not find(clean)
    assert clean.startswith("import os\n")
    assert clean.endswith("\nx = 1\n")


@pytest.mark.parametrize("code", HARMLESS)
def test_what_only_looks_like_it_stays(code: str) -> None:
    assert find(f"import os\n{code}\n") == []


def test_only_the_kinds_asked_for_are_found() -> None:
    text = "# Author: Jane Doe, jane.doe@corp.io\n"
    assert {one.kind for one in find(text)} == {"email", "name"}
    assert {one.kind for one in find(text, kinds=["email"])} == {"email"}
    assert find(text, kinds=[]) == []


@given(st.text(alphabet="ab1.@:/-_='\"#\n \\{}AKI", max_size=200))
def test_any_text_is_redacted_once_and_for_all(text: str) -> None:
    found = find(text)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert redact(text, []) == text
    redact(text, found)


@pytest.mark.parametrize(
    "text",
    [
        *("a" * 500_000, "@" * 100_000, "a." * 200_000, "1." * 200_000, "a@" * 100_000, "password=" * 50_000),
        *("://a:" * 80_000, "-----BEGIN RSA PRIVATE KEY-----" * 10_000, "author " * 50_000, ":" * 100_000),
        *("eyJ" * 100_000, "f:" * 100_000),
    ],
    ids=lambda text: text[:12],
)
def test_hostile_text_takes_no_long_time(text: str) -> None:
    started = time.process_time()
    find(text, "javascript")
    assert time.process_time() - started < 5
