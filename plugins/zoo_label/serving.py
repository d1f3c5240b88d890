"""Serving until a signal: Ctrl-C or SIGTERM ends it after the answers that are being written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType

from zoo_label.server import LabelServer

__all__ = ["serve_until_told"]


def serve_until_told(server: LabelServer, ready: Callable[[], None]) -> None:
    """Serve requests until SIGINT or SIGTERM; each answer that was accepted is in the journal afterwards.

    Args:
        server: the server.
        ready: called once signals are handled.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()  # it waits for the loop, which this thread runs

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ready()
        server.serve_forever(poll_interval=0.2)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        server.server_close()
        server.session.close()
