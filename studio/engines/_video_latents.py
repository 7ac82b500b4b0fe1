"""What the families of video pipelines differ in: which sizes and frame counts they take, and how their latents lie.

Knows diffusers' pipelines by what they say of themselves. Does not know requests or options.
"""

from dataclasses import dataclass
from typing import Any

# Frames a second each family was trained at, from its model card.
FPS = {"Wan": 16, "LTX": 24, "CogVideoX": 8, "AnimateDiff": 8, "HunyuanVideo": 24, "Mochi": 30}
USUAL_FPS = 16
SIDE = 24  # latents of a preview, at most, on each side


def first_of(thing: Any, *names: str, default: int = 1) -> int:
    """Return the first attribute there is. Pipelines call the same number by different names."""
    return next((value for name in names if (value := getattr(thing, name, None))), default)


@dataclass(frozen=True)
class Grid:
    """What a pipeline can make.

    Attributes:
        step: frames come as a multiple of it plus one; 1 where any number will do.
        grain: width and height in pixels are multiples of it.
        pixels: pixels to one latent, on each side.
        most: frames at most; 0 where there is no end.
        fps: frames a second where nobody says otherwise.
    """

    step: int
    grain: int
    pixels: int
    most: int
    fps: int

    @classmethod
    def of(cls, pipeline: Any) -> "Grid":
        step = first_of(pipeline, "vae_scale_factor_temporal", "vae_temporal_compression_ratio", "vae_temporal_scale_factor")
        if type(pipeline).__name__.startswith("CogVideoX"):
            step *= 2  # its autoencoder decodes latents two by two, and only an odd one before them makes the single first frame
        pixels = first_of(
            pipeline, "vae_scale_factor_spatial", "vae_spatial_compression_ratio", "vae_spatial_scale_factor", "vae_scale_factor", default=8
        )
        network = getattr(pipeline, "transformer", None) or getattr(pipeline, "unet", None)
        patch = getattr(network.config, "patch_size", 1)
        patch = patch[-1] if isinstance(patch, list | tuple) else patch
        most = getattr(network.config, "motion_max_seq_length", 0)
        fps = next((fps for family, fps in FPS.items() if type(pipeline).__name__.startswith(family)), USUAL_FPS)
        return cls(step, max(pixels * patch, 16 if step > 1 else 8, _demanded(pipeline)), pixels, most or 0, fps)

    def frames(self, wanted: int) -> int:
        """Return the nearest number of frames that can be made, at least two."""
        count = max(1, _nearest(wanted - 1, self.step)) * self.step + 1
        return min(count, self.most) if self.most else count

    def side(self, wanted: int) -> int:
        """Return the nearest width or height that can be made, in pixels."""
        return max(1, _nearest(wanted, self.grain)) * self.grain


def _nearest(wanted: int, step: int) -> int:
    """Return how many steps come nearest; a half goes up, where Python's own rounding goes to the even one."""
    return (wanted + step // 2) // step


def _demanded(pipeline: Any) -> int:
    """LTX asks for multiples of 32 whatever its autoencoder does."""
    return 32 if type(pipeline).__name__.startswith("LTX") else 1


def preview(pipeline: Any, latents: Any, shape: tuple[int, int, int]) -> Any:
    """Return the middle frame as a small picture; None where this autoencoder cannot do one alone.

    `shape` is the latents' (frames, height, width), which LTX's, lying in one row, do not say themselves.
    """
    import torch

    vae = pipeline.vae
    with torch.no_grad():
        try:
            frame = _shrunk(_scaled(vae, _unpacked(pipeline, latents, shape))).to(vae.dtype)
            pixels = _decoded(vae, frame)
        except (AttributeError, RuntimeError, TypeError, ValueError):
            return None
    return pipeline.video_processor.postprocess(pixels.float(), output_type="pil")[0]


def _unpacked(pipeline: Any, latents: Any, shape: tuple[int, int, int]) -> Any:
    """Return the middle latent frame as (1, channels, 1, height, width)."""
    if latents.ndim == 3:
        latents = pipeline._unpack_latents(
            latents, *shape, pipeline.transformer_spatial_patch_size, pipeline.transformer_temporal_patch_size
        )
    if type(pipeline).__name__.startswith("CogVideoX"):
        latents = latents.permute(0, 2, 1, 3, 4)
    middle = latents.shape[2] // 2
    return latents[:1, :, middle : middle + 1].float()


def _scaled(vae: Any, frame: Any) -> Any:
    import torch

    kept = dict(vae.named_buffers(recurse=False))
    mean, std = (kept.get(name, getattr(vae.config, name, None)) for name in ("latents_mean", "latents_std"))
    frame = frame / (getattr(vae.config, "scaling_factor", None) or 1.0)
    if mean is None or std is None:
        return frame
    mean, std = (torch.as_tensor(value, dtype=frame.dtype, device=frame.device).view(1, -1, 1, 1, 1) for value in (mean, std))
    return frame * std + mean


def _shrunk(frame: Any) -> Any:
    import torch

    longest = max(frame.shape[-2:])
    if longest <= SIDE:
        return frame
    return torch.nn.functional.interpolate(frame[:, :, 0], scale_factor=SIDE / longest, mode="area")[:, :, None]


def _decoded(vae: Any, frame: Any) -> Any:
    """Return the picture (1, 3, height, width) of one latent frame, by an autoencoder of videos or of pictures."""
    import torch

    if type(vae).__name__ == "AutoencoderKL":
        return vae.decode(frame[:, :, 0], return_dict=False)[0]
    if getattr(vae.config, "timestep_conditioning", False):
        return vae.decode(frame, torch.zeros(1, dtype=frame.dtype, device=frame.device), return_dict=False)[0][:, :, -1]
    return vae.decode(frame, return_dict=False)[0][:, :, -1]
