"""The networks of the scenes starter and the pipeline they make up: a small Stable Diffusion with DDIM and v-prediction.

Knows sizes and files. Does not know how the networks are trained.

A picture of 64 px is 8 x 16 x 16 latent numbers, four times smaller to a side.
"""

import copy
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderTiny, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from studio.starters.scenes_tokenizer import LONGEST

LATENT_CHANNELS, LATENT_SIDE, WIDTH = 8, 16, 192


@dataclass
class Networks:
    """All parts of the pipeline, in float32."""

    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModel
    unet: UNet2DConditionModel
    vae: AutoencoderTiny
    scheduler: DDIMScheduler

    @classmethod
    def new(cls, tokenizer: CLIPTokenizer) -> "Networks":
        return cls(tokenizer, _text_encoder(len(tokenizer)), _unet(), _autoencoder(), _scheduler())

    @classmethod
    def read(cls, folder: Path) -> "Networks":
        """Read what `save` wrote."""
        pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32, use_safetensors=True, local_files_only=True)
        return cls(pipeline.tokenizer, pipeline.text_encoder, pipeline.unet, pipeline.vae, pipeline.scheduler)

    def to(self, device: str) -> "Networks":
        """Move to a device, and to the plain attention that trains fastest on a CPU at this size."""
        for network in (self.text_encoder, self.unet, self.vae):
            network.to(device)
        self.unet.set_attn_processor(AttnProcessor())
        return self

    def pipeline(self) -> StableDiffusionPipeline:
        pipeline = StableDiffusionPipeline(
            vae=self.vae,
            text_encoder=self.text_encoder,
            tokenizer=self.tokenizer,
            unet=self.unet,
            scheduler=self.scheduler,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def save(self, folder: Path) -> None:
        """Write the pipeline in float16, as `DiffusionPipeline.from_pretrained` reads it."""
        saved = copy.deepcopy(self)
        saved.tokenizer.backend_tokenizer.no_padding()
        saved.tokenizer.backend_tokenizer.no_truncation()
        saved.pipeline().to(dtype=torch.float16).save_pretrained(folder)
        for file in folder.rglob("*.json"):
            _forget_origin(file)

    def tokens(self, captions: list[str]) -> torch.Tensor:
        """Return token ids (captions, LONGEST)."""
        return self.tokenizer(captions, padding="max_length", max_length=LONGEST, truncation=True, return_tensors="pt").input_ids


def _forget_origin(file: Path) -> None:
    """Take out the folder on this machine that the libraries note in what they save."""
    content = json.loads(file.read_text())
    if content.pop("_name_or_path", None) is not None:
        file.write_text(json.dumps(content, indent=2) + "\n")


def _text_encoder(vocabulary: int) -> CLIPTextModel:
    encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=WIDTH,
            projection_dim=WIDTH,
            intermediate_size=512,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=LONGEST,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=1,
        )
    )
    for name, parameter in encoder.named_parameters():
        if "embedding" in name:
            torch.nn.init.normal_(parameter, std=0.3 if "token" in name else 0.1)
    return encoder


def _unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=LATENT_SIDE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(64, 128, 192),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DCrossAttn",
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=32,
        norm_num_groups=16,
    )


def _autoencoder() -> AutoencoderTiny:
    return AutoencoderTiny(
        latent_channels=LATENT_CHANNELS,
        encoder_block_out_channels=(48, 48, 48),
        decoder_block_out_channels=(48, 48, 48),
        num_encoder_blocks=(0, 1, 2),
        num_decoder_blocks=(2, 1, 0),
    )


def _scheduler() -> DDIMScheduler:
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,
    )
