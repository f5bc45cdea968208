from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from harpi.evaluation.pictures import Markup, joined, tag, text


class Seen(HTMLParser):
    """What a browser would see: elements, their attributes, and text."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((name, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.words += data


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cn"])))
def test_text_stays_text_inside_and_in_attributes(label: str) -> None:
    seen = Seen()
    seen.feed(tag("p", label, title=label))
    seen.close()
    assert [name for name, _ in seen.elements] == ["p"]
    assert seen.elements[0][1]["title"] == label
    assert seen.words == label


def test_what_no_document_may_hold_is_replaced() -> None:
    assert text("a\x00b\x1bc") == "a?b?c"


def test_attributes_are_spelt_as_html_spells_them() -> None:
    drawn = tag("rect", class_="bar", stroke_width=1.0, x=2.3456, name="n", fill=None)
    assert drawn == '<rect class="bar" stroke-width="1" x="2.35" name="n"></rect>'


def test_elements_without_an_end_have_none() -> None:
    assert tag("meta", charset="utf-8") == '<meta charset="utf-8">'


def test_markup_is_not_escaped_twice() -> None:
    assert joined(Markup("<b>"), "<b>") == "<b>&lt;b&gt;"
