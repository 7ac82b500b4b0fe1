from studio.agreements import Agreements, terms
from studio.database import Database
from studio.types import ModelSpec


def spec(**more):
    return ModelSpec(**{"id": "m", "engine": "fake", "source": "a/b", "title": "M", "license": "cc-by-nc-4.0", **more})


def test_a_user_agrees_once_and_for_good(tmp_path):
    database = Database(tmp_path / "studio.db")
    for _ in range(2):
        Agreements(database).add(spec(), "anna")
    assert len(database.rows("SELECT * FROM agreements")) == 1
    database.close()
    again = Agreements(Database(tmp_path / "studio.db"))
    assert again.has(spec(), "anna") and not again.has(spec(), "ben") and not again.has(spec(id="n"), "anna")


def test_a_new_source_or_licence_asks_again(tmp_path):
    agreements = Agreements(Database(tmp_path / "studio.db"))
    agreements.add(spec(), "")
    assert agreements.has(spec(description="other words"), "")
    assert not agreements.has(spec(source="c/d"), "") and not agreements.has(spec(license="other"), "")


def test_the_terms_say_gate_and_licence():
    assert terms(spec()) == ""
    assert terms(spec(gated=True)) == "M is gated: its Hub page asks for an agreement."
    both = terms(spec(gated=True, commercial=False))
    assert "gated" in both and "The licence of M (cc-by-nc-4.0) forbids commercial use." in both
    assert "not stated" in terms(spec(commercial=False, license=""))
