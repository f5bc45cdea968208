import io

from harpi.cli.terminal import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_a_bar_that_goes_away() -> None:
    terminal = Terminal()
    with progress("Importing", terminal) as on_progress:
        on_progress(0.5)
        on_progress(0.500001)  # too soon after the last to be worth a line
    drawn = terminal.getvalue()
    assert drawn.startswith(f"\rImporting [{'#' * 15}{'.' * 15}]  50%")
    assert drawn.count("Importing") == 1
    assert drawn.endswith("\r\x1b[K")


def test_nothing_is_written_where_nobody_looks() -> None:
    pipe = io.StringIO()
    with progress("Importing", pipe) as on_progress:
        on_progress(0.5)
    assert pipe.getvalue() == ""


def test_a_bar_goes_away_after_an_error_too() -> None:
    terminal = Terminal()
    try:
        with progress("Importing", terminal) as on_progress:
            on_progress(1.0)
            raise ValueError
    except ValueError:
        pass
    assert terminal.getvalue().endswith("\r\x1b[K")
