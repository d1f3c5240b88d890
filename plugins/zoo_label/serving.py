"""Serving until a signal: Ctrl-C or SIGTERM ends it after the answers that are being written."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from zoo_label.server import LabelServer

__all__ = ["serve_until_told"]


def serve_until_told(server: LabelServer) -> None:
    """Serve requests until SIGINT or SIGTERM; each answer that was accepted is in the journal afterwards."""

    def stop(number: int, frame: FrameType | None) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()  # it waits for the loop, which this thread runs

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.serve_forever(poll_interval=0.2)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        server.server_close()
        server.session.close()
