"""Logs as a person, the journal and a program want them."""

from __future__ import annotations

import io
import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harpi import logs
from harpi.config.schema import LogSection


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger("harpi")
    before = root.handlers[:], root.level, root.propagate
    yield
    root.handlers[:], root.level, root.propagate = before


def written(section: LogSection) -> str:
    stream = io.StringIO()
    logs.configure(section, stream, {})
    log = logging.getLogger("harpi.imu.sampler")
    log.debug("details")
    log.info("samples again", extra={"rate": 50})
    try:
        raise OSError("no answer")
    except OSError:
        log.exception("failed")
    return stream.getvalue()


def test_a_person_reads_time_level_module_message_and_fields() -> None:
    first, second, *rest = written(LogSection(format="human")).splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d imu\.sampler: samples again  rate=50", first)
    assert re.fullmatch(r"\d\d:\d\d:\d\d error imu\.sampler: failed", second)
    assert rest[0].startswith("Traceback")
    assert rest[-1] == "OSError: no answer"


def test_the_journal_finds_a_priority_on_every_line() -> None:
    first, *rest = written(LogSection(format="journal")).splitlines()
    assert first == "<6>imu.sampler: samples again  rate=50"
    assert all(line.startswith("<3>") for line in rest)
    assert rest[-1] == "<3>OSError: no answer"


def test_a_program_reads_one_object_a_line() -> None:
    first, second = map(json.loads, written(LogSection(format="json")).splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.pop("time"))
    assert first == {
        "level": "info",
        "logger": "harpi.imu.sampler",
        "message": "samples again",
        "rate": 50,
    }
    assert second["traceback"].endswith("OSError: no answer")


def test_the_level_is_the_configured_one() -> None:
    assert "details" in written(LogSection(level="debug"))
    assert "samples again" not in written(LogSection(level="error"))


def test_auto_is_the_journal_just_where_the_stream_leads_there(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w+") as stream:
        status = os.fstat(stream.fileno())
        here = f"{status.st_dev}:{status.st_ino}"
        for leads_to in (here, "0:0"):
            logs.configure(LogSection(), stream, {"JOURNAL_STREAM": leads_to})
            logging.getLogger("harpi").info("hello")
        stream.seek(0)
        first, second = stream.read().splitlines()
    assert first.startswith("<6>")
    assert not second.startswith("<")


def test_configuring_twice_does_not_write_twice() -> None:
    stream = io.StringIO()
    for _ in range(2):
        logs.configure(LogSection(format="json"), stream, {})
    logging.getLogger("harpi").info("once")
    assert stream.getvalue().count("once") == 1
