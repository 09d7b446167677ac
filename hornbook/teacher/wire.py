"""One request to an OpenAI-compatible endpoint, and what its answer means. The only importer of openai."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from hornbook.teacher import Reply

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAIError

TRANSIENT = {0, 408, 409, 425, 429}
"""Statuses that may pass, beside all from 500 up; 0 stands for no answer: a timeout, a cut connection, half a reply."""

UNUSABLE = {401, 402, 403, 404, 405, 407, 410}
"""Statuses that every further request would meet too: key, account, model name or address are wrong."""

UNUSABLE_CODES = {
    "insufficient_quota",
    "invalid_api_key",
    "model_not_found",
    "unsupported_parameter",
    "unsupported_value",
}
"""The same, as error codes that come with other statuses (no quota is a 429)."""

CONNECT_SECONDS = 30.0
"""How long a connection may take to come about."""


@dataclass(eq=False)
class Failure(Exception):
    """A request that got no reply: HTTP status (0: no answer), the endpoint's words and code, its Retry-After."""

    status: int
    message: str
    code: str = ""
    retry_after_seconds: float | None = None

    @property
    def is_fatal(self) -> bool:
        """Whether every further request would fail the same way."""
        return self.status in UNUSABLE or 300 <= self.status < 400 or self.code in UNUSABLE_CODES

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later."""
        return not self.is_fatal and (self.status in TRANSIENT or self.status >= 500)

    def __str__(self) -> str:
        return f"HTTP {self.status}: {self.message}" if self.status else self.message


def connect(base_url: str, key: str, timeout_seconds: float) -> AsyncOpenAI:
    """A client that tries once; when to try again is the teacher's to decide."""
    import openai

    timeout = openai.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds))
    return openai.AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=timeout)


async def send(client: AsyncOpenAI, body: Mapping[str, Any], timeout_seconds: float) -> Reply:
    """Sends one chat completion request. Raises Failure, whose words never hold the key."""
    import openai

    try:
        async with asyncio.timeout(timeout_seconds):
            response = await client.chat.completions.with_raw_response.create(**body)
        return read_reply(response.http_response.content, str(body["model"]))
    except (TimeoutError, openai.APITimeoutError):
        raise Failure(0, f"no answer within {timeout_seconds:g} s") from None
    except openai.OpenAIError as error:
        failure = _failure(error)
        raise replace(failure, message=failure.message.replace(str(client.api_key), "[key]")) from None
    except UnicodeEncodeError as error:
        raise Failure(400, f"the prompt is not valid Unicode: {error.reason}") from None


def read_reply(content: bytes, model: str) -> Reply:
    """Reads the body of a successful response: the first choice's text, why it ended, and the tokens.

    A refusal, an empty text or no choice at all is a finished reply with `error`. Raises Failure for half a body, and
    for an error that comes with status 200, as some routers send it.
    """
    try:
        body = json.loads(content)
    except ValueError:
        start = _one_line(content[:80].decode("utf-8", "replace"))
        raise Failure(0, f"the reply is not JSON, it starts with `{start}`") from None
    if not isinstance(body, dict):
        raise Failure(0, f"the reply is no JSON object but {type(body).__name__}")
    choices = body.get("choices")
    if body.get("error") and not choices:
        raise _error_in_reply(body["error"])
    usage = body["usage"] if isinstance(body.get("usage"), dict) else {}
    reply = Reply(
        text="",
        teacher=_text(body.get("model")) or model,
        tokens_in=_count(usage.get("prompt_tokens")),
        tokens_out=_count(usage.get("completion_tokens")),
    )
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return replace(reply, finish_reason="error", error="the reply holds no choices")
    message = choices[0]["message"] if isinstance(choices[0].get("message"), dict) else {}
    reason = _text(choices[0].get("finish_reason")) or "stop"
    text, refusal = _text(message.get("content")), _text(message.get("refusal"))
    if refusal:
        return replace(reply, finish_reason=reason, error=f"refused: {_one_line(refusal)}")
    if not text.strip():
        return replace(reply, finish_reason=reason, error=f"the reply is empty (finish reason: {reason})")
    return replace(reply, text=text, finish_reason=reason)


def _error_in_reply(problem: Any) -> Failure:
    """An `error` value as a failure; its code is a status where it is a number."""
    if not isinstance(problem, dict):
        return Failure(0, _one_line(problem))
    code = problem.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else 0
    return Failure(status, _one_line(problem.get("message") or "an error without a message"), str(code or ""))


def _failure(error: OpenAIError) -> Failure:
    """What an exception of the client says, in our terms."""
    import openai

    if isinstance(error, openai.APIStatusError):
        body = error.body if isinstance(error.body, Mapping) else {}
        message = body.get("message") or error.response.text or error.message
        # The words that come with a 401 often repeat part of the key.
        words = "the key was refused" if error.status_code == 401 else _one_line(message)
        return Failure(error.status_code, words, str(body.get("code") or ""), _retry_after(error.response.headers))
    cause = error.__cause__ or error
    return Failure(0, _one_line(f"no answer: {type(cause).__name__}: {cause}"))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a response asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date."""
    milliseconds, value = headers.get("retry-after-ms"), headers.get("retry-after")
    for number, scale in ((milliseconds, 1000), (value, 1)):
        if number and number.strip().replace(".", "", 1).isdigit():
            return float(number) / scale
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time()) if value else None
    except (ValueError, OverflowError):
        return None


def _text(value: Any) -> str:
    """A string of valid Unicode (JSON may hold half a surrogate pair); anything else is no text."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _one_line(value: Any, longest: int = 300) -> str:
    line = " ".join(str(value).split())
    return line if len(line) <= longest else line[: longest - 3] + "..."
