"""The tasks, by the Hub's names, as the page calls them: which tab makes them and what one result is."""

TASKS = {
    "text-to-image": ("image", "Image"),
    "text-generation": ("text", "Text"),
    "text-to-speech": ("speech", "Speech"),
    "text-to-audio": ("music", "Music"),
    "text-to-video": ("video", "Video"),
    "unconditional-image-generation": ("faces", "Faces"),
}


def tab_of(task: str) -> str | None:
    """Return the id of the tab that makes things of a task, None where there is none."""
    return TASKS[task][0] if task in TASKS else None


def title(task: str) -> str:
    """Return what the page calls a task; a word of the Hub's own where it has no tab."""
    return TASKS[task][1] if task in TASKS else task.replace("-", " ").capitalize()
