"""Faces of nobody: StyleGAN2 generators, from a .safetensors file or from a published .pt checkpoint of tensors.

Knows seeds, truncation, style mixing and walks. Does not know the network itself, which is in `_stylegan2`.

A checkpoint is {"g_ema": the generator's tensors, "latent_avg": the average w}; a .safetensors file holds the same tensors flat.
"""

import math
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from pydantic import Field

from studio import engines
from studio.engines._loading import reading
from studio.errors import BadRequest, ModelUnavailable
from studio.types import MAX_SEED, Artifact, Event, Progress, Request, Video

LARGEST_SIDE = {"image": 8192, "video": 2048}  # px, after enlarging
PREVIEW_SIDE = 256
AVERAGED = 4096  # latents the average w is taken from where a checkpoint does not bring it
NOT_TENSORS = (pickle.UnpicklingError, RuntimeError, UnicodeDecodeError, EOFError, ValueError, KeyError, AttributeError, OSError)


class Options(engines.Options):
    count: int = Field(1, ge=1, le=64, title="How many", description="Each face has its own seed", json_schema_extra={"main": True})
    truncation: float = Field(
        0.7, ge=0, le=1, title="Variety", description="0: the average face; 1: everything the model knows, odd ones too",
        json_schema_extra={"main": True, "step": 0.05},
    )  # fmt: skip
    mix_with: int | None = Field(None, ge=0, le=MAX_SEED, title="Mix with seed", description="Take the finer traits from this seed's face")
    mix_from: int = Field(
        4, ge=1, le=17, title="Mix from layer", description="Low: only the pose stays this face's; high: only colours are the other's"
    )  # fmt: skip
    walk_to: int | None = Field(None, ge=0, le=MAX_SEED, title="Walk to seed", description="A video from this face to that seed's")
    frames: int = Field(48, ge=2, le=240, title="Frames", description="Length of a walk", json_schema_extra={"unit": "frames"})
    fps: int = Field(24, ge=1, le=60, title="Speed of a walk", json_schema_extra={"unit": "frames/s"})
    loop: bool = Field(True, title="There and back", description="A walk that ends where it began, to be played round and round")
    scale: int = Field(1, ge=1, le=8, title="Enlarge", description="Finished pictures are enlarged by this factor (Lanczos)")


class Engine(engines.Engine):
    """One generator in float32, as it overflows in less. Faces are made one after another, so each is the same alone or among others."""

    task = "unconditional-image-generation"
    needs_prompt = False
    dtype = "float32"
    Options = Options

    def load(self, report: engines.Report) -> None:
        from studio.engines._stylegan2 import Generator

        report(0.1)
        with reading(self.spec, self.source):
            state = _tensors(_weights_file(Path(self.source)))
            report(0.6)
            centre = state.pop("latent_avg", None)
            generator = self._build(Generator, state)
            self._centre = _centre(generator, centre).to(self.device.type)
            self._generator = generator.to(self.device.type)
        report(1.0)

    def _build(self, kind: Any, state: dict[str, Any]) -> Any:
        try:
            return kind.from_state(state)
        except (KeyError, ValueError, IndexError, RuntimeError) as problem:
            detail = " ".join(str(problem).split())[:300]
            raise ModelUnavailable(f"{self.spec.name} is no StyleGAN2 generator this engine knows: {detail}", param="model") from problem

    def run(self, request: Request, options: Options, seed: int) -> Iterator[Event]:
        self._check(options)
        yield from self._walk(options, seed) if options.walk_to is not None else self._faces(options, seed)

    def _check(self, options: Options) -> None:
        shape = self._generator.shape
        if options.mix_with is not None and options.mix_from >= shape.layers:
            raise BadRequest(f"mix_from is {options.mix_from}, but {self.spec.name} has layers 0 to {shape.layers - 1}.", param="mix_from")
        side, most = shape.resolution * options.scale, LARGEST_SIDE["image" if options.walk_to is None else "video"]
        if side > most:
            raise BadRequest(f"scale {options.scale} would make {side} px of {shape.resolution} px; {most} px are the most.", param="scale")

    def _faces(self, options: Options, seed: int) -> Iterator[Event]:
        for number in range(options.count):
            own = (seed + number) % (MAX_SEED + 1)
            picture = self._picture(self._latent(own), options)
            yield Progress(number + 1, options.count, unit="face", preview=_preview(picture))
            yield Artifact("image", picture, own, self._facts(options))

    def _walk(self, options: Options, seed: int) -> Iterator[Event]:
        begin, end = self._latent(seed), self._latent(options.walk_to)
        frames = []
        for number in range(options.frames):
            frames.append(self._picture(between(begin, end, _position(number, options)), options))
            yield Progress(number + 1, options.frames, unit="frame", preview=_preview(frames[-1]))
        yield Artifact("video", Video(frames, options.fps), seed, self._facts(options))

    def _facts(self, options: Options) -> dict[str, Any]:
        side = self._generator.shape.resolution
        facts = {"size": f"{side}x{side}"}
        return facts | {"scaled": f"{options.scale}x Lanczos"} if options.scale > 1 else facts

    def _latent(self, seed: int) -> Any:
        """The z (1, style) of a seed, drawn on the CPU so that every device has the same."""
        import torch

        return torch.randn(1, self._generator.shape.style, generator=torch.Generator("cpu").manual_seed(seed))

    def _picture(self, z: Any, options: Options) -> Image.Image:
        import torch

        with torch.inference_mode():
            styles = self._styles(z, options.truncation).repeat(1, self._generator.shape.layers, 1)
            if options.mix_with is not None:
                styles[:, options.mix_from :] = self._styles(self._latent(options.mix_with), options.truncation)
            colours = self._generator(styles)[0].clamp(-1, 1)
            pixels = colours.add(1).mul(127.5).round().byte().permute(1, 2, 0).cpu().numpy()
        picture = Image.fromarray(pixels)
        side = picture.width * options.scale
        return picture if options.scale == 1 else picture.resize((side, side), Image.Resampling.LANCZOS)

    def _styles(self, z: Any, truncation: float) -> Any:
        """w (1, 1, style) of z, drawn towards the average by `truncation`."""
        w = self._generator.map(z.to(self._centre.device))
        return (self._centre + truncation * (w - self._centre))[:, None]

    def unload(self) -> None:
        self._generator = self._centre = None


def between(begin: Any, end: Any, position: float) -> Any:
    """Return the point at `position`, 0 to 1, on the arc from one latent to another: all of it is as far out as latents usually are."""
    import torch

    angle = torch.acos(torch.cosine_similarity(begin, end).clamp(-1, 1)).item()
    if math.sin(angle) < 1e-4:
        return torch.lerp(begin, end, position)
    return (math.sin((1 - position) * angle) * begin + math.sin(position * angle) * end) / math.sin(angle)


def _position(number: int, options: Options) -> float:
    """Where on the way frame `number` is: there and back, slowing down at both ends; or one way at a steady pace."""
    if options.loop:
        return (1 - math.cos(2 * math.pi * number / options.frames)) / 2
    return number / (options.frames - 1)


def _preview(picture: Image.Image) -> Image.Image:
    small = picture.copy()
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    return small


def _weights_file(source: Path) -> Path:
    """The file itself, or the only .safetensors file of the folder, or its only .pt file."""
    if source.is_file():
        return source
    for suffix in (".safetensors", ".pt"):
        found = sorted(source.glob(f"*{suffix}"))
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise ModelUnavailable(f"{source} holds several generators ({names}). Give the file you mean as the source.", param="model")
        if found:
            return found[0]
    raise ModelUnavailable(f"{source} holds no .safetensors and no .pt file.", param="model")


def _tensors(file: Path) -> dict[str, Any]:
    """Read a generator's tensors and, where it is there, `latent_avg`. Code in a pickle is refused unopened."""
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    checkpoint = _checkpoint(file)
    state = checkpoint.get("g_ema") if isinstance(checkpoint, dict) else None
    if not isinstance(state, dict):
        raise ModelUnavailable(f'{file.name} holds no "g_ema": it is no StyleGAN2 checkpoint of the kind this engine reads.', param="model")
    state = dict(state)
    if "latent_avg" in checkpoint:
        state["latent_avg"] = checkpoint["latent_avg"]
    return _only_tensors(file, state)


def _checkpoint(file: Path) -> Any:
    import torch

    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except NOT_TENSORS as problem:
        raise ModelUnavailable(
            f"{file.name} is damaged, or holds more than tensors and could run code; it was not opened. "
            "Fetch it again or choose another model.",
            param="model",
        ) from problem


def _only_tensors(file: Path, state: dict[Any, Any]) -> dict[str, Any]:
    import torch

    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise ModelUnavailable(f"{file.name} holds {name!r}, which is no tensor; it was refused.", param="model")
    return state


def _centre(generator: Any, given: Any) -> Any:
    """The average w (style,): the checkpoint's, else that of some thousand latents."""
    import torch

    style = generator.shape.style
    if given is None:
        z = torch.randn(AVERAGED, style, generator=torch.Generator("cpu").manual_seed(0))
        return generator.map(z).mean(0)
    if given.numel() != style:
        raise ModelUnavailable(f"latent_avg has {given.numel()} numbers, but the generator takes {style}.", param="model")
    return given.float().reshape(style)
