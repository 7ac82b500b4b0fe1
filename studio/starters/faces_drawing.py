"""Draw portraits from latents: the data the faces starter is trained on.

Knows how a portrait is drawn from its attributes, many at once, with torch. Does not know what a network makes of it.

Everything is drawn by signed distances (negative inside), so edges are smooth and move smoothly with the attributes. Lengths are in
half picture widths: x from -1 (left) to 1 (right), y from -1 (top) to 1 (bottom). `draw` is a function of z alone, without chance.
"""

import torch
from torch import Tensor

from studio.starters.faces_attributes import attributes

SIDE = 64


def draw(z: Tensor, side: int = SIDE) -> Tensor:
    """Draw normalised latents (batch, LATENT). Returns pictures (batch, 3, side, side) in [-1, 1]."""
    return Portrait(attributes(z), side).draw().mul(2).sub(1)


def ellipse(x: Tensor, y: Tensor, width: Tensor | float, height: Tensor | float) -> Tensor:
    """Distance to an ellipse at the origin with these half axes."""
    near = torch.sqrt((x / width) ** 2 + (y / height) ** 2 + 1e-9)
    return near * (near - 1) / torch.sqrt((x / width**2) ** 2 + (y / height**2) ** 2 + 1e-9)


def box(x: Tensor, y: Tensor, width: Tensor | float, height: Tensor | float, corner: Tensor | float) -> Tensor:
    """Distance to a rectangle at the origin with these half sides and rounded corners."""
    across, down = x.abs() - width + corner, y.abs() - height + corner
    outside = torch.sqrt(across.clamp(min=0) ** 2 + down.clamp(min=0) ** 2)
    return outside + torch.maximum(across, down).clamp(max=0) - corner


def stroke(x: Tensor, y: Tensor, width: Tensor, slope: Tensor | float, bend: Tensor | float, weight: Tensor | float) -> Tensor:
    """Distance to a stroke about y = slope * x + bend * x^2 for |x| < width, of half thickness `weight`, thinner towards its ends."""
    curve = slope * x + bend * x * x
    steep = torch.sqrt(1 + (slope + 2 * bend * x) ** 2)
    taper = weight * (1 - 0.5 * (x / width) ** 2)
    return torch.maximum((y - curve).abs() / steep - taper, x.abs() - width)


def smooth_union(first: Tensor, second: Tensor, softness: float) -> Tensor:
    """The nearer of two distances, with the corner between them rounded."""
    mix = (0.5 + 0.5 * (second - first) / softness).clamp(0, 1)
    return torch.lerp(second, first, mix) - softness * mix * (1 - mix)


class Portrait:
    """A batch of portraits being painted, from the background to the glasses."""

    def __init__(self, values: dict[str, Tensor], side: int):
        self.pixel = 2 / side
        self.colours = {name: value[:, :, None, None] for name, value in values.items() if value.ndim == 2}
        self.get = {name: value[:, None, None] for name, value in values.items() if value.ndim == 1}
        across = (torch.arange(side, device=values["skin"].device) + 0.5) * self.pixel - 1
        self.right, self.down = across[None, None, :], across[None, :, None]
        self._place_head()

    def _place_head(self) -> None:
        get = self.get
        across, down = self.right - get["x"], self.down - get["y"] - 0.04
        cos, sin = torch.cos(get["tilt"]), torch.sin(get["tilt"])
        self.x, self.y = across * cos + down * sin, down * cos - across * sin
        self.face_x = self.x - get["turn"]
        self.wide, self.high = get["width"], get["height"]
        self.eye_y = self.y + 0.05
        self.hairy, self.long = 1 - get["bald"], ((get["hair_length"] - 0.05) / 0.2).clamp(0, 1)
        self.light = 1 - 0.11 * get["light"] * self.x / 0.7 - 0.10 * self.y
        self.head = self._head()
        self.canvas = self._background()

    def draw(self) -> Tensor:
        """Paint all layers. Returns (batch, 3, side, side) in [0, 1]."""
        for layer in (self.back_hair, self.shoulders, self.neck, self.ears, self.skin, self.beard, self.nose, self.eyes, self.brows):
            layer()
        for layer in (self.mouth, self.moustache, self.front_hair, self.earrings, self.glasses):
            layer()
        return self.canvas.clamp(0, 1)

    def paint(self, distance: Tensor, colour: Tensor, strength: Tensor | float = 1.0, soft: float = 0.0) -> None:
        """Cover what lies inside `distance` (batch, side, side) with a colour; `soft` widens the edge."""
        cover = (0.5 - distance / (self.pixel + soft)).clamp(0, 1) * strength
        self.canvas = torch.lerp(self.canvas, colour.expand_as(self.canvas), cover[:, None])

    def lit(self, name: str, shade: float = 1.0) -> Tensor:
        """A colour of the portrait in its light."""
        return self.colours[name] * (self.light * shade)[:, None]

    def hair(self, shade: float = 1.0) -> Tensor:
        """The hair's colour with strands that run out from the crown."""
        strands = torch.sin(22 * torch.atan2(self.x, self.y + 1.5 * self.high) + 9 * self.x)
        return self.colours["hair"] * ((self.light + 0.11 * strands) * shade)[:, None]

    def _background(self) -> Tensor:
        vignette = 1.1 - 0.22 * (self.right**2 + (self.down + 0.15) ** 2)
        return self.colours["background"] * vignette[:, None]

    def _head(self) -> Tensor:
        skull = ellipse(self.x, self.y + 0.12 * self.high, self.wide, 0.86 * self.high)
        chin = ellipse(self.x, self.y - 0.36 * self.high, self.wide * self.get["jaw"], 0.62 * self.high)
        return smooth_union(skull, chin, 0.16)

    def back_hair(self) -> None:
        """The hair behind the face: the crown, what falls from it to `hair_length` head heights below the middle, and a bun."""
        get, high = self.get, self.high
        wide = self.wide * (1.1 + 0.3 * get["hair_volume"])
        waves = get["curls"].clamp(min=0) * torch.cos(13 * torch.atan2(self.x, -(self.y + 0.3 * high)))
        crown = ellipse(self.x, self.y + 0.24 * high, wide, high * (0.90 + 0.10 * get["hair_volume"]))
        half = 0.5 * (get["hair_length"] + 0.3) * high
        fall = box(self.x, self.y + 0.3 * high - half, wide, half + 0.02, 0.1)
        self.paint(ellipse(self.x, self.y + 1.2 * high, 0.23, 0.2), self.hair(), self.hairy * get["bun"])
        self.paint(smooth_union(crown, fall, 0.08) - waves, self.hair(0.8), self.hairy)

    def shoulders(self) -> None:
        across, down = self.right - 0.6 * self.get["x"], self.down - self.get["y"]
        self.paint(ellipse(across, down - 1.38, 0.92, 0.62), self.lit("clothes"))
        self.paint(ellipse(across, down - 0.80, 0.31, 0.17), self.lit("clothes", 0.72))

    def neck(self) -> None:
        across, down = self.right - 0.8 * self.get["x"], self.down - self.get["y"]
        column = box(across, down - 0.55, 0.22, 0.36, 0.12)
        self.paint(torch.minimum(column, ellipse(across, down - 0.79, 0.26, 0.13)), self.lit("skin", 0.78))

    def ears(self) -> None:
        shown = 1 - self.long * self.hairy
        for side in (-1, 1):
            ear = ellipse(self.x - side * self.wide * 1.0, self.y - 0.06, 0.10, 0.17)
            self.paint(ear, self.lit("skin", 0.86), shown)

    def skin(self) -> None:
        across, down = self.x / self.wide, self.y / self.high
        rim = 1.08 - 0.20 * (across**2 + 0.7 * down**2).clamp(0, 1.4) ** 2
        cheeks = torch.exp(-(((self.face_x / self.wide).abs() - 0.52) ** 2 / 0.05 + (down - 0.28) ** 2 / 0.035)) * self.get["blush"]
        tint = torch.stack([torch.zeros_like(cheeks), cheeks, cheeks], 1)
        self.paint(self.head, self.lit("skin") * rim[:, None] * (1 - tint))
        self._freckles()

    def _freckles(self) -> None:
        for side in (-1, 1):
            for across, down in ((0.36, 0.15), (0.50, 0.19), (0.43, 0.26), (0.58, 0.28)):
                spot = ellipse(self.face_x - side * across * self.wide, self.y - down * self.high, 0.02, 0.02)
                self.paint(spot, self.lit("skin", 0.66), self.get["freckles"])

    def beard(self) -> None:
        mouth = ellipse(self.face_x, self.y - 0.53 * self.high, self.wide * 0.50, 0.20 * self.high)
        edge = 0.36 * self.high - self.y - 0.12 * self.x.abs()
        area = torch.maximum(torch.maximum(self.head - 0.02, edge), -mouth)
        chin = torch.maximum(self.head - 0.02, 0.74 * self.high - self.y)
        self.paint(torch.minimum(area, chin), self.hair(0.85), self.get["beard"], soft=0.015)

    def nose(self) -> None:
        tip = self.eye_y - self.get["nose_length"]
        across = self.face_x - 0.5 * self.get["turn"]
        wide = self.get["nose_width"]
        bridge = box(across - 0.35 * wide, self.eye_y - 0.5 * self.get["nose_length"], 0.22 * wide, 0.5 * self.get["nose_length"], 0.01)
        self.paint(bridge, self.lit("skin", 0.80), 0.45, soft=0.05)
        self.paint(ellipse(across, tip, wide, 0.055), self.lit("skin", 0.84), 0.9, soft=0.03)
        for side in (-1, 1):
            self.paint(ellipse(across - side * 0.55 * wide, tip - 0.018, 0.024, 0.018), self.lit("skin", 0.5))

    def eyes(self) -> None:
        size, get = self.get["eye_size"], self.get
        white, black = self.colours["eyes"].new_tensor([0.97, 0.05]).view(2, 1, 1, 1, 1)
        for side in (-1, 1):
            across = self.face_x - side * get["eye_distance"] * self.wide
            high = size * get["eye_opening"]
            lid = ellipse(across, self.eye_y, size, high)
            self.paint(ellipse(across, self.eye_y + 0.018, size * 1.08, high * 1.06), self.lit("skin", 0.45))
            self.paint(lid, white)
            pupil_x = across - get["gaze"]
            inside = torch.maximum(ellipse(pupil_x, self.eye_y, 0.62 * size, 0.62 * size), lid)
            self.paint(inside, self.colours["eyes"])
            self.paint(torch.maximum(ellipse(pupil_x, self.eye_y, 0.31 * size, 0.31 * size), lid), black)
            self.paint(ellipse(pupil_x - 0.022, self.eye_y + 0.024, 0.02, 0.02), white)

    def brows(self) -> None:
        get = self.get
        for side in (-1, 1):
            across = self.face_x - side * get["eye_distance"] * self.wide
            down = self.eye_y + get["eye_size"] * get["eye_opening"] + get["brow_height"] - 0.04
            slope = side * get["brow_slope"] / get["eye_size"]
            self.paint(stroke(across, down, 1.15 * get["eye_size"], slope, 1.1, get["brow_weight"]), self.hair(0.62))

    def mouth(self) -> None:
        get = self.get
        down = self.y - 0.53 * self.high
        wide, bend = get["mouth_width"], -get["smile"] * 1.5
        curve = bend * (self.face_x**2 - 0.5 * wide**2)
        lips = self.colours["skin"] * 0.5 + self.colours["skin"].new_tensor([0.36, 0.08, 0.11]).view(1, 3, 1, 1)
        red, teeth = lips.new_tensor([[0.42, 0.12, 0.14], [0.97, 0.96, 0.93]]).view(2, 1, 3, 1, 1)
        gap = get["opening"].clamp(min=0) * (1 - (self.face_x / wide) ** 2).clamp(min=0)
        middle = (down - curve).abs()
        fullness = get["lips"] * (1 - 0.6 * (self.face_x / wide) ** 2).clamp(min=0.2)
        edge = self.face_x.abs() - wide
        self.paint(torch.maximum(middle - gap - fullness, edge), lips)
        self.paint(torch.maximum(middle - gap, edge + 0.01), red, (get["opening"] > 0).float())
        self.paint(torch.maximum(torch.maximum(middle - gap + 0.012, edge + 0.03), down - curve - 0.25 * gap), teeth)
        self.paint(torch.maximum(middle - 0.008, edge), red * 0.9, (1 - get["opening"].clamp(min=0) / 0.02).clamp(0, 1))

    def moustache(self) -> None:
        down = self.y - 0.53 * self.high + 0.075
        self.paint(stroke(self.face_x, down, self.get["mouth_width"] * 1.05, 0.0, 1.6, 0.045), self.hair(0.85), self.get["moustache"])

    def front_hair(self) -> None:
        """The hair before the face: a cap down to the ears or along the cheeks, open below the hairline and to one side of the parting."""
        get, wide, high = self.get, self.wide, self.high
        cap = ellipse(self.x, self.y + 0.26 * high, wide * (1.08 + 0.06 * get["hair_volume"]), high * (0.88 + 0.08 * get["hair_volume"]))
        across = self.x - get["parting"] * wide * (1 - 0.6 * self.long)
        opening = ellipse(across, self.y - 0.66 * high, wide * (1.10 - 0.2 * self.long), high * (0.66 + get["hairline"]))
        bottom = self.y - (0.6 * self.long - 0.02) * high
        self.paint(torch.maximum(torch.maximum(cap, -opening), bottom), self.hair(), self.hairy)

    def earrings(self) -> None:
        gold = self.colours["skin"].new_tensor([0.98, 0.80, 0.30]).view(1, 3, 1, 1)
        for side in (-1, 1):
            self.paint(ellipse(self.x - side * self.wide * 1.03, self.y - 0.27, 0.042, 0.042), gold, self.get["earrings"])

    def glasses(self) -> None:
        get = self.get
        on, frame = get["glasses"], self.colours["frame"]
        for side in (-1, 1):
            across = self.face_x - side * get["eye_distance"] * self.wide
            corner = torch.lerp(torch.full_like(on, 0.05), torch.full_like(on, 0.175), get["round_glasses"])
            rim = box(across, self.eye_y - 0.01, 0.185, 0.175, corner)
            self.paint(rim, torch.ones_like(frame), 0.12 * on)
            self.paint(rim.abs() - 0.02, frame, on)
        gap = get["eye_distance"] * self.wide - 0.185
        self.paint(box(self.face_x, self.eye_y + 0.02, gap, 0.02, 0.005), frame, on)
