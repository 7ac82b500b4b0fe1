"""What models of the Hub weigh, told from the configurations they are published with: nothing is downloaded, no number is allocated."""

import json

import pytest

from studio import fit

CROSS = ["CrossAttnDownBlock2D"] * 3, ["CrossAttnUpBlock2D"] * 3
PUBLISHED = {
    "Stable Diffusion 1.5, network": (
        859_520_964,
        {
            "_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4, "block_out_channels": [320, 640, 1280, 1280],
            "layers_per_block": 2, "attention_head_dim": 8, "cross_attention_dim": 768, "norm_num_groups": 32, "sample_size": 64,
            "down_block_types": [*CROSS[0], "DownBlock2D"], "up_block_types": ["UpBlock2D", *CROSS[1]],
        },
    ),
    "Stable Diffusion XL, network": (
        2_567_463_684,
        {
            "_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4, "block_out_channels": [320, 640, 1280],
            "layers_per_block": 2, "attention_head_dim": [5, 10, 20], "cross_attention_dim": 2048, "sample_size": 128,
            "transformer_layers_per_block": [1, 2, 10], "use_linear_projection": True, "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 2816,
            "down_block_types": ["DownBlock2D", *CROSS[0][:2]], "up_block_types": [*CROSS[1][:2], "UpBlock2D"],
        },
    ),
    "Stable Diffusion 3 medium, network": (
        2_028_000_000,
        {
            "_class_name": "SD3Transformer2DModel", "sample_size": 128, "patch_size": 2, "in_channels": 16, "num_layers": 24,
            "attention_head_dim": 64, "num_attention_heads": 24, "joint_attention_dim": 4096, "caption_projection_dim": 1536,
            "pooled_projection_dim": 2048, "out_channels": 16, "pos_embed_max_size": 192,
        },
    ),
    "FLUX.1 dev, network": (
        11_901_408_320,
        {
            "_class_name": "FluxTransformer2DModel", "patch_size": 1, "in_channels": 64, "num_layers": 19, "num_single_layers": 38,
            "attention_head_dim": 128, "num_attention_heads": 24, "joint_attention_dim": 4096, "pooled_projection_dim": 768,
            "guidance_embeds": True,
        },
    ),
    # Its table of words counts once, as it is loaded; the 4,894 M that are also quoted count it twice.
    "T5 1.1 XXL, encoder": (
        4_762_310_656,
        {
            "architectures": ["T5EncoderModel"], "model_type": "t5", "d_model": 4096, "d_ff": 10240, "d_kv": 64, "num_heads": 64,
            "num_layers": 24, "vocab_size": 32128, "feed_forward_proj": "gated-gelu", "relative_attention_num_buckets": 32,
            "tie_word_embeddings": False,
        },
    ),
    "Llama 3.1 8B": (
        8_030_261_248,
        {
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
            "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
            "tie_word_embeddings": False,
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize(("known", "config"), PUBLISHED.values(), ids=PUBLISHED)
def test_the_numbers_of_a_published_model_are_told_within_two_in_a_hundred(known, config):
    assert fit.parameters(config) == pytest.approx(known, rel=0.02)


def test_a_pipeline_is_the_sum_of_its_parts(tmp_path):
    parts = {"transformer": "FLUX.1 dev, network", "text_encoder_2": "T5 1.1 XXL, encoder"}
    index = {"_class_name": "FluxPipeline", **{name: ["library", "Class"] for name in parts}, "scheduler": ["diffusers", "Scheduler"]}
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    for name, published in parts.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(PUBLISHED[published][1]))
    assert fit.parameters(tmp_path) == pytest.approx(11_901_408_320 + 4_762_310_656, rel=0.02)


def test_a_model_is_told_from_its_folder(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(PUBLISHED["Llama 3.1 8B"][1]))
    assert fit.parameters(tmp_path) == 8_030_261_248


def test_a_class_that_nobody_has_is_named():
    with pytest.raises(ValueError, match="'GrandModel'"):
        fit.parameters({"architectures": ["GrandModel"]})
