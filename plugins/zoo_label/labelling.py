"""The answers to a pool: the journal, the answer that holds for each picture, and undoing."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

from zoo.errors import RequestError
from zoo_label.journal import Event, Journal, LabelAnswer, timestamp
from zoo_label.pool import Pool

__all__ = ["Labelling", "check_class"]

LONGEST = 100
"""Maximum length of the name of a class."""


class Labelling:
    """The answers to a pool; not thread-safe.

    Args:
        pool: the pictures.
        journal: where each answer is appended to.
        classes: names of the classes; those of the journal follow.

    Raises:
        RequestError: the name of a class is invalid.
    """

    def __init__(self, pool: Pool, journal: Journal, classes: Sequence[str]):
        self.pool, self.journal = pool, journal
        self.index = {name: i for i, name in enumerate(pool.names)}
        self.answers: dict[int, LabelAnswer] = {}
        """The answer that holds, by picture; in the order in which they were given."""
        self.classes: list[str] = []
        self._undo: dict[str, list[list[tuple[int, LabelAnswer | None, LabelAnswer]]]] = {}
        for name in classes:
            self.add_class(name)
        found = [answer for answer in journal.answers if answer.path in self.index]
        self.elsewhere = len({answer.path for answer in journal.answers} - self.index.keys())
        """Number of pictures of the journal that are not in the pool."""
        self._hold(found)
        given = [*pool.given.values(), *(answer.label for answer in self.answers.values() if answer.label)]
        for name in sorted(set(given) - set(self.classes)):
            self.add_class(name)

    def take_over(self, who: str) -> int:
        """Write the labels that the pool's pictures have already, and return their number."""
        new = [
            LabelAnswer(self.pool.names[index], label, "label", who, timestamp())
            for index, label in self.pool.given.items()
            if index not in self.answers
        ]
        self._write(new)
        return len(new)

    def add_class(self, name: str) -> str:
        """Add a class, and return its name in Unicode's composed form.

        Raises:
            RequestError: the name is empty, too long, has control characters, or differs from another by case only.
        """
        name = check_class(name)
        if name not in self.classes:
            if twin := next((other for other in self.classes if other.casefold() == name.casefold()), None):
                raise RequestError(f"The classes {twin!r} and {name!r} differ by case only: use one spelling.")
            self.classes.append(name)
        return name

    def answer(self, client: str, answers: Sequence[LabelAnswer]) -> None:
        """Append answers of a client, which are undone together.

        Raises:
            OutputError: the journal can't be written; nothing is changed.
        """
        before = [self.answers.get(self.index[answer.path]) for answer in answers]
        self._write(answers)
        step = [(self.index[new.path], old, new) for new, old in zip(answers, before, strict=True)]
        self._undo.setdefault(client, []).append(step)

    def undo(self, client: str, who: str) -> list[int]:
        """Undo the last answers of a client, and return their pictures.

        A picture whose answer is another's by now keeps it.

        Raises:
            OutputError: the journal can't be written; nothing is changed.
        """
        steps = self._undo.get(client)
        if not steps:
            return []
        step = [(index, old) for index, old, new in steps[-1] if self.answers.get(index) == new]
        self._write([self._undone(index, old, who) for index, old in step])
        steps.pop()
        return [index for index, _ in step]

    def labels(self) -> dict[int, str]:
        """Label of each picture that has one."""
        return {index: answer.label for index, answer in self.answers.items() if answer.event == "label"}

    def counts(self) -> Mapping[Event, int]:
        """Number of pictures by the event that holds."""
        return Counter(answer.event for answer in self.answers.values())

    def _undone(self, index: int, old: LabelAnswer | None, who: str) -> LabelAnswer:
        """The line that restores a picture's answer before the last one."""
        name, when = self.pool.names[index], timestamp()
        if old is None:
            return LabelAnswer(name, "", "undo", who, when)
        return LabelAnswer(name, old.label, old.event, old.who, when, old.guess, old.audit)

    def _write(self, answers: Sequence[LabelAnswer]) -> None:
        if answers:
            self.journal.append(answers)
            self._hold(answers)

    def _hold(self, answers: Sequence[LabelAnswer]) -> None:
        for answer in answers:
            index = self.index[answer.path]
            self.answers.pop(index, None)
            if answer.event != "undo":
                self.answers[index] = answer


def check_class(name: str) -> str:
    """Check the name of a class, and return it in Unicode's composed form.

    Raises:
        RequestError: it is empty, too long, or has control characters.
    """
    name = unicodedata.normalize("NFC", name.strip())
    if not name or len(name) > LONGEST or any(unicodedata.category(letter).startswith("C") for letter in name):
        raise RequestError(f"{name[:LONGEST]!r} can't be a class: a name has 1 to {LONGEST} visible characters.")
    return name
