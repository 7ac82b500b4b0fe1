"""Songs from a description and lyrics: ACE-Step 1.5 as diffusers reads it from a folder.

It goes on after a sound, makes a part of it anew, or covers all of it in the style of the words.
"""

from typing import Any, Literal

from pydantic import Field

from studio.engines._audio_pipeline import AudioEngine, Call, ClipOptions
from studio.engines._start import takes
from studio.errors import BadRequest
from studio.types import Request


class Options(ClipOptions):
    """None and "" leave a value to the pipeline."""

    lyrics: str = Field(
        "", max_length=10_000, title="Lyrics", description="What is sung, with [verse] and [chorus] before the parts. Empty: no singing",
        json_schema_extra={"lines": 6, "main": True},
    )  # fmt: skip
    language: str = Field("en", min_length=2, max_length=10, title="Language", description="Of the lyrics, by its code: en, de, fr, zh")
    duration: float = Field(
        30.0, ge=1, le=600, title="Duration", description="Of the song; with a sound to go on from, of what is added",
        json_schema_extra={"unit": "s", "main": True, "step": 1},
    )  # fmt: skip
    steps: int | None = Field(None, ge=1, le=200, title="Steps", description="More steps: finer, slower", json_schema_extra={"main": True})
    bpm: int | None = Field(None, ge=30, le=300, title="Tempo", description="Empty: as fits", json_schema_extra={"unit": "beats/min"})
    key: str = Field("", max_length=20, title="Key", description="Such as C major or F# minor. Empty: as fits")
    meter: Literal["2", "3", "4", "6"] | None = Field(None, title="Beats to the bar")
    guidance_scale: float | None = Field(
        None, ge=0, le=30, title="Guidance", description="How closely to follow the words; not for turbo models",
        json_schema_extra={"step": 0.1},
    )  # fmt: skip


class Engine(AudioEngine):
    """An ACE-Step pipeline, one song at a time."""

    Options = Options

    def fits(self, pipeline: Any) -> bool:
        return {"prompt", "lyrics", "task_type"} <= takes(pipeline)

    def alternative(self, pipeline: Any) -> str:
        return "It takes no lyrics: write `engine: music_diffusers` in its entry of models.yaml."

    def call(self, request: Request, options: Options) -> Call:
        if self._pipeline.is_turbo and (options.guidance_scale or 0) > 1:
            self.refuse(options, "guidance_scale", why=f"{self.spec.name} is a turbo model, whose guidance is in its weights.")
        song = {
            "lyrics": options.lyrics, "vocal_language": options.language, "bpm": options.bpm, "keyscale": options.key or None,
            "timesignature": options.meter,
        }  # fmt: skip
        path = request.inputs.get("audio")
        if path is None:
            self.refuse(options, "strength", "repaint_from", "repaint_to", why="there is no sound to begin from.")
            return Call(self._pipeline, {**song, "audio_duration": options.duration}, round(options.duration * self._rate))
        clip = self.clip(path)
        return self._covered(clip, song, options) if options.strength is not None else self._replaced(clip, song, options)

    def _covered(self, clip: Any, song: dict[str, Any], options: Options) -> Call:
        self.refuse(options, "repaint_from", "repaint_to", why="Change (strength) already says that all of the sound is made anew.")
        if self._pipeline.audio_tokenizer is None:
            raise BadRequest(f"{self.spec.name} comes without the parts that listen to a song, so it cannot cover one.", param="strength")
        given = {**song, "task_type": "cover", "src_audio": self._tensor(clip), "audio_cover_strength": 1 - options.strength}
        return Call(self._pipeline, given, len(clip))

    def _replaced(self, clip: Any, song: dict[str, Any], options: Options) -> Call:
        import numpy

        begin, end = self.part(options, len(clip))
        silence = numpy.zeros((max(0, end - len(clip)), self._channels), numpy.float32)
        given = {
            **song, "task_type": "repaint", "src_audio": self._tensor(numpy.concatenate([clip, silence])),
            "repainting_start": begin / self._rate, "repainting_end": end / self._rate if end < len(clip) else None,
            "output_type": "latent",
        }  # fmt: skip
        return Call(self._pipeline, given, max(len(clip), end), clip, (begin, end))

    @staticmethod
    def _tensor(samples: Any) -> Any:
        import torch

        return torch.from_numpy(samples.T.copy())

    def sound_of(self, audios: Any) -> Any:
        """Return the sound; of latents (1, frames, size) as loud as what was given, where the pipeline would make it as loud as can be."""
        import torch

        if audios.shape[1] == self._channels:
            return super().sound_of(audios)
        with torch.inference_mode():
            return super().sound_of(self._pipeline.vae.decode(audios.transpose(1, 2).to(self._pipeline.vae.dtype)).sample)
