"""What makes a picture no result: numbers that overflowed, one single colour, a safety checker that hid it.

Knows the outcome of a run. Does not know what was asked for.
"""

from typing import Any

from PIL import Image

from studio.errors import GenerationFailed


def check_latents(latents: Any, model: str, dtype: str) -> None:
    """Raise GenerationFailed when latents hold what is no number."""
    if not bool(latents.isfinite().all()):
        raise GenerationFailed(f"{model} made no picture: its numbers overflowed in {dtype}.{_wider(dtype)}")


def sound(result: Any, model: str, dtype: str) -> Image.Image:
    """Return the RGB picture of a pipeline's result. Raises GenerationFailed when it is hidden or of one colour."""
    if any(getattr(result, "nsfw_content_detected", None) or []):
        raise GenerationFailed(f"The safety checker of {model} hid this picture. Try another seed or other words.")
    picture = result.images[0].convert("RGB")
    if all(low == high for low, high in picture.getextrema()):
        advice = _wider(dtype) or " Try more steps, another size or another seed."
        raise GenerationFailed(f"{model} made a picture of one single colour, which is no result.{advice}")
    return picture


def _wider(dtype: str) -> str:
    return " In its entry of models.yaml, set `dtype: bfloat16` or `dtype: float32`, which reach further." if dtype == "float16" else ""
