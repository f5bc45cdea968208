"""The demo as people see it: a picture that is redrawn on a terminal, lines in a pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, TextIO

from harpi.commands import Answer
from harpi.demo.runner import Scene, SceneScore
from harpi.names import SHOWN, name_of
from harpi.types import Prediction, Verdict

if TYPE_CHECKING:
    from harpi.demo.setup import Outcome

_BAR: Final = 20
_UNTRAINED: Final = "is not trained yet"
_GREEN, _RED, _DIM, _BOLD, _PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[1m", "\x1b[0m"


class Silence:
    """Shows nothing, for `--json`."""

    def scene(self, scene: Scene) -> None:
        """Keep quiet."""

    def command(self, answer: Answer) -> None:
        """Keep quiet."""

    def verdict(self, scene: Scene | None, truth: str | None, verdict: Verdict) -> None:
        """Keep quiet."""


class Screen:
    """Shows scenes, commands and, on a terminal, each verdict as it comes.

    Args:
        score: the running accuracies.
        out: where to; colours and redrawing only where it is a terminal.
    """

    def __init__(self, score: SceneScore, out: TextIO = sys.stdout) -> None:
        self._score = score
        self._out = out
        self._live = out.isatty()
        self._drawn = 0
        self._scene: Scene | None = None
        self._next: Scene | None = None

    def scene(self, scene: Scene) -> None:
        """Head the scene with its caption, as soon as something of it is seen."""
        self._next = scene

    def say(self, text: str) -> None:
        """Show a text, below what is there."""
        self._go_on()
        self._conclude()
        self._scene = None
        self._print(text)

    def command(self, answer: Answer) -> None:
        """Show what harpi answered to a press."""
        self._go_on()
        self._wipe()
        self._print(f"  {self._style(_DIM, '[button]')} {answer.message}")

    def verdict(self, scene: Scene | None, truth: str | None, verdict: Verdict) -> None:
        """Draw the verdict over the one before; none on a window of two activities."""
        if scene is not None and scene is self._next:
            self._go_on()
        if not self._live or truth is None:
            return
        self._wipe()
        lines = [f"  the wearer: {self._style(_BOLD, truth)}"]
        for model in SHOWN:
            prediction = verdict.opinions[model]
            shown = self._opinion(prediction, truth)
            running = self._running(scene, model)
            lines.append(f"  {name_of(model):>10}  {shown}  {running}")
        self._print("\n".join(lines))
        self._drawn = len(lines)

    def _go_on(self) -> None:
        """Begin the next scene, whose windows come a little after its signal."""
        if self._next is None:
            return
        self._conclude()
        self._scene, self._next = self._next, None
        self._print(f"\n{self._style(_BOLD, self._scene.name)}: {self._scene.caption}")

    def _conclude(self) -> None:
        """Let how often each was right in a scene take the place of its last window."""
        if self._scene is None or not self._drawn:
            self._drawn = 0
            return
        self._wipe()
        if self._scene.teaching:
            return
        for model in SHOWN:
            accuracy = self._score.accuracy(self._scene.name, model)
            shown = self._style(_DIM, _UNTRAINED)
            if accuracy is not None:
                shown = f"{_bar(accuracy)} {accuracy:4.0%} correct"
            self._print(f"  {name_of(model):>10}  {shown}")

    def _opinion(self, prediction: Prediction, truth: str) -> str:
        if not prediction.trained:
            return self._style(_DIM, f"{_UNTRAINED:<{_BAR + 20}}")
        answer = prediction.answer or "unknown"
        text = f"{_bar(prediction.confidence)} {prediction.confidence:4.0%} {answer:<14}"
        return self._style(_GREEN if prediction.answer == truth else _RED, text)

    def _running(self, scene: Scene | None, model: str) -> str:
        accuracy = None if scene is None else self._score.accuracy(scene.name, model)
        return "" if accuracy is None else self._style(_DIM, f"correct so far {accuracy:4.0%}")

    def _style(self, style: str, text: str) -> str:
        return f"{style}{text}{_PLAIN}" if self._live else text

    def _wipe(self) -> None:
        if self._drawn:
            self._out.write(f"\x1b[{self._drawn}A\x1b[J")
            self._drawn = 0

    def _print(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()


def _bar(share: float) -> str:
    filled = round(share * _BAR)
    return "█" * filled + "░" * (_BAR - filled)


def report(outcome: Outcome) -> str:
    """Give what the demo ends with: accuracy by scene and model, and where it comes from."""
    score = outcome.score
    head = "".join(f"{name_of(model):>10}" for model in SHOWN)
    lines = ["", f"{'correct share of windows':<30}{'windows':>8}{head}"]
    for scene, row in score.as_table().items():
        cells = "".join(
            f"{'-' if row[model] is None else format(row[model], '.0%'):>10}" for model in SHOWN
        )
        lines.append(f"  {scene:<28}{row['windows']:>8}{cells}")
    lines += [
        "",
        f"Trained in {outcome.train_seconds:.1f} s. {outcome.trained}",
        f"{outcome.said} verdicts, {outcome.heard} of them heard over MQTT ({outcome.broker}).",
        f"{outcome.lost} samples lost. {outcome.seconds:.0f} s in all.",
    ]
    return "\n".join(lines)
