"""Programs of the system that a setup starts."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Protocol

from harpi.errors import SetupError


class Run(Protocol):
    """Starts a program and waits for its end."""

    def __call__(self, words: Sequence[str], *, text: str = "", may_fail: bool = False) -> bool:
        """Run a program.

        Args:
            words: its name and arguments.
            text: for its standard input.
            may_fail: give False where it fails, instead of raising.

        Returns:
            Whether it went well.

        Raises:
            SetupError: it is missing, or it failed.
        """
        ...


def run(words: Sequence[str], *, text: str = "", may_fail: bool = False) -> bool:
    """Run a program of this machine; see `Run`."""
    try:
        done = subprocess.run(  # noqa: S603 - the words are those of this package
            words, input=text, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        if may_fail:
            return False
        raise SetupError(
            "this program is missing on this system",
            where=words[0],
            remedy="harpi's service needs a system with systemd",
        ) from error
    if done.returncode and not may_fail:
        said = " ".join((done.stderr or done.stdout).split()) or "it says nothing"
        raise SetupError(
            f"failed: {said}",
            where=" ".join(words),
            remedy="Put that right, then call this again; it goes on from here",
        )
    return done.returncode == 0
