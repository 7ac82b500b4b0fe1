import stat
import sys

import pytest

from studio import access
from studio.access import Accounts, Attempts, from_lines, kept_secret

SECRET = b"s" * 32


@pytest.fixture
def people() -> Accounts:
    return from_lines(["ann:a:b", "bob:über"], SECRET)


def test_a_password_may_hold_anything(people):
    assert people.matches("ann", "a:b")
    assert people.matches("bob", "über")
    assert not people.matches("ann", "über")
    assert not people.matches("ann", "\ud800")
    assert not people.matches("", "")
    assert not people.matches("eve", "a:b")


def test_no_password_is_kept(people):
    assert "über" not in repr(vars(people))


def test_a_key_belongs_to_one_person_and_outlives_a_restart(people):
    assert people.owner(people.key("bob")) == "bob"
    assert people.owner("sk-" + "0" * 48) is None
    assert people.owner("ключ") is None
    assert from_lines(["bob:über"], SECRET).key("bob") == people.key("bob")
    assert from_lines(["bob:other"], SECRET).key("bob") != people.key("bob")


def test_a_session_holds_for_its_person_until_it_is_old_or_the_password_changes():
    now = [1000.0]
    accounts = Accounts(SECRET, clock=lambda: now[0])
    accounts.add("ann", "old")
    ticket = accounts.session("ann")
    assert accounts.holder(ticket) == "ann"
    now[0] += access.SESSION_SECONDS + 1
    assert accounts.holder(ticket) is None
    now[0] = 1000
    accounts.add("ann", "new")
    assert accounts.holder(ticket) is None


@pytest.mark.parametrize("forged", ["", "a", "a.b.c", "..", "YW5u.99999999999.", "YW5u.99999999999.ü", "YW5u.x.y", "\x00.1.2"])
def test_a_forged_session_is_nobodys(people, forged):
    assert people.holder(forged) is None


def test_a_session_cannot_be_given_to_another(people):
    _, until, signature = people.session("ann").split(".")
    assert people.holder(f"Ym9i.{until}.{signature}") is None
    assert people.holder(f"YW5u.{int(until) + 1}.{signature}") is None


def test_too_many_wrong_passwords_have_to_wait():
    now = [0.0]
    attempts = Attempts(clock=lambda: now[0])
    for _ in range(access.FAILURES):
        assert attempts.wait("name ann", "address 1.2.3.4") == 0
        attempts.failed("name ann", "address 1.2.3.4")
    assert attempts.wait("name ann") == access.FAILURE_SECONDS
    assert attempts.wait("name bob", "address 1.2.3.4") > 0
    assert attempts.wait("name bob") == 0
    now[0] += access.FAILURE_SECONDS + 1
    assert attempts.wait("name ann") == 0


def test_the_right_password_wipes_the_slate():
    attempts = Attempts()
    for _ in range(access.FAILURES):
        attempts.failed("name ann")
    attempts.succeeded("name ann")
    assert attempts.wait("name ann") == 0


def test_only_so_many_names_are_remembered(monkeypatch):
    monkeypatch.setattr(access, "REMEMBERED", 5)
    attempts = Attempts()
    for number in range(20):
        attempts.failed(f"name {number}")
    assert len(attempts._failures) == 5


def test_the_secret_is_made_once_and_its_owners_alone(tmp_path):
    made = kept_secret(tmp_path)
    assert len(made) == 32 and kept_secret(tmp_path) == made
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_a_secret_cut_short_is_made_anew(tmp_path):
    (tmp_path / "secret").write_bytes(b"")
    assert len(kept_secret(tmp_path)) == 32
