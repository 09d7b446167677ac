"""The conversation of judge and candidate: JSON messages over a pair of pipes, nothing but tagged plain data in them.

An object that is not plain data stays where it is and travels as a number; the other side holds a `Proxy` for it. The
judge may call, read and iterate the candidate's objects; the candidate may only call a callable that a test has passed
to it. Runs inside the jail; only the standard library is imported.
"""

from __future__ import annotations

import builtins
import json
import os
from collections.abc import Callable
from typing import Any

from hornbook.sandbox import plain

MAX_MESSAGE_BYTES = 4 << 20
MAX_DETAIL = 500
LEAST_RECURSION = 500  # levels that every reader of JSON takes
MUTABLE = (list, dict, set, bytearray)
EXITS = ("SystemExit", "KeyboardInterrupt", "GeneratorExit")
TYPES = {name: kind for name, kind in vars(builtins).items() if type(kind) is type}
TYPE_NAMES = {kind: name for name, kind in TYPES.items()}  # a test may pass `int` itself; it is the same on both sides
REBUILDABLE = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, UnicodeError)
}


def encode_message(message: Any) -> bytes:
    """A message as JSON."""
    return "".join(_ENCODE(message, 0)).encode()


# What `json.dumps` makes anew each time; no search for circles, since `plain.encode` has built what is encoded.
_ENCODE = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
    None, json.JSONEncoder().default, json.encoder.encode_basestring_ascii, None, ": ", ", ", False, False, True
)


class Closed(BaseException):
    """The other side has ended; not an Exception, so neither program nor tests can mistake it for their own."""


class Malformed(BaseException):
    """The other side sent what the conversation does not allow."""


class CandidateExit(BaseException):
    """The candidate asked for the end of the process inside a call."""


class Channel:
    """Length-prefixed JSON messages over two pipes."""

    def __init__(self, read_from: int, write_to: int) -> None:
        self._read_from, self._write_to, self._buffer = read_from, write_to, b""

    def send(self, message: dict[str, Any]) -> None:
        """Write one message; raises Closed."""
        payload = encode_message(message)
        payload = len(payload).to_bytes(4, "little") + payload
        try:
            while payload:
                payload = payload[os.write(self._write_to, payload) :]
        except BrokenPipeError:
            raise Closed from None

    def receive(self) -> dict[str, Any]:
        """Read one message; raises Closed or Malformed."""
        size = int.from_bytes(self._take(4), "little")
        if size > MAX_MESSAGE_BYTES:
            raise Malformed(f"a message of {size} bytes")
        payload = self._take(size)
        try:
            message = json.loads(payload)
        except ValueError as error:
            raise Malformed(f"not JSON: {error}") from None
        except RecursionError:
            if payload.count(b"[") + payload.count(b"{") < LEAST_RECURSION:  # it is this side that is deep in calls
                raise
            raise Malformed("nested too deep") from None
        if type(message) is not dict:
            raise Malformed("not an object")
        return message

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            chunk = os.read(self._read_from, 65536)
            if not chunk:
                raise Closed
            self._buffer += chunk
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken


class Proxy:
    """A handle on an object of the other side: it holds no data and is equal only to itself."""

    __slots__ = ("_handle", "_link")

    def __init__(self, link: Link, handle: int | str) -> None:
        object.__setattr__(self, "_link", link)
        object.__setattr__(self, "_handle", handle)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return _ask(self, "call", arguments, named)

    def __getattr__(self, name: str) -> Any:
        return _ask(self, "get", (name,))

    def __setattr__(self, name: str, value: Any) -> None:
        _ask(self, "set", (name, value))

    def __getitem__(self, key: Any) -> Any:
        return _ask(self, "item", (key,))

    def __len__(self) -> int:
        return _ask(self, "len")

    def __iter__(self) -> Any:
        return _ask(self, "iter")

    def __next__(self) -> Any:
        return _ask(self, "next")

    def __str__(self) -> str:
        return _ask(self, "str")


def _ask(proxy: Proxy, operation: str, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None) -> Any:
    link: Link = object.__getattribute__(proxy, "_link")
    return link.request(operation, object.__getattribute__(proxy, "_handle"), arguments, named or {})


OPERATIONS: dict[str, Callable[..., Any]] = {
    "call": lambda target, *arguments, **named: target(*arguments, **named),
    "get": getattr,
    "set": setattr,
    "item": lambda target, key: target[key],
    "len": len,
    "iter": iter,
    "next": next,
    "str": str,
}


class Link:
    """One end of the conversation.

    `namespace` is what the other side may name (the candidate's globals), or None for the judge, who serves only calls
    of callables that it has passed. `last_error` is the latest exception that came from the other side.
    """

    def __init__(self, channel: Channel, namespace: dict[str, Any] | None) -> None:
        self.channel, self._namespace, self._given = channel, namespace, []  # type: ignore[var-annotated]
        self.last_error: BaseException | None = None
        self.end: BaseException | None = None  # what ended the conversation, however the tests went on from there
        self.before_reply: Callable[[], None] = lambda: None

    def request(self, operation: str, handle: int | str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Ask the other side for an operation; in-place changes of top-level arguments come back with the reply."""
        if self.end is not None:
            raise self.end
        try:
            return self._request(operation, handle, arguments, named)
        except (Closed, Malformed, CandidateExit) as error:
            self.end = error
            raise
        except RecursionError as error:
            if error is not self.last_error:  # on this side, in the middle of a message: no later one can be trusted
                self.end = error
            raise

    def _request(self, operation: str, handle: int | str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        self.channel.send(
            {
                "op": operation,
                "on": handle,
                "args": [self._encode(value) for value in arguments],
                "named": {name: self._encode(value) for name, value in named.items()},
            }
        )
        while "op" in (message := self.channel.receive()):
            self.answer(message)
        if "error" in message:
            self.last_error = _rebuild(message["error"], operation)
            raise self.last_error
        changes = message.get("changed")
        if type(changes) is list:
            for argument, change in zip(arguments, changes, strict=False):
                if change is not None:
                    _replace_content(argument, self._decode(change))
        return self._decode(message.get("value"))

    def answer(self, message: dict[str, Any]) -> None:
        """Carry out one request of the other side and send what came of it."""
        try:
            arguments = [self._decode(form) for form in message["args"]]
            named = {str(name): self._decode(form) for name, form in message["named"].items()}
            operation, handle = message["op"], message["on"]
            if self._namespace is None and operation != "call":
                raise Malformed("the judge serves calls only")
            target = self._target(handle)
            run = OPERATIONS[operation]
        except (KeyError, TypeError, AttributeError) as error:
            raise Malformed(f"not a request: {error!r}") from None
        try:
            reply: dict[str, Any] = {"value": self._encode(run(target, *arguments, **named))}
            if operation == "call" and self._namespace is not None:
                reply["changed"] = [
                    self._changed(value, form) for value, form in zip(arguments, message["args"], strict=True)
                ]
        except (Malformed, Closed):
            raise
        except BaseException as error:
            if self._namespace is None and not isinstance(error, Exception):
                raise
            reply = {"error": describe(error)}
        self.before_reply()
        self.channel.send(reply)

    def _target(self, handle: Any) -> Any:
        if type(handle) is str and self._namespace is not None:
            return self._namespace[handle]
        if type(handle) is int and 0 <= handle < len(self._given):
            return self._given[handle]
        raise Malformed(f"unknown handle {str(handle)[:40]}")

    def _changed(self, value: Any, form: Any) -> Any:
        if type(value) not in MUTABLE:
            return None
        now = self._encode(value)
        return None if now == form else now

    def _encode(self, value: Any) -> Any:
        return plain.encode(value, self._encode_other)

    def _encode_other(self, value: Any) -> Any:
        kind = type(value)
        if kind is Proxy:
            return {"r": object.__getattribute__(value, "_handle")}
        if kind is bytearray:
            return {"B": value.hex()}
        if kind is range:
            return {"R": [value.start, value.stop, value.step]}
        if kind is type and value in TYPE_NAMES:
            return {"T": TYPE_NAMES[value]}
        self._given.append(value)
        return {"o": len(self._given) - 1}

    def _decode(self, form: Any) -> Any:
        try:
            return plain.decode(form, self._decode_other)
        except ValueError as error:
            raise Malformed(str(error)) from None

    def _decode_other(self, form: dict[str, Any]) -> Any:
        ((tag, body),) = form.items()
        if tag == "B":
            return bytearray.fromhex(body)
        if tag == "R":
            start, stop, stride = body
            return range(int(start), int(stop), int(stride))
        if tag == "T":
            return TYPES[body]
        if tag == "o":
            return Proxy(self, int(body))
        if tag == "r":
            return self._target(body)
        raise ValueError(f"unknown tag {str(tag)[:20]!r}")


def _replace_content(argument: Any, content: Any) -> None:
    """Do to the caller's argument what the callee did to its copy."""
    kind = type(argument)
    if kind not in MUTABLE or type(content) is not kind:
        return
    argument.clear()
    (argument.extend if kind in (list, bytearray) else argument.update)(content)


def describe(error: BaseException) -> list[str]:
    """The name of the nearest built-in exception type, and the text."""
    name = next((kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"), "Exception")
    return [name, error_text(error)]


def error_text(error: BaseException) -> str:
    """What the exception says; a program's own `__str__` may fail, and then it says nothing."""
    try:
        return str(error)[:MAX_DETAIL]
    except BaseException:
        return "(its text cannot be had)"


def _rebuild(described: Any, operation: str) -> BaseException:
    """An exception like the one on the other side, so that a test can catch it by type.

    Only `next` may end an iteration: a StopIteration out of a call would silently end the loops of the tests.
    """
    if type(described) is not list or len(described) != 2:
        raise Malformed("not an error")
    name, text = str(described[0]), str(described[1])[:MAX_DETAIL]
    if name in EXITS:
        return CandidateExit(f"{name}: {text}")
    if name in ("StopIteration", "StopAsyncIteration") and operation != "next":
        return RuntimeError(f"{name}: {text}")
    if name in REBUILDABLE:
        return REBUILDABLE[name](text)
    return Exception(f"{name}: {text}")
