"""The boot configuration: harpi's block in config.txt, and what beside it is in the way.

The lines are those of `firmware_config/config.txt`, with the pins of the configuration. In
config.txt they stand between two marks; nothing outside of these is ever touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from harpi import shipped
from harpi.config.schema import Config
from harpi.controls.wiring import I2C, button_lines, led_lines
from harpi.errors import SetupError
from harpi.setup.overlays import IMU, taken_by

BEGIN: Final = b"# >>> harpi: written by `harpi setup`, taken out by `harpi setup --remove` >>>"
END: Final = b"# <<< harpi <<<"

_OVERLAY_BUS: Final = 3
"""The bus for which the shipped lines have an overlay."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A line of config.txt that is in harpi's way.

    Attributes:
        line: its number, from 1.
        text: what it says.
        problem: what that does, and what to do about it; a sentence.
    """

    line: int
    text: str
    problem: str


def boot_lines(config: Config) -> str:
    """Give the lines that a configuration needs in config.txt."""
    text = shipped.path("firmware_config/config.txt").read_text(encoding="utf-8")
    text = _with_pins(text, "ip,pu", button_lines(config))
    text = _with_pins(text, "op,dl", led_lines(config))
    if config.sensor.bus == _OVERLAY_BUS:
        text = text.replace("#dtoverlay=i2c-gpio", "dtoverlay=i2c-gpio")
    if config.sensor.bus not in (1, _OVERLAY_BUS):
        text = re.sub(r"(?m)^(?=dtparam=i2c_arm)", "#", text)
    return text


def with_block(content: bytes, lines: str) -> bytes:
    """Put the block into a config.txt, or renew it where it stands.

    Args:
        content: of the file.
        lines: of `boot_lines`.

    Raises:
        SetupError: the marks in it are damaged.
    """
    block = b"\n".join((BEGIN, lines.rstrip("\n").encode(), END)) + b"\n"
    found = _find(content)
    if found is None:
        joint = b"" if not content or content.endswith(b"\n") else b"\n"
        return content + joint + block
    begin, end = found
    return content[:begin] + block + content[end:]


def without_block(content: bytes) -> bytes:
    """Take the block out of a config.txt.

    Raises:
        SetupError: the marks in it are damaged.
    """
    found = _find(content)
    return content if found is None else content[: found[0]] + content[found[1] :]


def conflicts(content: bytes, config: Config) -> list[Conflict]:
    """Find the lines outside of the block that are in harpi's way.

    Args:
        content: of config.txt.
        config: whose sensor and pins are meant.
    """
    found = []
    text = content.decode("utf-8", errors="replace")
    inside = False
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if line.encode() in (BEGIN, END):
            inside = line.encode() == BEGIN
        elif not inside:
            found += [Conflict(number, line, problem) for problem in _problems(line, config)]
    return found


def _problems(line: str, config: Config) -> Iterator[str]:
    line = line.partition("#")[0].strip()
    if re.match(r"dtparam=(?:.*,\s*)?(?:i2c_arm|i2c|i2c1)=(?:off|no|false|0)\b", line):
        yield "It switches the sensor's bus off; harpi's block switches it on again."
    used = dict.fromkeys(button_lines(config), "a button")
    used |= dict.fromkeys(led_lines(config), "an LED")
    used |= dict.fromkeys(I2C.get(config.sensor.bus, ()), "the sensor")
    address = config.sensor.address
    for taken in taken_by(line):
        if taken.overlay in IMU:
            yield "It gives the sensor to the kernel's own driver (errno 16). Take it out."
            continue
        if address in taken.addresses and taken.bus == config.sensor.bus:
            other = 0x69 if address == 0x68 else 0x68
            yield (
                f"It takes the address 0x{address:02X} for {taken.addresses[address]}. Wire "
                f"the sensor's AD0 to {'3.3 V' if other == 0x69 else 'ground'} and set "
                f"sensor.address = 0x{other:02x}, or take it out."
            )
        own = f"i2c{config.sensor.bus}" == taken.overlay
        pins = [] if own else sorted(taken.pins & used.keys())
        if pins:
            names = ", ".join(f"GPIO{pin}, which {used[pin]} needs" for pin in pins)
            yield f"It takes {names}. Give it another pin."


def _with_pins(text: str, how: str, pins: list[int]) -> str:
    """Replace the pins of a `gpio=` line; without any, it becomes a comment."""
    line = f"gpio={','.join(map(str, pins))}={how}" if pins else f"#gpio=none={how}"
    return re.sub(rf"(?m)^gpio=[0-9,]+={how}$", line, text)


def _find(content: bytes) -> tuple[int, int] | None:
    """Find where the block begins and ends.

    Raises:
        SetupError: there is not exactly one begin before one end.
    """
    begins, ends = list(_lines_of(BEGIN, content)), list(_lines_of(END, content))
    if not begins and not ends:
        return None
    if len(begins) != 1 or len(ends) != 1 or begins[0].start() > ends[0].start():
        raise SetupError(
            "the marks around harpi's lines in the boot configuration are damaged",
            where="config.txt",
            remedy=f"Take out what is left of the lines from '{BEGIN.decode()}' to "
            f"'{END.decode()}', and these two",
        )
    return begins[0].start(), ends[0].end()


def _lines_of(mark: bytes, content: bytes) -> Iterator[re.Match[bytes]]:
    return re.finditer(rb"(?m)^[ \t]*" + re.escape(mark) + rb"[ \t]*\r?(?:\n|\Z)", content)
