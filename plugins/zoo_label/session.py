"""A labelling session: what all browsers share, and what each of them is given next."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.errors import RequestError
from zoo_label.audit import reserve
from zoo_label.features import Extractor
from zoo_label.journal import Event, LabelAnswer, timestamp
from zoo_label.labelling import Labelling
from zoo_label.leases import Leases
from zoo_label.model import Model, Snapshot
from zoo_label.pool import Listed
from zoo_label.status import Progress, status_of

__all__ = ["Session", "SessionOptions", "Submission"]


@dataclass(frozen=True)
class SessionOptions:
    """How pictures are chosen.

    Args:
        audit: fraction of the pictures that are drawn at random, to measure the model.
        only: pictures to show, in this order, also those with a label; None for all without an answer.
        listed: what another file says of these pictures, by picture.
        seed: seed of the audit and of clusters.
    """

    audit: float = 0.2
    only: Sequence[int] | None = None
    listed: Mapping[int, Listed] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True)
class Submission:
    """Answers of a browser.

    Args:
        client: the browser.
        who: name of the person.
        event: ``label``, ``none`` or ``skip``.
        label: name of the class; empty for other events.
        indices: the pictures.
    """

    client: str
    who: str
    event: Event
    label: str
    indices: Sequence[int]


class Session:
    """Gives pictures to browsers and takes their answers; thread-safe.

    Args:
        labelling: the answers so far.
        extractor: computes the features behind the model.
        options: how pictures are chosen.
    """

    def __init__(self, labelling: Labelling, extractor: Extractor, options: SessionOptions):
        self.labelling, self.options, self.pool = labelling, options, labelling.pool
        self.lock, self.leases = threading.RLock(), Leases()
        self.reserve = reserve(self.pool.names, options.audit, options.seed)
        self._reserved = frozenset(self.reserve)
        self._order = np.random.default_rng(options.seed + 1).permutation(len(self.pool)).tolist()
        self._settled: set[int] = set()  # pictures of --only with an answer in this session
        self._served, self.version, self._closed = 0, 0, False
        self.token = secrets.token_hex(4)
        """Of this session alone: numbers of pictures that a page has from another one mean other pictures."""
        self.people: dict[str, Counter[str]] = {}
        self.model = Model(self.pool, extractor, self.snapshot, options.seed)

    def snapshot(self) -> Snapshot:
        """The present answers, for the model."""
        with self.lock:
            taken = self.leases.taken()
            candidates = [index for index in self._open() if index not in taken]
            drawn = [index for index, each in self.labelling.answers.items() if each.audit and each.event == "label"]
            return Snapshot(self.labelling.labels(), drawn, np.array(candidates, np.int64), self.version)

    def next(self, client: str, count: int, keep: Sequence[int]) -> list[dict[str, Any]]:
        """Lease the next pictures to a client.

        Args:
            count: number of pictures, fewer where there are no more.
            keep: pictures that the client still shows.
        """
        with self.lock:
            self.leases.hear(client)
            self.leases.keep(client, keep)
            found: list[dict[str, Any]] = []
            while len(found) < count and (index := self._draw()) is not None:
                self.leases.take(client, index)
                self._served += 1
                found.append(self.describe(index))
            return found

    def renew(self, client: str, keep: Sequence[int]) -> list[int]:
        """Renew the leases of pictures that a client still shows, and return those that it has lost.

        A browser that slept has lost what was leased to another one or answered meanwhile.
        """
        with self.lock:
            self.leases.hear(client)
            done, lost = self.labelling.answers, []
            for index in keep:
                owner = self.leases.owner(index)
                if owner == client:
                    continue
                if owner is None and index not in done:
                    self.leases.take(client, index)
                else:
                    lost.append(index)
            return lost

    def grid(self, client: str, count: int, guess: str, keep: Sequence[int]) -> list[dict[str, Any]]:
        """Lease many pictures to a client, the most certain of a guessed class first.

        Args:
            guess: name of the class; empty for every class, by class.
        """
        with self.lock:
            self.leases.hear(client)
            self.leases.keep(client, keep)
            taken = self.leases.taken()
            found: list[dict[str, Any]] = []
            for index in self._by_guess(guess):
                if len(found) < count and index not in taken:
                    self.leases.take(client, index)
                    found.append(self.describe(index))
            return found

    def answer(self, given: Submission) -> None:
        """Write answers to the journal.

        Raises:
            RequestError: a picture or class is unknown.
            OutputError: the journal can't be written; nothing is changed.
        """
        with self.lock:
            self._check_open()
            if given.event == "label" and given.label not in self.labelling.classes:
                raise RequestError(f"There is no class {given.label!r}. Add it first.")
            if not given.indices or not all(0 <= index < len(self.pool) for index in given.indices):
                raise RequestError(f"The pictures must be numbers from 0 to {len(self.pool) - 1}.")
            self.labelling.answer(given.client, list(self._answers(given)))
            self._settled |= set(given.indices)
            self.leases.release(given.indices)
            self._changed(given.client, given.who, len(given.indices))

    def undo(self, client: str, who: str) -> list[dict[str, Any]]:
        """Undo a client's last answers, and lease their pictures to it.

        Raises:
            OutputError: the journal can't be written; nothing is changed.
        """
        with self.lock:
            self._check_open()
            found = self.labelling.undo(client, who)
            self._settled -= set(found)
            for index in found:
                self.leases.take(client, index)
            self._changed(client, who, -len(found))
            return [self.describe(index) for index in found]

    def leave(self, client: str) -> None:
        """End the leases of a browser that was closed."""
        with self.lock:
            self.leases.forget(client)

    def add_class(self, name: str) -> str:
        """Add a class, and return its name.

        Raises:
            RequestError: the name is invalid.
        """
        with self.lock:
            return self.labelling.add_class(name)

    def status(self, client: str) -> dict[str, Any]:
        """Progress, model and audit, for the page; renews the client's leases."""
        with self.lock:
            if client:
                self.leases.hear(client)
            facts = Progress(self.left(), self.options.only is not None, self.guessed(), self._others(client))
            return {"session": self.token, "drawn": len(self.reserve), **status_of(self.labelling, self.model, facts)}

    def describe(self, index: int) -> dict[str, Any]:
        """What a page shows of a picture; the guess is left out of the audit until the picture has an answer."""
        fitted, present = self.model.fitted, self.labelling.answers.get(index)
        hidden = index in self._reserved and present is None
        listed = self.options.listed.get(index)
        label = present.label if present else listed.label if listed else ""
        return {
            "id": index,
            "name": self.pool.names[index],
            "label": label,
            "note": listed.note if listed else "",
            "event": present.event if present else None,
            "audit": hidden and fitted is not None,
            "guess": [] if fitted is None or hidden else [[n, round(p, 4)] for n, p in fitted.top(index)],
        }

    def left(self) -> int:
        """Number of pictures without an answer, or of --only pictures that are not settled."""
        return sum(1 for _ in self._open()) + sum(1 for _ in self._open(audit=True))

    def guessed(self) -> dict[str, int]:
        """Number of pictures without an answer by guessed class."""
        fitted = self.model.fitted
        return dict(Counter(fitted.guess(index) for index in self._open())) if fitted else {}

    def _others(self, client: str) -> list[dict[str, Any]]:
        """People at other browsers that are open, and how many answers they gave in this session."""
        here, found = set(self.leases.clients()) - {client}, Counter[str]()
        for other in here:
            found.update(self.people.get(other, {"": 0}))
        return [{"who": who, "answers": count} for who, count in found.items()]

    def close(self) -> None:
        """Stop the model, and refuse further answers."""
        self.model.close()
        with self.lock:
            self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise RequestError("The server is stopping, so nothing is written. Start it again: zoo label POOL")

    def _answers(self, given: Submission) -> Iterator[LabelAnswer]:
        fitted, when = self.model.fitted, timestamp()
        label = given.label if given.event == "label" else ""
        for index in given.indices:
            guess = "" if fitted is None or index in self.model.unreadable else fitted.guess(index)
            audit = index in self._reserved and bool(guess) and index not in self.labelling.answers
            yield LabelAnswer(self.pool.names[index], label, given.event, given.who, when, guess, audit)

    def _changed(self, client: str, who: str, count: int) -> None:
        self.version += abs(count)
        self.people.setdefault(client, Counter())[who] += count
        self.model.notify(self.version, empty=not self._first(self.model.queue, self.leases.taken()))

    def _open(self, *, audit: bool = False) -> Iterator[int]:
        """Pictures without an answer that can be read; of the audit, or all others."""
        if self.options.only is not None:
            yield from () if audit else (i for i in self.options.only if i not in self._settled)
            return
        for index in self.reserve if audit else self._order:
            mine = audit or index not in self._reserved
            if mine and index not in self.labelling.answers and index not in self.model.unreadable:
                yield index

    def _draw(self) -> int | None:
        """The next picture: every so many of the audit, else the model's choice, else at random."""
        taken = self.leases.taken()
        if self.options.only is not None:
            return next((index for index in self._open() if index not in taken), None)
        audit = next((index for index in self._open(audit=True) if index not in taken), None)
        every = round(1 / self.options.audit) if self.options.audit else 0
        if audit is not None and every and self.model.fitted and self._served % every == every - 1:
            return audit
        chosen = self._first(self.model.queue, taken)
        if chosen is None:
            chosen = next((index for index in self._open() if index not in taken), None)
        return audit if chosen is None else chosen

    def _first(self, queue: Sequence[int], taken: set[int]) -> int | None:
        done = self.labelling.answers
        return next((index for index in queue if index not in done and index not in taken), None)

    def _by_guess(self, guess: str) -> list[int]:
        """Pictures by guess; those of the audit, whose guess is hidden, come last."""
        fitted, found = self.model.fitted, list(self._open())
        if fitted is None or self.options.only is not None:
            return [*found, *self._open(audit=True)]
        kept = [index for index in found if guess in ("", fitted.guess(index))]
        kept.sort(key=lambda index: (fitted.guess(index), -float(fitted.probs[index].max())))
        return kept if guess else [*kept, *self._open(audit=True)]
