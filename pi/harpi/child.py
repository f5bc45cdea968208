"""Commands of harpi's own command line, each in a process of its own.

What computes for long or needs much memory can there neither hold up the sampling nor take the
daemon with it, and what it does is what the command line does.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harpi.config.loading import ENVIRONMENT_PREFIX, Settings, to_toml
from harpi.config.schema import Config

_ERROR: Final = "harpi: "
"""What an error on the command line begins with."""
_FIRST_TO_GO: Final = "1000"
"""The highest oom_score_adj (proc(5))."""


def start(words: Sequence[str], config: Config, folder: Path) -> subprocess.Popen[str]:
    """Start a command; both of its outputs are to be read.

    Args:
        words: the command and its arguments.
        config: what it is to work with, whatever file or option each setting is from.
        folder: where its configuration is written, which nobody else may change.

    Raises:
        OSError: there is no room for it, or it cannot be started.
    """
    file = folder / "harpi.toml"
    file.write_text(to_toml(Settings(config, {}, ())), encoding="utf-8")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(ENVIRONMENT_PREFIX)
    }
    # -P: a file `harpi.py` in the working directory, or in a folder there, is not our program.
    process = subprocess.Popen(  # noqa: S603 - the words are ours, or follow a `--`
        [sys.executable, "-P", "-m", "harpi", words[0], "--config", str(file), *words[1:]],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Ctrl-C in the terminal of the daemon is for the daemon.
        start_new_session=True,
    )
    # Where memory runs out, the kernel ends this one and not the daemon.
    with contextlib.suppress(OSError):
        Path(f"/proc/{process.pid}/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")
    return process


def reason_in(errors: str) -> str:
    """Find in what a process wrote to standard error why it failed; empty for silence."""
    lines = [line.removeprefix(_ERROR) for line in errors.splitlines() if line.strip()]
    return lines[-1] if lines else ""
