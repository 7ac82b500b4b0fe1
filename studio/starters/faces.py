"""Train the faces starter: a StyleGAN2 generator of 64 px portraits.

The generator is not trained against a discriminator. A drawn portrait is a function of its latent vector, so the network is shown
what each latent should look like and learns by comparison: it needs minutes where a game of two networks needs hours. To make
truncation and style mixing mean something it is shown, besides plain latents, shortened ones (all attributes drawn towards the
average) and pairs (pose and head of one, features and colours of the other, as the layers are shared out).
"""

import copy

import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from studio.engines._stylegan2 import MAPPING_RATE, Generator, Modulation, Shape
from studio.starters._muon import Muon
from studio.starters.faces_attributes import LATENT, PARTS, normalise
from studio.starters.faces_drawing import draw
from studio.starters.run import Run

SHAPE = Shape(style=LATENT, mapping=2, widths=(128, 128, 128, 64, 32))
FILE = "generator.safetensors"
BATCH = 32
RATE = 0.04
SMALL_UNTIL = 0.4  # of the run is spent on pictures of half the size
PLAIN = 0.6  # of the latents are neither shortened nor mixed


def train(run: Run) -> None:
    """Train, and save weights and a sheet of portraits at the end and every tenth of the run."""
    faces = Faces(run)
    step, saved = 0, 0.0
    while run.fraction() < 1:
        run.step(step, faces.step(step))
        step += 1
        if run.fraction() > saved + 0.1:
            saved = run.fraction()
            faces.save()
    faces.save()


class Faces:
    """The generator in training, its running average, and what updates them."""

    def __init__(self, run: Run):
        self.run = run
        self.generator, self.centre = self._begin()
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.optimizers = optimizers(self.generator)

    def _begin(self) -> tuple[Generator, Tensor]:
        generator = Generator(SHAPE).to(self.run.device)
        begin_simply(generator)
        centre = torch.zeros(LATENT, device=self.run.device)
        if self.run.resume:
            state = load_file(self.run.weights / FILE, device=self.run.device)
            centre = state.pop("latent_avg").float()
            generator.load_state_dict({name: tensor.float() for name, tensor in state.items()})
        return generator, centre

    def step(self, number: int) -> float:
        """Take one step. Returns the loss."""
        small = self.run.fraction() < SMALL_UNTIL and not self.run.resume
        lesson = Lesson.random(BATCH, SHAPE.layers, self.run.device)
        with torch.no_grad():
            target = lesson.picture(32 if small else 64)
        with torch.autocast(self.run.device, torch.bfloat16):
            mapped = self.generator.map(torch.cat([lesson.first, lesson.second]))
            painted = self.generator(lesson.styles(mapped, self.centre), 3 if small else None)
        loss = difference(painted, target)
        self._update(loss, number)
        self._remember(mapped.detach().float(), number)
        return loss.item()

    def _update(self, loss: Tensor, number: int) -> None:
        for optimizer in self.optimizers:
            optimizer.zero_grad()
            for group in optimizer.param_groups:
                group["lr"] = self.run.rate(RATE * group["share"], number)
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()

    @torch.no_grad()
    def _remember(self, mapped: Tensor, number: int) -> None:
        self.centre.lerp_(mapped.mean(0), 0.01)
        share = max(0.004, 9 / (10 + number))
        for kept, current in zip(self.average.parameters(), self.generator.parameters(), strict=True):
            kept.lerp_(current, share)

    def save(self) -> None:
        """Write the averaged weights in float16, and a sheet: drawn and painted in turn."""
        state = {name: tensor.half().contiguous() for name, tensor in self.average.state_dict().items()}
        save_file(state | {"latent_avg": self.centre.half()}, self.run.weights / FILE, metadata={"format": "pt"})
        sheet(self.average, self.run.device).save(self.run.folder / "sheet.png")


@torch.no_grad()
def begin_simply(generator: Generator) -> None:
    """Let w begin as z, but for an offset that keeps most of it above the bend of the mapping, and colours begin near grey."""
    size = LATENT**0.5
    for layer in list(generator.style)[1:]:
        layer.weight.copy_(torch.eye(LATENT) * size / (MAPPING_RATE * 2**0.5))
        layer.bias.fill_(1.5 / MAPPING_RATE)
    offset = generator.map(normalise(torch.randn(4096, LATENT, device=generator.input.input.device))).mean(0)
    for module in generator.modules():
        if isinstance(module, Modulation):
            module.bias.copy_(1 - module.weight @ offset * module.scale)
    for to_rgb in (generator.to_rgb1, *generator.to_rgbs):
        to_rgb.conv.weight.mul_(0.1)


def optimizers(generator: nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the convolutions, Adam for the rest; `share` is a group's part of the learning rate."""
    named = dict(generator.named_parameters())
    mapping = [tensor for name, tensor in named.items() if name.startswith("style.")]
    kernels = [tensor for name, tensor in named.items() if tensor.ndim == 5 and "rgb" not in name]
    others = [tensor for name, tensor in named.items() if not name.startswith("style.") and not name.endswith("noise.weight")]
    others = [tensor for tensor in others if not any(tensor is kernel for kernel in kernels)]
    adam = [{"params": mapping, "share": 0.1 / MAPPING_RATE}, {"params": others, "share": 0.15}]
    return [Muon([{"params": kernels, "share": 1.0}], RATE), torch.optim.Adam(adam, RATE, betas=(0.9, 0.99), fused=True)]


class Lesson:
    """Latents and how they are to be combined: `first` and `second` (batch, LATENT); from layer `cross` (batch,) on the second
    one's style rules; `truncation` (batch,) shortens both."""

    def __init__(self, first: Tensor, second: Tensor, cross: Tensor, truncation: Tensor):
        self.first, self.second, self.cross, self.truncation = first, second, cross, truncation

    @classmethod
    def random(cls, count: int, layers: int, device: str) -> "Lesson":
        first, second = normalise(torch.randn(2 * count, LATENT, device=device)).chunk(2)
        choice = torch.rand(count, device=device)
        cross = torch.randint(1, layers, (count,), device=device)
        cross = torch.where(choice < (1 + PLAIN) / 2, layers, cross)
        shorter = 0.2 + 0.8 * torch.rand(count, device=device)
        truncation = torch.where((choice > PLAIN) & (choice < PLAIN + 0.25), shorter, 1.0)
        return cls(first, second, cross, truncation)

    def picture(self, side: int) -> Tensor:
        """Draw what is to be learnt."""
        parts = torch.tensor(PARTS, device=self.first.device)
        latent = torch.where(parts < self.cross[:, None], self.first, self.second)
        return draw(latent * self.truncation[:, None], side)

    def styles(self, mapped: Tensor, centre: Tensor) -> Tensor:
        """Combine the mapped latents (2 x batch, style), first ones first, to (batch, layers, style)."""
        first, second = (centre + self.truncation[:, None] * (half - centre) for half in mapped.float().chunk(2))
        layer = torch.arange(SHAPE.layers, device=centre.device)
        return torch.where((layer < self.cross[:, None])[:, :, None], first[:, None], second[:, None])


def difference(painted: Tensor, target: Tensor) -> Tensor:
    """How far two batches of pictures are apart: by colour, by edges, and both again at half the size twice over."""
    total = painted.new_zeros(())
    for _ in range(3):
        gap = painted - target
        total = total + gap.abs().mean() + gap.diff(dim=2).abs().mean() + gap.diff(dim=3).abs().mean()
        painted, target = functional.avg_pool2d(painted, 2), functional.avg_pool2d(target, 2)
    return total


@torch.no_grad()
def sheet(generator: Generator, device: str, columns: int = 10, rows: int = 3) -> Image.Image:
    """Rows of drawn portraits, each above what the generator makes of the same latents."""
    z = normalise(torch.randn(columns * rows, LATENT, generator=torch.Generator().manual_seed(1))).to(device)
    w = generator.map(z)[:, None].expand(-1, SHAPE.layers, -1)
    pairs = torch.stack([draw(z).view(rows, columns, 3, 64, 64), generator(w).view(rows, columns, 3, 64, 64)], 1)
    pixels = pairs.clamp(-1, 1).add(1).mul(127.5).byte().permute(0, 1, 4, 2, 5, 3)
    page = Image.fromarray(pixels.reshape(rows * 2 * 64, columns * 64, 3).cpu().numpy())
    return page.resize((2 * page.width, 2 * page.height), Image.Resampling.LANCZOS)
