"""The generator of StyleGAN2, with the tensor names and layout in which its PyTorch checkpoints are published.

Knows the network and how to read its sizes off a state dict. Does not know files, seeds, pictures or training.

A checkpoint names `style.N` (the mapping), `input.input` (the learned 4 px start), `conv1`, `convs.N` (two for each doubling of the
size, the first of them upsamples), `to_rgb1`, `to_rgbs.N` and `noises.noise_N` (constant noise pictures).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

MAPPING_RATE = 0.01  # the mapping's stored values are 1 / 0.01 times the ones it works with
BLUR = (1.0, 3.0, 3.0, 1.0)


@dataclass(frozen=True)
class Shape:
    """The sizes of a generator. `widths` are the channels at 4, 8, 16, ... px; `style` is the length of z and of w."""

    style: int
    mapping: int
    widths: tuple[int, ...]

    @property
    def resolution(self) -> int:
        """Side of the picture in pixels."""
        return 4 * 2 ** (len(self.widths) - 1)

    @property
    def layers(self) -> int:
        """How many vectors w a picture takes: 18 at 1024 px, 16 at 512, 10 at 64."""
        return 2 * len(self.widths)

    @classmethod
    def of(cls, state: dict[str, Tensor]) -> "Shape":
        """Read the sizes off the tensors of a checkpoint. Raises KeyError or ValueError where they are not those of a generator."""
        doublings = sum(name.startswith("to_rgbs.") and name.endswith(".upsample.kernel") for name in state)
        mapping = sum(name.startswith("style.") and name.endswith(".bias") for name in state)
        widths = [state["input.input"].shape[1]]
        widths += [state[f"convs.{2 * level}.conv.weight"].shape[1] for level in range(doublings)]
        if mapping < 1 or doublings < 1:
            raise ValueError(f"{mapping} mapping layers and {doublings} doublings of the size")
        return cls(state["style.1.weight"].shape[1], mapping, tuple(widths))


def blur_kernel(gain: float) -> Tensor:
    """Return the (4, 4) blur that goes with a doubling of the size; its values add up to `gain`."""
    row = torch.tensor(BLUR)
    return gain * torch.outer(row, row) / row.sum() ** 2


class MappingLayer(nn.Module):
    """A fully connected layer with a scaled rate of learning, then leaky ReLU times sqrt 2."""

    def __init__(self, size: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(size, size) / MAPPING_RATE)
        self.bias = nn.Parameter(torch.zeros(size))
        self.scale = MAPPING_RATE / math.sqrt(size)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.linear(x, self.weight * self.scale, self.bias * MAPPING_RATE)
        return functional.leaky_relu(x, 0.2) * math.sqrt(2)


class Normalise(nn.Module):
    """Bring each z to a mean square of one. It stands at index 0 of `style` and has no tensors."""

    def forward(self, z: Tensor) -> Tensor:
        return z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)


class Modulation(nn.Module):
    """w (batch, style) to one factor for each input channel (batch, channels)."""

    def __init__(self, style: int, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, style))
        self.bias = nn.Parameter(torch.ones(channels))
        self.scale = 1 / math.sqrt(style)

    def forward(self, w: Tensor) -> Tensor:
        return functional.linear(w, self.weight * self.scale, self.bias)


class Blur(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("kernel", blur_kernel(4.0))

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        kernel = self.kernel.to(x.dtype).expand(channels, 1, 4, 4)
        return functional.conv2d(x, kernel, padding=1, groups=channels)


class ModulatedConv(nn.Module):
    """A convolution whose input channels are scaled by w and, if `demodulate`, whose outputs are brought back to unit spread.

    The scaling is applied to the input and output instead of the weights: the same numbers, without a kernel for each picture.
    """

    def __init__(self, style: int, inputs: int, outputs: int, size: int, demodulate: bool = True, upsample: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, outputs, inputs, size, size))
        self.modulation = Modulation(style, inputs)
        if upsample:
            self.blur = Blur()
        self.scale = 1 / math.sqrt(inputs * size * size)
        self.demodulate, self.upsample = demodulate, upsample

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        factors = self.modulation(w).float()
        weight = self.weight[0] * self.scale
        x = x * factors[:, :, None, None].to(x.dtype)
        if self.upsample:
            x = self.blur(functional.conv_transpose2d(x, weight.transpose(0, 1), stride=2))
        else:
            x = functional.conv2d(x, weight, padding=weight.shape[-1] // 2)
        return x * self._unit_spread(weight, factors)[:, :, None, None].to(x.dtype) if self.demodulate else x

    def _unit_spread(self, weight: Tensor, factors: Tensor) -> Tensor:
        return torch.rsqrt(factors.square() @ weight.float().square().sum((2, 3)).t() + 1e-8)


class Noise(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))


class Activation(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))


class StyledConv(nn.Module):
    """A modulated 3x3 convolution, noise, bias and leaky ReLU."""

    def __init__(self, style: int, inputs: int, outputs: int, upsample: bool = False):
        super().__init__()
        self.conv = ModulatedConv(style, inputs, outputs, 3, upsample=upsample)
        self.noise = Noise()
        self.activate = Activation(outputs)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        x = self.conv(x, w)
        x = x + (self.noise.weight * noise).to(x.dtype) + self.activate.bias.view(1, -1, 1, 1).to(x.dtype)
        return functional.leaky_relu(x, 0.2) * math.sqrt(2)


class Upsample(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("kernel", blur_kernel(4.0))

    def forward(self, picture: Tensor) -> Tensor:
        return functional.conv_transpose2d(picture, self.kernel.expand(3, 1, 4, 4), stride=2, padding=1, groups=3)


class ToRGB(nn.Module):
    """Features to colours, added to the doubled picture of the size before."""

    def __init__(self, style: int, inputs: int, first: bool = False):
        super().__init__()
        if not first:
            self.upsample = Upsample()
        self.conv = ModulatedConv(style, inputs, 3, 1, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(self, x: Tensor, w: Tensor, before: Tensor | None = None) -> Tensor:
        picture = self.conv(x, w).float() + self.bias
        return picture if before is None else picture + self.upsample(before)


class Start(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.input = nn.Parameter(torch.randn(1, channels, 4, 4))


class Noises(nn.Module):
    """The constant noise pictures: one at 4 px, two at each larger size."""

    def __init__(self, shape: Shape):
        super().__init__()
        for index in range(shape.layers - 1):
            side = 2 ** ((index + 5) // 2)
            self.register_buffer(f"noise_{index}", torch.randn(1, 1, side, side))


class Generator(nn.Module):
    """z (batch, style) -> `map` -> w (batch, style) -> `forward` -> pictures (batch, 3, side, side) of about [-1, 1]."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        style, widths = shape.style, shape.widths
        self.style = nn.Sequential(Normalise(), *(MappingLayer(style) for _ in range(shape.mapping)))
        self.input = Start(widths[0])
        self.conv1 = StyledConv(style, widths[0], widths[0])
        self.to_rgb1 = ToRGB(style, widths[0], first=True)
        self.convs, self.to_rgbs = nn.ModuleList(), nn.ModuleList()
        for inputs, outputs in zip(widths, widths[1:], strict=False):
            self.convs += [StyledConv(style, inputs, outputs, upsample=True), StyledConv(style, outputs, outputs)]
            self.to_rgbs.append(ToRGB(style, outputs))
        self.noises = Noises(shape)

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> "Generator":
        """Build the generator these tensors belong to, filled with them.

        Raises KeyError, ValueError or RuntimeError where a name or a shape is wrong.
        """
        with torch.device("meta"):
            generator = cls(Shape.of(state))
        generator.load_state_dict({name: tensor.float() for name, tensor in state.items()}, assign=True)
        return generator.eval().requires_grad_(False)

    def map(self, z: Tensor) -> Tensor:
        """Return the style vectors w (batch, style) of z (batch, style)."""
        return self.style(z)

    def forward(self, w: Tensor, levels: int | None = None) -> Tensor:
        """Paint pictures from w of shape (batch, layers, style). With `levels`, stop after that many doublings: a smaller picture."""
        x = self.input.input.expand(w.shape[0], -1, -1, -1)
        x = self.conv1(x, w[:, 0], self.noises.noise_0)
        picture = self.to_rgb1(x, w[:, 1])
        for level, to_rgb in enumerate(self.to_rgbs[:levels]):
            for half in (0, 1):
                index = 2 * level + half
                x = self.convs[index](x, w[:, index + 1], getattr(self.noises, f"noise_{index + 1}"))
            picture = to_rgb(x, w[:, 2 * level + 3], picture)
        return picture
