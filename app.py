"""The start: read the settings, build the studio and its page, and serve both.

python app.py --help
"""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from studio import settings as options
from studio.errors import StudioError
from studio.settings import Settings

QUIET = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
EXIT_SECONDS = 5


def prepare(settings: Settings) -> None:
    """Tell the libraries, which read their environment when they are imported, that nothing is to be reported and where to write."""
    os.environ.update(QUIET)
    os.environ.setdefault("GRADIO_TEMP_DIR", str(settings.data / "uploads"))
    if settings.offline:
        os.environ["HF_HUB_OFFLINE"] = "1"
    home = os.environ.get("HOME", "")
    if os.name == "posix" and not (home and os.access(home, os.W_OK)):
        os.environ.setdefault("HF_HOME", str(settings.data / "hub"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the studio until it is told to end; return the exit code."""
    settings = options.read(arguments)
    prepare(settings)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run(settings)
    except StudioError as problem:
        print(f"app.py: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass  # this is how it is ended
    print("Studio has ended.", flush=True)
    overdue = threading.Timer(EXIT_SECONDS, os._exit, [0])  # a thread that waits for something never to come would hold up the exit
    overdue.daemon = True
    overdue.start()
    return 0


def run(settings: Settings) -> None:
    """Serve the studio. Raises StudioError when it cannot start."""
    from studio import server, ui
    from studio.claim import claim
    from studio.studio import Studio

    listening = server.listen(settings)
    with claim(settings.data), closing(Studio(settings)) as studio:
        server.serve(server.build(studio, settings, ui.build(studio), ui.page_options(studio)), settings, listening)


def __getattr__(name: str) -> Any:
    """Give `demo`, the page for gradio's own tools, without building it for those who only import this file."""
    if name != "demo":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    settings = options.read([])
    prepare(settings)
    from studio import ui
    from studio.studio import Studio

    globals()["demo"] = ui.build(Studio(settings))
    return globals()["demo"]


if __name__ == "__main__":
    sys.exit(main())
