"""Models of music: MusicGen in its three kinds, a writer of notes, and the pipelines of diffusers that make sound."""

import io
import json
from pathlib import Path
from typing import Any

from tests.zoo import animal

SHORT = {"prompt": "calm piano", "duration": 1}
RATE, HOP = 8_000, 160  # 50 codes a second, as the published models have


def channels(count: int, rate: int, seconds: float = 1.0) -> Any:
    """Return a check that a file has so many channels at that rate and length."""

    def check(data: bytes) -> None:
        import soundfile

        about = soundfile.info(io.BytesIO(data))
        assert (about.channels, about.samplerate) == (count, rate) and abs(about.duration - seconds) < 0.01, about

    return check


def musicgen(folder: Path, sides: int = 1, melody: bool = False) -> Path:
    """Save a text encoder, a decoder over 4 codebooks a channel and an EnCodec, a few thousand weights each."""
    import torch
    import transformers
    from transformers import EncodecConfig, T5Config, T5Tokenizer

    torch.manual_seed(0)
    kind = "MusicgenMelody" if melody else "Musicgen"
    text = T5Config(vocab_size=64, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    codec = EncodecConfig(
        sampling_rate=RATE, upsampling_ratios=[8, 5, 4], num_filters=4, hidden_size=16, codebook_size=32, codebook_dim=16,
        num_lstm_layers=1, target_bandwidths=[1.0], audio_channels=1,
    )  # fmt: skip
    decoder = getattr(transformers, f"{kind}DecoderConfig")(
        vocab_size=32, hidden_size=16, ffn_dim=16, num_hidden_layers=1, num_attention_heads=2, num_codebooks=4 * sides,
        audio_channels=sides, pad_token_id=32, bos_token_id=32,
    )  # fmt: skip
    more = {"num_chroma": 12, "chroma_length": 59} if melody else {}
    config = getattr(transformers, f"{kind}Config")(
        text_encoder=text.to_dict(), audio_encoder=codec.to_dict(), decoder=decoder.to_dict(), **more
    )
    model = getattr(transformers, f"{kind}ForConditionalGeneration")(config)
    model.generation_config.decoder_start_token_id = model.generation_config.bos_token_id = model.generation_config.pad_token_id = 32
    with torch.no_grad():  # so that words, melodies and what was played before make a difference
        for name, weight in model.named_parameters():
            if not name.startswith(("audio_encoder", "text_encoder")) and weight.ndim > 1:
                weight.normal_()
            elif name.endswith("original0"):  # and the codec tells one tone from another
                weight.fill_(1.0)
            elif name.endswith("bias"):
                weight.zero_()
    for codebook in model.audio_encoder.quantizer.layers:  # random codes: a codec starts with codes of zero, which sound like nothing
        codebook.codebook.embed.normal_(std=0.3)
    model.save_pretrained(folder)
    T5Tokenizer(extra_ids=40).save_pretrained(folder)
    if melody:
        said = {"feature_extractor_type": "MusicgenMelodyFeatureExtractor", "sampling_rate": RATE, "n_fft": 1024, "hop_length": 4096}
        (folder / "preprocessor_config.json").write_text(json.dumps(said))
    return folder


@animal("musicgen", "music_transformers", ask=SHORT, checks=channels(1, RATE))
def plain(folder: Path) -> None:
    musicgen(folder)


@animal("musicgen-stereo", "music_transformers", ask=SHORT, checks=channels(2, RATE))
def stereo(folder: Path) -> None:
    musicgen(folder, sides=2)


@animal("musicgen-melody", "music_transformers", ask=SHORT, checks=channels(1, RATE))
def melody(folder: Path) -> None:
    musicgen(folder, melody=True)
