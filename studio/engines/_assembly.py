"""Puts a text-to-image pipeline together: from a folder or one checkpoint file, with another autoencoder and textual inversions.

Knows files and components. Does not know devices or requests.
"""

import json
from pathlib import Path
from typing import Any

from studio.engines._loading import dtype, variant
from studio.engines._placing import quantization
from studio.errors import ModelUnavailable
from studio.types import ModelSpec, Placement


def assembled(spec: ModelSpec, source: str, placement: Placement, **parts: Any) -> Any:
    """Return the pipeline of a catalogue entry, in main memory, with `parts` in place of its own.

    Raises ModelUnavailable, or what diffusers raises over bad files.
    """
    if spec.vae:
        parts["vae"] = _autoencoder(spec, source, placement)
    path = Path(source)
    pipeline = _from_file(spec, path, placement, parts) if path.is_file() else _from_folder(spec, path, placement, parts)
    _check_tokenizers(pipeline)
    for word, place in spec.embeddings.items():
        _learn_word(pipeline, word, placement.extras.get(place, place), spec.name)
    return pipeline


def _from_folder(spec: ModelSpec, folder: Path, placement: Placement, parts: dict[str, Any]) -> Any:
    from diffusers import DiffusionPipeline

    if spec.safety is False and "safety_checker" in _index(folder):
        parts = {**parts, "safety_checker": None, "requires_safety_checker": False}
    return DiffusionPipeline.from_pretrained(
        str(folder), dtype=dtype(placement), variant=variant(folder), use_safetensors=True, local_files_only=True, trust_remote_code=False,
        **parts, **quantization(placement, folder),
    )  # fmt: skip


def _index(folder: Path) -> dict[str, Any]:
    """Return model_index.json; empty where there is none, which diffusers reports better."""
    path = folder / "model_index.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _from_file(spec: ModelSpec, file: Path, placement: Placement, parts: dict[str, Any]) -> Any:
    """Read a checkpoint in the layout of its first publication. Such a file brings no safety checker."""
    import diffusers

    if file.suffix != ".safetensors":
        raise ModelUnavailable(
            f"{spec.name} is {file.name}; only .safetensors files are read, since others can run code. Look for one.", "model"
        )
    if not spec.config:
        raise ModelUnavailable(
            f"{spec.name} is one file, without the small files of its family. Add a line `config:` to its entry in models.yaml, "
            f"such as `config: {_family(file)}`.", "model",
        )  # fmt: skip
    folder = Path(placement.extras.get(spec.config, spec.config))
    kind = getattr(diffusers, str(_index(folder).get("_class_name")), None)
    if not hasattr(kind, "from_single_file"):
        raise ModelUnavailable(f"{spec.name}: {spec.config} is not the folder of a pipeline that reads one file.", "model")
    return kind.from_single_file(str(file), config=str(folder), dtype=dtype(placement), local_files_only=True, **parts)


def _family(file: Path) -> str:
    """Return the repository whose small files fit a checkpoint, by the names of its tensors."""
    from diffusers.loaders.single_file_utils import fetch_diffusers_config, load_single_file_checkpoint

    return fetch_diffusers_config(load_single_file_checkpoint(str(file), local_files_only=True))["pretrained_model_name_or_path"]


def _autoencoder(spec: ModelSpec, source: str, placement: Placement) -> Any:
    """Read the other autoencoder: a folder with its config.json, a whole pipeline's folder, or one file (then configured as its own)."""
    path = Path(placement.extras.get(spec.vae, spec.vae))
    how = {"dtype": dtype(placement), "local_files_only": True}
    if path.is_file():
        own = Path(placement.extras.get(spec.config, spec.config)) if spec.config else Path(source)
        return _autoencoder_class(own / "vae").from_single_file(str(path), config=str(own), subfolder="vae", **how)
    folder = path if (path / "config.json").is_file() else path / "vae"
    return _autoencoder_class(folder).from_pretrained(str(folder), variant=variant(folder), use_safetensors=True, **how)


def _autoencoder_class(folder: Path) -> Any:
    import diffusers

    config = folder / "config.json"
    if not config.is_file():
        raise ModelUnavailable(f"There is no autoencoder in {folder}: config.json is missing. Correct `vae` in models.yaml.", "model")
    return getattr(diffusers, json.loads(config.read_text(encoding="utf-8")).get("_class_name", "AutoencoderKL"))


def _learn_word(pipeline: Any, word: str, place: str, model: str) -> None:
    """Teach a pipeline the word of a textual inversion. One for two text encoders holds `clip_l` and `clip_g`, as is usual for SDXL."""
    from safetensors.torch import load_file

    path = Path(place)
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    if len(files) != 1 or files[0].suffix != ".safetensors":
        raise ModelUnavailable(f"The textual inversion {word!r} has to be one .safetensors file; {place} is not.", "model")
    if not hasattr(pipeline, "load_textual_inversion"):
        raise ModelUnavailable(f"{model} is a {type(pipeline).__name__}, which takes no textual inversions.", "model")
    state = load_file(files[0])
    for key, number in (("clip_l", ""), ("clip_g", "_2")):
        if key in state:
            reader = {"tokenizer": getattr(pipeline, f"tokenizer{number}"), "text_encoder": getattr(pipeline, f"text_encoder{number}")}
            pipeline.load_textual_inversion({word: state[key]}, token=word, **reader)
    if "clip_l" not in state:
        pipeline.load_textual_inversion(state, token=word)


def _check_tokenizers(pipeline: Any) -> None:
    """A tokenizer without its vocabulary loads without a word and reads everything as noise."""
    for name in ("", "_2", "_3"):
        tokenizer, encoder = getattr(pipeline, f"tokenizer{name}", None), getattr(pipeline, f"text_encoder{name}", None)
        expected = getattr(getattr(encoder, "config", None), "vocab_size", 0)
        if tokenizer is not None and expected and len(tokenizer) < expected // 2:
            raise ModelUnavailable(
                f"tokenizer{name} knows {len(tokenizer)} tokens, its text encoder {expected}: its vocabulary file is missing."
            )
