"""Notes as a standard MIDI file and back. Knows `Piece` and the file format; does not know what the notes sound like."""

import io
from collections import defaultdict
from collections.abc import Iterator

import mido

from studio.errors import GenerationFailed
from studio.types import Note, Piece

TICKS = 480  # a quarter note
DRUM_KIT, DRUM_CHANNEL = 128, 9
CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)


def to_midi(piece: Piece) -> bytes:
    """Return a piece as a MIDI file: a first track with tempo and meter, then one for each program.

    Raises GenerationFailed for more than 15 programs beside the drums, which have no channel of their own left.
    """
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS)
    head = mido.MidiTrack()
    head.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(piece.tempo), time=0))
    head.append(mido.MetaMessage("time_signature", numerator=piece.beats_per_bar, denominator=4, time=0))
    file.tracks.append(head)
    parts = _by_program(piece)
    for program, channel in zip(parts, _channels(list(parts)), strict=True):
        file.tracks.append(_track(parts[program], program, channel, piece.tempo))
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _by_program(piece: Piece) -> dict[int, list[Note]]:
    parts = defaultdict(list)
    for note in sorted(piece.notes, key=lambda note: note.program):
        parts[note.program].append(note)
    return dict(parts)


def _channels(programs: list[int]) -> Iterator[int]:
    free = iter(CHANNELS)
    if len([program for program in programs if program != DRUM_KIT]) > len(CHANNELS):
        raise GenerationFailed(f"The piece has {len(programs)} instruments; a MIDI file holds {len(CHANNELS)} and a drum kit.")
    return (DRUM_CHANNEL if program == DRUM_KIT else next(free) for program in programs)


def _track(notes: list[Note], program: int, channel: int, tempo: float) -> mido.MidiTrack:
    """Return one instrument's notes. At one tick, notes end before others begin, so that repeated ones stay apart."""
    track = mido.MidiTrack()
    if program != DRUM_KIT:
        track.append(mido.Message("program_change", channel=channel, program=program, time=0))
    now = 0
    for tick, begins, pitch, velocity in sorted(event for note in notes for event in _events(note, tempo)):
        kind = "note_on" if begins else "note_off"
        track.append(mido.Message(kind, channel=channel, note=pitch, velocity=velocity, time=tick - now))
        now = tick
    return track


def _events(note: Note, tempo: float) -> tuple[tuple[int, bool, int, int], ...]:
    """Return (tick, whether it begins, pitch, velocity) for the two ends of a note, which lasts a tick at least."""
    per_second = TICKS * tempo / 60
    start = round(note.start * per_second)
    end = max(start + 1, round((note.start + note.duration) * per_second))
    return (start, True, note.pitch, max(1, note.velocity)), (end, False, note.pitch, 0)


def from_midi(data: bytes) -> Piece:
    """Return the notes of a MIDI file, with its first tempo and meter."""
    tempo, beats, now = None, None, 0.0
    programs: dict[int, int] = defaultdict(int)
    sounding: dict[tuple[int, int], list[tuple[float, int]]] = defaultdict(list)
    notes = []
    for message in mido.MidiFile(file=io.BytesIO(data)):
        now += message.time
        if message.type == "set_tempo":
            tempo = tempo or mido.tempo2bpm(message.tempo)
        elif message.type == "time_signature":
            beats = beats or message.numerator
        elif message.type == "program_change":
            programs[message.channel] = message.program
        elif message.type == "note_on" and message.velocity:
            sounding[message.channel, message.note].append((now, message.velocity))
        elif message.type in ("note_on", "note_off") and sounding[message.channel, message.note]:
            start, velocity = sounding[message.channel, message.note].pop(0)
            program = DRUM_KIT if message.channel == DRUM_CHANNEL else programs[message.channel]
            notes.append(Note(start, now - start, message.note, velocity, program))
    notes.sort(key=lambda note: (note.start, note.program, note.pitch))
    return Piece(tuple(notes), tempo or 120.0, beats or 4)
