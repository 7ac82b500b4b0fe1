"""The tunes starter: a small language model that writes notes, taught by tunes that are composed by rules.

Saved in transformers' layout: a Llama, a fast tokenizer with one token a word, and `prompt_words.json`, the words of a prompt with the
tokens they stand for. `tunes_composer.py` composes, `tunes_check.py` scores what the model writes.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path

from studio.engines._note_tokens import DRUM_KIT, METERS, PITCHES, duration_token
from studio.starters.run import Run
from studio.starters.tunes_composer import CHORDS, MAX_BARS, SCALES, Part, Score, compose
from studio.starters.tunes_styles import CRASH, MOODS, STYLES
from studio.starters.tunes_words import prompt_words

PAD, BOS, EOS = "PAD_None", "BOS_None", "EOS_None"
TEMPOS = range(50, 185, 5)
LOWEST, HIGHEST = 30, 98  # pitches, with room on both sides of what the composer uses
SHAPE = {"hidden_size": 192, "num_hidden_layers": 6, "intermediate_size": 512, "num_attention_heads": 3, "num_key_value_heads": 3}
CONTEXT = 2048
TUNES_AT_ONCE = 64  # drawn together and sorted by length, so that rows of a batch need little padding
BATCH = 3072  # tokens of a step, about
PEAK_RATE = 3e-3
SAVE_EVERY = 300.0  # seconds


def vocabulary() -> list[str]:
    """Return every token, in the order of its number."""
    programs = sorted({program for style in STYLES.values() for program in (*style.leads, *style.harmonies, *style.basses)})
    drums = sorted({drum for style in STYLES.values() for kit in style.kit for drum in kit} | {CRASH})
    lengths = [duration_token(n, resolution) for resolution, longest in ((4, 16), (3, 12)) for n in range(1, longest + 1)]
    return [
        *(PAD, BOS, EOS),
        *(f"Style_{style}" for style in STYLES),
        *(f"Mood_{mood}" for mood in MOODS),
        *(f"Key_C:{mode}" for mode in SCALES),
        *(f"TimeSig_{meter}" for meter in METERS),
        *(f"Tempo_{tempo}" for tempo in TEMPOS),
        *(f"Bar_{bar}" for bar in range(1, MAX_BARS + 1)),
        *(f"Chord_{pitch}:{quality}" for pitch in PITCHES for quality in CHORDS),
        *(f"Program_{program}" for program in (-1, *programs)),
        *(f"Position_{position}" for position in range(max(meter.positions for meter in METERS.values()))),
        *lengths,
        *(f"Pitch_{pitch}" for pitch in range(LOWEST, HIGHEST + 1)),
        *(f"PitchDrum_{drum}" for drum in drums),
    ]


def write(score: Score) -> list[str]:
    """Return a score as tokens."""
    tokens = [BOS, f"Style_{score.style}", f"Mood_{score.mood}", f"Key_C:{score.mode}"]
    tokens += [f"TimeSig_{score.meter.name}", f"Tempo_{score.tempo}", f"Program_{score.lead}"]
    for left, bar in zip(range(len(score.bars), 0, -1), score.bars, strict=True):
        tokens += [f"Bar_{left}", f"Chord_{PITCHES[bar.chord.root]}:{bar.chord.quality}"]
        for part in bar.parts:
            tokens += _write_part(part, score.meter.resolution)
    return [*tokens, EOS]


def _write_part(part: Part, resolution: int) -> list[str]:
    drums = part.program == DRUM_KIT
    tokens, duration = [f"Program_{-1 if drums else part.program}"], 0
    for event in part.events:
        tokens.append(f"Position_{event.position}")
        if not drums and event.duration != duration:
            duration = event.duration
            tokens.append(duration_token(duration, resolution))
        tokens += [f"PitchDrum_{pitch}" if drums else f"Pitch_{pitch}" for pitch in event.pitches]
    return tokens


def tokenizer():
    """Return the fast tokenizer: words between spaces, each one token."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({token: number for number, token in enumerate(vocabulary())}, unk_token=PAD))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words, bos_token=BOS, eos_token=EOS, pad_token=PAD, unk_token=PAD)


def new_model():
    """Return the untrained model."""
    from transformers import LlamaConfig, LlamaForCausalLM

    names = vocabulary()
    marks = {"pad_token_id": names.index(PAD), "bos_token_id": names.index(BOS), "eos_token_id": names.index(EOS)}
    return LlamaForCausalLM(LlamaConfig(vocab_size=len(names), max_position_embeddings=CONTEXT, tie_word_embeddings=True, **SHAPE, **marks))


def batches(rng: random.Random) -> Iterator[tuple]:
    """Yield (input ids, labels) of about `BATCH` tokens, whole tunes padded to one length; labels are -100 where padded."""
    numbers = {token: number for number, token in enumerate(vocabulary())}
    while True:
        tunes = sorted(([numbers[token] for token in write(compose(rng))] for _ in range(TUNES_AT_ONCE)), key=len)
        groups = []
        while tunes:
            count = max(1, BATCH // len(tunes[-1]))
            groups.append(tunes[-count:])
            del tunes[-count:]
        rng.shuffle(groups)
        yield from map(_padded, groups)


def _padded(rows: list[list[int]]) -> tuple:
    import torch
    from torch.nn.utils.rnn import pad_sequence

    tensors = [torch.tensor(row) for row in rows]
    return pad_sequence(tensors, batch_first=True), pad_sequence(tensors, batch_first=True, padding_value=-100)


def optimizers(model) -> list:
    """Return Muon for the matrices inside the layers, which learns from fewer tunes, and AdamW for the rest."""
    import torch

    inner = [weight for name, weight in model.named_parameters() if weight.ndim == 2 and "embed" not in name]
    outer = [weight for name, weight in model.named_parameters() if weight.ndim < 2 or "embed" in name]
    return [
        torch.optim.Muon(inner, lr=PEAK_RATE, weight_decay=0.01, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(outer, lr=PEAK_RATE, betas=(0.9, 0.95), fused=True),
    ]


def train(run: Run) -> None:
    """Teach the model until the run's time is over, then score what it writes."""
    import torch
    from transformers import LlamaForCausalLM

    model = LlamaForCausalLM.from_pretrained(run.weights, dtype=torch.float32) if run.resume else new_model()
    model = model.to(run.device).train()
    steppers, saved = optimizers(model), 0.0
    for step, (ids, labels) in enumerate(batches(random.Random(run.seed))):
        if run.fraction() >= 1:
            break
        run.step(step, _learn(model, steppers, ids.to(run.device), labels.to(run.device), run.rate(PEAK_RATE, step)))
        if run.seconds() - saved > SAVE_EVERY:
            save(model, run.weights)
            saved = run.seconds()
    save(model, run.weights)
    _report(run)


def _learn(model, steppers: list, ids, labels, rate: float) -> float:
    """Take one step and return its loss."""
    import torch

    with torch.autocast(ids.device.type, torch.bfloat16):
        loss = model(input_ids=ids, labels=labels, use_cache=False).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for stepper in steppers:
        for group in stepper.param_groups:
            group["lr"] = rate
        stepper.step()
        stepper.zero_grad()
    return loss.item()


def save(model, folder: Path) -> None:
    """Write the model as float16 safetensors, its tokenizer, and the words of a prompt."""
    import copy

    import torch

    copy.deepcopy(model).to("cpu", torch.float16).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    (folder / "prompt_words.json").write_text(json.dumps(prompt_words(), indent=1, sort_keys=True) + "\n")


def _report(run: Run) -> None:
    from studio.starters.tunes_check import check

    table = check(run.weights, run.device)
    (run.folder / "check.json").write_text(json.dumps(table, indent=1) + "\n")
    print(json.dumps(table, indent=1), flush=True)
