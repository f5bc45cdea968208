"""What `harpi setup` did can be taken back, whatever was there before."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harpi.setup.boot import BEGIN, END
from tests.support.fake_pi import FILES, install, make_pi, snapshot, uninstall

CONTENT = st.binary(max_size=60)
BOOT = st.binary(max_size=200).filter(lambda b: BEGIN not in b and END not in b)
GROUP_LINES = st.sets(
    st.sampled_from([b"gpio:x:987:ada", b"gpio:x:986:", b"spi:x:989:", b"harpi:x:900:"]),
    max_size=2,
).filter(lambda lines: len({line[:5] for line in lines}) == len(lines))
SYSTEMS = st.fixed_dictionaries(
    {"boot/firmware/config.txt": BOOT},
    optional={
        "etc/group": GROUP_LINES.map(
            lambda lines: FILES["etc/group"] + b"".join(line + b"\n" for line in sorted(lines))
        ),
        "etc/systemd/system/harpi.service": CONTENT,
        "etc/udev/rules.d/60-harpi.rules": CONTENT,
        "etc/modules-load.d/harpi.conf": CONTENT,
        "etc/sysusers.d/other.conf": CONTENT,
        "etc/harpi/harpi.toml": st.just(b"[sensor]\nrate = 100\n"),
        "etc/harpi/harpi.d/mine.toml": st.just(b""),
        "etc/passwd-": CONTENT,
        "etc/.pwd.lock": st.just(b""),
    },
)


@settings(max_examples=20, deadline=None)
@given(SYSTEMS, st.sampled_from([None, "arm", "leg"]), st.booleans())
def test_the_system_is_as_it_was_to_the_byte(
    files: dict[str, bytes], profile: str | None, twice: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pi = make_pi(Path(folder) / "pi", files)
        before = snapshot(pi)
        install(pi, profile=profile)
        assert snapshot(pi) != before
        if twice:
            install(pi, profile="high_impact")
        assert uninstall(pi) == []
        assert snapshot(pi) == before


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    return make_pi(tmp_path / "pi")


def test_what_others_changed_meanwhile_stays_changed(pi: Path) -> None:
    before = snapshot(pi)
    install(pi)
    boot, passwd, group = (
        pi / name for name in ("boot/firmware/config.txt", "etc/passwd", "etc/group")
    )
    boot.write_bytes(b"# mine\n" + boot.read_bytes() + b"dtparam=spi=on\n")
    passwd.write_bytes(passwd.read_bytes() + b"eve:x:1001:1001::/home/eve:/bin/sh\n")
    group.write_bytes(
        group.read_bytes().replace(b"i2c:x:988:ada,harpi", b"i2c:x:988:harpi,eve")
    )
    assert uninstall(pi) == []
    after = snapshot(pi)
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {"boot/firmware/config.txt", "etc/passwd", "etc/group"}
    assert (
        boot.read_bytes()
        == b"# mine\n" + FILES["boot/firmware/config.txt"] + b"dtparam=spi=on\n"
    )
    assert passwd.read_bytes() == FILES["etc/passwd"] + b"eve:x:1001:1001::/home/eve:/bin/sh\n"
    assert b"i2c:x:988:eve\n" in group.read_bytes()
    assert b"harpi" not in group.read_bytes()


def test_takes_stay_and_with_them_their_user_until_all_is_to_go(pi: Path) -> None:
    before = snapshot(pi)
    install(pi)
    (pi / "var/lib/harpi").mkdir()
    (pi / "var/lib/harpi/takes.db").write_bytes(b"takes")
    (note,) = uninstall(pi)
    assert "Takes and heads are still in /var/lib/harpi" in note
    assert (pi / "var/lib/harpi/takes.db").read_bytes() == b"takes"
    assert b"harpi" in (pi / "etc/passwd").read_bytes()
    assert not (pi / "etc/systemd/system/harpi.service").exists()
    assert uninstall(pi, purge=True) == []
    assert snapshot(pi) == before


def test_changed_settings_stay_until_all_is_to_go(pi: Path) -> None:
    before = snapshot(pi)
    install(pi)
    (pi / "etc/harpi/harpi.toml").write_text("[device]\nid = 'mine'\n")
    (note,) = uninstall(pi)
    assert "/etc/harpi/harpi.toml was changed since and is kept" in note
    assert not (pi / "etc/udev/rules.d/60-harpi.rules").exists()
    assert uninstall(pi, purge=True) == []
    assert snapshot(pi) == before


def test_after_that_it_can_be_set_up_again_with_the_settings_that_stayed(pi: Path) -> None:
    before = snapshot(pi)
    install(pi)
    (pi / "etc/harpi/harpi.toml").write_text("[buttons]\nlabels = [22]\n")
    uninstall(pi)
    install(pi)
    assert b"gpio=12,22,26=ip,pu" in (pi / "boot/firmware/config.txt").read_bytes()
    uninstall(pi, purge=True)
    assert snapshot(pi) == before


def test_another_file_that_a_person_changed_is_kept_beside_its_place(pi: Path) -> None:
    install(pi)
    rule = pi / "etc/udev/rules.d/60-harpi.rules"
    rule.write_text("mine")
    uninstall(pi)
    assert not rule.exists()
    assert rule.with_name("60-harpi.rules.changed").read_text() == "mine"


def test_where_nothing_was_set_up_there_is_nothing_to_take_back(pi: Path) -> None:
    before = snapshot(pi)
    assert uninstall(pi) == ["`harpi setup` has changed nothing on this machine."]
    assert snapshot(pi) == before
