"""A generative AI studio in the browser: images, text, speech, music and faces from one page."""

__version__ = "0.1.0"
