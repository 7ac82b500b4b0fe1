"""Train the scenes starter: pictures of 64 px from words, with the classes of Stable Diffusion at a hundredth of its size.

Captioned pictures are drawn, an autoencoder learns to shorten them, and a text encoder and a UNet learn together to make the short
form from the caption. With `--resume` the tokenizer and the autoencoder stay as they are and the whole run goes into the pictures.
"""

import copy
from collections.abc import Iterator

import numpy
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from studio.starters import scenes_tokenizer
from studio.starters._muon import Muon
from studio.starters.run import Run
from studio.starters.scenes_drawing import picture
from studio.starters.scenes_networks import Networks

AUTOENCODER_SHARE = 0.25  # of a run that does not resume
FEWEST_PICTURES, PICTURES_A_MINUTE, MOST_PICTURES = 96, 3000, 60_000
HELD_OUT = 256  # pictures no step sees, or a third of a shorter run's
BATCH, AUTOENCODER_BATCH = 64, 16
RATE, AUTOENCODER_RATE, DECAY = 8e-4, 1e-3, 0.01
WITHOUT_WORDS = 0.1  # of the captions are left out, for guidance
LARGEST_WEIGHT = 6.0  # see `weight`
PROMPTS = (
    "a red circle on a blue background",
    "two yellow stars over a green hill at night",
    "a small red house beside a tree on a green hill under a sunset sky",
    "three pink hearts on a black background",
    "a blue square left of a yellow triangle on a white background",
    "a green star above a purple ring on an orange background",
    "a white boat on a blue sea with the moon at night",
    "a black cat next to a pine tree in a snowy field on a sunny day",
    "a red car in front of a snowy mountain at sunset",
    "two palm trees in a sandy desert with the sun in the daytime",
    "a big orange diamond on a green background",
    "a small white circle on a purple background",
    "a yellow house and a blue car in a green field under a blue sky",
    "three red balloons over a white house on a green hill in the morning",
    "two white crosses on a red background",
    "an orange cat on a brown hill under the stars",
)


def train(run: Run) -> None:
    """Train, and save weights and a sheet at the end and every fifth of the run."""
    pictures, captions = draw(run)
    networks = Networks.read(run.weights) if run.resume else Networks.new(scenes_tokenizer.build(captions))
    networks.to(run.device)
    if not run.resume:
        train_autoencoder(run, networks.vae, pictures)
    painter = Painter(run, networks, latents(networks.vae, pictures, run.device), captions)
    for step in painter.steps():
        run.step(step, painter.step(step))
    painter.save()


def draw(run: Run) -> tuple[Tensor, list[str]]:
    """Draw as many pictures as a run of this length can use: bytes (count, 3, 64, 64), and their captions."""
    count = int(min(MOST_PICTURES, max(FEWEST_PICTURES, PICTURES_A_MINUTE * run.minutes)))
    drawn = [picture(run.seed * MOST_PICTURES + number) for number in range(count)]
    pixels = torch.from_numpy(numpy.stack([pixels for pixels, _ in drawn]))
    return pixels.permute(0, 3, 1, 2).contiguous(), [caption for _, caption in drawn]


def seen(count: int) -> int:
    """How many of the pictures are trained on; the rest are held out."""
    return count - min(HELD_OUT, count // 3)


def colours(pixels: Tensor, device: str) -> Tensor:
    """Bytes to numbers in [-1, 1]."""
    return pixels.to(device).float() / 127.5 - 1


def slowing(done: float, step: int, hold: float) -> float:
    """The share of the learning rate at `done` of a phase: a short warm-up, level until `hold`, then down to a fiftieth."""
    return min(1.0, (step + 1) / 30) * (1.0 if done < hold else max(0.02, (1 - done) / (1 - hold)))


def train_autoencoder(run: Run, vae: torch.nn.Module, pictures: Tensor) -> None:
    """Train the autoencoder, with latents of mean 0 and spread 1 in every channel, for the pipeline has no shift for them."""
    optimizer = torch.optim.AdamW(vae.parameters(), AUTOENCODER_RATE, betas=(0.9, 0.99), weight_decay=1e-4, fused=True)
    step = 0
    while step == 0 or run.fraction() < AUTOENCODER_SHARE:
        optimizer.param_groups[0]["lr"] = AUTOENCODER_RATE * slowing(run.fraction() / AUTOENCODER_SHARE, step, 0.6)
        batch = colours(pictures[torch.randint(seen(len(pictures)), (AUTOENCODER_BATCH,))], run.device)
        with torch.autocast(run.device, torch.bfloat16):
            loss = autoencoder_loss(vae, batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        run.step(step, loss.item())
        step += 1


def autoencoder_loss(vae: torch.nn.Module, pictures: Tensor) -> Tensor:
    short = vae.encode(pictures).latents
    gap = vae.decode(short + 0.05 * torch.randn_like(short)).sample.float() - pictures
    edges = gap.diff(dim=2).abs().mean() + gap.diff(dim=3).abs().mean()
    short = short.float()
    uneven = short.mean((0, 2, 3)).square().mean() + (short.std((0, 2, 3)) - 1).square().mean()
    return gap.abs().mean() + 2 * gap.square().mean() + 0.5 * edges + 0.05 * uneven


@torch.no_grad()
def latents(vae: torch.nn.Module, pictures: Tensor, device: str) -> Tensor:
    """Shorten all pictures once: (count, 8, 16, 16) in bfloat16."""
    with torch.autocast(device, torch.bfloat16):
        short = [vae.encode(colours(batch, device)).latents.bfloat16() for batch in pictures.split(128)]
    return torch.cat(short) * vae.config.scaling_factor


class Painter:
    """The text encoder and the UNet in training, their running average, and what updates them."""

    def __init__(self, run: Run, networks: Networks, short: Tensor, captions: list[str]):
        self.run, self.networks, self.short = run, networks, short
        self.seen = seen(len(short))
        self.begun = 0.0 if run.resume else AUTOENCODER_SHARE
        self.tokens = networks.tokens(captions).to(run.device)
        self.no_words = networks.tokens([""]).to(run.device)
        self.kept_signal = networks.scheduler.alphas_cumprod.to(run.device)
        self.average = copy.deepcopy(networks)
        self.named = {f"{part}.{name}": tensor for part, name, tensor in _parameters(networks)}
        self.averaged = [tensor.requires_grad_(False) for _, _, tensor in _parameters(self.average)]
        self.optimizers = self._optimizers()

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        """Muon for the matrices within the networks, AdamW for their ends, embeddings and vectors."""
        inner = {
            name: tensor
            for name, tensor in self.named.items()
            if tensor.ndim >= 2 and not any(end in name for end in ("embedding", "conv_in", "conv_out"))
        }
        rest = [tensor for name, tensor in self.named.items() if name not in inner]
        return [
            Muon(inner.values(), RATE, weight_decay=DECAY),
            torch.optim.AdamW(rest, RATE, betas=(0.9, 0.99), weight_decay=DECAY, fused=True),
        ]

    def steps(self) -> Iterator[int]:
        """Count steps until the time is over, one at least, and save on the way."""
        step, saved = 0, self.run.fraction()
        while step == 0 or self.run.fraction() < 1:
            yield step
            step += 1
            if self.run.fraction() > saved + 0.2:
                saved = self.run.fraction()
                self.save()

    def step(self, number: int) -> float:
        """Take one step. Returns the loss."""
        chosen = torch.randint(self.seen, (BATCH,), device=self.run.device)
        tokens = torch.where(torch.rand(BATCH, 1, device=self.run.device) < WITHOUT_WORDS, self.no_words, self.tokens[chosen])
        short, time = self.short[chosen].float(), times(BATCH, self.run.device)
        errors = self.errors(self.networks, short, tokens, time, torch.randn_like(short))
        loss = (errors * self.weight(time)).mean()
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.named.values(), 1.0)
        self._update(number)
        return loss.item()

    def _update(self, number: int) -> None:
        done = (self.run.fraction() - self.begun) / (1 - self.begun)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = RATE * slowing(done, number, 0.4)
            optimizer.step()
        keep = min(0.998, (2 + number) / (11 + number))
        torch._foreach_mul_(self.averaged, keep)
        torch._foreach_add_(self.averaged, [tensor.detach() for tensor in self.named.values()], alpha=1 - keep)

    def errors(self, networks: Networks, short: Tensor, tokens: Tensor, time: Tensor, noise: Tensor) -> Tensor:
        """Mean squared errors (batch,) of the v that is predicted from latents noised to `time`."""
        signal = self.kept_signal[time].view(-1, 1, 1, 1)
        noisy = signal.sqrt() * short + (1 - signal).sqrt() * noise
        velocity = signal.sqrt() * noise - (1 - signal).sqrt() * short
        with torch.autocast(self.run.device, torch.bfloat16):
            words = networks.text_encoder(tokens).last_hidden_state
            predicted = networks.unet(noisy, time, encoder_hidden_states=words).sample
        return functional.mse_loss(predicted.float(), velocity, reduction="none").mean((1, 2, 3))

    def weight(self, time: Tensor) -> Tensor:
        """1 where there is much noise, for there the shapes are settled; less where there is little, and only grain to be learnt."""
        ratio = self.kept_signal[time] / (1 - self.kept_signal[time])
        return (ratio + 1).clamp(max=LARGEST_WEIGHT) / (ratio + 1)

    @torch.no_grad()
    def held_out(self) -> float:
        """The error of the averaged networks on pictures they never saw, over all times alike, with the same noise each time."""
        short, tokens = self.short[self.seen :].float(), self.tokens[self.seen :]
        noise = torch.randn(short.shape, generator=torch.Generator().manual_seed(0)).to(self.run.device)
        time = torch.arange(len(short), device=self.run.device) * 1000 // len(short)
        return self.errors(self.average, short, tokens, time, noise).mean().item()

    def save(self) -> None:
        """Write the averaged pipeline and a sheet of samples."""
        print(f"{self.run.name}: held-out loss {self.held_out():.5f}", flush=True)
        self.average.save(self.run.weights)
        long = self.run.minutes >= 1
        sheet(self.average, PROMPTS if long else PROMPTS[:1], 20 if long else 1).save(self.run.folder / "sheet.png")


def _parameters(networks: Networks) -> Iterator[tuple[str, str, Tensor]]:
    for part in ("text_encoder", "unet"):
        for name, tensor in getattr(networks, part).named_parameters():
            yield part, name, tensor


def times(count: int, device: str) -> Tensor:
    """Draw times of diffusion, 0 to 999; more of the later ones, where most is to be learnt."""
    late = torch.rand(count, device=device) < 0.7
    return torch.where(late, torch.randint(350, 1000, (count,), device=device), torch.randint(1000, (count,), device=device))


def sheet(networks: Networks, prompts: tuple[str, ...], steps: int) -> Image.Image:
    """Two pictures for each prompt, eight to a row, from seed 0."""
    asked = [prompt for prompt in prompts for _ in range(2)]
    made = networks.pipeline()(asked, num_inference_steps=steps, guidance_scale=3.0, generator=torch.Generator().manual_seed(0)).images
    page = Image.new("RGB", (8 * 132, -(-len(made) // 8) * 132), "white")
    for number, one in enumerate(made):
        page.paste(one.resize((128, 128), Image.Resampling.NEAREST), (number % 8 * 132, number // 8 * 132))
    return page
