"""`harpi-models export`: a plain model for other runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export", no_args_is_help=True)(export)


def export(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="What `convert` made, or the shipped base.")
    ],
    to: Annotated[str, typer.Option("--to", metavar="tflite|onnx|kmodel", help="The format.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where it is written.")],
    head: Annotated[
        Path | None,
        typer.Option(
            "--head",
            metavar="FILE",
            help="Taught on it; else its own classifier answers.",
        ),
    ] = None,
    representative: Annotated[
        Path | None,
        typer.Option(
            "--representative",
            metavar="PATH",
            help="For kmodel: folder of images, or .npy of windows, to find ranges with.",
        ),
    ] = None,
    k210_python: Annotated[
        Path | None,
        typer.Option(
            "--k210_python",
            "--k210-python",
            metavar="FILE",
            envvar="HARPI_K210_PYTHON",
            help="A Python 3.10 with nncase 1.9; that of .venv-k210 by default.",
        ),
    ] = None,
) -> None:
    """Write the network with its taught head as one plain file.

    One input, one output, no signatures to know: for other runtimes. What was written is run
    and compared with the device before it is kept.
    """
    from harpi_models.errors import ExportRefused
    from harpi_models.output import require_writable

    formats = ("tflite", "onnx", "kmodel")
    if to not in formats:
        raise ExportRefused(
            f"--to {to} is not known", where="export", remedy=f"Choose {', '.join(formats)}"
        )
    if (to == "kmodel") != (representative is not None):
        raise ExportRefused(
            "--to kmodel needs --representative"
            if to == "kmodel"
            else "--representative is only used for --to kmodel",
            where="export",
            remedy="Some hundred images or windows of the kind that the network will see",
        )
    require_writable(out.parent)
    from harpi_models.backend import require_tensorflow

    if to == "onnx":
        require_tensorflow()
    from harpi_models.export import Answering
    from harpi_models.export import export as write

    answering = Answering.read(model, head)
    if representative is not None:
        from harpi_models.k210 import export_kmodel

        found = export_kmodel(answering, out, representative, k210_python, tell=typer.echo)
    else:
        found = write(answering, to, out, tell=typer.echo)
    typer.echo(
        f"written: {found.path}; {found.agreeing} of {found.probes} windows answered as on the "
        f"device, probabilities differ by {found.difference:.1g} at most"
    )
