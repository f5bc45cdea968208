"""What harpi said when something went wrong."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST = 120


@contextmanager
def listening_to_the_log() -> Iterator[list[str]]:
    """Collect what is logged as a warning or worse, and keep it from being shown."""
    said: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger, ear = logging.getLogger("harpi"), Ear(logging.WARNING)
    before = logger.propagate
    logger.addHandler(ear)
    logger.propagate = False
    try:
        yield said
    finally:
        logger.removeHandler(ear)
        logger.propagate = before


def gist(text: str) -> str:
    """Leave out what differs from one run to the next: folders and ports."""
    text = re.sub(r"/(?:tmp|dev/shm)/[^\s:'\"]*/", "", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1", text)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3].rstrip()}..."
