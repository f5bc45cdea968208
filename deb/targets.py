"""The systems that a package is built for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


class BuildError(Exception):
    """Something that building needs is missing or failed, said in one sentence."""


@dataclass(frozen=True)
class Target:
    """A release of Debian on an architecture; Raspberry Pi OS is built on both.

    Attributes:
        suite: code name of the release.
        release: its number.
        architecture: Debian's name of it.
        machine: the kernel's and PyPI's name of it.
        python: version of python3 there.
        glibc: newest minor version of glibc 2 that a wheel may ask for.
        libraries: where units and rules of packages lie.
        from_debian: packages of Debian in place of wheels of these names, which PyPI has not.
        built: names of those that are built from source, for the same reason.
    """

    suite: str
    release: int
    architecture: str
    machine: str
    python: tuple[int, int]
    glibc: int
    libraries: str
    from_debian: tuple[str, ...] = ()
    built: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Both in one word."""
        return f"{self.suite}-{self.architecture}"


_BOOKWORM: Final = {"suite": "bookworm", "release": 12, "python": (3, 11), "glibc": 36}
_TRIXIE: Final = {"suite": "trixie", "release": 13, "python": (3, 13), "glibc": 41}
_ARM64: Final = {"architecture": "arm64", "machine": "aarch64"}
_ARMHF: Final = {
    "architecture": "armhf",
    "machine": "armv7l",
    "from_debian": ("numpy",),
    "built": ("msgspec",),
}

TARGETS: Final = (
    Target(**_TRIXIE, **_ARM64, libraries="usr/lib"),  # type: ignore[arg-type]
    Target(**_TRIXIE, **_ARMHF, libraries="usr/lib"),  # type: ignore[arg-type]
    Target(**_BOOKWORM, **_ARM64, libraries="lib"),  # type: ignore[arg-type]
    Target(**_BOOKWORM, **_ARMHF, libraries="lib"),  # type: ignore[arg-type]
)
