"""`JailedSandbox`: several zygotes behind one object that many threads may use."""

from __future__ import annotations

import os
import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from types import TracebackType
from typing import Self

from hornbook.errors import SandboxError
from hornbook.sandbox.contract import Check, Limits, Outcome, Verdict
from hornbook.sandbox.host import Zygote, ZygoteLost
from hornbook.sandbox.probe import choose_level
from hornbook.sandbox.verdict import read_verdict

DESIGN = "jailed-zygote-1"
LOOK_AHEAD = 4  # checks per worker that `map` holds beyond the one it yields
STARVED_RATE = 0.75  # a timed-out check that used less of its CPU time may have waited for others


class JailedSandbox:
    """Runs untrusted programs in jailed, forked processes; a context manager, safe from several threads.

    `workers` zygotes (None: one per usable core) start when first needed. `level` is a rung of the ladder: "auto" takes
    L3 or L2 and raises SandboxError where neither stands; "L1" and "L0" must be asked for. `seed` seeds `random` in
    every check, `hash_seed` is the interpreter's: run accepted data under two hash seeds to find results that depend on
    the order of a set. `identity` names the design, the rung, the default limits and the seeds.
    """

    def __init__(self, workers: int | None = None, level: str = "auto", seed: int = 0, hash_seed: int = 0) -> None:
        self.workers = workers if workers is not None else usable_cores()
        if self.workers < 1:
            raise SandboxError(f"workers is {self.workers}; give at least 1")
        self.level = choose_level(level)
        limits = ",".join(f"{name}={value}" for name, value in asdict(Limits()).items())
        self.identity = f"{DESIGN}/{self.level}/{limits}/seed={seed},hash_seed={hash_seed}"
        # Zygotes die with the thread that starts them: these threads live as long as the sandbox.
        self._starter = ThreadPoolExecutor(min(self.workers, 8), thread_name_prefix="sandbox-start")
        self._runners = ThreadPoolExecutor(self.workers, thread_name_prefix="sandbox")
        self._zygotes = [Zygote(self.level, index, seed, hash_seed) for index in range(self.workers)]
        self._free: queue.LifoQueue[Zygote] = queue.LifoQueue()
        for zygote in reversed(self._zygotes):
            self._free.put(zygote)
        self._alone = threading.Lock()
        self._closed = threading.Event()
        self._owner = os.getpid()

    def run(self, check: Check) -> Verdict:
        """Judge one check.

        An error of the harness is retried once on a fresh zygote; a timeout that may come from a busy machine is
        retried once with no other check running. Raises SandboxError when the sandbox is closed or cannot start.
        """
        with self._zygote() as zygote:
            verdict = self._judge(zygote, check)
            if verdict.outcome is Outcome.PROTOCOL_ERROR:
                zygote.stop()
                verdict = self._judge(zygote, check)
        bound = min(check.limits.wall_seconds, check.limits.cpu_seconds)
        if verdict.outcome is Outcome.TIMEOUT and verdict.cpu_seconds < STARVED_RATE * bound:
            with self._all_zygotes() as zygote:
                verdict = self._judge(zygote, check)
        return verdict

    def map(self, checks: Iterable[Check]) -> Iterator[Verdict]:
        """Judge many checks with all workers; verdicts stream in the order of the checks, reading little ahead."""
        waiting: deque[Future[Verdict]] = deque()
        try:
            for check in checks:
                waiting.append(self._submit(check))
                if len(waiting) > LOOK_AHEAD * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """End all zygotes and everything in their jails; a check in flight ends with SandboxError."""
        self._closed.set()
        self._runners.shutdown(wait=False, cancel_futures=True)
        for zygote in self._zygotes:
            zygote.stop()
        self._runners.shutdown(wait=True)
        self._starter.shutdown(wait=True)
        for zygote in self._zygotes:  # one that was starting meanwhile
            zygote.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _submit(self, check: Check) -> Future[Verdict]:
        self._require_open()
        return self._runners.submit(self.run, check)

    def _require_open(self) -> None:
        if self._closed.is_set():
            raise SandboxError("the sandbox is closed; make a new JailedSandbox")
        if os.getpid() != self._owner:  # a fork shares the sockets but has none of the threads
            raise SandboxError(f"the sandbox belongs to process {self._owner}; make a new JailedSandbox after a fork")

    @contextmanager
    def _zygote(self) -> Iterator[Zygote]:
        """A zygote that no other thread uses."""
        self._require_open()
        zygote = self._free.get()
        try:
            yield zygote
        except BaseException:
            zygote.stop()  # it may be in the middle of a check
            raise
        finally:
            self._free.put(zygote)

    @contextmanager
    def _all_zygotes(self) -> Iterator[Zygote]:
        """One zygote while all others rest."""
        with self._alone:
            held: list[Zygote] = []
            try:
                while len(held) < len(self._zygotes):
                    held.append(self._free.get())
                yield held[-1]
            except BaseException:
                for zygote in held:
                    zygote.stop()
                raise
            finally:
                for zygote in reversed(held):
                    self._free.put(zygote)

    def _judge(self, zygote: Zygote, check: Check) -> Verdict:
        """One try; a lost zygote is a PROTOCOL_ERROR."""
        try:
            check.program.encode()
        except UnicodeEncodeError as error:
            return Verdict(Outcome.SYNTAX_ERROR, f"not UTF-8: {error.reason}", level=self.level)
        self._require_open()
        if not zygote.is_running:
            try:
                self._starter.submit(zygote.start).result()
            except (ZygoteLost, RuntimeError) as error:  # RuntimeError: the starter is shut down
                self._require_open()
                raise SandboxError(f"the sandbox cannot start at level {self.level}: {error}") from error
        try:
            return read_verdict(check, zygote.exchange(check), self.level)
        except ZygoteLost as error:
            zygote.stop()
            self._require_open()
            return Verdict(Outcome.PROTOCOL_ERROR, f"the zygote is lost: {error}", level=self.level)


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1
