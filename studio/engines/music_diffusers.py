"""Sound and music from words, by diffusion: Stable Audio, AudioLDM, MusicLDM and their like, as diffusers reads them from a folder.

Stable Audio also begins from a sound: Open varies it, 3 varies it, makes a part of it anew, or goes on after it.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import Field

from studio.engines._audio_pipeline import AudioEngine, Call, ClipOptions, default
from studio.engines._start import takes
from studio.errors import BadRequest
from studio.types import Request

LENGTHS = ("audio_end_in_s", "audio_length_in_s", "audio_duration_s", "duration")  # what pipelines call the seconds asked for
COSINE = "CosineDPMSolverMultistepScheduler"


class Options(ClipOptions):
    """None leaves a value to the pipeline."""

    duration: float = Field(
        10.0, ge=1, le=380, title="Duration", description="Of the sound; with one to go on from, of what is added",
        json_schema_extra={"unit": "s", "main": True, "step": 1},
    )  # fmt: skip
    steps: int | None = Field(None, ge=1, le=500, title="Steps", description="More steps: finer, slower", json_schema_extra={"main": True})
    negative_prompt: str = Field(
        "", max_length=10_000, title="Not in the sound", description="What to keep out", json_schema_extra={"lines": 2}
    )
    guidance_scale: float | None = Field(
        None, ge=0, le=30, title="Guidance", description="How closely to follow the words", json_schema_extra={"step": 0.1}
    )


class Engine(AudioEngine):
    """One pipeline of sound, mono or stereo as it makes it."""

    Options = Options

    def read(self) -> Any:
        scheduler = self._cosine_scheduler()
        pipeline = super().read() if scheduler is None else super().read(scheduler=None)
        if scheduler is not None:
            pipeline.register_modules(scheduler=scheduler)
        if type(pipeline).__name__ == "MusicLDMPipeline":
            _give_vectors(pipeline.text_encoder)
        return pipeline

    def _cosine_scheduler(self) -> Any:
        """Return what stands in for the sampler that diffusers cannot read without a further library; None where it is another."""
        folder = Path(self.source)
        index = folder / "model_index.json"
        if not index.is_file() or COSINE not in json.loads(index.read_text()).get("scheduler", ()):
            return None
        from studio.engines._cosine_scheduler import CosineScheduler

        return CosineScheduler.like(json.loads((folder / "scheduler" / "scheduler_config.json").read_text()))

    def fits(self, pipeline: Any) -> bool:
        return {"prompt", "generator"} <= takes(pipeline) and self._length(pipeline) is not None

    def alternative(self, pipeline: Any) -> str:
        if "lyrics" in takes(pipeline):
            return "It sings: write `engine: music_acestep` in its entry of models.yaml."
        return super().alternative(pipeline)

    @staticmethod
    def _length(pipeline: Any) -> str | None:
        return next((name for name in LENGTHS if name in takes(pipeline)), None)

    def call(self, request: Request, options: Options) -> Call:
        path = request.inputs.get("audio")
        if path is None:
            self.refuse(options, "strength", "repaint_from", "repaint_to", why="there is no sound to begin from.")
            call = Call(self._pipeline, {self._length(self._pipeline): options.duration}, round(options.duration * self._rate))
        else:
            call = self._from_sound(self.clip(path), options)
        self._check(call, options)
        return self._with_negative(call, options)

    def _check(self, call: Call, options: Options) -> None:
        if options.guidance_scale is not None and "guidance_scale" not in takes(call.pipeline):
            self.refuse(options, "guidance_scale", why=f"{self.spec.name} has no guidance for this.")
        longest = self._longest()
        seconds = (call.frames or 0) / self._rate
        if longest is not None and seconds > longest:
            raise BadRequest(f"duration is {seconds:g}: {self.spec.name} makes {longest:.1f} s at most.", param="duration")

    def _longest(self) -> float | None:
        """Seconds a pipeline of fixed length makes at most, those of Stable Audio 3 as its embedding of lengths reaches; None: no bound."""
        if self._length(self._pipeline) == "audio_end_in_s":
            return self._pipeline.transformer.config.sample_size * self._pipeline.vae.hop_length / self._rate
        embedder = getattr(self._pipeline, "duration_embedder", None)
        return None if embedder is None else embedder.config.max_val

    def _with_negative(self, call: Call, options: Options) -> Call:
        if not options.negative_prompt:
            return call
        known = takes(call.pipeline)
        guidance = options.guidance_scale if options.guidance_scale is not None else default(call.pipeline, "guidance_scale")
        if not {"negative_prompt", "guidance_scale"} <= known:
            self.refuse(options, "negative_prompt", why=f"{self.spec.name} cannot be told what to keep out of this.")
        if guidance <= 1:
            why = f"{self.spec.name} heeds it only with a guidance_scale above 1, and that is {guidance:g}."
            self.refuse(options, "negative_prompt", why=why)
        call.given["negative_prompt"] = options.negative_prompt
        return call

    # ---- from a sound

    def _from_sound(self, clip: Any, options: Options) -> Call:
        import torch

        kind, sound = type(self._pipeline).__name__, torch.from_numpy(clip.T.copy())[None].to(self.device.type)
        if kind == "StableAudio3Pipeline":
            return self._varied(clip, sound, options) if options.strength is not None else self._replaced(clip, sound, options)
        if kind == "StableAudioPipeline":
            return self._open_varied(clip, sound, options)
        raise BadRequest(f"{self.spec.name} makes sound from words alone. Leave the sound to begin from out.", param="audio")

    def _open_varied(self, clip: Any, sound: Any, options: Options) -> Call:
        self.refuse(options, "repaint_from", "repaint_to", why=f"{self.spec.name} changes a sound only as a whole.")
        if options.strength is None:
            raise BadRequest(f"{self.spec.name} cannot go on after a sound. Set Change (strength) to vary it.", param="strength")
        scheduler = self._pipeline.scheduler.varying(options.strength)
        pipeline = type(self._pipeline)(**{**self._pipeline.components, "scheduler": scheduler})
        given = {"initial_audio_waveforms": sound.to(self._pipeline.vae.dtype), "initial_audio_sampling_rate": self._rate}
        return Call(self._quiet(pipeline), {"audio_end_in_s": min(len(clip) / self._rate, self._longest()), **given}, len(clip))

    def _varied(self, clip: Any, sound: Any, options: Options) -> Call:
        from diffusers import StableAudio3AudioToAudioPipeline

        self.refuse(options, "repaint_from", "repaint_to", why="Change (strength) already says that all of the sound is varied.")
        given = {"audio": sound, "duration": len(clip) / self._rate, "init_noise_level": options.strength}
        return Call(self._quiet(StableAudio3AudioToAudioPipeline(**self._pipeline.components)), given, len(clip))

    def _replaced(self, clip: Any, sound: Any, options: Options) -> Call:
        from diffusers import StableAudio3InpaintPipeline

        begin, end = self.part(options, len(clip))
        frames = max(len(clip), end)
        beyond = (end + self._rate if end == frames else end) / self._rate  # the last latent too, which ends after the sound
        given = {"audio": sound, "duration": frames / self._rate, "mask_start_seconds": begin / self._rate, "mask_end_seconds": beyond}
        return Call(self._quiet(StableAudio3InpaintPipeline(**self._pipeline.components)), given, frames, clip, (begin, end))

    @staticmethod
    def _quiet(pipeline: Any) -> Any:
        pipeline.set_progress_bar_config(disable=True)
        return pipeline


def _give_vectors(encoder: Any) -> None:
    """Let CLAP answer with the vectors of words alone, as MusicLDM expects of it."""
    described = encoder.get_text_features
    encoder.get_text_features = lambda *arguments, **options: described(*arguments, **options).pooler_output
