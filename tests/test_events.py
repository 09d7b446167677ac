"""What a run says: events as JSON lines, a task's progress with time to go, and no silence."""

import io
import json
import time
from pathlib import Path

from hornbook.events import HEARTBEAT_SECONDS, Events, Task, clock


def test_events_are_json_lines(tmp_path: Path) -> None:
    with Events(tmp_path / "events.jsonl") as events:
        events.write("stage_started", stage="corpus", path=tmp_path)
        events.write("stage_finished", stage="corpus", read=3)
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["stage_started", "stage_finished"]
    assert lines[0]["path"] == str(tmp_path)
    assert abs(lines[0]["time"] - time.time()) < 60


def test_a_task_knows_how_long_it_will_take() -> None:
    task = Task("corpus", "read", 100, "files")
    task.started_at -= 10
    assert task.eta_seconds is None
    task.advance(20)
    assert task.eta_seconds is not None
    assert abs(task.eta_seconds - 40) < 1
    assert "20/100 files" in task.line()
    assert "to go" in task.line()


def test_work_done_before_says_nothing_about_todays_speed() -> None:
    task = Task("corpus", "read", 100, "files")
    task.started_at -= 10
    task.skip(80)
    task.advance(10)
    assert task.eta_seconds is not None
    assert abs(task.eta_seconds - 10) < 1


def test_a_pipe_hears_something_every_two_seconds() -> None:
    stream = io.StringIO()
    with Events(None, stream) as events, events.task("corpus", "read", 10, "files"):
        time.sleep(HEARTBEAT_SECONDS + 0.8)
    lines = stream.getvalue().splitlines()
    assert len(lines) >= 2
    assert all(line.startswith("corpus        read") for line in lines)


def test_a_line_for_people_ends_the_task_line() -> None:
    stream = io.StringIO()
    with Events(None, stream) as events:
        events.say("1 corpus done")
    assert stream.getvalue() == "1 corpus done\n"


def test_durations_read_well() -> None:
    assert [clock(s) for s in (0.4, 59, 61, 3599, 7260)] == ["0 s", "59 s", "1:01 min", "59:59 min", "2:01 h"]
