"""An engine's options, drawn as gradio controls.

Knows how a pydantic field looks on the page. Does not know what any option means. Every family that a tab's models belong to gets
its controls once; those of one family are seen at a time, and changing the model shows its family's with that model's defaults.
"""

import types
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Union, get_args, get_origin

import gradio as gr
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from studio.tabs._words import said_name
from studio.types import ModelSpec

Choices = Callable[[str], list[tuple[str, Any]]]  # model id -> (what the menu says, value)
WIDEST_SLIDER = 2000  # steps; a control with more is a number field
SHORT = 44  # letters that fit on one line of a segmented control


def bare(annotation: Any) -> tuple[Any, bool]:
    """Return a type without its `| None`, and whether it had one."""
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [one for one in get_args(annotation) if one is not type(None)]
        return (inner[0] if len(inner) == 1 else annotation), len(inner) < len(get_args(annotation))
    return annotation, False


def bounds(info: FieldInfo) -> tuple[float | None, float | None]:
    """Return the lowest and highest value a field takes; None where it is open."""
    low = next((float(one.ge if isinstance(one, Ge) else one.gt) for one in info.metadata if isinstance(one, (Ge, Gt))), None)
    high = next((float(one.le if isinstance(one, Le) else one.lt) for one in info.metadata if isinstance(one, (Le, Lt))), None)
    return low, high


def hints(info: FieldInfo) -> dict[str, Any]:
    """Return `unit`, `main`, `step`, `lines`, `input` and `usual` of a field."""
    return dict(info.json_schema_extra) if isinstance(info.json_schema_extra, dict) else {}


def label_of(name: str, info: FieldInfo) -> str:
    unit = hints(info).get("unit")
    return (info.title or said_name(name)) + (f" ({unit})" if unit else "")


def step_of(kind: type, info: FieldInfo) -> float:
    low, high = bounds(info)
    if kind is int:
        return hints(info).get("step", 1)
    return hints(info).get("step", 0.05 if (high or 0) - (low or 0) <= 4 else 0.5)


def slider_fits(kind: type, info: FieldInfo) -> bool:
    low, high = bounds(info)
    return low is not None and high is not None and (high - low) / step_of(kind, info) <= WIDEST_SLIDER


def control(name: str, info: FieldInfo, always: bool = False) -> gr.components.Component | None:
    """Return the control of one option; None for a type that the page cannot ask for (the HTTP interface still can).

    `always` says that the option has a value whatever the model, so that an optional number can be a slider.
    """
    kind, optional = bare(info.annotation)
    optional = optional and not always
    how = {"label": label_of(name, info), "info": info.description or None, "interactive": True}
    if get_origin(kind) is Literal:
        return choice(get_args(kind), optional, how)
    if kind is bool:
        return gr.Checkbox(**how)
    if kind in (int, float):
        return number(kind, optional, info, how)
    if kind is str:
        return gr.Textbox(lines=hints(info).get("lines", 1), max_lines=8, placeholder="None" if optional else None, **how)
    if get_origin(kind) is list and get_args(kind) == (str,):
        return gr.Textbox(lines=hints(info).get("lines", 2), max_lines=6, placeholder="One on each line", **how)
    return None


def choice(values: tuple[Any, ...], optional: bool, how: dict[str, Any]) -> gr.components.Component:
    entries = [(str(value).replace("_", " ").capitalize() if str(value).islower() else str(value), value) for value in values]
    if not optional and sum(len(said) + 4 for said, _ in entries) <= SHORT:
        return gr.Radio(entries, elem_classes="segmented", **how)
    return gr.Dropdown([("The model's own", ""), *entries] if optional else entries, filterable=False, **how)


def number(kind: type, optional: bool, info: FieldInfo, how: dict[str, Any]) -> gr.components.Component:
    low, high = bounds(info)
    if optional or not slider_fits(kind, info):
        return gr.Number(
            precision=0 if kind is int else None, minimum=low, maximum=high, step=step_of(kind, info),
            placeholder="The model's own" if optional else None, min_width=0, **how,
        )  # fmt: skip
    return gr.Slider(low, high, step=step_of(kind, info), buttons=[], **how)


def default_of(info: FieldInfo, spec: ModelSpec, name: str) -> Any:
    """Return what a model's control of an option begins with."""
    value = spec.options[name] if name in spec.options else info.get_default(call_default_factory=True)
    return hints(info).get("usual") if value is None else value


def to_control(value: Any, info: FieldInfo) -> Any:
    """Return an option's value as its control holds it."""
    kind, optional = bare(info.annotation)
    if isinstance(value, (list, tuple)):
        return "\n".join(map(str, value))
    if value is None and (kind is str or get_origin(kind) is Literal):
        return ""
    return value


def from_control(value: Any, info: FieldInfo) -> Any:
    """Return what a control holds as an option's value; None where it was left to the model."""
    kind, optional = bare(info.annotation)
    if get_origin(kind) is list:
        return [line for line in str(value or "").split("\n") if line]
    if optional and value in ("", None):
        return None
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


@dataclass
class Family:
    """The controls of one engine's options: those that stand in the open and those under Advanced."""

    options: type[BaseModel]
    specs: list[ModelSpec] = field(default_factory=list)
    main: gr.Column | None = None
    more: gr.Column | None = None
    beside: dict[str, gr.Column] = field(default_factory=dict)  # role of an input -> the controls that only matter with it
    controls: dict[str, gr.components.Component] = field(default_factory=dict)

    def names(self, main: bool, fold: set[str]) -> list[str]:
        fields = [(name, info) for name, info in self.options.model_fields.items() if "input" not in hints(info)]
        return [name for name, info in fields if (bool(hints(info).get("main")) and name not in fold) is main]

    def names_beside(self, role: str) -> list[str]:
        return [name for name, info in self.options.model_fields.items() if hints(info).get("input") == role]

    @property
    def columns(self) -> list[gr.Column]:
        return [column for column in (self.main, self.more, *self.beside.values()) if column is not None]

    def always(self, name: str) -> bool:
        """Whether every model of the family has a value of its own for an option, so that "left to the model" need not be offered."""
        info = self.options.model_fields[name]
        return all(default_of(info, spec, name) is not None for spec in self.specs)


class Controls:
    """The controls of all families of a tab.

    Draw `draw_main()` and `draw_more()` where they belong, give `components` as inputs to a function and hand what it gets to
    `read(spec, values)`; give `outputs` to a function that returns `show(spec, ...)`.
    """

    def __init__(
        self, specs: Iterable[ModelSpec], options: Callable[[str], type[BaseModel]], skip: Iterable[str] = (),
        fold: Iterable[str] = (), choices: Mapping[str, Choices] | None = None,
    ):  # fmt: skip
        """Take the models of a tab and, from a model's id, the class of its options.

        Args:
            skip: options that the tab draws itself or does not offer.
            fold: options that stand under Advanced although they are `main`.
            choices: options whose values depend on the model; a menu, hidden where a model has no choice.
        """
        self.families: dict[str, Family] = {}
        self.specs = {spec.id: spec for spec in specs}
        for spec in self.specs.values():
            self.families.setdefault(spec.engine, Family(options(spec.id))).specs.append(spec)
        self.skip, self.fold, self.choices = set(skip), set(fold), dict(choices or {})

    def draw_main(self, model: str | None) -> None:
        """Draw the settings that matter, one column for each family; those of `model` are seen, with its defaults."""
        for engine, family in self.families.items():
            with gr.Column(visible=self._is_of(engine, model), elem_classes="family") as family.main:
                self._draw(family, family.names(True, self.fold), model)

    def draw_more(self, model: str | None) -> None:
        """Draw the rest, for Advanced."""
        for engine, family in self.families.items():
            with gr.Column(visible=self._is_of(engine, model), elem_classes="family") as family.more:
                self._draw(family, family.names(False, self.fold), model)

    def draw_beside(self, role: str, model: str | None) -> None:
        """Draw the settings that only matter with an input of this role."""
        for engine, family in self.families.items():
            if names := family.names_beside(role):
                with gr.Column(visible=self._is_of(engine, model), elem_classes="family") as family.beside[role]:
                    self._draw(family, names, model)

    def _is_of(self, engine: str, model: str | None) -> bool:
        return model in self.specs and self.specs[model].engine == engine

    def _draw(self, family: Family, names: list[str], model: str | None) -> None:
        spec = self.specs[model] if model in self.specs and self.specs[model] in family.specs else family.specs[0]
        for name in names:
            info = family.options.model_fields[name]
            if name not in self.skip and (made := self._control(name, info, family.always(name))) is not None:
                family.controls[name] = made
                if name not in self.choices:
                    made.value = to_control(default_of(info, spec, name), info)

    def _control(self, name: str, info: FieldInfo, always: bool) -> gr.components.Component | None:
        if name not in self.choices:
            return control(name, info, always)
        how = {"label": label_of(name, info), "info": info.description or None, "interactive": True}
        return gr.Dropdown([], allow_custom_value=True, visible=False, **how)

    @property
    def components(self) -> list[gr.components.Component]:
        """Every control, family by family."""
        return [one for family in self.families.values() for one in family.controls.values()]

    @property
    def columns(self) -> list[gr.Column]:
        return [column for family in self.families.values() for column in family.columns]

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        return [*self.columns, *self.components]

    def show(self, spec: ModelSpec, options: Mapping[str, Any] | None = None) -> list[Any]:
        """Return updates for `outputs`: the family of a model, with its defaults and over them `options`."""
        columns = [gr.Column(visible=engine == spec.engine) for engine, family in self.families.items() for _ in family.columns]
        updates = []
        for engine, family in self.families.items():
            for name in family.controls:
                updates.append(self._update(family, name, spec, options or {}) if engine == spec.engine else gr.skip())
        return columns + updates

    def _update(self, family: Family, name: str, spec: ModelSpec, options: Mapping[str, Any]) -> Any:
        info = family.options.model_fields[name]
        value = to_control(options.get(name, default_of(info, spec, name)), info)
        if name not in self.choices:
            return gr.update(value=value)
        entries = self.choices[name](spec.id)
        allowed = [one for _, one in entries]
        return gr.update(choices=entries, visible=bool(entries), value=value if value in allowed else (allowed[0] if allowed else None))

    def defaults(self, spec: ModelSpec) -> dict[str, Any]:
        """Return what a model's options begin with."""
        family = self.families.get(spec.engine)
        return {} if family is None else {name: default_of(info, spec, name) for name, info in family.options.model_fields.items()}

    def read(self, spec: ModelSpec, values: Iterable[Any], given: Collection[str] = ()) -> dict[str, Any]:
        """Return the options of a model out of the values of all `components`; what was left to the model is left out.

        An option that only matters with an input counts where one of its role is `given`.
        """
        values, chosen = iter(values), {}
        for engine, family in self.families.items():
            for name in family.controls:
                value, role = next(values), hints(family.options.model_fields[name]).get("input")
                if engine == spec.engine and (role is None or role in given):
                    chosen[name] = from_control(value, family.options.model_fields[name])
        return {name: value for name, value in chosen.items() if value is not None}
