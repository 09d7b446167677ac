"""What a run says while it runs: `events.jsonl` for machines, one live line with ETA for people.

A terminal gets a rich progress bar; a pipe gets a plain line at least every two seconds while work is under way, so
that neither is ever silent.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

HEARTBEAT_SECONDS = 1.5


class Task:
    """One piece of work under way: `done` of `total` units (`total` may be unknown)."""

    def __init__(self, stage: str, description: str, total: float | None, unit: str) -> None:
        self.stage, self.description, self.total, self.unit = stage, description, total, unit
        self.done: float = 0
        self.skipped: float = 0
        self.started_at = time.perf_counter()

    def advance(self, amount: float = 1) -> None:
        """Counts work as done now."""
        self.done += amount

    def skip(self, amount: float) -> None:
        """Counts work that an earlier run had done, and that says nothing about today's speed."""
        self.done += amount
        self.skipped += amount

    def update(self, done: float, description: str | None = None) -> None:
        """Sets the work done so far, and what is being done."""
        self.done = done
        if description is not None:
            self.description = description

    @property
    def elapsed_seconds(self) -> float:
        return time.perf_counter() - self.started_at

    @property
    def eta_seconds(self) -> float | None:
        """Seconds to go at the speed so far; None where nothing can be said yet."""
        fresh = self.done - self.skipped
        if not self.total or fresh <= 0:
            return None
        return max(0.0, (self.total - self.done) * self.elapsed_seconds / fresh)

    def line(self) -> str:
        """One line for people: what, how far, how long still."""
        parts = [f"{self.stage:<14}{self.description}"]
        if self.total:
            parts.append(f"{self.done:,.0f}/{self.total:,.0f} {self.unit}")
        elif self.done:
            parts.append(f"{self.done:,.0f} {self.unit}")
        parts.append(f"{clock(self.elapsed_seconds)} elapsed")
        if self.eta_seconds is not None:
            parts.append(f"{clock(self.eta_seconds)} to go")
        return "  ".join(parts)


class Events:
    """Writes events to a file (where one is given) and shows tasks under way on `stream` (where one is given)."""

    def __init__(self, path: Path | None = None, stream: TextIO | None = None) -> None:
        self.path, self.stream = path, stream
        self._tasks: list[Task] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._bar: Any = None
        self._last_line_at = 0.0

    def write(self, event: str, **values: Any) -> None:
        """Appends one JSON line: `time` (Unix seconds), `event`, and the values."""
        if self.path is None:
            return
        record = json.dumps({"time": round(time.time(), 3), "event": event, **values}, default=str)
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(record + "\n")

    def say(self, line: str) -> None:
        """Prints one line for people."""
        if self.stream is None:
            return
        with self._lock:
            if self._bar is not None:
                self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
            else:
                self.stream.write(line + "\n")
                self.stream.flush()
            self._last_line_at = time.perf_counter()

    @contextmanager
    def task(self, stage: str, description: str, total: float | None = None, unit: str = "rows") -> Iterator[Task]:
        """Shows a piece of work until it ends; nested tasks show the innermost."""
        task = Task(stage, description, total, unit)
        self._tasks.append(task)
        self._start()
        try:
            yield task
        finally:
            self._tasks.remove(task)

    def close(self) -> None:
        """Stops the display and clears its line."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=2)
            self._thread = None
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        if self.stream is None or self._thread is not None:
            return
        if self.stream.isatty():
            self._bar = _rich_bar(self.stream)
            self._bar.start()
        self._stop.clear()
        self._thread = threading.Thread(target=self._show, name="progress", daemon=True)
        self._thread.start()

    def _show(self) -> None:
        """Feeds the bar four times a second, or prints a plain line when the last is getting old."""
        assert self.stream is not None
        shown: dict[Task, Any] = {}
        while not self._stop.wait(0.25):
            tasks = list(self._tasks)
            with self._lock:
                if self._bar is not None:
                    _draw(self._bar, shown, tasks)
                elif tasks and time.perf_counter() - self._last_line_at >= HEARTBEAT_SECONDS:
                    self.stream.write(tasks[-1].line() + "\n")
                    self.stream.flush()
                    self._last_line_at = time.perf_counter()


def _rich_bar(stream: TextIO) -> Any:
    """A progress bar with what is done, elapsed time and time to go."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[eta]}"),
    )
    return Progress(*columns, console=Console(file=stream), transient=True)


def _draw(bar: Any, shown: dict[Task, Any], tasks: list[Task]) -> None:
    """Brings the bar's rows in line with the tasks under way."""
    for task in [task for task in shown if task not in tasks]:
        bar.remove_task(shown.pop(task))
    for task in tasks:
        if task not in shown:
            shown[task] = bar.add_task("", total=task.total, unit=task.unit, eta="")
        eta = "" if task.eta_seconds is None else f"{clock(task.eta_seconds)} to go"
        description = f"{task.stage:<14}{task.description}"
        bar.update(shown[task], completed=int(task.done), total=task.total, description=description, eta=eta)


def console() -> TextIO:
    """Where people read progress: standard error, so that standard output stays clean for results."""
    return sys.stderr


def clock(seconds: float) -> str:
    """A duration as people write it.

    >>> clock(5.2), clock(75), clock(3700)
    ('5 s', '1:15 min', '1:01 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)}:{int(seconds % 60):02d} min"
    return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d} h"
