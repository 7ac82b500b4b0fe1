"""What a tab's models can start from: for each role of their engines' `inputs` a folded place to give a file.

Knows pictures, masks and sound as controls, and how a result names what it was made from. Does not know what a model does with them.
A control's value is the path of a file in gradio's own folder; `kept` makes a name of it that lasts.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_pil_to_cache
from gradio.utils import get_upload_folder
from PIL import Image, ImageChops

from studio.errors import StudioError
from studio.inputs import open_picture, read
from studio.studio import Studio
from studio.tabs import _stage as stage
from studio.tabs._controls import Controls
from studio.types import ModelSpec, Record, Request

MASK = "mask"  # belongs to the picture, and stands beneath it
TITLES = {"image": "Start from a picture", "audio": "Continue a clip", MASK: "Paint over a part"}
EASEL = 768  # px, the longer side of a picture while it is painted over; the engine brings the mask to its size
BRUSH = "#e8488a"
ALIKE = 0.5  # of the words that were sent here: with fewer left in the prompt it is another text


@dataclass
class Place:
    """Where a file of one role is given: a fold, the control in it, and what is only of use once something is given."""

    role: str
    medium: str
    fold: gr.Accordion
    control: gr.components.Component
    beside: gr.Column


class Inputs:
    """The places of a tab: the roles of all its models, of which those of the chosen one are seen.

    Attributes:
        places: by role, once drawn. origin: the text of the gallery that the prompt was taken from, as {"id", "text"}.
    """

    def __init__(self, studio: Studio, task: str, controls: Controls):
        self.studio, self.controls = studio, controls
        self.takes: dict[str, str] = {}
        for spec in studio.registry.specs(task):
            self.takes |= self.of(spec)
        self.places: dict[str, Place] = {}
        self.origin: gr.State | None = None

    def of(self, spec: ModelSpec) -> dict[str, str]:
        """Return role -> medium of what a model starts from."""
        return {role: medium for role, medium in self.studio.registry.engine(spec.id).inputs.items() if medium in CONTROLS}

    # ---- drawing

    def draw(self, model: str | None) -> None:
        """Draw a folded place for each role; those of `model` are seen."""
        self.origin = gr.State({})
        now = self.of(self.studio.spec(model)) if model else {}
        for role, medium in self.takes.items():
            if role != MASK:
                self._draw(role, medium, role in now, MASK in self.takes and role == "image", MASK in now, model)

    def _draw(self, role: str, medium: str, seen: bool, has_mask: bool, mask_seen: bool, model: str | None) -> None:
        with gr.Accordion(TITLES.get(role, f"Start from: {role}"), open=False, visible=seen, elem_classes="given") as fold:
            control = CONTROLS[medium](role)
            with gr.Column(visible=False, elem_classes="family") as beside:
                self.places[role] = Place(role, medium, fold, control, beside)
                self.controls.draw_beside(role, model)
                if has_mask:
                    self._draw_mask(mask_seen)

    def _draw_mask(self, seen: bool) -> None:
        with gr.Accordion(TITLES[MASK], open=False, visible=seen, elem_classes="given") as fold, gr.Column(elem_classes="family") as beside:
            gr.HTML("<p>Only what you paint over is made anew.</p>", apply_default_css=False, elem_classes="plain hint")
            control = easel()
            self.wipe = gr.Button("Clear the paint", size="sm")
        self.places[MASK] = Place(MASK, "image", fold, control, beside)

    @property
    def components(self) -> list[gr.blocks.Block]:
        """The inputs of `read`."""
        return [*(place.control for place in self.places.values()), *([self.origin] if self.origin else [])]

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """What `show` and `fill` update."""
        return [*self.components, *(block for place in self.places.values() for block in (place.fold, place.beside))]

    def wire(self) -> None:
        """Let what belongs to a file be seen when there is one."""
        quiet = {"show_progress": "hidden", "api_visibility": "private"}
        for place in self.places.values():
            if place.role == MASK:
                continue
            events = [place.control.input, place.control.clear, *([place.control.upload] if place.medium == "audio" else [])]
            gr.on(events, lambda path, role=place.role: self.given(role, path), place.control, self.outputs, **quiet)
        if MASK in self.places:
            image, mask = self.places["image"].control, self.places[MASK].control
            self.wipe.click(lambda path: painting(path) if path else None, image, mask, **quiet)

    # ---- what is asked for

    def read(self, spec: ModelSpec, prompt: str, values: Iterable[Any]) -> dict[str, Any]:
        """Return `inputs`, as paths, and `parents` of a request out of the values of `components`."""
        values, takes = list(values), self.of(spec)
        given = {role: file_of(value) for role, value in zip(self.places, values, strict=False) if role in takes}
        paths = {role: path for role, path in given.items() if path}
        if "image" not in paths:
            paths.pop(MASK, None)
        origin = values[len(self.places)] if len(values) > len(self.places) else {}
        return {"inputs": paths, "parents": [origin["id"]] if origin and is_still(origin["text"], prompt) else []}

    def kept(self, wanted: Request, user: str) -> Request:
        """Return a request whose files are kept, named so that they last. Raises StudioError for a file that cannot be used."""
        takes = self.studio.registry.engine(wanted.model).inputs
        names = {
            role: self.studio.inputs.take(Path(name), takes[role], user) if Path(name).is_absolute() else name
            for role, name in wanted.inputs.items()
        }
        return wanted.model_copy(update={"inputs": names})

    # ---- filling the controls

    def show(self, spec: ModelSpec) -> dict[Any, Any]:
        """Return updates that show the places of a model; what was given stays."""
        takes = self.of(spec)
        return {place.fold: gr.Accordion(visible=place.role in takes) for place in self.places.values()}

    def fill(self, spec: ModelSpec, paths: Mapping[str, Path]) -> dict[Any, Any]:
        """Return updates that show the places of a model and put these files there, and nothing where there is none."""
        takes, update = self.of(spec), ({self.origin: {}} if self.origin else {})
        for place in self.places.values():
            path = paths.get(place.role)
            update[place.fold] = gr.Accordion(visible=place.role in takes, open=path is not None)
            update[place.control] = None if path is None else str(path)
            update[place.beside] = gr.Column(visible=path is not None or place.role == MASK)
        if MASK in self.places and "image" in paths:
            update[self.places[MASK].control] = painting(paths["image"], paths.get(MASK))
        return update

    def given(self, role: str, path: str | None) -> dict[Any, Any]:
        """Return the updates for a file just given or taken away; one that cannot be used is taken away again, with the reason."""
        place = self.places[role]
        update: dict[Any, Any] = {place.beside: gr.Column(visible=path is not None)}
        try:
            easel_now = painting(path) if path and place.medium == "image" else None
        except StudioError as problem:
            gr.Warning(str(problem))
            return {place.control: None, place.beside: gr.Column(visible=False)}
        if role == "image" and MASK in self.places:
            update[self.places[MASK].control] = easel_now
        return update

    def of_record(self, record: Record) -> dict[str, Path]:
        """Return the files a record was made from, by role; one that is gone is left out, and said."""
        paths = {}
        for role in record.inputs:
            try:
                paths[role] = self.studio.input(record, role)
            except StudioError as problem:
                gr.Warning(str(problem))
        return paths

    def role_for(self, medium: str, roles: Collection[str] | None = None) -> str | None:
        """Return the role that a file of a medium is given as, None where there is none."""
        fitting = (role for role in self.places if role != MASK and self.takes[role] == medium)
        return next((role for role in fitting if roles is None or role in roles), None)


# ---- the controls


def easel() -> gr.ImageEditor:
    """Return a picture to paint over."""
    return gr.ImageEditor(
        type="pil", image_mode="RGBA", format="png", sources=(), transforms=(), layers=False, show_label=False, label="Mask",
        brush=gr.Brush(default_size=48, colors=[BRUSH], default_color=BRUSH, color_mode="fixed"), buttons=[], height=340,
        interactive=True, elem_classes="easel",
    )  # fmt: skip


def picture(role: str) -> gr.Image:
    label = "Picture" if role == "image" else role.capitalize()
    return by_path(gr.Image(
        type="filepath", image_mode=None, sources=["upload", "clipboard"], label=label, show_label=False, buttons=[], height=220,
        interactive=True, elem_classes="upload",
    ))  # fmt: skip


def clip(role: str) -> gr.Audio:
    label = "Clip" if role == "audio" else role.capitalize()
    return by_path(gr.Audio(type="filepath", sources=["upload"], label=label, show_label=False, buttons=[], interactive=True))


CONTROLS = {"image": picture, "audio": clip}


def by_path(made: Any) -> Any:
    """Return a control that gives a function the path of the file as it was sent, readable or not: the studio says what is wrong."""
    made.preprocess = lambda payload: payload.path if payload else None
    return made


def file_of(value: Any) -> str | None:
    """Return the path of what a control holds: the file that was given, or what was painted."""
    return mask_of(value, get_upload_folder()) if isinstance(value, Mapping) else value


def mask_of(painted: Mapping[str, Any] | None, folder: str) -> str | None:
    """Return the path of what was painted, white on black; None where nothing was."""
    layers = (painted or {}).get("layers") or []
    paint = None
    for layer in layers:
        alpha = layer.getchannel("A")
        paint = alpha if paint is None else ImageChops.lighter(paint, alpha)
    white = paint and paint.point(lambda value: 255 if value >= 128 else 0)
    return save_pil_to_cache(white, folder, "mask", "png") if white and white.getbbox() else None


def painting(path: str | Path, mask: Path | None = None) -> dict[str, Any]:
    """Return a picture as the easel holds it, painted where the mask is white. Raises BadRequest for a file that is no picture."""
    shown = open_picture(read(Path(path))).convert("RGBA")
    scale = EASEL / max(shown.size)
    shown = shown.resize([max(1, round(side * scale)) for side in shown.size], Image.Resampling.LANCZOS)
    layers = []
    if mask is not None:
        layer = Image.new("RGBA", shown.size, BRUSH)
        layer.putalpha(open_picture(read(mask)).convert("L").resize(shown.size))
        layers = [layer]
    return {"background": shown, "layers": layers, "composite": None}


def is_still(sent: str, prompt: str) -> bool:
    """Whether a prompt is for the most part still the text that was sent there."""
    words, left = re.findall(r"\w+", sent.lower()), set(re.findall(r"\w+", prompt.lower()))
    return bool(words) and sum(word in left for word in words) >= ALIKE * len(words)


# ---- what a result says


def made_from(studio: Studio, record: Record, label: str = "Made from") -> str:
    """Return the files a record was made from, small, each a link to the whole; "" where it was made of words alone."""
    if not record.inputs:
        return ""
    sources = "".join(source(studio, record, role) for role in record.inputs)
    return f'<div class="from"><span>{label}</span>{sources}</div>'


def source(studio: Studio, record: Record, role: str) -> str:
    said = {"image": "the picture", MASK: "the part painted over", "audio": "the clip"}.get(role, role)
    url = f"v1/gallery/{stage.quoted(record.id)}/input?role={stage.quoted(role)}"
    try:
        medium = studio.inputs.find(record.inputs[role], record.user).medium
    except StudioError:
        return f"<em>{escape(said)}, which is no longer there</em>"
    if medium == "audio":
        return f'<audio controls preload="none" src="{url}" aria-label="{said}"></audio>'
    return f'<a href="{url}" target="_blank" rel="noopener" title="{said}"><img src="{url}&small=true" alt="{said}" loading="lazy"></a>'
