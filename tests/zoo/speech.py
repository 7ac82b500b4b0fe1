"""Speech models of transformers, each with the codec or vocoder its kind needs."""

import io
import json
from pathlib import Path
from typing import Any

from tests.zoo import animal, part

SAY = {"input": "Hello there."}
SIZES = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
GROUPED = SIZES | {"num_key_value_heads": 2, "head_dim": 16}
LETTERS = "_ abcdefghijklmnopqrstuvwxyz'.,!?"
TALK = "{% for m in messages %}[{{ m['role'] }}]{% for c in m['content'] %}{{ c['text'] }}{% endfor %}<|end|>{% endfor %}"


def louder(model: Any, factor: float) -> Any:
    """Enlarge the matrices of fresh weights, which are so small that nothing is heard."""
    import torch

    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(factor if weight.ndim > 1 else 1)
    return model


@animal("vits", "speech_transformers", ask=SAY)
def vits(folder: Path, speakers: int = 1) -> None:
    from transformers import VitsConfig, VitsModel, VitsTokenizer

    config = VitsConfig(
        vocab_size=len(LETTERS), hidden_size=16, num_hidden_layers=1, ffn_dim=16, flow_size=16, spectrogram_bins=4,
        num_speakers=speakers, speaker_embedding_size=8 if speakers > 1 else 0, upsample_initial_channel=16, upsample_rates=[8, 8],
        upsample_kernel_sizes=[16, 16], resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1]],
        use_stochastic_duration_prediction=False, duration_predictor_filter_channels=16, prior_encoder_num_flows=2,
        prior_encoder_num_wavenet_layers=1, posterior_encoder_num_wavenet_layers=1, pad_token_id=0,
    )  # fmt: skip
    VitsModel(config).save_pretrained(folder)
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({letter: number for number, letter in enumerate(LETTERS)}))
    VitsTokenizer(str(vocabulary), pad_token="_", unk_token="_", language="eng", phonemize=False).save_pretrained(folder)


def pieces(folder: Path) -> str:
    """Train a tokenizer of letters and return its file."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([LETTERS, LETTERS.upper(), "hello there, how are you?"] * 9), model_writer=model, model_type="char",
        vocab_size=70, hard_vocab_limit=False, pad_id=1, bos_id=0, eos_id=2, unk_id=3, minloglevel=2,
    )  # fmt: skip
    (folder / "spm_char.model").write_bytes(model.getvalue())
    return str(folder / "spm_char.model")


@animal("speecht5", "speech_transformers", vocoder="zoo/speecht5-hifigan", ask=SAY)
def speecht5(folder: Path) -> None:
    from transformers import SpeechT5Config, SpeechT5ForTextToSpeech, SpeechT5Tokenizer

    reader = SpeechT5Tokenizer(pieces(folder))
    blocks = {f"{side}_{size}": value for side in ("encoder", "decoder") for size, value in T5_SIZES.items()}
    config = SpeechT5Config(
        vocab_size=len(reader), hidden_size=32, **blocks, num_mel_bins=20, speech_decoder_prenet_units=16, speech_decoder_postnet_units=16,
        speech_decoder_postnet_layers=2, speaker_embedding_dim=512, conv_dim=(16,), conv_stride=(2,), conv_kernel=(2,),
        num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    model = louder(SpeechT5ForTextToSpeech(config), 5)
    model.speech_decoder_postnet.prob_out.bias.data.fill_(-6)  # it seldom finds that all is said
    model.save_pretrained(folder)
    reader.save_pretrained(folder)


T5_SIZES = {"layers": 1, "ffn_dim": 32, "attention_heads": 2}


@part("speecht5-hifigan")
def hifigan(folder: Path) -> None:
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    config = SpeechT5HifiGanConfig(
        model_in_dim=20, upsample_initial_channel=16, upsample_rates=[16, 16], upsample_kernel_sizes=[32, 32], resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1]],
    )  # fmt: skip
    louder(SpeechT5HifiGan(config), 12).save_pretrained(folder)
