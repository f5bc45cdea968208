"""`harpi heads`: the personal heads that were kept, and which of them is in use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harpi.cli.asking import do
from harpi.cli.options import Assignments, ConfigFile, load_settings
from harpi.errors import UsageError

if TYPE_CHECKING:
    from harpi.config.schema import Config
    from harpi.learning.heads import HeadEntry, HeadRegistry
    from harpi.recognition.model_file import ModelFile

PREVIOUS = "previous"

_LINE = "{:1} {:>4}  {:16}  {:>6}  {:>5}  {:>7}  {:>8}  {}"

Heads = Annotated[list[int], typer.Argument(metavar="HEAD...", min=1, help="Their numbers.")]


def register(app: typer.Typer) -> None:
    """Add the group `heads`."""
    group = typer.Typer(
        no_args_is_help=True, help="List the personal heads, go back to one, delete some."
    )
    group.command(name="list")(list_heads)
    group.command()(use)
    group.command()(delete)
    app.add_typer(group, name="heads")


def list_heads(
    config: ConfigFile = None,
    assignments: Assignments = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the heads, the newest first; the one in use has a star.

    "right" is the share of unseen windows that were classified correctly when the head was
    trained: windows of unseen takes or, with a "~", of takes that it was partly trained on,
    which makes the figure too good.

    Example: harpi heads list
    """
    import msgspec

    shelf, base = _open(load_settings(config, assignments).config)
    heads = shelf.entries(base)
    if json:
        for shelved in heads:
            typer.echo(msgspec.json.encode(_figures(shelved)).decode())
        return
    if not heads:
        typer.echo("There is no head yet: record some activities, then `harpi train`.")
        return
    header = ("", "head", "made", "labels", "takes", "windows", "right", "")
    typer.echo(_LINE.format(*header).rstrip())
    for shelved in heads:
        typer.echo(_row(shelved).rstrip())


def use(
    head: Annotated[
        str, typer.Argument(metavar="HEAD|previous", help="A number, or the one before.")
    ],
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Predict with another head; a running daemon does so at once.

    Example: harpi heads use previous
    """
    from harpi.commands import Use

    if head != PREVIOUS and not (head.isdecimal() and len(head) < 10 and int(head) > 0):
        raise UsageError(
            f"{head!r} is neither a number nor `{PREVIOUS}`",
            where="HEAD",
            remedy="See `harpi heads list`",
        )
    number = None if head == PREVIOUS else int(head)
    settings = load_settings(config, assignments).config
    do(settings, Use(head=number))


def delete(heads: Heads, config: ConfigFile = None, assignments: Assignments = None) -> None:
    """Delete heads for good; the one in use is not deleted.

    Example: harpi heads delete 2 3
    """
    from harpi.commands import Discard

    settings = load_settings(config, assignments).config
    for number in heads:
        if number < 1:
            raise UsageError(f"there is no head {number}", remedy="See `harpi heads list`")
        do(settings, Discard(head=number))


def _open(config: Config) -> tuple[HeadRegistry, ModelFile]:
    """Find the shelf and the base that its heads must belong to."""
    from harpi import shipped
    from harpi.learning.heads import HeadRegistry
    from harpi.learning.models import BASE, HEADS
    from harpi.recognition.model_file import ModelFile

    base = shipped.path(BASE) if config.models.base is None else Path(config.models.base)
    return HeadRegistry(config.paths.state_folder / HEADS), ModelFile.read(base)


def _row(shelved: HeadEntry) -> str:
    """Describe a head in one line, or why it cannot be used."""
    head = shelved.head
    star = "*" if shelved.current else ""
    if head is None:
        return f"{star:1} {shelved.number:>4}  {shelved.problem}"
    accuracy = head.figures.get("accuracy")
    whole = all(take.whole for take in head.takes)
    return _LINE.format(
        star,
        shelved.number,
        f"{head.created.astimezone():%Y-%m-%d %H:%M}",
        len(head.labels),
        len(head.takes),
        round(head.figures.get("windows", 0)),
        "" if accuracy is None else f"{'' if whole else '~'}{accuracy:.1%}",
        shelved.problem or head.method,
    )


def _figures(shelved: HeadEntry) -> dict[str, Any]:
    """Describe a head for machines."""
    described: dict[str, Any] = {
        "head": shelved.number,
        "current": shelved.current,
        "problem": shelved.problem or None,
    }
    if shelved.head is not None:
        described |= {
            "created": shelved.head.created,
            "labels": shelved.head.labels,
            "base": shelved.head.base_name,
            "method": shelved.head.method,
            "figures": dict(shelved.head.figures),
            "takes": shelved.head.takes,
        }
    return described
