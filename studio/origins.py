"""Whom the Hub's library may speak to: the Hub itself and public addresses by https, wherever it is sent on to.

Knows addresses. Does not know what is asked of them.
"""

import ipaddress
import os
import socket
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from studio.errors import ModelUnavailable


def prepare() -> None:
    """Set the Hub's library up for this process: plain HTTP that can be stopped, no bars, and no stranger's address."""
    from huggingface_hub import constants, get_session
    from huggingface_hub.utils import disable_progress_bars

    if "HF_HUB_DISABLE_XET" not in os.environ:
        constants.HF_HUB_DISABLE_XET = True  # its transfers cannot be stopped from here
    disable_progress_bars()
    session = get_session()
    if refuse_strangers not in session.event_hooks["request"]:
        session.event_hooks = {**session.event_hooks, "request": [*session.event_hooks["request"], refuse_strangers]}


def refuse_strangers(request: Any) -> None:
    """Raise ModelUnavailable for a request to anywhere but the Hub itself or, by https, a public address.

    The Hub sends downloads on to a delivery network; one that is not what it seems could send them to a machine behind the firewall.
    """
    from huggingface_hub import constants

    url, hub = request.url, constants.ENDPOINT
    if origin(str(url)) == origin(hub) or (url.scheme == "https" and _public(url.host)):
        return
    raise ModelUnavailable(
        f"The Hub at {hub} sent the download on to {url.scheme}://{url.host}, which is neither itself nor a public https address. "
        "It was not followed. Check HF_ENDPOINT, or choose another repository.",
        "model",
    )


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of an address."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


@lru_cache(maxsize=64)
def _public(host: str) -> bool:
    if host.endswith((".huggingface.co", ".hf.co")) or host in ("huggingface.co", "hf.co"):
        return True
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, 443, proto=socket.IPPROTO_TCP)}
    except OSError:
        return True  # a proxy may know it; without one nothing is reached
    return all(ipaddress.ip_address(address.partition("%")[0]).is_global for address in found)
