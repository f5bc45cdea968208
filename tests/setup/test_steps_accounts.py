"""The lines of passwd and group."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harpi.setup import steps
from harpi.setup.machine import detect
from tests.support.fake_pi import make_pi

NAMES = st.text("abcdef", min_size=1, max_size=4)
GROUPS = st.dictionaries(NAMES, st.lists(NAMES, unique=True, max_size=3), max_size=5)


def lines(groups: dict[str, list[str]]) -> bytes:
    return "".join(
        f"{name}:x:{number}:{','.join(members)}\n"
        for number, (name, members) in enumerate(groups.items())
    ).encode()


@given(GROUPS, NAMES)
def test_who_comes_in_can_be_taken_out(groups: dict[str, list[str]], group: str) -> None:
    before = lines({**groups, group: groups.get(group, [])})
    after = steps.with_member(before, "harpi", group)
    assert after != before
    assert steps.with_member(after, "harpi", group) == after
    assert steps.without(after, "/etc/group", {"harpi"}, set()) == before


@given(GROUPS, GROUPS)
def test_groups_that_are_added_can_be_taken_out(
    there: dict[str, list[str]], added: dict[str, list[str]]
) -> None:
    added = {f"new-{name}": members for name, members in added.items()}
    content = lines(there) + lines(added)
    assert steps.without(content, "/etc/group", set(), set(added)) == lines(there)


def test_a_user_of_a_similar_name_stays(tmp_path: Path) -> None:
    passwd = b"harpi:x:1:1::/:/x\nharpist:x:2:2::/:/x\n"
    kept = steps.without(passwd, "/etc/passwd", {"harpi"}, {"harpist"})
    assert kept == b"harpist:x:2:2::/:/x\n"


def test_members_are_read(tmp_path: Path) -> None:
    machine = detect(make_pi(tmp_path / "pi"))
    assert steps.members(machine, "i2c") == {"ada"}
    assert steps.members(machine, "root") == set()
    assert steps.members(machine, "none") == set()
    assert steps.names(machine, "/etc/passwd") == {"root", "ada"}
