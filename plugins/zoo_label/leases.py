"""Leases: a picture that one browser shows is not given to another."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable

__all__ = ["Leases"]


class Leases:
    """Pictures by the client that shows them; a lease ends where its client has not been heard of for a time.

    Args:
        seconds: that time. Browsers ask once a minute from a tab in the background.
        clock: seconds that only increase.
    """

    def __init__(self, seconds: float = 150, clock: Callable[[], float] = time.monotonic):
        self._seconds, self._clock = seconds, clock
        self._of: dict[int, str] = {}
        self._heard: dict[str, float] = {}

    def hear(self, client: str) -> None:
        """Renew the leases of a client."""
        self._heard[client] = self._clock()

    def forget(self, client: str) -> None:
        """End all leases of a client that was closed."""
        self.keep(client, ())
        self._heard.pop(client, None)

    def take(self, client: str, index: int) -> None:
        """Lease a picture to a client."""
        self._of[index] = client

    def release(self, indices: Iterable[int]) -> None:
        """End the leases of pictures."""
        for index in indices:
            self._of.pop(index, None)

    def keep(self, client: str, indices: Collection[int]) -> None:
        """End all leases of a client, but those of the pictures that it still shows."""
        self.release([i for i, owner in self._of.items() if owner == client and i not in indices])

    def owner(self, index: int) -> str | None:
        """Client that shows a picture; None where nobody does."""
        self.taken()
        return self._of.get(index)

    def taken(self) -> set[int]:
        """Pictures that are leased now."""
        now = self._clock()
        self._heard = {client: heard for client, heard in self._heard.items() if now - heard < self._seconds}
        self._of = {index: client for index, client in self._of.items() if client in self._heard}
        return set(self._of)

    def clients(self) -> list[str]:
        """Clients that were heard of lately."""
        self.taken()
        return list(self._heard)
