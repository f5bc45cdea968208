"""The models as people meet them, at every door: their order, their names, their colours.

Nothing else here: a command line that only shows what a broker sends starts without NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ANSWER: Final = "answer"
"""Name of harpi's one answer, which the models give together, where it stands beside them."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How a model is shown.

    Attributes:
        name: as people read it within a sentence.
        light: its colour on a light ground, as CSS has it.
        dark: its colour on a dark ground.
    """

    name: str
    light: str
    dark: str

    @property
    def title(self) -> str:
        """Its name where a line begins with it."""
        return self.name if self.name != self.name.lower() else self.name.capitalize()


TABLE: Final = {
    "knn": Shown("kNN", "#0072b2", "#56b4e9"),
    "generic": Shown("generic", "#b06400", "#e69f00"),
    "personal": Shown("personal", "#00825f", "#2fc495"),
}
"""The models, in the order in which people are shown them.

The colours are those of Okabe and Ito's palette, which people tell apart whatever colours they
see, some of them darker so that text in them is readable. The style sheets and the page's
script have the table once more, in their own languages; a test holds them to this one.
"""

MODELS: Final = tuple(TABLE)

SHOWN: Final = (ANSWER, *MODELS)
"""All that people are shown, in that order."""


def name_of(model: str) -> str:
    """Return the name of a model, or of the answer, as people read it."""
    if model == ANSWER:
        return "harpi"
    return TABLE[model].name if model in TABLE else model
