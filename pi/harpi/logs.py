"""Logs: for a person on a terminal, for the journal under systemd, as JSON on request.

Modules log with `logging.getLogger(__name__)` and may add fields by `extra={...}`; every
format shows them.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harpi.config.schema import LogSection

_PRIORITIES: Final = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}
"""Levels of syslog(3), which journald reads from `<N>` in front of a line."""

_STANDARD: Final = frozenset(
    {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
)


def configure(
    section: LogSection,
    stream: TextIO | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Send the logs of harpi to a stream, in the configured format.

    Args:
        section: level and format; `auto` means journal where the stream leads to journald,
            else human.
        stream: standard error where not given.
        environment: where `JOURNAL_STREAM` is looked up; the process's where not given.
    """
    target = sys.stderr if stream is None else stream
    variables = os.environ if environment is None else environment
    wanted = section.format
    if wanted == "auto":
        wanted = "journal" if _leads_to_journal(target, variables) else "human"
    handler = logging.StreamHandler(target)
    handler.setFormatter(FORMATTERS[wanted]())
    root = logging.getLogger("harpi")
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(section.level.upper())
    root.propagate = False


def fields(record: logging.LogRecord) -> dict[str, object]:
    """Give what was passed as `extra`."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


class HumanFormatter(logging.Formatter):
    """`14:03:02 warning imu.sampler: message  key=value`, in local time."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record, with its traceback where it has one."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()} "
        return f"{clock} {level}{_text(self, record)}"


class JournalFormatter(logging.Formatter):
    """`<6>imu.sampler: message  key=value`; journald adds time and process itself."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record, every line with its priority."""
        prefix = f"<{_PRIORITIES.get(record.levelname, 6)}>"
        return "\n".join(prefix + line for line in _text(self, record).splitlines())


class JsonFormatter(logging.Formatter):
    """One JSON object for each record, time in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record on one line."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        entry = {
            **fields(record),
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


FORMATTERS: Final[dict[str, type[logging.Formatter]]] = {
    "human": HumanFormatter,
    "journal": JournalFormatter,
    "json": JsonFormatter,
}


def _text(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    extra = "".join(f"  {key}={value}" for key, value in fields(record).items())
    text = f"{record.name.removeprefix('harpi.')}: {record.getMessage()}{extra}"
    if record.exc_info:
        text += "\n" + formatter.formatException(record.exc_info)
    return text


def _leads_to_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Compare the stream with JOURNAL_STREAM, `device:inode` (systemd.exec(5))."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
