"""How fast a run goes and how long it will take: arithmetic on a clock that is handed in."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Pace"]


class Pace:
    """Images a second in this epoch, seconds left of the run.

    Args:
        clock: seconds that only go up, ``time.monotonic`` say.
    """

    def __init__(self, clock: Callable[[], float]):
        self._clock = clock
        self._begun = clock()
        self._whole: list[float] = []  # seconds of the epochs that are over, their evaluation included
        self.epoch = self.epochs = self.images = self.seen = 0

    def begin(self, epoch: int, epochs: int, images: int) -> None:
        """An epoch begins."""
        self.epoch, self.epochs, self.images, self.seen = epoch, epochs, images, 0
        self._begun = self._clock()

    def end(self) -> None:
        """The epoch, with its evaluation, is over."""
        self._whole.append(self._clock() - self._begun)

    @property
    def share(self) -> float:
        """How much of the epoch's training is done, 0..1."""
        return min(1.0, self.seen / self.images) if self.images else 0.0

    @property
    def run_share(self) -> float:
        """How much of the run is done, 0..1."""
        return min(1.0, (self.epoch - 1 + self.share) / self.epochs) if self.epochs else 0.0

    def images_per_second(self) -> float | None:
        """Since the epoch began; None before there is anything to divide."""
        elapsed = self._clock() - self._begun
        return self.seen / elapsed if self.seen and elapsed > 0 else None

    def left_s(self) -> float | None:
        """Seconds left, from the mean of the last epochs or, in the first, from what is done of it."""
        elapsed = self._clock() - self._begun
        recent = self._whole[-5:]
        if not recent and not self.seen:
            return None
        whole = sum(recent) / len(recent) if recent else elapsed / self.share
        return max(0.0, whole - elapsed) + whole * (self.epochs - self.epoch)
