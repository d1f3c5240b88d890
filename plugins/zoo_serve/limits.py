"""How much a server takes on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a request may bring, and how much may be held at a time.

    Args:
        max_bytes: of a request's body.
        max_pixels: of an image, told by its header before it is decoded.
        max_images: of a request.
        max_waiting: images that were taken and are not answered yet, of all requests together.
        max_held: bytes of all bodies that are held at a time.
        max_connections: open at a time.
        timeout_s: for a body to come, and again for its answer.
        header_s: for the head of a request to come.
        max_head: bytes of it.
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
