"""What makes one drawn portrait differ from another: its attributes, and how a latent vector holds them.

Knows names, ranges and palettes. Does not know how a portrait is drawn or learnt.

A latent z has `LATENT` numbers with mean square 1. Each attribute reads its own: a number that is normal in z becomes one that
is even between two bounds, a switch that is on above a threshold, or a hue from a pair of numbers. All change without jumps.
"""

import math

import torch
from torch import Tensor

LATENT = 64
SKINS = ((255, 224, 196), (245, 205, 170), (230, 184, 140), (206, 150, 108), (168, 112, 76), (124, 80, 54), (92, 58, 40))
HAIRS = ((26, 22, 22), (54, 36, 26), (98, 60, 32), (176, 78, 36), (168, 112, 56), (222, 184, 108), (158, 158, 162), (234, 232, 226))
EYES = ((70, 44, 28), (110, 84, 44), (76, 128, 86), (96, 132, 150), (52, 98, 164))

# Every attribute belongs to a part of the portrait; a part is settled by the layers of the generator from its own onwards.
POSE, HEAD, FEATURES, COLOURS = 0, 2, 4, 6

EVEN = {  # name: (part, lowest, highest), lengths in half picture widths, angles in radians
    "x": (POSE, -0.08, 0.08),
    "y": (POSE, -0.05, 0.05),
    "tilt": (POSE, -0.16, 0.16),
    "turn": (POSE, -0.08, 0.08),
    "light": (POSE, -1.0, 1.0),
    "width": (HEAD, 0.45, 0.56),
    "height": (HEAD, 0.63, 0.72),
    "jaw": (HEAD, 0.50, 0.80),
    "hair_length": (HEAD, -0.5, 1.0),
    "hair_volume": (HEAD, 0.0, 1.0),
    "hairline": (HEAD, 0.42, 0.76),
    "parting": (HEAD, -0.35, 0.35),
    "curls": (HEAD, -0.06, 0.06),
    "eye_distance": (FEATURES, 0.40, 0.48),
    "eye_size": (FEATURES, 0.115, 0.155),
    "eye_opening": (FEATURES, 0.45, 0.68),
    "gaze": (FEATURES, -0.035, 0.035),
    "brow_height": (FEATURES, 0.11, 0.17),
    "brow_slope": (FEATURES, -0.035, 0.025),
    "brow_weight": (FEATURES, 0.014, 0.034),
    "nose_length": (FEATURES, 0.20, 0.30),
    "nose_width": (FEATURES, 0.06, 0.11),
    "mouth_width": (FEATURES, 0.15, 0.23),
    "smile": (FEATURES, -0.45, 1.0),
    "opening": (FEATURES, -0.09, 0.09),
    "lips": (FEATURES, 0.018, 0.036),
    "blush": (FEATURES, 0.0, 0.15),
    "skin": (COLOURS, 0.0, 1.0),
    "hair": (COLOURS, 0.0, 1.0),
    "eyes": (COLOURS, 0.0, 1.0),
    "background_light": (COLOURS, 0.40, 0.80),
    "clothes_light": (COLOURS, 0.25, 0.80),
}
SWITCHES = {  # name: (part, how many standard deviations above the mean it goes on)
    "bun": (HEAD, 0.9),
    "bald": (HEAD, 1.3),
    "beard": (FEATURES, 1.1),
    "moustache": (FEATURES, 1.4),
    "glasses": (FEATURES, 0.7),
    "round_glasses": (FEATURES, 0.0),
    "freckles": (FEATURES, 1.0),
    "earrings": (FEATURES, 0.9),
    "dyed": (COLOURS, 1.2),
}
HUES = {"background_hue": COLOURS, "clothes_hue": COLOURS, "dye_hue": COLOURS, "frame_hue": COLOURS}


def _places() -> tuple[dict[str, int], list[int]]:
    """Give each attribute its first index in z. Return them with the part each number of z belongs to (spare ones: POSE)."""
    first, parts = {}, []
    widths = [(name, part, 1) for name, (part, _, _) in EVEN.items()]
    widths += [(name, part, 1) for name, (part, _) in SWITCHES.items()]
    widths += [(name, part, 2) for name, part in HUES.items()]
    for name, part, count in widths:
        first[name] = len(parts)
        parts += [part] * count
    return first, parts + [POSE] * (LATENT - len(parts))


PLACES, PARTS = _places()


def normalise(z: Tensor) -> Tensor:
    """Bring each row of z (batch, LATENT) to a mean square of 1."""
    return z * torch.rsqrt(z.square().mean(1, keepdim=True))


def attributes(z: Tensor) -> dict[str, Tensor]:
    """Read the attributes of normalised latents (batch, LATENT), or of ones drawn towards 0: each (batch,), colours (batch, 3)."""
    values = {name: _even(z[:, PLACES[name]], low, high) for name, (_, low, high) in EVEN.items()}
    values |= {name: _switch(z[:, PLACES[name]], threshold) for name, (_, threshold) in SWITCHES.items()}
    values |= {name: _hue(z, PLACES[name]) for name in HUES}
    return values | _colours(values)


def _even(normal: Tensor, low: float, high: float) -> Tensor:
    return low + (high - low) * (0.5 + 0.5 * torch.erf(normal / math.sqrt(2)))


def _switch(normal: Tensor, threshold: float) -> Tensor:
    """0 below the threshold, 1 above it, and a fade between them over a tenth of a standard deviation."""
    return ((normal - threshold) / 0.1 + 0.5).clamp(0, 1)


def _hue(z: Tensor, place: int) -> Tensor:
    return torch.atan2(z[:, place], z[:, place + 1])


def _ramp(palette: tuple, position: Tensor) -> Tensor:
    """Colours (batch, 3), 0 to 1, at `position` (batch,), 0 to 1, along a palette."""
    colours = torch.tensor(palette, dtype=torch.float32, device=position.device) / 255
    place = position * (len(palette) - 1)
    left = place.floor().long().clamp(0, len(palette) - 2)
    return torch.lerp(colours[left], colours[left + 1], (place - left)[:, None])


def _wheel(hue: Tensor, light: Tensor, strength: float) -> Tensor:
    """A soft colour wheel: (batch, 3) around `light`, red at hue 0."""
    angles = hue[:, None] - torch.tensor([0.0, 2.094, 4.189], device=hue.device)
    return (light[:, None] * (1 + strength * torch.cos(angles))).clamp(0, 1)


def _colours(values: dict[str, Tensor]) -> dict[str, Tensor]:
    half = torch.full_like(values["skin"], 0.42)
    dye = _wheel(values["dye_hue"], half, 0.65)
    return {
        "skin": _ramp(SKINS, values["skin"]),
        "eyes": _ramp(EYES, values["eyes"]),
        "hair": torch.lerp(_ramp(HAIRS, values["hair"]), dye, values["dyed"][:, None]),
        "background": _wheel(values["background_hue"], values["background_light"], 0.2),
        "clothes": _wheel(values["clothes_hue"], values["clothes_light"], 0.5),
        "frame": _wheel(values["frame_hue"], half * 0.5, 0.9),
    }
