"""Language models of transformers: attention of several kinds, mixtures of experts, recurrent ones."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.zoo import animal

ASK = {"prompt": "once upon a time", "max_tokens": 12, "temperature": 1.0}
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 128}
GROUPED = SIZES | {"intermediate_size": 32, "num_key_value_heads": 2, "head_dim": 16}
SPECIAL = ("<|end|>", "<pad>")
MARKS = ("<think>", "</think>", "<|start|>", "<|channel|>", "<|message|>")
TEMPLATE = (
    "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}<|end|>{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
)


def tokenizer(template: str | None = TEMPLATE) -> Any:
    """Return a tokenizer of one token a letter of ASCII, `<|end|>` and the marks around thoughts."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = [*map(chr, range(33, 127)), "Ġ", "Ċ"]
    bpe = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(letters)}, merges=[]))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bpe.decoder = decoders.ByteLevel()
    reader = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=SPECIAL[0], pad_token=SPECIAL[1])
    reader.add_tokens(list(MARKS))
    reader.chat_template = template
    return reader


def ids(reader: Any) -> dict[str, Any]:
    return {"vocab_size": len(reader), "eos_token_id": reader.eos_token_id, "pad_token_id": reader.pad_token_id, "bos_token_id": None}


def saved(model: Any, folder: Path, reader: Any) -> Any:
    """Save a model whose numbers are larger than fresh ones, so that its texts vary."""
    import torch

    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(4 if weight.ndim == 2 else 1)
    model.save_pretrained(folder)
    reader.save_pretrained(folder)
    return model


def causal(config_class: str, template: str | None = TEMPLATE, **sizes: Any) -> Callable[[Path], Any]:
    """Return the builder of a causal language model."""

    def build(folder: Path) -> None:
        import transformers

        reader = tokenizer(template)
        config = getattr(transformers, config_class)(**ids(reader) | sizes)
        saved(transformers.AutoModelForCausalLM.from_config(config), folder, reader)

    return build


STATES = {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8}
TWO_KINDS = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 16}
CAUSAL = {
    "llama": causal("LlamaConfig", **GROUPED),
    "mistral": causal("MistralConfig", **GROUPED, sliding_window=16),
    "phi3": causal("Phi3Config", **SIZES, intermediate_size=32),
    "qwen2": causal("Qwen2Config", **GROUPED),
    "qwen3": causal("Qwen3Config", **GROUPED),
    "qwen3-moe": causal("Qwen3MoeConfig", **GROUPED, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16),
    "smollm3": causal("SmolLM3Config", **GROUPED),
    "olmo2": causal("Olmo2Config", **SIZES, intermediate_size=32),
    "gemma3-text": causal("Gemma3TextConfig", **GROUPED, **TWO_KINDS),
    "gpt-oss": causal("GptOssConfig", **GROUPED, **TWO_KINDS, num_local_experts=4, num_experts_per_tok=2),
    "gpt2": causal("GPT2Config", None, n_embd=32, n_layer=2, n_head=4, n_positions=128),
    "rwkv": causal("RwkvConfig", hidden_size=32, attention_hidden_size=32, num_hidden_layers=2, context_length=64),
    "mamba": causal("MambaConfig", **STATES),
    "mamba2": causal("Mamba2Config", **STATES, num_heads=4, head_dim=16, n_groups=2, chunk_size=8),
    "falcon-mamba": causal("FalconMambaConfig", **STATES),
    "recurrent-gemma": causal(
        "RecurrentGemmaConfig", hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=1, lru_width=32, attention_window_size=16,
    ),
    "lfm2": causal("Lfm2Config", **GROUPED, layer_types=["conv", "full_attention"]),
}  # fmt: skip
for name, build in CAUSAL.items():
    animal(name, "text_transformers", ask=ASK | ({"prompt": "it was"} if name == "rwkv" else {}))(build)  # else it ends at once


@animal("gemma3", "text_transformers", ask=ASK)
def gemma3(folder: Path) -> None:
    """The checkpoint that also sees: its weights hold a vision tower, its config the text's inside."""
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    reader = tokenizer()
    text = ids(reader) | GROUPED | TWO_KINDS | {"vocab_size": len(reader) + 3}
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = sizes | {"image_size": 28, "patch_size": 14}
    config = Gemma3Config(
        text_config=text, vision_config=vision, mm_tokens_per_image=4,
        boi_token_index=len(reader), eoi_token_index=len(reader) + 1, image_token_index=len(reader) + 2,
        eos_token_id=reader.eos_token_id, pad_token_id=reader.pad_token_id,
    )  # fmt: skip
    saved(Gemma3ForConditionalGeneration(config), folder, reader)


@animal("gpt-oss-mxfp4", "text_transformers", ask=ASK)
def gpt_oss_mxfp4(folder: Path) -> None:
    """As published: the experts' matrices in 4 bits (two numbers a byte, a scale to 32 of them), the rest in bfloat16."""
    import json

    import torch
    from safetensors.torch import load_file, save_file

    causal("GptOssConfig", **GROUPED, **TWO_KINDS, num_local_experts=4, num_experts_per_tok=2)(folder)
    path = folder / "model.safetensors"
    tensors = {name: tensor.bfloat16() for name, tensor in load_file(path).items()}
    for name in [name for name in tensors if name.endswith(("gate_up_proj", "down_proj"))]:
        experts, rows, columns = tensors.pop(name).shape
        tensors[f"{name}_blocks"] = torch.randint(0, 256, (experts, columns, rows // 32, 16), dtype=torch.uint8)
        tensors[f"{name}_scales"] = torch.full((experts, columns, rows // 32), 124, dtype=torch.uint8)
    save_file(tensors, path, {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    kept = ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]
    config |= {"dtype": "bfloat16", "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": kept}}
    (folder / "config.json").write_text(json.dumps(config))
