"""Training examples for the voice: text as tokens, with the frames, the sounds and the spectrum that belong to each.

Knows how text, phonemes and signal fit together. Does not know the network.
"""

from dataclasses import dataclass

import numpy as np

from studio.starters.voice_alignment import LetterSounds, Unit, beginnings, letter_starts, units_of
from studio.starters.voice_signal import FRAMES_PER_SECOND, VOICED_FRICATIVES, VOICES, Analyser, harmonics, noise_levels, noisiness
from studio.starters.voice_speech import Espeak, Spoken
from studio.starters.voice_words import Corpus

LETTERS = "_ abcdefghijklmnopqrstuvwxyz'.,!?;:-"  # token 0 is the blank between the others
VOCABULARY = {letter: number for number, letter in enumerate(LETTERS)}
WORDS_PER_MINUTE = 145
OTHER_RATES = (110, 125, 165, 185, 210)
PITCH = 99  # espeak's highest: the shorter its period, the sharper the spectrum in time
HERTZ = 157.5  # what that pitch is
LEAD, END, BREAK = 3, 14, 4  # frames of silence before the first sound, after an end mark, after text without one
SOUNDS = 512  # most distinct groups of phonemes a letter may stand for


@dataclass(frozen=True)
class Example:
    """Tokens and what is known about them.

    `ids`, `durations` (frames) and `sounds` (number of the group of phonemes, -1 for a blank) are int64 of one length.
    `steady` says whether the durations are those of the ordinary pace. `spectra` (voices, frames, HARMONICS) complex64 and
    `levels` (frames, BANDS) float32 are None where only the spelling is wanted.
    """

    ids: np.ndarray
    durations: np.ndarray
    sounds: np.ndarray
    steady: bool
    spectra: np.ndarray | None = None
    levels: np.ndarray | None = None


class Speaker:
    """Turns text into examples."""

    def __init__(self, corpus: Corpus, learn_from: int = 1500):
        self.corpus, self.espeak = corpus, Espeak()
        self.analyser = Analyser(self.espeak.rate, HERTZ)
        self.letters = LetterSounds()
        self.letters.fit(self._units(learn_from))
        self.numbers: dict[tuple[str, ...], int] = {}

    def spelling(self) -> Example:
        """Return a new sentence without its sound."""
        while True:
            example = self.example(self.corpus.sentence())
            if example:
                return example

    def sound(self) -> Example:
        """Return a new sentence with its sound, now and then faster or slower than the ordinary pace."""
        while True:
            pace = WORDS_PER_MINUTE if self.corpus.random.random() < 0.7 else self.corpus.random.choice(OTHER_RATES)
            example = self.example(self.corpus.sentence(), pace, sound=True)
            if example:
                return example

    def example(self, text: str, pace: int = WORDS_PER_MINUTE, sound: bool = False) -> Example | None:
        """Return `text` as an example, or None where espeak makes nothing of it or speaks too fast for its letters."""
        spoken = self.espeak.speak(text, pace, PITCH)
        units = units_of(text, spoken)
        if not units or set(text) - set(LETTERS):
            return None
        length = self._length(text, spoken)
        starts = letter_starts(units, beginnings(spoken, self.espeak.rate), self.letters, length)
        if starts is None:
            return None
        frames = np.diff(starts, append=length)
        frames[0] += starts[0]
        known = {"steady": pace == WORDS_PER_MINUTE, **(self._signal(spoken, length) if sound else {})}
        return Example(_tokens(text), _durations(frames), self._sounds(units), **known)

    def _units(self, count: int) -> list[Unit]:
        texts = [self.corpus.sentence() for _ in range(count)]
        return [unit for text in texts for unit in units_of(text, self.espeak.speak(text))]

    def _length(self, text: str, spoken: Spoken) -> int:
        """Return the frames up to the end of the last sound and the silence that follows it."""
        pauses = [sample for _, name, sample in spoken.phonemes if name[0] == "_"]
        sounds = [sample for _, name, sample in spoken.phonemes if name[0] != "_"]
        end = min((pause for pause in pauses if pause > sounds[-1]), default=len(spoken.samples))
        return int(end / self.espeak.rate * FRAMES_PER_SECOND) + (END if text[-1] in ".,!?;:" else BREAK)

    def _sounds(self, units: list[Unit]) -> np.ndarray:
        groups = []
        for unit in units:
            position = 0
            for share in self.letters.align(unit):
                groups.append(unit[1][position : position + share])
                position += share
        numbers = [min(self.numbers.setdefault(group, len(self.numbers)), SOUNDS - 1) for group in groups]
        sounds = np.full(2 * len(numbers) + 1, -1)
        sounds[1::2] = numbers
        return sounds

    def _signal(self, spoken: Spoken, length: int) -> dict[str, np.ndarray]:
        silence = int((LEAD + length) / FRAMES_PER_SECOND * self.espeak.rate) + self.espeak.rate
        lead = round(LEAD / FRAMES_PER_SECOND * self.espeak.rate)
        frames = self.analyser.frames(np.pad(spoken.samples, (lead, silence)))
        total = LEAD + length
        density, voicing = frames.density[:total], frames.voicing[:total]
        share = noisiness(voicing, self._friction(spoken, total))
        spectra = np.stack([harmonics(density, share, voice) for voice in VOICES])
        return {"spectra": spectra.astype(np.complex64), "levels": noise_levels(density, share).astype(np.float32)}

    def _friction(self, spoken: Spoken, total: int) -> np.ndarray:
        marks = np.zeros(total, bool)
        frame = [LEAD + int(sample / self.espeak.rate * FRAMES_PER_SECOND) for _, _, sample in spoken.phonemes]
        for (_, name, _), begin, end in zip(spoken.phonemes, frame, frame[1:], strict=False):
            marks[begin:end] |= name in VOICED_FRICATIVES
        return marks


def _tokens(text: str) -> np.ndarray:
    ids = np.zeros(2 * len(text) + 1, np.int64)
    ids[1::2] = [VOCABULARY[letter] for letter in text]
    return ids


def _durations(frames: np.ndarray) -> np.ndarray:
    """Give each letter half of its frames and the blank after it the other half; the first blank is the silence before."""
    durations = np.zeros(2 * len(frames) + 1, np.int64)
    durations[0] = LEAD
    durations[1::2] = (frames + 1) // 2
    durations[2::2] = frames // 2
    return durations
