"""The picture, and the mask, that a new picture is made from, and the pipeline over the same weights that takes them.

Knows pictures and pipelines' classes. Does not know steps or seeds.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from studio.errors import BadRequest

MOST_PIXELS = 1024 * 1024  # of a picture made at the size of the one it starts from: what today's models were trained at
WHITE = 128  # from this on, of 255, a place of the mask is made anew
NEED_A_PICTURE = ("Edit", "Pix2Pix")  # in the name of pipelines that cannot start from noise alone


@dataclass(frozen=True)
class Start:
    """`image` is RGB; `mask` is of the same size, 255 where it is made anew and 0 where it is kept, or None."""

    image: Image.Image
    mask: Image.Image | None = None

    def kept(self, picture: Image.Image) -> Image.Image:
        """Return `picture` with what the mask keeps put back, pixel for pixel."""
        return picture if self.mask is None else Image.composite(picture.resize(self.image.size), self.image, self.mask)


def started(inputs: Mapping[str, str], width: int | None, height: int | None, multiple: int) -> Start | None:
    """Return what the files of a request hold, cropped and scaled to the size asked for; None without a picture.

    Sides are rounded down to `multiple` pixels. Without a size the picture keeps its own, up to a million pixels; with one side the
    other follows. Raises BadRequest for a file that is no picture and for a mask without a picture or without white.
    """
    if "image" not in inputs:
        if "mask" in inputs:
            raise BadRequest("A mask says where a picture is made anew; give the picture too.", param="image")
        return None
    image = _opened(inputs["image"], "image", (255, 255, 255))
    size = _size(image, width, height, multiple)
    mask = _mask(inputs["mask"], image.size, size) if "mask" in inputs else None
    return Start(ImageOps.fit(image, size, Image.Resampling.LANCZOS), mask)


def _opened(path: str, role: str, ground: tuple[int, int, int]) -> Image.Image:
    """Read a picture, upright, its clear places filled with `ground`."""
    try:
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file).convert("RGBA")
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        raise BadRequest(f"The {role} cannot be read as a picture: {problem}. Give a PNG, JPEG or WebP file.", param=role) from problem
    return Image.alpha_composite(Image.new("RGBA", picture.size, (*ground, 255)), picture).convert("RGB")


def _size(image: Image.Image, width: int | None, height: int | None, multiple: int) -> tuple[int, int]:
    scale = min(1.0, (MOST_PIXELS / (image.width * image.height)) ** 0.5)
    if width or height:
        scale = width / image.width if width else height / image.height
    sides = width or image.width * scale, height or image.height * scale
    return tuple(max(multiple, round(side) // multiple * multiple) for side in sides)


def _mask(path: str, own: tuple[int, int], size: tuple[int, int]) -> Image.Image:
    mask = _opened(path, "mask", (0, 0, 0)).convert("L").resize(own, Image.Resampling.BILINEAR)
    mask = ImageOps.fit(mask, size, Image.Resampling.BILINEAR).point(lambda value: 255 * (value >= WHITE))
    if mask.getbbox() is None:
        raise BadRequest("The mask is black everywhere, so nothing would change: paint white what is to be made anew.", param="mask")
    return mask


def takes(pipeline: Any) -> set[str]:
    """Return what a pipeline can be called with."""
    return set(inspect.signature(pipeline.__call__).parameters)


def pipeline_for(pipeline: Any, start: Start | None, model: str) -> Any:
    """Return the pipeline that starts from noise, from a picture or from a picture and a mask: this one, or its sibling over its parts.

    Siblings are found by diffusers' names: FluxPipeline, FluxImg2ImgPipeline, FluxInpaintPipeline. They share every component, so they
    take no memory. Raises BadRequest when the family has none.
    """
    own, name = takes(pipeline), type(pipeline).__name__
    if start is None:
        if "image" in own and ({"strength", "mask_image"} & own or any(word in name for word in NEED_A_PICTURE)):
            raise BadRequest(f"{model} works on a picture; give it one to start from.", param="image")
        return pipeline
    if start.mask is None and "mask_image" in own:
        raise BadRequest(f"{model} is a {name}, which needs a mask with the picture.", param="mask")
    if ("mask_image" if start.mask else "image") in own:
        return pipeline
    sibling = _sibling(name, "Inpaint" if start.mask else "Img2Img")
    if sibling is None:
        does = "repaint a part of" if start.mask else "start from"
        raise BadRequest(f"{model} is a {name}, which cannot {does} a picture.", param="mask" if start.mask else "image")
    parameters = set(inspect.signature(sibling.__init__).parameters)
    parts = {**pipeline.config, **pipeline.components}
    made = sibling(**{key: value for key, value in parts.items() if key in parameters})
    made.set_progress_bar_config(disable=True)
    return made


def _sibling(name: str, what: str) -> Any:
    import diffusers

    stem = name.removesuffix("Pipeline").removesuffix("Img2Img")
    return getattr(diffusers, f"{stem}{what}Pipeline", None)


def multiple_of(pipeline: Any) -> int:
    """Return of how many pixels the sides of a pipeline's pictures are multiples."""
    processor = getattr(pipeline, "image_processor", None)
    return getattr(getattr(processor, "config", None), "vae_scale_factor", 8)
