"""Speed and remaining time of a run, from a given clock."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Pace"]


class Pace:
    """Measure images per second in this epoch, and estimate the seconds left.

    Args:
        clock: monotonic seconds, such as ``time.monotonic``.
    """

    def __init__(self, clock: Callable[[], float]):
        self._clock = clock
        self._begun = clock()
        self._whole: list[float] = []  # seconds of the completed epochs with their evaluation
        self.epoch = self.epochs = self.images = self.seen = 0

    def begin(self, epoch: int, epochs: int, images: int) -> None:
        """Begin an epoch."""
        self.epoch, self.epochs, self.images, self.seen = epoch, epochs, images, 0
        self._begun = self._clock()

    def end(self) -> None:
        """End the epoch, after its evaluation."""
        self._whole.append(self._clock() - self._begun)

    @property
    def share(self) -> float:
        """Completed fraction of the epoch's training, 0..1."""
        return min(1.0, self.seen / self.images) if self.images else 0.0

    @property
    def run_share(self) -> float:
        """Completed fraction of the run, 0..1."""
        return min(1.0, (self.epoch - 1 + self.share) / self.epochs) if self.epochs else 0.0

    def images_per_second(self) -> float | None:
        """Training speed since the start of the epoch; None before its first step."""
        elapsed = self._clock() - self._begun
        return self.seen / elapsed if self.seen and elapsed > 0 else None

    def left_s(self) -> float | None:
        """Seconds left, from the mean of the last epochs or, in the first, from its completed part."""
        elapsed = self._clock() - self._begun
        recent = self._whole[-5:]
        if not recent and not self.seen:
            return None
        whole = sum(recent) / len(recent) if recent else elapsed / self.share
        return max(0.0, whole - elapsed) + whole * (self.epochs - self.epoch)
