"""Options of every kind become controls, and what the controls hold becomes options again."""

from typing import Literal

import gradio as gr
import pytest
from pydantic import BaseModel, Field

from studio.tabs._controls import Controls, control
from studio.types import ModelSpec


class Options(BaseModel):
    """One field of every kind."""

    steps: int = Field(20, ge=1, le=60, title="Steps", description="More steps: finer", json_schema_extra={"main": True})
    width: int | None = Field(None, ge=16, le=4096, json_schema_extra={"unit": "px", "main": True, "step": 8})
    guidance_scale: float = Field(5.0, ge=0, le=15, json_schema_extra={"step": 0.5})
    tokens: int = Field(256, ge=1, le=100_000)
    mood: Literal["calm", "bright"] = "calm"
    sampler: Literal["ddim", "euler"] | None = None
    loop: bool = False
    lyrics: str = Field("", json_schema_extra={"lines": 4})
    stop: list[str] = Field(default_factory=list)
    voice: str = Field("", json_schema_extra={"main": True})
    matrix: dict[str, float] = Field(default_factory=dict)


class Other(BaseModel):
    bars: int = Field(16, ge=4, le=32, json_schema_extra={"main": True})


SPECS = [
    ModelSpec(id="one", engine="first", source="a/b", options={"steps": 30, "width": 512}),
    ModelSpec(id="two", engine="first", source="a/c"),
    ModelSpec(id="three", engine="second", source="a/d"),
]
CLASSES = {"one": Options, "two": Options, "three": Other}


def drawn(**how) -> Controls:
    controls = Controls(SPECS, CLASSES.__getitem__, **how)
    with gr.Blocks():
        controls.draw_main("one")
        controls.draw_more("one")
    return controls


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("steps", gr.Slider), ("width", gr.Number), ("guidance_scale", gr.Slider), ("tokens", gr.Number), ("mood", gr.Radio),
        ("sampler", gr.Dropdown), ("loop", gr.Checkbox), ("lyrics", gr.Textbox), ("stop", gr.Textbox), ("matrix", type(None)),
    ],
)  # fmt: skip
def test_each_type_has_its_control(name, kind):
    with gr.Blocks():
        assert type(control(name, Options.model_fields[name])) is kind


def test_labels_units_bounds_and_lines_come_from_the_field():
    with gr.Blocks():
        steps, width = control("steps", Options.model_fields["steps"]), control("width", Options.model_fields["width"])
        lyrics = control("lyrics", Options.model_fields["lyrics"])
    assert (steps.label, steps.info, steps.minimum, steps.maximum, steps.step) == ("Steps", "More steps: finer", 1, 60, 1)
    assert (width.label, width.step) == ("Width (px)", 8)
    assert lyrics.lines == 4


def test_every_control_can_be_used():
    assert all(one.interactive for one in drawn().components)


def test_main_options_stand_in_the_open_and_the_rest_under_advanced():
    family = drawn(fold=("width",)).families["first"]
    assert {one.label for one in family.main.children[0].children} == {"Steps", "Voice"}
    assert family.controls["width"].parent.parent is family.more or family.controls["width"].parent is family.more


def test_a_slider_stands_where_every_model_has_a_value():
    with gr.Blocks():
        assert type(control("width", Options.model_fields["width"], always=True)) is gr.Slider


def test_what_the_controls_show_is_what_is_asked_for():
    controls = drawn()
    shown = dict(zip(controls.outputs, controls.show(SPECS[0]), strict=True))
    values = [shown[one]["value"] if isinstance(shown[one], dict) and "value" in shown[one] else None for one in controls.components]
    asked = controls.read(SPECS[0], values)
    assert asked == {
        "steps": 30, "width": 512, "guidance_scale": 5.0, "tokens": 256, "mood": "calm", "loop": False, "lyrics": "",
        "stop": [], "voice": "",
    }  # fmt: skip
    assert Options(**asked)


def test_what_is_left_to_the_model_is_left_out():
    controls = drawn()
    values = {name: None for name in controls.families["first"].controls} | {"sampler": "", "steps": 12.0, "stop": "END\n\nfin"}
    asked = controls.read(SPECS[1], [*values.values(), 16])
    assert "width" not in asked and "sampler" not in asked
    assert asked["steps"] == 12 and type(asked["steps"]) is int
    assert asked["stop"] == ["END", "fin"]


def test_changing_the_model_shows_its_family():
    controls = drawn()
    visible = [
        update.visible if isinstance(update, gr.Column) else update["visible"]
        for update in controls.show(SPECS[2])[: len(controls.columns)]
    ]
    assert visible == [False, False, True, True]
    assert controls.read(SPECS[2], [None] * (len(controls.components) - 1) + [8]) == {"bars": 8}


def test_options_over_the_defaults():
    controls = drawn()
    shown = dict(zip(controls.outputs, controls.show(SPECS[0], {"steps": 7, "stop": ["END"]}), strict=True))
    first = controls.families["first"].controls
    assert shown[first["steps"]]["value"] == 7 and shown[first["stop"]]["value"] == "END" and shown[first["width"]]["value"] == 512


def test_choices_depend_on_the_model():
    voices = {"one": [("Anna", "anna"), ("Ben", "ben")], "two": []}
    controls = drawn(choices={"voice": voices.__getitem__})
    box = controls.families["first"].controls["voice"]
    several = dict(zip(controls.outputs, controls.show(SPECS[0], {"voice": "ben"}), strict=True))[box]
    none = dict(zip(controls.outputs, controls.show(SPECS[1]), strict=True))[box]
    assert (several["choices"], several["value"], several["visible"]) == (voices["one"], "ben", True)
    assert none["visible"] is False


def test_skipped_options_are_not_drawn():
    assert "voice" not in drawn(skip=("voice",)).families["first"].controls
