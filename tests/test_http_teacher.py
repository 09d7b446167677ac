"""The HTTP teacher against a server of our own that misbehaves on demand; no test leaves this machine."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from hornbook.errors import TeacherError
from hornbook.recipe import TeacherSettings
from hornbook.teacher import Prompt, Reply
from hornbook.teacher.cache import ReplyCache, request_key
from hornbook.teacher.http import FAILURES_IN_A_ROW, HttpTeacher, Patience, endpoint
from hornbook.teacher.make import make_teacher
from hornbook.teacher.wire import Failure, read_reply

KEY = "sk-secret-0123456789"
QUICK = Patience(tries=4, timeout_seconds=20, backoff_seconds=0.01, max_backoff_seconds=0.05)


class Endpoint(ThreadingHTTPServer):
    """Speaks /chat/completions. A prompt's first word says how to misbehave, its second how often before it is good."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self.times: list[float] = []
        self.in_flight = self.most_in_flight = 0
        self.delay_seconds = 0.0
        self.lock = threading.Lock()
        self.hold = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    @property
    def requests(self) -> int:
        return sum(self.seen.values())

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that time out or are killed cut the connection; that is no failure of the server."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # headers and body in one packet
    server: Endpoint

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = body["messages"][0]["content"]
        server = self.server
        with server.lock:
            server.seen[text] += 1
            server.bodies.append(body)
            server.keys.add(self.headers["Authorization"])
            server.times.append(time.monotonic())
            server.in_flight += 1
            server.most_in_flight = max(server.most_in_flight, server.in_flight)
            nth = server.seen[text]
        try:
            time.sleep(server.delay_seconds)
            self.answer(text, nth)
        finally:
            with server.lock:
                server.in_flight -= 1

    def answer(self, text: str, nth: int) -> None:
        word, _, rest = text.partition(" ")
        times = int(rest.split(" ")[0]) if rest.split(" ")[0].isdigit() else 10**9
        misbehave = getattr(self, f"do_{word.replace('-', '_')}", None) if nth <= times else None
        if misbehave:
            misbehave()
        elif word.isdigit() and nth <= times:
            self.send_json(int(word), {"error": {"message": f"status {word} for {text}", "code": None}})
        else:
            self.send_json(200, reply_body(f"answer to {text}"))

    def do_deny_among_four(self) -> None:
        while self.server.in_flight < 4:
            time.sleep(0.005)
        self.send_json(401, {"error": {"message": "no"}})

    def do_slow(self) -> None:
        time.sleep(0.5)
        self.send_json(200, reply_body("late, but paid for"))

    def do_wait(self) -> None:
        self.send_json(429, {"error": {"message": "slow down"}}, {"Retry-After": "1"})

    def do_wait_until(self) -> None:
        self.send_json(429, {"error": {"message": "slow"}}, {"Retry-After": formatdate(time.time() + 2, usegmt=True)})

    def do_wait_for_ever(self) -> None:
        self.send_json(429, {"error": {"message": "tomorrow"}}, {"Retry-After": "86400"})

    def do_half(self) -> None:
        self.send_bytes(200, json.dumps(reply_body("x" * 50)).encode()[:40])

    def do_cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'{"choices": [')
        self.close_connection = True

    def do_hang(self) -> None:
        self.server.hold.wait(30)
        self.close_connection = True

    def do_refuse(self) -> None:
        self.send_json(200, reply_body(None, refusal="I will not"))

    def do_empty(self) -> None:
        self.send_json(200, reply_body(""))

    def do_null(self) -> None:
        self.send_json(200, reply_body(None, finish_reason="content_filter"))

    def do_no_choices(self) -> None:
        self.send_json(200, {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 0}})

    def do_long(self) -> None:
        self.send_json(200, reply_body("def f(", finish_reason="length"))

    def do_no_quota(self) -> None:
        self.send_json(429, {"error": {"message": "no quota left", "code": "insufficient_quota"}})

    def do_old_parameter(self) -> None:
        self.send_json(400, {"error": {"message": "use max_completion_tokens", "code": "unsupported_parameter"}})

    def do_router_error(self) -> None:
        self.send_json(200, {"error": {"message": "upstream is down", "code": 502}})

    def do_echo_key(self) -> None:
        self.send_json(400, {"error": {"message": f"bad header {self.headers['Authorization']}"}})

    def send_json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self.send_bytes(status, json.dumps(body).encode(), headers)

    def send_bytes(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def reply_body(content: str | None, finish_reason: str = "stop", refusal: str | None = None) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    return {
        "id": "1",
        "object": "chat.completion",
        "model": "teacher-0613",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Endpoint() as endpoint:
        thread = threading.Thread(target=endpoint.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield endpoint
        endpoint.hold.set()
        endpoint.shutdown()
        thread.join()


@pytest.fixture
def teacher(server: Endpoint, tmp_path: Path) -> HttpTeacher:
    return HttpTeacher(settings(server), tmp_path / "replies.sqlite", QUICK)


def settings(server: Endpoint, **values: Any) -> TeacherSettings:
    return TeacherSettings(base_url=server.url, model="teacher", **values)


def prompts(*texts: str) -> list[Prompt]:
    return [Prompt(kind="label", fields={}, text=text) for text in texts]


def cached(teacher: HttpTeacher) -> int:
    with ReplyCache(teacher.cache) as cache:
        return len(cache)


# --- what is asked and what comes back ------------------------------------------------------------------------------


def test_replies_come_in_the_order_of_the_prompts(teacher: HttpTeacher, server: Endpoint) -> None:
    server.delay_seconds = 0.01
    texts = [f"prompt {index}" for index in range(60)]
    assert [reply.text for reply in teacher.complete(prompts(*texts))] == [f"answer to {text}" for text in texts]


def test_the_prompt_text_goes_as_one_user_message_with_the_recipes_sampling(server: Endpoint, tmp_path: Path) -> None:
    teacher = HttpTeacher(settings(server, temperature=0.25, max_tokens=77), tmp_path / "c")
    reply = teacher.complete([Prompt("exercise", {"topic": "sums"}, "Write {braces} \N{SNOWMAN}")])[0]
    assert server.bodies == [
        {
            "model": "teacher",
            "messages": [{"role": "user", "content": "Write {braces} \N{SNOWMAN}"}],
            "temperature": 0.25,
            "max_tokens": 77,
        }
    ]
    assert reply == Reply("answer to Write {braces} \N{SNOWMAN}", "stop", "teacher-0613", tokens_in=7, tokens_out=3)
    assert server.keys == {f"Bearer {KEY}"}


def test_identity_names_what_shapes_answers_and_no_secret(tmp_path: Path) -> None:
    values = {"base_url": "https://me:hush@example.org:8000/v1/", "model": "m", "temperature": 0.5, "max_tokens": 9}
    identity = HttpTeacher(TeacherSettings(**values), tmp_path / "c").identity
    assert identity == "http:example.org:8000/v1 m temperature=0.5 max_tokens=9"


def test_no_prompts_need_no_key_and_no_request(teacher: HttpTeacher, server: Endpoint, monkeypatch: Any) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    assert teacher.complete([]) == []
    assert server.requests == 0


@pytest.mark.parametrize(
    ("text", "finish_reason", "error"),
    [
        ("refuse", "stop", "refused: I will not"),
        ("empty", "stop", "the reply is empty (finish reason: stop)"),
        ("null", "content_filter", "the reply is empty (finish reason: content_filter)"),
        ("no-choices", "error", "the reply holds no choices"),
    ],
)
def test_an_answer_without_text_is_a_finished_reply_with_an_error(
    teacher: HttpTeacher, server: Endpoint, text: str, finish_reason: str, error: str
) -> None:
    for _ in range(2):
        reply = teacher.complete(prompts(text))[0]
        assert (reply.text, reply.finish_reason, reply.error) == ("", finish_reason, error)
    assert server.requests == 1


def test_a_text_cut_at_the_token_limit_keeps_its_text_and_says_so(teacher: HttpTeacher) -> None:
    reply = teacher.complete(prompts("long"))[0]
    assert (reply.text, reply.finish_reason, reply.error) == ("def f(", "length", "")


def test_half_a_surrogate_pair_in_a_reply_becomes_valid_unicode() -> None:
    body = json.dumps(reply_body("a\ud800b")).encode()
    assert read_reply(body, "m").text == "a?b"


@pytest.mark.parametrize("content", [b"", b"[1]", b"null", b'{"choices"', b"<html>busy</html>", b"\xff\xfe\x00"])
def test_a_body_that_is_no_reply_is_a_failure_that_may_pass(content: bytes) -> None:
    with pytest.raises(Failure) as caught:
        read_reply(content, "m")
    assert caught.value.is_transient


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"choices": None},
        {"choices": [None]},
        {"choices": [{}]},
        {"choices": [{"message": None}]},
        {"choices": [{"message": {"content": ["part"]}}], "usage": {"prompt_tokens": "7", "completion_tokens": True}},
        {"choices": [{"message": {"content": 3}}], "usage": [], "model": 4},
    ],
)
def test_any_json_object_is_read_without_a_crash(body: dict[str, Any]) -> None:
    reply = read_reply(json.dumps(body).encode(), "m")
    assert reply.error
    assert (reply.text, reply.teacher, reply.tokens_in, reply.tokens_out) == ("", "m", 0, 0)


# --- what passes is tried again -------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["408", "409", "429", "500", "503", "529", "half", "cut", "router-error"])
def test_what_may_pass_is_tried_again(teacher: HttpTeacher, server: Endpoint, trouble: str) -> None:
    text = f"{trouble} 2"
    reply = teacher.complete(prompts(text))[0]
    assert (reply.text, reply.error) == (f"answer to {text}", "")
    assert server.seen[text] == 3


@pytest.mark.parametrize("trouble", ["500", "429", "half", "cut", "router-error"])
def test_what_does_not_pass_is_a_reply_with_an_error_and_is_never_cached(
    teacher: HttpTeacher, server: Endpoint, trouble: str
) -> None:
    reply = teacher.complete(prompts(trouble))[0]
    assert reply.text == ""
    assert reply.error.endswith("(after 4 tries)")
    assert (server.requests, cached(teacher)) == (4, 0)
    teacher.complete(prompts(trouble))
    assert server.requests == 8


def test_a_server_that_hangs_meets_the_timeout_and_is_tried_again(server: Endpoint, tmp_path: Path) -> None:
    teacher = HttpTeacher(settings(server), tmp_path / "c", replace(QUICK, timeout_seconds=0.3))
    teacher.complete(prompts("warm up"))
    assert teacher.complete(prompts("hang 1"))[0].text == "answer to hang 1"
    reply = teacher.complete(prompts("hang"))[0]
    assert reply.error == "no answer within 0.3 s (after 4 tries)"


@pytest.mark.parametrize(("text", "least_seconds"), [("wait 1", 1.0), ("wait-until 1", 0.9)])
def test_retry_after_is_honoured(teacher: HttpTeacher, server: Endpoint, text: str, least_seconds: float) -> None:
    assert teacher.complete(prompts(text))[0].error == ""
    assert server.times[1] - server.times[0] >= least_seconds


def test_one_retry_after_holds_back_all_requests(server: Endpoint, tmp_path: Path) -> None:
    teacher = HttpTeacher(settings(server, concurrency=2), tmp_path / "c", QUICK)
    teacher.complete(prompts("wait 1", "slow 1 a", "b"))
    assert [server.times[0] + 0.9 <= at for at in sorted(server.times)] == [False, False, True, True]


def test_a_retry_after_beyond_our_patience_ends_the_tries(teacher: HttpTeacher, server: Endpoint) -> None:
    reply = teacher.complete(prompts("wait-for-ever"))[0]
    assert (reply.error, server.requests, cached(teacher)) == ("HTTP 429: tomorrow", 1, 0)


def test_a_server_that_is_not_there_is_a_reply_with_an_error(server: Endpoint, tmp_path: Path) -> None:
    nobody = TeacherSettings(base_url="http://127.0.0.1:9/v1", model="m")
    reply = HttpTeacher(nobody, tmp_path / "c", QUICK).complete(prompts("hello"))[0]
    assert reply.error.startswith("no answer: ConnectError")


# --- what does not pass ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["400", "413", "422"])
def test_a_permanent_error_is_cached_as_an_error(teacher: HttpTeacher, server: Endpoint, status: str) -> None:
    first, good = teacher.complete(prompts(status, "good"))
    assert first.error == f"HTTP {status}: status {status} for {status}"
    assert good.text == "answer to good"
    assert teacher.complete(prompts(status)) == [first]
    assert server.seen[status] == 1


@pytest.mark.parametrize("text", ["401", "402", "403", "404", "no-quota", "old-parameter"])
def test_an_endpoint_that_cannot_be_used_stops_the_run_at_once(
    teacher: HttpTeacher, server: Endpoint, text: str
) -> None:
    with pytest.raises(TeacherError, match=r"teacher at 127\.0\.0\.1:\d+/v1 cannot be used") as caught:
        teacher.complete(prompts(text))
    assert server.requests == 1
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    if text == "401":
        assert "OPENAI_API_KEY" in str(caught.value)
    assert cached(teacher) == 0


def test_requests_in_flight_when_the_run_must_stop_are_kept(server: Endpoint, tmp_path: Path) -> None:
    teacher = HttpTeacher(settings(server, concurrency=4), tmp_path / "c", QUICK)
    with pytest.raises(TeacherError):
        teacher.complete(prompts("deny-among-four", "slow 9 a", "slow 9 b", "slow 9 c", "d", "e", "f", "g"))
    assert server.requests == 4
    assert cached(teacher) == 3


def test_many_failures_in_a_row_stop_the_run_and_a_success_between_resets_the_count(
    server: Endpoint, tmp_path: Path
) -> None:
    teacher = HttpTeacher(settings(server, concurrency=1), tmp_path / "c", QUICK)
    few = [f"400 99 {index}" for index in range(FAILURES_IN_A_ROW - 1)]
    assert sum(bool(reply.error) for reply in teacher.complete(prompts(*few, "good"))) == len(few)
    with pytest.raises(TeacherError, match="20 prompts in a row failed"):
        teacher.complete(prompts(*[f"422 99 {index}" for index in range(100)]))
    assert sum(count for text, count in server.seen.items() if text.startswith("422")) == FAILURES_IN_A_ROW


def test_a_missing_key_is_named_by_its_variable(server: Endpoint, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    teacher = HttpTeacher(settings(server, key_variable="MY_KEY"), tmp_path / "c")
    with pytest.raises(TeacherError, match="set the environment variable MY_KEY"):
        teacher.complete(prompts("hello"))
    assert server.requests == 0


def test_the_key_is_in_no_reply_no_pickle_and_no_file(teacher: HttpTeacher, tmp_path: Path) -> None:
    reply = teacher.complete(prompts("echo-key"))[0]
    assert reply.error == "HTTP 400: bad header Bearer [key]"
    assert KEY.encode() not in pickle.dumps(teacher)
    assert all(KEY.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_key_with_impossible_characters_is_named_and_not_shown(teacher: HttpTeacher, monkeypatch: Any) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-\N{SNOWMAN}hidden")
    with pytest.raises(TeacherError) as caught:
        teacher.complete(prompts("hello"))
    assert "OPENAI_API_KEY" in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://host/v1", "http://", "http://host:port/v1"])
def test_a_base_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(TeacherError, match=r"teacher\.base_url"):
        endpoint(url)


def test_a_prompt_that_is_no_valid_unicode_is_a_reply_with_an_error(teacher: HttpTeacher) -> None:
    assert "not valid Unicode" in teacher.complete(prompts("a\ud800b"))[0].error


# --- cache, ledger, bound -------------------------------------------------------------------------------------------


def test_a_rerun_pays_for_no_finished_call_twice(teacher: HttpTeacher, server: Endpoint, tmp_path: Path) -> None:
    asked = prompts("one", "two", "refuse", "400")
    first = teacher.complete(asked)
    again = HttpTeacher(settings(server), tmp_path / "replies.sqlite", QUICK)
    assert again.complete(asked) == first
    assert server.requests == 4
    cost = pytest.approx((21 * 0.5 + 9 * 1.5) / 1e6)
    paid = {"requests": 4, "cached": 0, "failed": 2, "tokens_in": 21, "tokens_out": 9, "cost_usd": cost}
    assert teacher.usage() == paid
    assert again.usage() == {**dict.fromkeys(paid, 0), "cached": 4}


def test_a_fully_cached_run_needs_no_key(teacher: HttpTeacher, monkeypatch: Any) -> None:
    first = teacher.complete(prompts("one"))
    monkeypatch.delenv("OPENAI_API_KEY")
    assert teacher.complete(prompts("one")) == first


def test_the_same_prompt_twice_is_asked_once_and_other_draws_anew(server: Endpoint, tmp_path: Path) -> None:
    teacher = HttpTeacher(settings(server), tmp_path / "c", QUICK)
    same = prompts("one", "one")
    assert len(set(map(repr, teacher.complete(same)))) == 1
    assert server.requests == 1
    teacher.complete([replace(same[0], sample=1)])
    teacher.complete([replace(same[0], fields={"seed": 5}), replace(same[0], fields={"seed": 6})])
    assert server.requests == 4
    HttpTeacher(settings(server), tmp_path / "c", QUICK, seed=1).complete(same)
    assert server.requests == 5


def test_at_temperature_zero_all_seeds_share_one_answer(server: Endpoint, tmp_path: Path) -> None:
    for seed in (0, 1):
        HttpTeacher(settings(server, temperature=0), tmp_path / "c", QUICK, seed=seed).complete(prompts("one"))
    assert server.requests == 1


def test_whatever_shapes_an_answer_changes_the_key() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "t"}], "temperature": 1.0, "max_tokens": 5}
    others = [
        ("other", body, [0]),
        ("host", body, [1]),
        *[("host", {**body, **change}, [0]) for change in ({"model": "n"}, {"temperature": 0.0}, {"max_tokens": 6})],
        ("host", {**body, "messages": [{"role": "user", "content": "u"}]}, [0]),
    ]
    keys = {request_key(*request) for request in [("host", body, [0]), *others]}
    assert len(keys) == len(others) + 1
    assert request_key("host", dict(reversed(body.items())), [0]) in keys


def test_the_ledger_counts_retries_as_requests(teacher: HttpTeacher) -> None:
    teacher.complete(prompts("500 2", "fine"))
    assert teacher.usage()["requests"] == 4


def test_requests_in_flight_stay_within_the_bound_and_reach_it(server: Endpoint, tmp_path: Path) -> None:
    server.delay_seconds = 0.05
    teacher = HttpTeacher(settings(server, concurrency=5), tmp_path / "c", QUICK)
    teacher.complete(prompts(*[f"prompt {index}" for index in range(30)]))
    assert server.most_in_flight == 5


def test_pickled_copies_share_cache_bound_and_ledger(server: Endpoint, tmp_path: Path) -> None:
    server.delay_seconds = 0.05
    teacher = HttpTeacher(settings(server, concurrency=3), tmp_path / "c", QUICK)
    copies = [pickle.loads(pickle.dumps(teacher)) for _ in range(2)]
    batches: list[Sequence[Prompt]] = [prompts(*[f"prompt {i} {j}" for j in range(10)]) for i in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda pair: pair[0].complete(pair[1]), zip(copies, batches, strict=True)))
    assert server.most_in_flight == 3
    assert teacher.usage()["requests"] == 20
    assert teacher.usage()["tokens_out"] == 60


def test_progress_is_told_from_the_cached_part_to_the_end(teacher: HttpTeacher) -> None:
    teacher.complete(prompts("a"))
    told: list[tuple[int, int]] = []
    teacher.complete(prompts("a", "b", "c"), progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_notebooks_running_event_loop_is_no_obstacle(teacher: HttpTeacher) -> None:
    async def cell() -> list[Reply]:
        return teacher.complete(prompts("hello"))

    assert asyncio.run(cell())[0].text == "answer to hello"


def test_two_processes_that_start_at_once_share_a_new_cache(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from hornbook.teacher import Reply; "
        "from hornbook.teacher.cache import ReplyCache\n"
        "with ReplyCache(Path(sys.argv[1])) as cache:\n"
        "    for n in range(50): cache.put(str(n), Reply(sys.argv[2]), 'session', requests=1)\n"
        "    print([cache.get(str(n)).text for n in range(50)])\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "new" / "c")]
    running = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in "ab"]
    said = [process.communicate(timeout=60)[0] for process in running]
    assert said[0] == said[1]
    with ReplyCache(tmp_path / "new" / "c") as cache:
        assert len(cache) == 50
        assert cache.ledger("session")["requests"] == 100


def test_a_broken_or_newer_cache_is_named_with_a_way_out(tmp_path: Path) -> None:
    broken, newer = tmp_path / "broken", tmp_path / "newer"
    broken.write_bytes(b"no database" * 100)
    with pytest.raises(TeacherError, match=r"broken cannot be used .* move it away"):
        ReplyCache(broken)
    with ReplyCache(newer) as cache:
        cache._database.execute("PRAGMA user_version = 99")
    with pytest.raises(TeacherError, match="has layout 99"):
        ReplyCache(newer)


@pytest.mark.parametrize("kill_with", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_run_loses_nothing_that_has_finished(server: Endpoint, tmp_path: Path, kill_with: int) -> None:
    program = (
        "import sys; from pathlib import Path; from hornbook.recipe import TeacherSettings; "
        "from hornbook.teacher import Prompt; from hornbook.teacher.http import HttpTeacher\n"
        "settings = TeacherSettings(base_url=sys.argv[1], model='teacher', concurrency=4)\n"
        "teacher = HttpTeacher(settings, Path(sys.argv[2]))\n"
        "prompts = [Prompt('label', {}, f'prompt {n}') for n in range(6)] + [Prompt('label', {}, 'hang 1')]\n"
        "try: teacher.complete(prompts, progress=lambda done, total: print(done, flush=True))\n"
        "except KeyboardInterrupt: print('interrupted', flush=True)\n"
    )
    command = [sys.executable, "-c", program, server.url, str(tmp_path / "c")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "6":
                break
        process.send_signal(kill_with)
        rest = process.stdout.read()
        process.wait(timeout=30)
    if kill_with == signal.SIGINT:
        assert rest.strip() == "interrupted"
    before = server.requests
    texts = [f"prompt {n}" for n in range(6)]
    replies = HttpTeacher(settings(server), tmp_path / "c", QUICK).complete(prompts(*texts, "hang 1"))
    assert [reply.text for reply in replies] == [f"answer to {text}" for text in [*texts, "hang 1"]]
    assert server.requests == before + 1


def test_the_recipes_kind_chooses_the_teacher(tmp_path: Path) -> None:
    teacher = make_teacher(TeacherSettings(kind="http"), tmp_path)
    assert isinstance(teacher, HttpTeacher)
    assert teacher.cache.parent == tmp_path
    assert make_teacher(TeacherSettings(kind="procedural"), tmp_path).identity.startswith("procedural")
