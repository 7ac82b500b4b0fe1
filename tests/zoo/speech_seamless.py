"""SeamlessM4T, both versions: text in one language, sound in another, or the same."""

import json
import string
from pathlib import Path
from typing import Any

from tests.zoo import animal
from tests.zoo.speech import SAY, louder

LANGUAGES = ("eng", "fra")
UNITS = 64
SIZES = {
    "hidden_size": 16, "encoder_layers": 1, "encoder_ffn_dim": 16, "encoder_attention_heads": 2, "decoder_layers": 1, "decoder_ffn_dim": 16,
    "decoder_attention_heads": 2, "speech_encoder_layers": 1, "speech_encoder_attention_heads": 2, "speech_encoder_intermediate_size": 16,
    "t2u_encoder_layers": 1, "t2u_encoder_ffn_dim": 16, "t2u_encoder_attention_heads": 2, "t2u_decoder_layers": 1,
    "t2u_decoder_ffn_dim": 16, "t2u_decoder_attention_heads": 2, "t2u_vocab_size": UNITS + 6, "unit_hifi_gan_vocab_size": UNITS,
    "unit_embed_dim": 8, "lang_embed_dim": 4, "spkr_embed_dim": 4, "vocoder_num_langs": 2, "vocoder_num_spkrs": 2,
    "upsample_initial_channel": 64, "upsample_rates": [5, 4, 4, 2, 2], "upsample_kernel_sizes": [11, 8, 8, 4, 4],
    "resblock_kernel_sizes": [3], "resblock_dilation_sizes": [[1]], "feature_projection_input_dim": 16, "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2, "max_position_embeddings": 128, "t2u_max_position_embeddings": 256,
}  # fmt: skip


def saved(folder: Path, version: str, **more: Any) -> None:
    import transformers

    marks = ["<pad>", "<unk>", "<s>", "</s>", "▁", *string.ascii_letters, *".,'!?"]
    reader = transformers.SeamlessM4TTokenizer(
        vocab={mark: number for number, mark in enumerate(marks)}, merges=[],
        additional_special_tokens=[f"__{code}__" for code in LANGUAGES],
    )  # fmt: skip
    config = getattr(transformers, f"SeamlessM4T{version}Config")(**SIZES | more, vocab_size=len(reader))
    model = getattr(transformers, f"SeamlessM4T{version}ForTextToSpeech")(config)
    louder(model.t2u_model, 4)
    model.save_pretrained(folder)
    reader.save_pretrained(folder)
    words = dict(zip(LANGUAGES, reader.convert_tokens_to_ids([f"__{code}__" for code in LANGUAGES]), strict=True))
    path = folder / "generation_config.json"
    tables = {
        "text_decoder_lang_to_code_id": words,
        "t2u_lang_code_to_id": {code: UNITS + 4 + number for number, code in enumerate(LANGUAGES)},
        "vocoder_lang_code_to_id": {code: number for number, code in enumerate(LANGUAGES)},
        "char_to_id": {letter: number for number, letter in enumerate(string.ascii_letters, 4)},
        "id_to_text": {str(number): mark for number, mark in enumerate(marks)},
        "max_new_tokens": 24,
    }
    own = {key: value for key, value in json.loads(path.read_text()).items() if key != "_from_model_config"}  # else it is made anew
    path.write_text(json.dumps(own | tables))


@animal("seamless-m4t", "speech_transformers", ask=SAY)
def seamless(folder: Path) -> None:
    saved(folder, "")


@animal("seamless-m4t-v2", "speech_transformers", ask=SAY)
def seamless_v2(folder: Path) -> None:
    """Its second network has no tokens that stand for no sound: fresh weights would choose them."""
    sizes = {"char_vocab_size": 60, "t2u_variance_predictor_embed_dim": 16, "t2u_variance_predictor_hidden_dim": 8}
    saved(folder, "v2", **sizes, vocoder_offset=0, unit_hifi_gan_vocab_size=UNITS + 6)
