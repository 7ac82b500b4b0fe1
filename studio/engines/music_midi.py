"""Music written as notes: any causal language model over note tokens, played by the studio's own synthesizer."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field

from studio import engines
from studio.engines._loading import dtype, fitting_threads, reading
from studio.engines._note_tokens import PITCHES, Grammar, Meter, kind, longest, read, value
from studio.engines._tune_prompt import Wishes, own_words, understand
from studio.errors import BadRequest, GenerationFailed, ModelUnavailable
from studio.types import Artifact, Event, Piece, Progress, Request

NEEDED = {"BOS", "EOS", "Bar", "Program", "Position", "Duration", "Pitch"}
TAIL, TAIL_SHARE = 1.2, 0.15  # what the last note has to die away: seconds, and the most of the whole
PHRASE = 4  # bars
BEND = 0.15  # how far the tempo may be bent for whole phrases
USUAL = 0.8  # top_p at most for tempo and lead that nobody asked for: what is usual for the style


class Options(engines.Options):
    style: str = Field(
        "", max_length=100, title="Style", description="One of the model's styles; empty: from the prompt, or the model's choice"
    )
    duration: float = Field(
        20.0, ge=1, le=120, title="Duration", description="Length of the music", json_schema_extra={"unit": "s", "main": True, "step": 1}
    )
    temperature: float = Field(
        0.9, ge=0.1, le=2, title="Temperature", description="Higher: more surprising notes", json_schema_extra={"step": 0.05}
    )
    top_p: float = Field(0.95, ge=0.05, le=1, title="Top p", description="Lower: only likely notes", json_schema_extra={"step": 0.01})


class Engine(engines.Engine):
    """A language model over REMI-like tokens (see `_note_tokens`), in transformers' layout with a fast tokenizer."""

    task = "text-to-audio"
    needs_prompt = False
    Options = Options

    def load(self, report: engines.Report) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        report(0.1)
        with reading(self.spec, self.source):
            tokenizer = AutoTokenizer.from_pretrained(self.source, local_files_only=True, trust_remote_code=False)
            model = AutoModelForCausalLM.from_pretrained(
                self.source, dtype=dtype(self.placement), use_safetensors=True, local_files_only=True, trust_remote_code=False
            )
            words = Path(self.source) / "prompt_words.json"
            self._words = json.loads(words.read_text()) if words.is_file() else None
        self._numbers: dict[str, int] = tokenizer.get_vocab()
        self._check(model)
        self._words = self._words or own_words(self._numbers)
        self._model = model.to(self.device.type).eval()
        report(1.0)

    def _check(self, model: Any) -> None:
        missing = sorted(NEEDED - {kind(token) for token in self._numbers})
        if missing:
            raise ModelUnavailable(f"{self.spec.name} does not write notes: its tokenizer has no tokens of the kind {', '.join(missing)}.")
        if "Bar_1" not in self._numbers:
            raise ModelUnavailable(f"{self.spec.name} does not count its bars down to Bar_1, so a piece could not be given a length.")
        if model.config.vocab_size < len(self._numbers):
            raise ModelUnavailable(
                f"{self.spec.name} knows {model.config.vocab_size} tokens, its tokenizer {len(self._numbers)}; they do not belong together."
            )

    def run(self, request: Request, options: Options, seed: int) -> Iterator[Event]:
        import torch

        from studio.synthesizer import render

        wishes = self._wishes(request.prompt, options.style)
        generator = torch.Generator("cpu").manual_seed(seed)
        drawn = int(torch.randint(len(PITCHES), (1,), generator=generator))
        composition = Composition(options.duration, longest(self._numbers), self._tonic(wishes, drawn))
        with fitting_threads(self._model):
            while not composition.finished:
                grammar = Grammar(self._numbers, composition.plan, composition.header or wishes.tokens)
                for token in self._tokens(grammar, composition.theme, options, generator):
                    composition.take(token)
                    yield Progress(composition.bars_done, composition.bars_total, "bar")
        piece = composition.piece()
        sound = render(piece, options.duration)
        if not piece.notes or not abs(sound.samples).max() > 0:
            raise GenerationFailed(f"{self.spec.name} wrote a piece without a sound. Try another seed or a lower temperature.")
        yield Artifact("audio", sound, seed, composition.facts(wishes), piece)

    def _wishes(self, prompt: str, style: str) -> Wishes:
        wishes = understand(prompt, self._numbers, self._words)
        if style:
            named = [token for token in self._words.get(style.lower().strip(), []) if kind(token) == "Style"]
            if not named:
                known = sorted(value(token) for token in self._numbers if kind(token) == "Style")
                raise BadRequest(f"{self.spec.name} has no style {style!r}. Choose one of {', '.join(known)}.", param="style")
            wishes.tokens["Style"] = named
        return wishes

    def _tonic(self, wishes: Wishes, drawn: int) -> int | None:
        """Return the pitch class to transpose to: the one asked for, or a drawn one where the model knows a single tonic. None: its own."""
        known = {value(token).partition(":")[0] for token in self._numbers if kind(token) == "Key"}
        if wishes.tonic is None:
            return drawn if len(known) == 1 else None
        return wishes.tonic

    def _tokens(self, grammar: Grammar, theme: list[str], options: Options, generator: Any) -> Iterator[str]:
        """Yield the tokens of one piece as they are chosen: first those of `theme`, then the model's. A pass feeds what it has not seen."""
        cache, unseen, given = None, ["BOS_None"], iter(theme)
        while not grammar.finished:
            allowed = grammar.allowed()
            token = next(given, None) or (allowed[0] if len(allowed) == 1 else None)
            if token is None:
                scores, cache = self._forward(unseen, cache)
                usual = grammar.in_header and kind(allowed[0]) in ("Tempo", "Program")
                top_p = min(options.top_p, USUAL) if usual else options.top_p
                token, unseen = self._choose(scores, allowed, options.temperature, top_p, generator), []
            unseen.append(token)
            grammar.advance(token)
            yield token

    def _forward(self, tokens: list[str], cache: Any) -> tuple[Any, Any]:
        """Return the scores (vocabulary,) of what follows, and the cache with `tokens` in it."""
        import torch

        ids = torch.tensor([[self._numbers[token] for token in tokens]], device=self.device.type)
        with torch.inference_mode():
            output = self._model(input_ids=ids, past_key_values=cache, use_cache=True)
        return output.logits[0, -1].float().cpu(), output.past_key_values

    def _choose(self, scores: Any, allowed: list[str], temperature: float, top_p: float, generator: Any) -> str:
        """Draw one of the allowed tokens, at the temperature, from the likeliest that make up `top_p`."""
        import torch

        own = scores[[self._numbers[token] for token in allowed]] / temperature
        if not torch.isfinite(own).all():
            raise GenerationFailed(f"{self.spec.name} computed numbers that are none. Its weights may be damaged, or its dtype too small.")
        shares, order = torch.softmax(own, -1).sort(descending=True, stable=True)
        shares[shares.cumsum(-1) - shares > top_p] = 0
        return allowed[int(order[torch.multinomial(shares, 1, generator=generator)])]

    def unload(self) -> None:
        self._model = None


class Composition:
    """A piece of a given length on its way: as many rounds of equal length as the model's countdown needs.

    Each round has the header of the first and begins with its theme.
    """

    def __init__(self, duration: float, longest_round: int, tonic: int | None):
        self._longest, self._tonic = longest_round, tonic
        self._sounding = duration - min(TAIL, TAIL_SHARE * duration)
        self._rounds, self._bars, self._tempo = 1, 0, 0.0
        self._written: list[list[str]] = [["BOS_None"]]
        self.bars_done = 0

    @property
    def bars_total(self) -> int:
        return self._rounds * self._bars

    @property
    def finished(self) -> bool:
        return len(self._written) > self._rounds

    def plan(self, meter: Meter, tempo: float) -> int:
        """Choose how many bars a round has, and the tempo at which all of them together take the time there is."""
        needed = self._sounding / meter.bar_seconds(tempo)
        self._rounds = max(1, math.ceil(needed / self._longest - 0.1))
        self._bars = self._whole_phrases(needed / self._rounds)
        self._tempo = tempo * self.bars_total / needed
        return self._bars

    def _whole_phrases(self, needed: float) -> int:
        """Return a number of bars near `needed`: the one with the fewest left over beside phrases, or simply the nearest."""
        near = range(max(PHRASE, math.ceil(needed * (1 - BEND))), min(self._longest, int(needed * (1 + BEND))) + 1)
        if near:
            return min(near, key=lambda bars: (bars % PHRASE, abs(bars - needed)))
        return min(self._longest, max(1 if needed < 1.3 else 2, round(needed)))

    def take(self, token: str) -> None:
        """Note a token of the round being written."""
        self._written[-1].append(token)
        if kind(token) == "Bar":
            self.bars_done += len(self._written[-1]) > 2 and kind(self._written[-1][-2]) in ("Pitch", "PitchDrum")
        elif kind(token) == "EOS":
            self.bars_done += 1
            self._written.append(["BOS_None"])

    @property
    def header(self) -> dict[str, list[str]]:
        """The header of the first round, for those that follow; empty while it is being written."""
        if len(self._written) == 1:
            return {}
        return {kind(token): [token] for token in self._written[0][: self._bar_starts()[0]]}

    @property
    def theme(self) -> list[str]:
        """What later rounds repeat of the first: its header, its introduction and its first phrase."""
        if len(self._written) == 1:
            return []
        bars = PHRASE + self._bars % PHRASE
        starts = self._bar_starts()
        return self._written[0][1 : starts[bars]] if bars < len(starts) else []

    def _bar_starts(self) -> list[int]:
        return [place for place, token in enumerate(self._written[0]) if kind(token) == "Bar"]

    def piece(self) -> Piece:
        return read((token for written in self._written for token in written), self._tempo or None, self._transposed())

    def _transposed(self) -> int:
        """Return how many semitones up, -6 to 5, lead from the key it is written in to the one it is played in."""
        tonic = self._header("Key").partition(":")[0]
        if self._tonic is None or tonic not in PITCHES:
            return 0
        return (self._tonic - PITCHES.index(tonic) + 6) % 12 - 6

    def _header(self, name: str) -> str:
        return next((value(token) for token in self._written[0][: self._bar_starts()[0]] if kind(token) == name), "")

    def _key(self) -> str:
        tonic, _, mode = self._header("Key").partition(":")
        played = PITCHES[self._tonic] if self._tonic is not None else tonic
        return f"{played} {'minor' if mode == 'min' else 'major'}" if tonic else ""

    def facts(self, wishes: Wishes) -> dict[str, Any]:
        """Return what the record says of the piece; tempo in beats a minute as it is played."""
        facts = {
            "style": self._header("Style"),
            "mood": self._header("Mood"),
            "key": self._key(),
            "meter": self._header("TimeSig"),
            "tempo": round(self._tempo, 1),
            "lead": _instrument(self._header("Program")),
            "bars": self.bars_total,
            "notes": len(self.piece().notes),
            "unknown_words": wishes.unknown,
        }
        return {name: fact for name, fact in facts.items() if fact}


def _instrument(program: str) -> str:
    from studio.instruments import name

    return name(int(program)) if program else ""
