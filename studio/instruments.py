"""The instruments of General MIDI: their names, and how they sound (spectrum, envelope, place), one description for each family.

Knows numbers only; `synthesizer.py` makes sound of them.
"""

from dataclasses import dataclass

import numpy

HARMONICS = 32


@dataclass(frozen=True)
class Instrument:
    """A voice.

    Attributes:
        bright, mellow: how the strength of the harmonics falls, as the exponent of 1/k, at the stroke and long after it.
        fade: seconds in which bright becomes mellow.
        only: harmonics that sound; empty for all of them.
        attack, release: seconds.
        decay: seconds in which a held note at middle C falls to a third; 0 for one that sustains. Higher notes fall sooner.
        vibrato, detune: cents.
        breath: share of noise.
        gain: loudness beside the others.
        pan: -1 (left) to 1 (right).
    """

    bright: float = 1.0
    mellow: float = 2.0
    fade: float = 0.3
    only: tuple[int, ...] = ()
    attack: float = 0.005
    release: float = 0.12
    decay: float = 0.0
    vibrato: float = 0.0
    detune: float = 0.0
    breath: float = 0.0
    gain: float = 1.0
    pan: float = 0.0

    def spectrum(self, fall: float, count: int) -> numpy.ndarray:
        """Return the amplitudes of the first `count` harmonics, the sum of their squares being 1."""
        numbers = numpy.arange(1, count + 1)
        amplitudes = 1.0 / numbers**fall
        if self.only:
            amplitudes = numpy.where(numpy.isin(numbers, self.only), amplitudes, 0.0)
            amplitudes[0] = 1.0
        return amplitudes / numpy.sqrt(numpy.sum(amplitudes**2))


ODD = tuple(range(1, HARMONICS, 2))

PIANO = Instrument(1.1, 2.4, 0.4, attack=0.004, release=0.2, decay=1.3, pan=-0.15)
ELECTRIC_PIANO = Instrument(1.6, 3.0, 0.3, only=(1, 2, 3, 5, 7), attack=0.004, release=0.2, decay=1.4, detune=3, pan=0.2)
HARPSICHORD = Instrument(0.7, 1.3, 0.25, attack=0.002, release=0.09, decay=0.7, gain=0.8, pan=-0.2)
BELL = Instrument(0.5, 2.5, 0.25, only=(1, 4, 10), attack=0.002, release=0.5, decay=0.9, gain=0.9, pan=0.2)
VIBRAPHONE = Instrument(1.0, 3.0, 0.3, only=(1, 4), attack=0.004, release=0.6, decay=1.8, pan=0.15)
ORGAN = Instrument(0.6, 0.8, 1.0, only=(1, 2, 3, 4, 6, 8), attack=0.012, release=0.06, vibrato=4, gain=0.65, pan=0.25)
ACCORDION = Instrument(0.9, 1.0, 1.0, attack=0.035, release=0.08, detune=9, gain=0.7, pan=0.15)
HARMONICA = Instrument(0.8, 1.0, 1.0, attack=0.04, release=0.08, vibrato=10, breath=0.012, gain=0.7, pan=0.1)
NYLON_GUITAR = Instrument(1.3, 2.6, 0.25, attack=0.003, release=0.15, decay=0.8, pan=-0.3)
STEEL_GUITAR = Instrument(0.9, 2.0, 0.3, attack=0.003, release=0.15, decay=1.0, pan=-0.3)
LOUD_GUITAR = Instrument(0.55, 0.9, 1.5, attack=0.006, release=0.08, decay=4.0, detune=5, gain=0.6, pan=-0.25)
PLUCKED_BASS = Instrument(1.5, 2.6, 0.2, attack=0.006, release=0.08, decay=0.9, gain=1.15)
SYNTH_BASS = Instrument(0.9, 2.0, 0.18, attack=0.004, release=0.05, decay=1.2, gain=0.95)
BOWED = Instrument(1.15, 1.3, 0.5, attack=0.07, release=0.14, vibrato=14, breath=0.006, gain=0.85, pan=0.2)
BOWED_LOW = Instrument(1.2, 1.5, 0.5, attack=0.05, release=0.12, vibrato=6, breath=0.004, gain=1.05, pan=-0.05)
HARP = Instrument(1.4, 2.8, 0.3, attack=0.003, release=0.4, decay=1.1, pan=-0.25)
STRINGS = Instrument(1.2, 1.5, 1.0, attack=0.12, release=0.3, detune=9, vibrato=5, gain=0.7, pan=-0.2)
VOICES = Instrument(1.5, 2.0, 1.0, attack=0.1, release=0.25, vibrato=12, detune=6, breath=0.02, gain=0.75)
BRASS = Instrument(0.75, 1.35, 0.25, attack=0.035, release=0.1, vibrato=5, gain=0.75, pan=0.2)
LOW_BRASS = Instrument(1.1, 1.7, 0.25, attack=0.03, release=0.08, gain=1.1)
SAXOPHONE = Instrument(0.85, 1.2, 0.4, attack=0.03, release=0.09, vibrato=12, breath=0.015, gain=0.75, pan=0.15)
DOUBLE_REED = Instrument(0.65, 0.9, 0.5, attack=0.03, release=0.08, vibrato=8, gain=0.65, pan=0.2)
CLARINET = Instrument(0.95, 1.3, 0.5, only=ODD, attack=0.03, release=0.09, vibrato=3, breath=0.008, gain=0.8, pan=0.15)
FLUTE = Instrument(2.0, 2.6, 0.3, attack=0.045, release=0.1, vibrato=10, breath=0.03, gain=0.95, pan=0.15)
WHISTLE = Instrument(2.6, 3.0, 0.3, attack=0.025, release=0.08, vibrato=6, breath=0.025, gain=0.95, pan=0.15)
SQUARE = Instrument(1.0, 1.0, 1.0, only=ODD, attack=0.003, release=0.03, gain=0.55, pan=0.1)
SAW = Instrument(0.9, 1.2, 0.6, attack=0.004, release=0.08, detune=8, gain=0.6, pan=0.1)
PAD = Instrument(1.5, 1.9, 1.5, attack=0.3, release=0.8, detune=10, vibrato=3, gain=0.7, pan=-0.15)
GLASS = Instrument(1.0, 2.2, 0.8, only=(1, 2, 5, 9), attack=0.02, release=0.8, decay=1.6, detune=4, gain=0.9, pan=0.2)

FAMILIES: tuple[tuple[range, Instrument], ...] = (
    (range(0, 4), PIANO),
    (range(4, 6), ELECTRIC_PIANO),
    (range(6, 8), HARPSICHORD),
    (range(8, 11), BELL),
    (range(11, 16), VIBRAPHONE),
    (range(16, 21), ORGAN),
    (range(21, 22), ACCORDION),
    (range(22, 23), HARMONICA),
    (range(23, 24), ACCORDION),
    (range(24, 25), NYLON_GUITAR),
    (range(25, 29), STEEL_GUITAR),
    (range(29, 32), LOUD_GUITAR),
    (range(32, 38), PLUCKED_BASS),
    (range(38, 40), SYNTH_BASS),
    (range(40, 42), BOWED),
    (range(42, 45), BOWED_LOW),
    (range(45, 48), HARP),
    (range(48, 52), STRINGS),
    (range(52, 56), VOICES),
    (range(56, 57), BRASS),
    (range(57, 59), LOW_BRASS),
    (range(59, 64), BRASS),
    (range(64, 68), SAXOPHONE),
    (range(68, 71), DOUBLE_REED),
    (range(71, 72), CLARINET),
    (range(72, 76), FLUTE),
    (range(76, 80), WHISTLE),
    (range(80, 81), SQUARE),
    (range(81, 88), SAW),
    (range(88, 96), PAD),
    (range(96, 104), GLASS),
    (range(104, 110), STEEL_GUITAR),
    (range(110, 112), BOWED),
    (range(112, 128), BELL),
)


def instrument(program: int) -> Instrument:
    """Return the voice of a General MIDI program, 0-127."""
    return next(voice for programs, voice in FAMILIES if program in programs)


_NAMES = """
    piano, bright piano, electric grand, honky-tonk piano, electric piano, FM piano, harpsichord, clavinet, celesta, glockenspiel, music
    box, vibraphone, marimba, xylophone, tubular bells, dulcimer, drawbar organ, percussive organ, rock organ, church organ, reed organ,
    accordion, harmonica, bandoneon, nylon guitar, steel guitar, jazz guitar, clean guitar, muted guitar, overdriven guitar, distorted
    guitar, guitar harmonics, acoustic bass, fingered bass, picked bass, fretless bass, slap bass, slap bass 2, synth bass, synth bass
    2, violin, viola, cello, contrabass, tremolo strings, pizzicato strings, harp, timpani, strings, slow strings, synth strings, synth
    strings 2, choir, voice, synth voice, orchestra hit, trumpet, trombone, tuba, muted trumpet, horn, brass section, synth brass, synth
    brass 2, soprano saxophone, alto saxophone, tenor saxophone, baritone saxophone, oboe, English horn, bassoon, clarinet, piccolo,
    flute, recorder, pan flute, bottle, shakuhachi, whistle, ocarina, square lead, saw lead, calliope lead, chiff lead, charang lead,
    voice lead, fifths lead, bass lead, new age pad, warm pad, polysynth pad, choir pad, bowed pad, metallic pad, halo pad, sweep pad,
    rain, soundtrack, crystal, atmosphere, brightness, goblins, echoes, sci-fi, sitar, banjo, shamisen, koto, kalimba, bagpipe, fiddle,
    shanai, tinkle bell, agogo, steel drums, woodblock, taiko, melodic tom, synth drum, reverse cymbal, fret noise, breath noise,
    seashore, bird tweet, telephone, helicopter, applause, gunshot"""
NAMES = tuple(" ".join(words.split()) for words in _NAMES.split(","))


def name(program: int) -> str:
    """Return what a program is called: `flute` for 73."""
    return NAMES[program]
