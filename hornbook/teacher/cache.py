"""The request cache: what a teacher has answered once is never asked, or paid for, again.

One SQLite file in write-ahead mode; several processes on one machine may share it (its locks do not work on network
file systems). A reply is durable before it is used, so a killed run loses only requests still in flight. The file also
keeps the ledger, by session: all copies of one teacher object, in whatever process, book on the same page.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hornbook.errors import TeacherError
from hornbook.teacher import Reply

LAYOUT = 1
"""Version of the tables, kept in the file's `user_version`."""

BUSY_SECONDS = 60.0
"""How long to wait for another process's write, which takes milliseconds."""

LEDGER = ("requests", "cached", "failed", "tokens_in", "tokens_out")
"""What is booked: requests sent (retries too), prompts answered without one, prompts without an answer, tokens paid."""

TABLES = (
    "CREATE TABLE replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL) WITHOUT ROWID",
    f"CREATE TABLE ledger (session TEXT PRIMARY KEY, {', '.join(f'{name} INTEGER DEFAULT 0' for name in LEDGER)})",
)


def request_key(endpoint: str, request: Mapping[str, Any], draw: Sequence[Any]) -> str:
    """The key of a request: sha256 (hexadecimal) of all that shapes its answer.

    `request` holds model, messages, temperature and max_tokens. The endpoint counts, since local servers answer to any
    model name; so does `draw` (plain data), which tells several answers to one request apart.
    """
    whole = {"endpoint": endpoint, "request": request, "draw": draw}
    canonical = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


class ReplyCache:
    """Replies by request key, in the SQLite file at `path`. Raises TeacherError where the file cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            # One thread uses it at a time, though not always the one that opened it.
            self._database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            with self._explained():
                self._prepare()
        except TeacherError:
            self._database.close()
            raise

    def get(self, key: str) -> Reply | None:
        """The reply to a request, or None where it was never answered."""
        with self._explained():
            row = self._database.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
            return Reply(**json.loads(row[0])) if row else None

    def put(self, key: str, reply: Reply, session: str, requests: int) -> Reply:
        """Stores a reply and books what it took; returns the one that stands: another process's, if that was first."""
        with self._explained(), self._transaction():
            self._database.execute(
                "INSERT INTO replies (key, reply) VALUES (?, ?) ON CONFLICT (key) DO NOTHING",
                (key, json.dumps(asdict(reply))),
            )
            self._book(
                session,
                requests=requests,
                failed=1 if reply.error else 0,
                tokens_in=reply.tokens_in,
                tokens_out=reply.tokens_out,
            )
        standing = self.get(key)
        assert standing is not None, "a reply just stored is there"
        return standing

    def book(self, session: str, **amounts: int) -> None:
        """Adds amounts, named as in LEDGER, to a session's page."""
        with self._explained(), self._transaction():
            self._book(session, **amounts)

    def ledger(self, session: str) -> dict[str, int]:
        """The totals of a session, by the names in LEDGER."""
        with self._explained():
            row = self._database.execute(
                f"SELECT {', '.join(LEDGER)} FROM ledger WHERE session = ?", (session,)
            ).fetchone()
        return dict(zip(LEDGER, row or (0,) * len(LEDGER), strict=True))

    def close(self) -> None:
        """Closes the file; all replies are on disk already."""
        self._database.close()

    def __len__(self) -> int:
        with self._explained():
            return int(self._database.execute("SELECT count(*) FROM replies").fetchone()[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _book(self, session: str, **amounts: int) -> None:
        self._database.execute("INSERT INTO ledger (session) VALUES (?) ON CONFLICT DO NOTHING", (session,))
        sums = ", ".join(f"{name} = {name} + ?" for name in LEDGER)
        values = [amounts.pop(name, 0) for name in LEDGER]
        assert not amounts, f"no such column: {list(amounts)}"
        self._database.execute(f"UPDATE ledger SET {sums} WHERE session = ?", [*values, session])

    def _prepare(self) -> None:
        """Makes the tables where the file is new, and checks the layout where it is not."""
        self._write_ahead()
        # A reply costs money, a sync a millisecond: FULL survives a power cut, not only a kill.
        self._database.execute("PRAGMA synchronous = FULL")
        with self._transaction():
            layout = self._database.execute("PRAGMA user_version").fetchone()[0]
            if layout == 0:
                for table in TABLES:
                    self._database.execute(table)
                self._database.execute(f"PRAGMA user_version = {LAYOUT}")
        if layout not in (0, LAYOUT):
            raise TeacherError(
                f"request cache {self.path} has layout {layout}, this version reads {LAYOUT}; move it away or upgrade"
            )

    def _write_ahead(self) -> None:
        """Switches to write-ahead mode; SQLite does not wait for locks there, so two that start at once take turns."""
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._database.execute("PRAGMA journal_mode = WAL").fetchone()
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing; takes the write lock at once, so that the wait for it is SQLite's own."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns what SQLite or the file system raise into one line that names the file and the way out."""
        try:
            yield
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                way_out = "free disk space and run again: no finished reply is lost"
            else:
                way_out = "if it is broken, move it away: its replies are then asked, and paid for, again"
            raise TeacherError(f"request cache {self.path} cannot be used ({error}); {way_out}") from error
        except (OSError, ValueError, TypeError) as error:
            raise TeacherError(f"request cache {self.path} cannot be used ({error}); move it away") from error
