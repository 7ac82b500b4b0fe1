"""The shape of the voice, transformers' own VITS, and the parts of it that are written down instead of trained.

A latent frame is 80 numbers for the voiced sound (principal components of its harmonics) and 48 for the noise (weights of
fixed patterns, drawn by VITS itself with the prior's deviation). From there to the waveform all is linear, so the decoder's
weights are the components themselves: a leaky rectifier passes a number unchanged when its negative goes beside it.
The noise stands in the middle of the latent frame, where the flow's flips leave it, and the flow neither reads nor moves it.
"""

import json
from pathlib import Path

import numpy as np
import torch
from transformers import VitsConfig, VitsModel, VitsTokenizer

from studio.starters.voice_data import VOCABULARY
from studio.starters.voice_signal import BANDS, HARMONICS, HOP, PATTERNS, RATE, VOICES, noise_basis, period_basis

COMPONENTS = 80
NOISES = BANDS * PATTERNS
LATENTS = COMPONENTS + NOISES
HALF = COMPONENTS // 2
NOISE = slice(HALF, HALF + NOISES)
ORDER = np.concatenate((np.arange(0, COMPONENTS, 2), np.arange(1, COMPONENTS, 2)))  # which component stands where
STILL = -8.0  # log deviation of what is not noise
GAIN = 0.5  # the waveform ends in a tanh: stay where it is nearly straight
BLOCK = 16  # samples the first upsampling writes side by side
SLOPE = 0.1  # of the leaky rectifiers below 0


def config() -> VitsConfig:
    """Return the shape: 5.6 million parameters, 16 kHz, frames of 160 samples."""
    return VitsConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=160,
        num_hidden_layers=5,
        num_attention_heads=2,
        ffn_dim=384,
        layerdrop=0.0,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
        flow_size=LATENTS,
        spectrogram_bins=2,
        use_stochastic_duration_prediction=False,
        duration_predictor_filter_channels=192,
        duration_predictor_dropout=0.0,
        num_speakers=len(VOICES),
        speaker_embedding_size=16,
        leaky_relu_slope=SLOPE,
        upsample_initial_channel=2 * LATENTS,
        upsample_rates=[10, 4, 4],
        upsample_kernel_sizes=[20, 4, 4],
        resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1]],
        prior_encoder_num_flows=2,
        prior_encoder_num_wavenet_layers=4,
        posterior_encoder_num_wavenet_layers=1,
        wavenet_kernel_size=3,
        wavenet_dilation_rate=2,
        noise_scale=1.0,
        noise_scale_duration=0.0,
        sampling_rate=RATE,
        pad_token_id=0,
    )


WEIGHTS = (np.arange(1, HARMONICS + 1) / 5) ** 0.6  # of the harmonics, so that the high ones count too


class Components:
    """Principal components of spectra: `latents` goes there, `weighted` and `basis` lead back.

    `vectors` are (2 * HARMONICS, COMPONENTS), orthonormal, `scale` the latents' unit.
    """

    def __init__(self, vectors: np.ndarray, scale: float):
        self.vectors, self.scale = vectors, scale

    @classmethod
    def learn(cls, spectra: np.ndarray) -> "Components":
        """Take them from `spectra`, complex (frames, HARMONICS); quiet frames count nearly as much as loud ones."""
        rows = _rows(spectra)
        loud = np.sqrt((rows**2).sum(1, keepdims=True))
        even = rows / (loud + 0.01) ** 0.6
        _, vectors = np.linalg.eigh(even.T @ even)
        vectors = vectors[:, ::-1][:, :COMPONENTS][:, ORDER]
        return cls(vectors, float(np.sqrt(np.mean((rows[loud[:, 0] > 0.02] @ vectors) ** 2))))

    @classmethod
    def read(cls, model: VitsModel) -> "Components":
        """Find those a decoder was written from."""
        blocks = model.decoder.upsampler[0].weight[: 2 * LATENTS : 2, : 2 * BLOCK : 2].detach().float() * (1 + SLOPE) / GAIN
        basis = blocks.transpose(1, 2).reshape(LATENTS, 2 * HOP).numpy()
        voiced = np.concatenate((basis[:HALF], basis[HALF + NOISES :]))
        weighted = np.linalg.lstsq(period_basis().T, voiced.T, rcond=None)[0] * np.concatenate((WEIGHTS, WEIGHTS))[:, None]
        scale = float(np.linalg.norm(weighted, axis=0).mean())
        return cls(weighted / scale, scale)

    def latents(self, spectra: np.ndarray) -> np.ndarray:
        """Return (..., COMPONENTS) of (..., HARMONICS)."""
        return (_rows(spectra) @ self.vectors / self.scale).astype(np.float32)

    def weighted(self) -> np.ndarray:
        """Return (COMPONENTS, 2 * HARMONICS): from latents to weighted real and imaginary amplitudes."""
        return (self.vectors.T * self.scale).astype(np.float32)

    def basis(self) -> np.ndarray:
        """Return (COMPONENTS, 2 * HOP): the sound of each component."""
        return self.weighted() / np.concatenate((WEIGHTS, WEIGHTS)) @ period_basis()


def _rows(spectra: np.ndarray) -> np.ndarray:
    weighted = spectra * WEIGHTS
    return np.concatenate((weighted.real, weighted.imag), -1)


def build(components: Components) -> VitsModel:
    """Return a new model whose decoder is written down and whose flow does nothing yet."""
    model = VitsModel(config())
    with torch.no_grad():
        write_decoder(model, components)
        for flow in model.flow.flows:
            flow.conv_post.weight.zero_()
            flow.conv_post.bias.zero_()
        model.text_encoder.project.weight[LATENTS:] *= 0.1
        model.text_encoder.project.bias[LATENTS:] = STILL
    pin(model)
    return model


@torch.no_grad()
def pin(model: VitsModel) -> None:
    """Put back what must not move: the noise has no mean, the rest no deviation, and the flow lets the noise pass."""
    project, half = model.text_encoder.project, LATENTS // 2
    still = torch.ones(LATENTS, dtype=torch.bool)
    still[NOISE] = False
    project.weight[:LATENTS][~still], project.bias[:LATENTS][~still] = 0.0, 0.0
    deviation_weight, deviation_bias = project.weight[LATENTS:], project.bias[LATENTS:]
    deviation_weight[still], deviation_bias[still] = 0.0, STILL
    for flow in model.flow.flows:
        flow.conv_pre.weight[:, HALF:] = 0
        flow.conv_post.weight[: half - HALF] = 0
        flow.conv_post.bias[: half - HALF] = 0


def write_decoder(model: VitsModel, components: Components) -> None:
    """Write the sound of every latent number into the decoder; its residual blocks add nothing."""
    decoder = model.decoder
    for parameter in decoder.parameters():
        parameter.zero_()
    basis = np.empty((LATENTS, 2 * HOP))
    basis[:HALF], basis[HALF + NOISES :] = np.split(components.basis(), 2)
    basis[NOISE] = noise_basis()
    for latent in range(LATENTS):
        decoder.conv_pre.weight[2 * latent, latent, 3] = 1
        decoder.conv_pre.weight[2 * latent + 1, latent, 3] = -1
    blocks = torch.tensor(basis * GAIN, dtype=torch.float32).view(LATENTS, 2 * HOP // BLOCK, BLOCK)
    _write(decoder.upsampler[0], blocks.transpose(1, 2))
    _write(decoder.upsampler[1], torch.eye(16).view(16, 4, 4).transpose(1, 2))
    _write(decoder.upsampler[2], torch.eye(4).view(4, 4, 1).transpose(1, 2))
    decoder.conv_post.weight[0, :2, 3] = torch.tensor([1.0, -1.0]) / 1.01


def _write(layer: torch.nn.ConvTranspose1d, weights: torch.Tensor) -> None:
    """Write `weights` (in, out, kernel) between pairs of channels, one of each pair the other's negative."""
    inputs, outputs, _ = weights.shape
    for sign_in in (0, 1):
        for sign_out in (0, 1):
            sign = 1 if sign_in == sign_out else -1
            layer.weight[sign_in : 2 * inputs : 2, sign_out : 2 * outputs : 2] = sign * weights / (1 + SLOPE)


def save(model: VitsModel, folder: Path) -> None:
    """Write the model in float16, its tokenizer and its voices."""
    half = VitsModel(model.config)
    half.load_state_dict(model.state_dict())
    half.to(torch.float16).save_pretrained(folder)
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps(VOCABULARY))
    tokenizer = VitsTokenizer(
        str(vocabulary), pad_token="_", unk_token="_", language="eng", add_blank=True, normalize=True, phonemize=False
    )
    tokenizer.save_pretrained(folder)
    voices = [{"id": voice.id, "name": voice.name, "language": "en"} for voice in VOICES]
    (folder / "voices.json").write_text(json.dumps(voices, indent=2) + "\n")
