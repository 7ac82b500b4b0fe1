"""What a model asks one to agree to, and who agreed, kept for good.

Knows terms and the table. Does not know when somebody is asked.
"""

from studio.database import Database, now
from studio.types import ModelSpec


class Agreements:
    """One row for each model, with the source and the licence it had then, and user; "" is the user of a studio without accounts."""

    def __init__(self, database: Database):
        self._database = database

    def add(self, spec: ModelSpec, user: str) -> None:
        """Write down that a user agrees. A second time changes nothing."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO agreements VALUES (?, ?, ?, ?, ?)", (*_key(spec), user, now()))

    def has(self, spec: ModelSpec, user: str) -> bool:
        """Tell whether a user agreed to the model as it stands now: a new source or licence asks again."""
        query = "SELECT 1 FROM agreements WHERE model = ? AND source = ? AND license = ? AND user = ?"
        return bool(self._database.rows(query, (*_key(spec), user)))


def terms(spec: ModelSpec) -> str:
    """Return what has to be agreed to before a model is used, in sentences; "" for one that is neither gated nor non-commercial."""
    gate = f"{spec.name} is gated: its Hub page asks for an agreement." if spec.gated else ""
    bar = f"The licence of {spec.name} ({spec.license or 'not stated'}) forbids commercial use." if not spec.commercial else ""
    return " ".join(filter(None, (gate, bar)))


def _key(spec: ModelSpec) -> tuple[str, str, str]:
    return spec.id, spec.source, spec.license
