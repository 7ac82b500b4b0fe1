import pytest
from pydantic import BaseModel, Field

from studio.checking import checked, nearest, shown
from studio.errors import BadCatalogue, BadRequest


class Cup(BaseModel, extra="forbid"):
    size: int = Field(1, ge=1, le=9)
    label: str = Field("", max_length=5)


def test_good_values_become_the_object():
    assert checked(Cup, {"size": 3}) == Cup(size=3)


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"size": 10}, ["size", "10", "less than or equal to 9"]),
        ({"size": "many"}, ["size", "'many'", "integer"]),
        ({"size": float("nan")}, ["size", "nan"]),
        ({"sise": 1}, ["'sise'", "'size'"]),
        ({"label": "x" * 6}, ["label", "6", "5"]),
    ],
)
def test_a_message_names_field_value_and_what_is_allowed(values, parts):
    with pytest.raises(BadRequest) as caught:
        checked(Cup, values)
    assert all(part in str(caught.value) for part in parts), str(caught.value)
    assert caught.value.param == next(iter(values))


def test_the_kind_of_error_and_its_beginning_are_the_callers():
    with pytest.raises(BadCatalogue, match="^models.yaml: size is 0"):
        checked(Cup, {"size": 0}, BadCatalogue, "models.yaml: ")


def test_the_nearest_name_is_offered_else_the_list():
    assert nearest("fluxx", ["flux", "sdxl"]) == " Did you mean 'flux'?"
    assert nearest("qqq", ["sdxl", "flux"]) == " There are: flux, sdxl."
    assert nearest("x", []) == ""


def test_a_long_value_is_cut():
    assert len(shown("y" * 1000)) == 60
