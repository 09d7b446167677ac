"""A teacher behind any OpenAI-compatible endpoint: hosted, or your own vLLM, llama.cpp or Ollama.

Each prompt is one user message. Finished replies, and errors that would come again (such as a prompt that the endpoint
refuses as too long), go to the request cache before they are used; failures that may pass are tried again and never
cached. The number of requests in flight is bounded over all processes of a machine that share the cache.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hornbook.errors import TeacherError
from hornbook.recipe import TeacherSettings
from hornbook.teacher import Prompt, Reply
from hornbook.teacher.cache import ReplyCache, request_key
from hornbook.teacher.wire import Failure, connect, send

if TYPE_CHECKING:
    from openai import AsyncOpenAI

Progress = Callable[[int, int], None]
"""Called with prompts answered so far and prompts in all."""

FAILURES_IN_A_ROW = 20
"""Prompts failed in a row from which the endpoint counts as broken: better a stopped run than a data set of errors."""

GRACE_SECONDS = 5.0
"""How long requests in flight may still finish, and be kept, once the run must stop."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for an endpoint; the defaults suit hosted services as well as a busy server of one's own.

    `timeout_seconds` bounds a whole request. Try n is followed by a random pause of up to `backoff_seconds` * 2**n, at
    most `max_backoff_seconds`, or by what the endpoint's Retry-After asks for, up to `max_retry_after_seconds`.
    """

    tries: int = 8
    timeout_seconds: float = 600.0
    backoff_seconds: float = 1.0
    max_backoff_seconds: float = 60.0
    max_retry_after_seconds: float = 600.0


class HttpTeacher:
    """Asks an OpenAI-compatible endpoint; `cache` is the file of the request cache.

    Prompts of one text are told apart, and answered each for itself, by their sample index and by the seed among their
    fields. At a temperature above 0 every `seed` of the teacher draws all answers anew, so that runs may be repeated.
    The key is read from the environment when a request is due, and is in no attribute, message or file: a run whose
    replies are all cached needs none. May be pickled: copies in other processes share cache, bound and ledger.
    Raises TeacherError for a base URL that is none.
    """

    def __init__(
        self, settings: TeacherSettings, cache: Path, patience: Patience | None = None, *, seed: int = 0
    ) -> None:
        self.settings, self.cache, self.patience = settings, cache.absolute(), patience or Patience()
        self.seed = seed if settings.temperature > 0 else 0
        self.endpoint = endpoint(settings.base_url)
        self.identity = (
            f"http:{self.endpoint} {settings.model} temperature={settings.temperature} max_tokens={settings.max_tokens}"
        )
        self.session = uuid.uuid4().hex
        self.failures_in_a_row = 0

    def complete(self, prompts: Sequence[Prompt], progress: Progress | None = None) -> list[Reply]:
        """Answers prompts in order; what was answered before, in this run or an earlier one, comes from the cache.

        A prompt that fails for good, or after all tries, is a reply with `error`. Raises TeacherError at once where no
        request can succeed (no key, status 401, 403 or 404, no quota), and after FAILURES_IN_A_ROW failed prompts.
        """
        bodies = [self._body(prompt) for prompt in prompts]
        keys = [
            request_key(self.endpoint, body, [self.seed, prompt.sample, str(prompt.fields.get("seed", 0))])
            for body, prompt in zip(bodies, prompts, strict=True)
        ]
        with ReplyCache(self.cache) as cache:
            replies = {key: reply for key in dict.fromkeys(keys) if (reply := cache.get(key)) is not None}
            pending = {key: body for key, body in zip(keys, bodies, strict=True) if key not in replies}
            cache.book(self.session, cached=len(prompts) - len(pending))
            if progress:
                progress(len(prompts) - len(pending), len(prompts))
            if pending:
                _run(_Batch(self, cache, pending, replies, progress, len(prompts)).run())
        return [replies[key] for key in keys]

    def usage(self) -> dict[str, int | float]:
        """What this teacher and its copies have done: requests sent, prompts cached and failed, tokens and cost in USD.

        Tokens are those paid for by this session, as the endpoint counted them; the cost takes the recipe's prices.
        """
        with ReplyCache(self.cache) as cache:
            booked = cache.ledger(self.session)
        cost = booked["tokens_in"] * self.settings.usd_per_million_tokens_in
        cost += booked["tokens_out"] * self.settings.usd_per_million_tokens_out
        return {**booked, "cost_usd": cost / 1e6}

    def _body(self, prompt: Prompt) -> dict[str, Any]:
        return {
            "model": self.settings.model,
            "messages": [{"role": "user", "content": prompt.text}],
            "temperature": float(self.settings.temperature),
            "max_tokens": self.settings.max_tokens,
        }


@dataclass
class _Batch:
    """The requests of one `complete`: as many tasks as may be in flight, each of which takes the next request."""

    teacher: HttpTeacher
    cache: ReplyCache
    pending: Mapping[str, dict[str, Any]]
    replies: dict[str, Reply]
    progress: Progress | None
    total: int
    answered: int = 0
    resume_at: float = 0.0
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Answers all pending requests into `replies`. Raises TeacherError; what has finished is cached by then."""
        settings = self.teacher.settings
        slots = _Slots(self.teacher.cache.with_suffix(".slots"), settings.concurrency)
        waiting = iter(self.pending.items())
        async with connect(settings.base_url, api_key(settings), self.teacher.patience.timeout_seconds) as client:
            count = min(settings.concurrency, len(self.pending))
            tasks = [asyncio.create_task(self._work(client, slots, waiting)) for _ in range(count)]
            try:
                _, running = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
                self.stop.set()
                if running:
                    await asyncio.wait(running, timeout=GRACE_SECONDS)
            finally:
                for task in tasks:
                    task.cancel()
                outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
                raise outcome

    async def _work(self, client: AsyncOpenAI, slots: _Slots, waiting: Iterator[tuple[str, dict[str, Any]]]) -> None:
        for key, body in waiting:
            reply = await self._ask(client, slots, key, body)
            if reply is None:
                return
            self.replies[key] = reply
            self.answered += 1
            if self.progress:
                self.progress(self.total - len(self.pending) + self.answered, self.total)

    async def _ask(self, client: AsyncOpenAI, slots: _Slots, key: str, body: Mapping[str, Any]) -> Reply | None:
        """The reply to one request after as many tries as it takes; None where the batch must stop."""
        teacher = self.teacher
        for attempt in range(1, teacher.patience.tries + 1):
            await self._pause(self.resume_at - time.monotonic())
            async with slots.one():
                if self.stop.is_set():
                    return None
                try:
                    reply = await send(client, body, teacher.patience.timeout_seconds)
                except Failure as caught:
                    failure = caught
                else:
                    teacher.failures_in_a_row = 0
                    return self.cache.put(key, reply, teacher.session, requests=attempt)
            if failure.is_fatal:
                self.cache.book(teacher.session, requests=attempt)
                raise TeacherError(self._way_out(failure))
            wait = self._wait_after(failure, attempt)
            if wait is None:
                return self._give_up(key, failure, attempt)
            await self._pause(wait)
        raise AssertionError("the last try ends in a reply")

    def _wait_after(self, failure: Failure, attempt: int) -> float | None:
        """Seconds until the next try; None where there is none: no hope, no tries left, or too long a Retry-After."""
        patience = self.teacher.patience
        asked = failure.retry_after_seconds
        if not failure.is_transient or attempt == patience.tries or (asked or 0) > patience.max_retry_after_seconds:
            return None
        most = min(patience.max_backoff_seconds, patience.backoff_seconds * 2 ** (attempt - 1))
        jitter = most * random.SystemRandom().random()  # spreads the load; no result depends on it
        if asked is None:
            return jitter
        self.resume_at = max(self.resume_at, time.monotonic() + asked)
        return asked + min(jitter, 1.0)

    def _give_up(self, key: str, failure: Failure, tries: int) -> Reply:
        """The reply of a failed prompt, cached where it would fail again. Raises TeacherError after many in a row."""
        teacher = self.teacher
        words = f"{failure} (after {tries} tries)" if tries > 1 else str(failure)
        reply = Reply("", finish_reason="error", teacher=teacher.settings.model, error=words)
        if failure.is_transient:
            self.cache.book(teacher.session, requests=tries, failed=1)
        else:
            reply = self.cache.put(key, reply, teacher.session, requests=tries)
        teacher.failures_in_a_row += 1
        if teacher.failures_in_a_row >= FAILURES_IN_A_ROW:
            raise TeacherError(
                f"{FAILURES_IN_A_ROW} prompts in a row failed at {teacher.endpoint} ({words}); see to the endpoint "
                "and run again: finished replies are kept"
            )
        return reply

    def _way_out(self, failure: Failure) -> str:
        settings = self.teacher.settings
        if failure.status in (401, 403) or failure.code == "invalid_api_key":
            way_out = f"check the key in {settings.key_variable}"
        elif failure.status == 402 or failure.code == "insufficient_quota":
            way_out = "add credit and run again: finished replies are kept"
        elif failure.code in ("unsupported_parameter", "unsupported_value"):
            way_out = f"model {settings.model} does not take what the recipe's teacher section asks for; choose another"
        else:
            way_out = f"check teacher.base_url, and teacher.model ({settings.model})"
        return f"teacher at {self.teacher.endpoint} cannot be used ({failure}); {way_out}"

    async def _pause(self, seconds: float) -> None:
        """Sleeps, but not beyond the moment when the batch must stop."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):  # the usual end: nothing stopped us
                await asyncio.wait_for(self.stop.wait(), seconds)


class _Slots:
    """Permits for requests in flight: file locks, which bound all processes together and fall when one dies."""

    POLL_SECONDS = 0.005

    def __init__(self, folder: Path, count: int) -> None:
        self.paths = [folder / f"{index:04d}" for index in range(count)]
        self.turn = asyncio.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TeacherError(f"cannot make {folder} ({error}); choose another folder for the cache") from error

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Holds one permit."""
        async with self.turn:  # one task of a process at a time looks for a free slot
            while (slot := self._take()) is None:
                await asyncio.sleep(self.POLL_SECONDS)
        try:
            yield
        finally:
            os.close(slot)

    def _take(self) -> int | None:
        for path in self.paths:
            try:
                slot = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise TeacherError(
                    f"cannot hold {len(self.paths)} requests in flight ({error}); lower teacher.concurrency"
                ) from error
            try:
                fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(slot)
            else:
                return slot
        return None


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Runs a coroutine to its end: in this thread, or beside it where an event loop runs here already (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
        return
    with ThreadPoolExecutor(1) as beside:
        beside.submit(asyncio.run, work).result()


def endpoint(base_url: str) -> str:
    """Host, port and path of a URL, without user and password. Raises TeacherError where it is none.

    >>> endpoint("https://me:secret@example.org:8000/v1/")
    'example.org:8000/v1'
    """
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise TeacherError(
            f"teacher.base_url is not a URL ({error}); give one such as http://localhost:8000/v1"
        ) from None
    if parts.scheme not in ("http", "https") or not host:
        raise TeacherError(f"teacher.base_url `{base_url}` is not a URL; give one such as http://localhost:8000/v1")
    return f"{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def api_key(settings: TeacherSettings) -> str:
    """The key from the environment. Raises TeacherError, which names the variable and never its value."""
    key = os.environ.get(settings.key_variable, "").strip()
    if not key:
        raise TeacherError(
            f"no key for {endpoint(settings.base_url)}: set the environment variable {settings.key_variable} "
            "(to any word, for a server that asks for none)"
        )
    if not (key.isascii() and key.isprintable()):
        raise TeacherError(f"the key in {settings.key_variable} has characters that no key has; set it again")
    return key
