"""The shipped models.yaml: it can be read, says what it must, and the starters' words are what they know."""

import inspect
import re
from importlib import import_module
from pathlib import Path
from random import Random

import pytest

from studio.registry import Registry

CATALOGUE = Path(__file__).resolve().parent.parent / "models.yaml"
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
STARTERS = ["starter-scenes", "starter-stories", "starter-voice", "starter-tunes", "starter-faces"]

CLASSES = {
    "sd-turbo": "StableDiffusionPipeline",
    "lcm-dreamshaper-v7": "LatentConsistencyModelPipeline",
    "stable-diffusion-1.5": "StableDiffusionPipeline",
    "sdxl-turbo": "StableDiffusionXLPipeline",
    "sdxl-base": "StableDiffusionXLPipeline",
    "sana-600m": "SanaPipeline",
    "pixart-sigma": "PixArtSigmaPipeline",
    "stable-diffusion-3.5-medium": "StableDiffusion3Pipeline",
    "flux.2-klein-4b": "Flux2KleinPipeline",
    "z-image-turbo": "ZImagePipeline",
    "flux.1-schnell": "FluxPipeline",
    "flux.1-dev": "FluxPipeline",
    "qwen-image": "QwenImagePipeline",
    "smollm2-135m": "LlamaForCausalLM",
    "smollm2-360m": "LlamaForCausalLM",
    "smollm2-1.7b": "LlamaForCausalLM",
    "smollm3-3b": "SmolLM3ForCausalLM",
    "qwen3-0.6b": "Qwen3ForCausalLM",
    "qwen3-1.7b": "Qwen3ForCausalLM",
    "qwen3-4b": "Qwen3ForCausalLM",
    "qwen3-8b": "Qwen3ForCausalLM",
    "gemma-3-1b": "Gemma3ForCausalLM",
    "olmo-2-1b": "Olmo2ForCausalLM",
    "tinyllama-1.1b": "LlamaForCausalLM",
    "gpt-oss-20b": "GptOssForCausalLM",
    "mamba-130m": "MambaForCausalLM",
    "gpt2": "GPT2LMHeadModel",
    "mms-tts-english": "VitsModel",
    "mms-tts-german": "VitsModel",
    "mms-tts-french": "VitsModel",
    "mms-tts-spanish": "VitsModel",
    "mms-tts-portuguese": "VitsModel",
    "mms-tts-russian": "VitsModel",
    "mms-tts-hindi": "VitsModel",
    "vibevoice-1.5b": "VibeVoiceForConditionalGeneration",
    "dia-1.6b": "DiaForConditionalGeneration",
    "csm-1b": "CsmForConditionalGeneration",
    "bark-small": "BarkModel",
    "pocket-tts": "PocketTTSForConditionalGeneration",
    "musicgen-small": "MusicgenForConditionalGeneration",
    "musicgen-stereo-small": "MusicgenForConditionalGeneration",
    "musicgen-melody": "MusicgenMelodyForConditionalGeneration",
    "musicgen-medium": "MusicgenForConditionalGeneration",
    "musicgen-stereo-medium": "MusicgenForConditionalGeneration",
    "stable-audio-open": "StableAudioPipeline",
    "audioldm2": "AudioLDM2Pipeline",
    "ace-step-1.5-turbo": "AceStepPipeline",
    "ldm-celebahq": "LDMPipeline",
    "animatediff-1.5": "AnimateDiffPipeline",
    "ltx-video": "LTXPipeline",
    "cogvideox-2b": "CogVideoXPipeline",
    "wan2.1-1.3b": "WanPipeline",
    "wan2.2-5b": "WanPipeline",
}
OWN_NETWORKS = {"stylegan2-ffhq"}
FORBIDDING = {"nscl-v2-custom"}
GATED = (
    "black-forest-labs/FLUX.1-", "stabilityai/stable-diffusion-3", "stabilityai/stable-audio-open", "google/gemma", "sesame/csm",
)  # fmt: skip
ODD_SIZES = {"gpt-oss-20b": (0.6, 0.7), "gpt2": (4.2, 4.5), "stylegan2-ffhq": (4.2, 4.5)}  # 4 bits; stored masks; stored noise


@pytest.fixture(scope="module")
def registry():
    return Registry(CATALOGUE)


def words_of(text):
    return {word.lower() for word in WORD.findall(text)}


def test_every_entry_can_be_used(registry):
    assert registry.problems == []


def test_the_starters_come_first_one_for_every_task(registry):
    assert [spec.id for spec in registry.specs() if spec.starter] == STARTERS == [spec.id for spec in registry.specs()[:5]]
    tasks = {registry.task(starter) for starter in STARTERS}
    assert tasks == {registry.task(spec.id) for spec in registry.specs()} - {"text-to-video"}
    assert {spec.source for spec in registry.specs()[:5]} == {
        str(CATALOGUE.parent / "studio" / "starters" / "weights" / name) for name in ("scenes", "stories", "voice", "tunes", "faces")
    }


def test_every_entry_says_what_it_is_good_for_and_under_which_terms(registry):
    for spec in registry.specs():
        assert spec.title and spec.license and spec.description.endswith("."), spec.id
        assert spec.starter or re.fullmatch(r"[\w.-]+/[\w.-]+(/[\w./-]+)?", spec.source), spec.id
    titles = [spec.title for spec in registry.specs()]
    assert len(titles) == len(set(titles))


def test_every_model_is_loaded_as_a_class_that_is_installed(registry):
    assert set(CLASSES) == {spec.id for spec in registry.specs()} - set(STARTERS) - set(OWN_NETWORKS)
    libraries = {name: set(dir(import_module(name))) for name in ("diffusers", "transformers")}
    for model, name in CLASSES.items():
        library = "transformers" if registry.spec(model).engine.endswith("_transformers") else "diffusers"
        assert name in libraries[library], f"{model}: {library} has no {name}"


def test_every_model_of_transformers_is_one_its_engine_looks_for(registry):
    from transformers.models.auto import modeling_auto as auto

    kinds = {
        "text_transformers": auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        "music_transformers": auto.MODEL_FOR_TEXT_TO_WAVEFORM_MAPPING_NAMES,
    }
    speakers = "".join(path.read_text() for path in (CATALOGUE.parent / "studio" / "engines").glob("_speech*.py"))
    for model, name in CLASSES.items():
        engine = registry.spec(model).engine
        if engine == "speech_transformers":
            assert f'"{name}"' in speakers, model
        elif known := kinds.get(engine):
            assert name in known.values(), model


def test_the_pipelines_take_words_and_what_the_catalogue_gives_them(registry):
    import diffusers

    for model, name in CLASSES.items():
        spec = registry.spec(model)
        if spec.engine.endswith("_transformers") or registry.task(model) == "unconditional-image-generation":
            continue
        taken = inspect.signature(getattr(diffusers, name).__call__).parameters
        named = {"steps": "num_inference_steps", "frames": "num_frames"}
        given = {named.get(option, option) for option in spec.options} - {"scheduler", "fps", "duration"}
        assert {"prompt"} | given <= set(taken), f"{model}: {name} takes no {given - set(taken)}"


def test_licences_that_forbid_commercial_use_are_marked(registry):
    forbidden = re.compile(r"(^|-)(nc|non-?commercial)(-|$)", re.IGNORECASE)
    for spec in registry.specs():
        if forbidden.search(spec.license):
            assert not spec.commercial, f"{spec.id}: {spec.license}"
        if not spec.commercial:
            assert forbidden.search(spec.license) or spec.license in FORBIDDING, f"{spec.id}: {spec.license}"


def test_gated_families_are_marked(registry):
    for spec in registry.specs():
        assert spec.gated == spec.source.startswith(GATED), spec.id


def test_the_download_fits_the_number_of_parameters(registry):
    for spec in registry.specs():
        if spec.starter or spec.size_bytes is None:
            continue
        least, most = ODD_SIZES.get(spec.id, (1.98, 4.2))
        assert least <= spec.size_bytes / spec.parameters <= most, f"{spec.id}: {spec.size_bytes / spec.parameters:.2f} bytes a parameter"


def test_a_revision_is_a_commit_or_a_proposal(registry):
    for spec in registry.specs():
        assert spec.revision is None or re.fullmatch(r"[0-9a-f]{40}|refs/pr/\d+", spec.revision), spec.id


def test_starters_offer_ten_examples_made_of_words_they_know(registry):
    for spec in registry.specs()[:4]:
        assert len(set(spec.prompts)) == 10 and spec.world, spec.id
        for prompt in spec.prompts if spec.words else ():
            assert words_of(prompt) <= set(spec.words), f"{spec.id}: {prompt}"


def test_the_words_of_the_scenes_are_those_of_their_captions(registry):
    from studio.starters.scenes_drawing import picture

    assert words_of(" ".join(picture(seed)[1] for seed in range(1500))) == set(registry.spec("starter-scenes").words)


def test_the_words_of_the_tunes_are_those_its_prompts_are_read_by(registry):
    from studio.engines._tune_prompt import FILLERS
    from studio.starters.tunes_words import prompt_words

    known = words_of(" ".join([*prompt_words(), *FILLERS]))
    keys = set("abcdefg") | {"sharp", "flat", "bpm", "beats", "per", "minute"}
    assert set(registry.spec("starter-tunes").words) == known | keys


def test_the_words_of_the_stories_are_those_of_its_world(registry):
    from studio.starters.stories_beyond import small_talk
    from studio.starters.stories_talk import KINDS, follow_up, story_turn

    rng, drawn = Random(1), []
    for _ in range(3000):
        turns = [kind(rng) for kind in KINDS] + [follow_up(story_turn(rng).cast, rng)]
        drawn += [f"{turn.request} {turn.answer}" for turn in turns] + [" ".join(small_talk(rng)[:2])]
    missing = set(registry.spec("starter-stories").words) - words_of(" ".join(drawn))
    assert not missing
