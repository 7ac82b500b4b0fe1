"""The words of a prompt the tunes starter understands, each with the tokens it stands for.

A word that names several tokens leaves the choice among them to the model.
"""

from studio.starters.tunes_styles import MOODS, STYLES

STYLE_WORDS = {
    "march": ("parade", "military", "marching"),
    "blues": ("bluesy", "shuffle"),
    "lullaby": ("cradle song", "bedtime", "berceuse"),
    "waltz": ("valse",),
    "bossa": ("bossa nova", "bossanova", "brazilian"),
    "baroque": ("bach", "classical", "invention"),
    "chiptune": ("8-bit", "8 bit", "arcade", "video game", "retro"),
    "ragtime": ("rag", "saloon"),
    "techno": ("electronic", "club", "rave", "edm"),
    "folk": ("folk dance", "jig", "irish", "celtic", "dance"),
    "ambient": ("drone", "atmospheric", "spacious"),
    "rock": ("guitar band",),
}
MOOD_WORDS = {
    "calm": ("gentle", "peaceful", "soft", "relaxing", "quiet", "tender"),
    "happy": ("cheerful", "bright", "joyful", "sunny", "merry", "playful"),
    "sad": ("melancholy", "mournful", "wistful", "sorrowful", "lonely"),
    "lively": ("energetic", "brisk", "wild", "busy", "vigorous", "driving"),
    "mysterious": ("dark", "spooky", "eerie", "night", "tense"),
}
LEAD_WORDS = {
    "piano": (0, 3),
    "harpsichord": (6,),
    "celesta": (8,),
    "music box": (10,),
    "vibraphone": (11,),
    "accordion": (21,),
    "harmonica": (22,),
    "guitar": (24, 26, 29, 30),
    "violin": (40,),
    "fiddle": (40, 110),
    "trumpet": (56,),
    "horn": (61,),
    "brass": (56, 61),
    "saxophone": (65, 66),
    "sax": (65, 66),
    "oboe": (68,),
    "clarinet": (71,),
    "piccolo": (72,),
    "flute": (73,),
    "recorder": (74,),
    "whistle": (78,),
    "organ": (16, 18),
    "synthesizer": (80, 81, 87),
    "synth": (80, 81, 87),
}
TEMPO_WORDS = {
    "slow": (50, 100),
    "adagio": (50, 80),
    "andante": (75, 105),
    "moderate": (90, 120),
    "allegro": (115, 150),
    "fast": (120, 180),
    "quick": (120, 180),
    "presto": (150, 180),
}


def prompt_words() -> dict[str, list[str]]:
    """Return every word with its tokens: {"gentle": ["Mood_calm"], "flute": ["Program_73"], ...}."""
    words = {style: [f"Style_{style}"] for style in STYLES} | {mood: [f"Mood_{mood}"] for mood in MOODS}
    words |= {word: [f"Style_{style}"] for style, others in STYLE_WORDS.items() for word in others}
    words |= {word: [f"Mood_{mood}"] for mood, others in MOOD_WORDS.items() for word in others}
    words |= {word: [f"Program_{program}" for program in programs] for word, programs in LEAD_WORDS.items()}
    return words | {word: [f"Tempo_{tempo}" for tempo in range(low, high + 5, 5)] for word, (low, high) in TEMPO_WORDS.items()}
