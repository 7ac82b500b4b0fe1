"""Choices: how the user wants a model put into memory, where it shall not be chosen for the device.

Knows rows of the database. Does not know what fits or what the device can do.
"""

from studio.database import Database
from studio.types import Mode, ModelSpec


class Choices:
    """One choice for each model at most; a value of None leaves that to the catalogue, and there to the device."""

    def __init__(self, database: Database):
        self._database = database
        self._kept = {row["model"]: {"mode": row["mode"], "dtype": row["dtype"]} for row in database.rows("SELECT * FROM choices")}

    def apply(self, spec: ModelSpec) -> ModelSpec:
        """Return the model as the user wants it."""
        wanted = {name: value for name, value in self._kept.get(spec.id, {}).items() if value}
        return spec.model_copy(update=wanted) if wanted else spec

    def keep(self, model: str, mode: Mode | None, dtype: str | None) -> None:
        """Write a choice down. Raises CannotWrite."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO choices (model, mode, dtype) VALUES (?, ?, ?)", (model, mode, dtype))
        self._kept[model] = {"mode": mode, "dtype": dtype}
