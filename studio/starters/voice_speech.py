"""espeak-ng through its C library: a text in, sound out, with the sample at which each word and each phoneme begins.

Knows the library's structures. Does not know what the speech is used for. Needed for training only, never to speak.
"""

import ctypes
from dataclasses import dataclass

import numpy as np

LIBRARY = "libespeak-ng.so.1"
SYNCHRONOUS, PHONEME_EVENTS, UTF8 = 2, 1, 1
RATE, PITCH, RANGE = 1, 3, 4  # espeak_PARAMETER
WORD, PHONEME = 1, 7  # espeak_EVENT_TYPE


class _Name(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Name),
    ]


@dataclass(frozen=True)
class Spoken:
    """One utterance. `samples` is float32 in [-1, 1]; positions of characters count from 0.

    `words` holds (first character, characters, first sample), `phonemes` (first character of its word, name, sample).
    """

    samples: np.ndarray
    words: list[tuple[int, int, int]]
    phonemes: list[tuple[int, str, int]]


class Espeak:
    """The library, opened once per process, with one voice. `rate` is its sampling rate in hertz."""

    def __init__(self, voice: str = "en-us"):
        self._library = ctypes.CDLL(LIBRARY)
        self.rate = self._library.espeak_Initialize(SYNCHRONOUS, 0, None, PHONEME_EVENTS)
        callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
        self._callback = callback(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise ValueError(f"espeak-ng has no voice {voice!r}.")
        self._sound, self._events = [], []

    def speak(self, text: str, words_per_minute: int = 150, pitch: int = 99) -> Spoken:
        """Return `text` spoken on one note. `pitch` is espeak's own scale, 0 to 99."""
        self._sound, self._events = [], []
        for parameter, value in ((RATE, words_per_minute), (PITCH, pitch), (RANGE, 0)):
            self._library.espeak_SetParameter(parameter, value, 0)
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, 1, 0, UTF8, None, None)
        self._library.espeak_Synchronize()
        samples = np.concatenate(self._sound).astype(np.float32) / 32768 if self._sound else np.zeros(0, np.float32)
        words = [(position - 1, length, sample) for kind, position, length, sample, _ in self._events if kind == WORD]
        phonemes = [(position - 1, name, sample) for kind, position, _, sample, name in self._events if kind == PHONEME]
        return Spoken(samples, words, phonemes)

    def _receive(self, samples, count, events) -> int:
        if samples and count > 0:
            self._sound.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while events[index].type:
            event = events[index]
            name = bytes(event.id.string).split(b"\0")[0].decode("utf-8", "ignore") if event.type == PHONEME else ""
            self._events.append((event.type, event.text_position, event.length, event.sample, name))
            index += 1
        return 0
