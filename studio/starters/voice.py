"""Train the voice: English letters to sound, through the text encoder, the duration predictor and the flow of VITS.

Everything is regression on examples that espeak-ng speaks: which phonemes a letter stands for (a head that is dropped
afterwards), how many frames it lasts, how loud the noise is, and what each frame sounds like. The pool of examples grows
while the training runs.
"""

import random

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, pad
from transformers import VitsModel

from studio.starters._muon import Muon
from studio.starters.run import Run
from studio.starters.voice_data import SOUNDS, Example, Speaker
from studio.starters.voice_model import HALF, NOISE, NOISES, Components, build, pin, save
from studio.starters.voice_signal import HARMONICS, HOP, PATTERNS, RATE, VOICES
from studio.starters.voice_words import Corpus

RATE_PEAK = 2.5e-3
FLOW_SHARE = 3  # the flow begins with larger weights than the text encoder: so must its steps be
SETTLING = 60  # steps of a resumed run in which the new head learns alone
SPELLINGS, SOUNDED = 9, 18  # examples of a step: text alone, text with sound
WINDOW = 160  # frames of sound looked at in one example of a step
POOL_SPELLINGS, POOL_SOUNDS = 1000, 250  # examples to begin with
NEW_SPELLINGS, NEW_SOUNDS = 8, 2  # and made anew in each step, up to
MOST_SPELLINGS, MOST_SOUNDS = 40_000, 4000
QUIET = 0.004  # weighted amplitude under which a harmonic is silence
SAVE_EVERY = 240  # s


class Pool:
    """The examples made so far."""

    def __init__(self, speaker: Speaker):
        self.speaker = speaker
        self.spellings = [speaker.spelling() for _ in range(POOL_SPELLINGS)]
        self.sounds = [speaker.sound() for _ in range(POOL_SOUNDS)]

    def grow(self) -> None:
        if len(self.spellings) < MOST_SPELLINGS:
            self.spellings += [self.speaker.spelling() for _ in range(NEW_SPELLINGS)]
        if len(self.sounds) < MOST_SOUNDS:
            self.sounds += [self.speaker.sound() for _ in range(NEW_SOUNDS)]

    def draw(self) -> list[Example]:
        """Return the examples of a step, those with sound first, each kind of about one length: padding costs time."""
        return _alike(self.sounds, SOUNDED) + _alike(self.spellings, SPELLINGS)


def _alike(examples: list[Example], count: int, choices: int = 6) -> list[Example]:
    """Draw `count` examples of similar length out of `choices` times as many."""
    drawn = sorted(random.sample(examples, choices * count), key=lambda example: len(example.ids))
    begin = random.randint(0, choices - 1) * count
    return drawn[begin : begin + count]


class Losses(nn.Module):
    """The model with what it is measured by. `head` reads phonemes off the text encoder and is not saved."""

    def __init__(self, model: VitsModel, components: Components):
        super().__init__()
        self.model, self.components = model, components
        self.head = nn.Linear(model.config.hidden_size, SOUNDS)
        self.settling = False
        self.register_buffer("back", torch.tensor(components.weighted()), persistent=False)

    def forward(self, examples: list[Example], voice: int) -> dict[str, torch.Tensor]:
        """Return the losses by name; the first SOUNDED examples carry sound, heard in voice number `voice`."""
        ids, durations, sounds, mask = _batch(examples)
        device = self.back.device
        ids, durations, sounds, mask = (part.to(device) for part in (ids, durations, sounds, mask))
        speaker = self.model.embed_speaker(torch.full((len(ids),), voice, device=device)).unsqueeze(-1)
        text = self.model.text_encoder(input_ids=ids, padding_mask=mask.unsqueeze(-1).float(), attention_mask=mask.long())
        timing = self.model.duration_predictor(text.last_hidden_state.transpose(1, 2), mask.unsqueeze(1).float(), speaker).squeeze(1)
        steady = torch.tensor([example.steady for example in examples], device=device).unsqueeze(1) & mask
        wanted = torch.log(durations.clamp_min(1) - 0.4)
        read = text.last_hidden_state.detach() if self.settling else text.last_hidden_state
        losses = {
            "spelling": cross_entropy(self.head(read).float().transpose(1, 2), sounds, ignore_index=-1),
            "timing": (timing.float() - wanted)[steady].abs().mean(),
        }
        return {**losses, **self._sound(examples[:SOUNDED], text, durations, speaker, voice)}

    def _sound(self, examples, text, durations, speaker, voice) -> dict[str, torch.Tensor]:
        tokens, spectra, levels, inside = _windows(examples, durations, voice)
        means = torch.stack([rows[index] for rows, index in zip(text.prior_means, tokens, strict=False)]).transpose(1, 2)
        deviations = torch.stack([rows[index] for rows, index in zip(text.prior_log_variances, tokens, strict=False)])
        latents = self.model.flow(means * inside.unsqueeze(1), inside.unsqueeze(1), speaker[: len(examples)], reverse=True).transpose(1, 2)
        voiced = torch.cat((latents[..., :HALF], latents[..., HALF + NOISES :]), -1).float()
        target = torch.from_numpy(self.components.latents(spectra)).to(voiced.device)
        weight = inside / inside.sum()
        noise = (deviations[..., NOISE].float() - torch.from_numpy(levels).repeat_interleave(PATTERNS, -1)).abs().mean(-1)
        return {
            "wave": ((voiced - target).abs().mean(-1) * weight).sum(),
            "spectrum": (self._spectrum(voiced, target, voice) * weight).sum(),
            "noise": (noise * weight).sum(),
        }

    def _spectrum(self, latents, target, voice) -> torch.Tensor:
        """How far the log amplitudes of the voice's harmonics are apart, per frame."""
        every = VOICES[voice].pitch * HOP // RATE
        powers = [
            (rows[..., :HARMONICS] ** 2 + rows[..., HARMONICS:] ** 2)[..., every - 1 :: every] + QUIET**2
            for rows in (latents @ self.back, target @ self.back)
        ]
        return (powers[0].log() - powers[1].log()).abs().mean(-1)


WEIGHTS = {"spelling": 1.0, "timing": 1.0, "wave": 3.0, "spectrum": 1.0, "noise": 1.0}


def _batch(examples: list[Example]) -> tuple[torch.Tensor, ...]:
    """Return ids, durations, sounds (batch, longest) and the mask of what is text."""
    longest = max(len(example.ids) for example in examples)
    fields = [[torch.from_numpy(getattr(example, name)) for example in examples] for name in ("ids", "durations", "sounds")]
    padded = [
        torch.stack([pad(row, (0, longest - len(row)), value=fill) for row in rows]) for rows, fill in zip(fields, (0, 0, -1), strict=True)
    ]
    mask = torch.arange(longest).unsqueeze(0) < torch.tensor([len(example.ids) for example in examples]).unsqueeze(1)
    return *padded, mask


def _windows(examples: list[Example], durations: torch.Tensor, voice: int):
    """Cut WINDOW frames out of each example: tokens (batch, WINDOW), spectra, noise levels, and a mask of 1 inside."""
    count = len(examples)
    tokens = torch.zeros(count, WINDOW, dtype=torch.long)
    spectra = np.zeros((count, WINDOW, HARMONICS), np.complex64)
    levels = np.zeros((count, WINDOW, examples[0].levels.shape[1]), np.float32)
    inside = torch.zeros(count, WINDOW)
    for row, example in enumerate(examples):
        frames = example.levels.shape[0]
        begin = random.randint(0, max(0, frames - WINDOW))
        end = min(frames, begin + WINDOW)
        each = np.repeat(np.arange(len(example.ids)), example.durations)
        tokens[row, : end - begin] = torch.from_numpy(each[begin:end])
        spectra[row, : end - begin] = example.spectra[voice, begin:end]
        levels[row, : end - begin] = example.levels[begin:end]
        inside[row, : end - begin] = 1
    return tokens.to(durations.device), spectra, levels, inside.to(durations.device)


def train(run: Run) -> None:
    """Train for the run's time and save the weights every few minutes."""
    speaker = Speaker(Corpus(run.seed))
    print(f"voice: {len(speaker.corpus.words)} words, {len(speaker.corpus.sentences)} sentences of prose", flush=True)
    pool = Pool(speaker)
    print(f"voice: first examples after {run.seconds():.0f} s", flush=True)
    losses = _begin(run, pool)
    optimizers = _optimizers(losses)
    step, saved = 0, run.seconds()
    while run.fraction() < 1:
        losses.settling = run.resume and step < SETTLING
        for group in (group for optimizer in optimizers for group in optimizer.param_groups):
            group["lr"] = run.rate(RATE_PEAK, step, warmup=60, hold=0.5) * group.get("share", 1)
        with torch.autocast(run.device.split(":")[0], torch.bfloat16):
            parts = losses(pool.draw(), voice=step % len(VOICES))
        losses.zero_grad()
        sum(WEIGHTS[name] * part for name, part in parts.items()).backward()
        nn.utils.clip_grad_norm_(losses.parameters(), 2.0)
        for optimizer in optimizers:
            optimizer.step()
        pin(losses.model)
        pool.grow()
        step += 1
        run.step(step, float(sum(WEIGHTS[name] * part.item() for name, part in parts.items())), every=25)
        if step % 25 == 0:
            print("   " + ", ".join(f"{name} {part.item():.3f}" for name, part in parts.items()), flush=True)
        if run.seconds() - saved > SAVE_EVERY:
            _save(run, losses)
            saved = run.seconds()
    _save(run, losses)


def _optimizers(losses: Losses) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the text encoder's layers and the flow, AdamW for the rest but the decoder, which is finished."""
    text, flow, rest = [], [], []
    for name, weight in losses.named_parameters():
        if name.startswith(("model.decoder.", "model.posterior_encoder.")):
            continue
        matrix = name.endswith(("weight", "original1")) and weight.ndim > 1 and "wavenet.cond" not in name
        kind = text if name.startswith("model.text_encoder.encoder.") else flow if name.startswith("model.flow.") else rest
        (kind if matrix else rest).append(weight)
    muon = Muon([{"params": text}, {"params": flow, "share": FLOW_SHARE}], RATE_PEAK)
    return [muon, torch.optim.AdamW(rest, RATE_PEAK, betas=(0.9, 0.98), weight_decay=0.0)]


def _begin(run: Run, pool: Pool) -> Losses:
    """Return the model to train: the one of `run.weights`, or a new one."""
    if run.resume:
        model = VitsModel.from_pretrained(run.weights, dtype=torch.float32)
        return Losses(model, Components.read(model)).to(run.device)
    components = Components.learn(np.concatenate([example.spectra.reshape(-1, HARMONICS) for example in pool.sounds]))
    return Losses(build(components), components).to(run.device)


def _save(run: Run, losses: Losses) -> None:
    losses.model.eval()
    save(losses.model, run.weights)
    losses.model.train()
