"""The resource limits of a server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits on a request, and on the resources held at a time.

    Args:
        max_bytes: bytes of a request's body.
        max_pixels: pixels of an image, checked by its header before decoding.
        max_images: images per request.
        max_waiting: accepted but unanswered images of all requests.
        max_held: bytes of all bodies in memory.
        max_connections: open connections.
        timeout_s: seconds to receive a body, and again to answer it.
        header_s: seconds to receive the head of a request.
        max_head: bytes of the head.
    """

    max_bytes: int = 16 << 20
    max_pixels: int = 50_000_000
    max_images: int = 64
    max_waiting: int = 256
    max_held: int = 256 << 20
    max_connections: int = 512
    timeout_s: float = 30.0
    header_s: float = 10.0
    max_head: int = 32 << 10
