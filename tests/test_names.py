"""The table of the models, and its copies in the languages of the page."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from harpi.names import MODELS, TABLE, name_of

STYLES = ["web/static/style.css", "evaluation/page.css"]


def shipped(name: str) -> str:
    return files("harpi").joinpath(name).read_text("utf-8")


@pytest.mark.parametrize("style", STYLES)
def test_a_style_sheet_has_the_colours_of_the_table(style: str) -> None:
    for model, shown in TABLE.items():
        assert re.findall(rf"--{model}: (#\w+);", shipped(style)) == [shown.light, shown.dark]


def test_the_script_of_the_page_has_the_names_of_the_table() -> None:
    listed = re.findall(r'^  \["(\w+)", "(\w+)"\],$', shipped("web/static/panels.js"), re.M)
    assert listed == [(model, TABLE[model].title) for model in MODELS]


def test_a_name_within_a_sentence_and_at_its_beginning() -> None:
    assert [name_of(model) for model in ("answer", *MODELS)] == [
        "harpi",
        "kNN",
        "generic",
        "personal",
    ]
    assert [shown.title for shown in TABLE.values()] == ["kNN", "Generic", "Personal"]
