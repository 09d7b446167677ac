"""A sample of the corpus, labelled 0 to 5 by the teacher (phi-1 §2.1: about 100k files, labelled by GPT-4)."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from hornbook.dataset import Dataset, Schema, commit, write_part
from hornbook.errors import InvalidReply, TeacherError
from hornbook.stages.curate.duplicates import texts_of
from hornbook.stages.curate.measure import Index
from hornbook.store import Work
from hornbook.teacher import Prompt, Reply, Teacher
from hornbook.teacher.prompting import render
from hornbook.teacher.replies import parse_label

LABEL: Schema = {"id": "string", "score": "int64", "reason": "string", "teacher": "string", "error": "string"}
"""One labelled document; `score` is null, and `error` says why, where no label could be had."""

PROMPT_CHARACTERS = 6_000
"""How much of a long file the teacher sees: about 2,000 tokens, from its start, in whole lines."""

BATCH = 512
"""Prompts in one batch: what a kill can lose, beside what the teacher's own cache holds."""

CAN_BE_CUT = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.If, ast.For, ast.With)
"""Statements that are still whole when their body ends early."""

SIZES = (50, 200, 800, 3_200)
"""Tokens at which a file's size class changes, for the sample."""


def label(
    index: Index, documents: Dataset, count: int, seed: int, work: Work, teacher: Teacher
) -> list[dict[str, Any]]:
    """Labels a sample of the documents that are still in, writes it as dataset `labels`, and returns its rows.

    Raises TeacherError where not one label could be had.
    """
    ids = [index.ids[position] for position in sample(index, count, seed)]
    texts = texts_of(documents, ids)
    rows: list[dict[str, Any]] = []
    with work.task("labelling", len(ids), "files") as task:
        for start in range(0, len(ids), BATCH):
            batch = ids[start : start + BATCH]
            rows += work.once(f"labels/{start:08d}", partial(label_batch, batch, texts, teacher))
            task.advance(len(batch))
    part = write_part(work.path / "labels" / "part-00000.parquet", rows, LABEL)
    commit(work.path / "labels", LABEL, [part], seed=seed)
    if all(row["score"] is None for row in rows):
        raise TeacherError(
            f"teacher {teacher.identity} gave no label for {len(rows):,} files; first: {rows[0]['error']}"
        )
    return rows


def sample(index: Index, count: int, seed: int) -> list[int]:
    """Positions of a sample, spread over origins and sizes in proportion: every n-th document, sorted by both.

    Within an origin and a size class, a hash of seed and id decides.
    """
    left = index.left

    def rank(position: int) -> tuple[str, int, str, str]:
        size = sum(index.tokens[position] >= bound for bound in SIZES)
        one = index.ids[position]
        return index.origins[position], size, hashlib.sha256(f"{seed}:{one}".encode()).hexdigest(), one

    ordered = sorted(left, key=rank)
    count = min(count, len(ordered))
    return [ordered[(2 * number + 1) * len(ordered) // (2 * count)] for number in range(count)]


def label_batch(ids: Sequence[str], texts: Mapping[str, str], teacher: Teacher) -> list[dict[str, Any]]:
    """Asks for the labels of a batch; a reply that is no label is asked for once more."""
    fields = {one: {"code": excerpt(texts[one])} for one in ids}
    prompts = {one: Prompt("label", fields[one], render("label", **fields[one])) for one in ids}
    rows = {
        one: read_reply(one, reply) for one, reply in zip(ids, teacher.complete(list(prompts.values())), strict=True)
    }
    again = [one for one in ids if rows[one]["error"].startswith("invalid reply")]
    if again:
        second = [Prompt("label", fields[one], prompts[one].text, sample=1) for one in again]
        rows |= {one: read_reply(one, reply) for one, reply in zip(again, teacher.complete(second), strict=True)}
    return [rows[one] for one in ids]


def read_reply(one: str, reply: Reply) -> dict[str, Any]:
    """A reply as a row of LABEL."""
    row: dict[str, Any] = {"id": one, "score": None, "reason": "", "teacher": reply.teacher, "error": ""}
    if reply.error:
        return {**row, "error": f"no reply: {reply.error}"}
    try:
        score, reason = parse_label(reply.text)
    except InvalidReply as error:
        return {**row, "error": f"invalid reply: {error}"}
    return {**row, "score": score, "reason": reason}


def excerpt(code: str, most: int = PROMPT_CHARACTERS) -> str:
    """The start of a long file, whole statements where it parses, and a line that says what is left out.

    >>> excerpt("a = 1\\nb = [\\n  2,\\n  3]\\n", most=16)
    'a = 1\\n# (cut here: 16 more characters)\\n'
    """
    if len(code) <= most:
        return code
    lines = code[:most].count("\n")
    with suppress(SyntaxError, ValueError, RecursionError, MemoryError):  # what does not parse is cut at a line
        lines = _last_whole_line(ast.parse(code), lines) or lines
    end = sum(len(line) + 1 for line in code.split("\n")[:lines]) or most
    return f"{code[:end]}# (cut here: {len(code) - end:,} more characters)\n"


def _last_whole_line(tree: ast.Module, most: int) -> int:
    """The last line, of the first `most`, at which a statement ends and none is cut in two that has no body."""
    body: Sequence[ast.stmt] = tree.body
    last = 0
    while body:
        whole = [one for one in body if (one.end_lineno or one.lineno) <= most]
        last = max([last, *(one.end_lineno or one.lineno for one in whole)])
        cut = body[len(whole)] if len(whole) < len(body) else None
        body = cut.body if isinstance(cut, CAN_BE_CUT) and cut.lineno <= most else []
    return last
