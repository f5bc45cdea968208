"""The files that ship with harpi: models, firmware configuration, systemd unit."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harpi.errors import HarpiError

_PACKAGE: Final = Path(__file__).parent
_INSTALLED: Final = _PACKAGE / "_shipped"
_CHECKOUT: Final = _PACKAGE.parents[1]
_IN_CHECKOUT: Final = {
    "models": _CHECKOUT / "models" / "shipped",
    "firmware_config": _CHECKOUT / "firmware_config",
    "systemd": _CHECKOUT / "systemd",
}

DEMO: Final = "demo"
"""The word that stands for the shipped recording wherever a recording is asked for."""

RECORDING: Final = "models/recordings/hapt_25_26.npz"


def recording(given: Path) -> Path:
    """Return the file of a recording; that of harpi itself where the word `demo` is given.

    A file or folder of that name goes first.
    """
    return path(RECORDING) if str(given) == DEMO and not given.exists() else given


def path(relative: str) -> Path:
    """Find a file that ships with harpi, in an installed package or in a checkout.

    Args:
        relative: for example `models/generic.tflite`; its first part is `models`,
            `firmware_config` or `systemd`.

    Returns:
        The path of an existing file or directory.

    Raises:
        HarpiError: it is not there.
    """
    room, _, rest = relative.partition("/")
    places = (_INSTALLED / room, _IN_CHECKOUT.get(room, _INSTALLED / room))
    for place in places:
        if (found := place / rest).exists():
            return found
    raise HarpiError(
        "this file ships with harpi but is not here",
        where=str(places[-1] / rest),
        remedy="Install harpi again",
    )
