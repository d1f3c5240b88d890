"""The HTTP server of the page: for this machine only.

A request that changes something must be JSON, which a form of another site can't send.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from zoo.errors import BadImage, RequestError, ZooError
from zoo.reports.kit.local_server import HERE, LocalHandler, LocalServer
from zoo.reports.kit.pages import page_of
from zoo_label.images import LARGEST, THUMBNAIL, jpeg
from zoo_label.session import Session, Submission

__all__ = ["HERE", "LabelServer"]

_LONGEST = 2**20  # bytes of a body
_MOST = 500  # pictures in one request
_SIDES = (THUMBNAIL, 1280, LARGEST)
_NUMBER = re.compile(r"\d{1,9}")
_CLIENT = re.compile(r"[\w-]{1,64}")
_KEPT = {"Cache-Control": "private, max-age=3600"}
_WHO = 100  # characters of a person's name


class _Handler(LocalHandler):
    server: LabelServer

    def do_GET(self) -> None:  # noqa: N802 - http.server's own name
        if not self.is_allowed():
            return
        asked = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(asked.query, max_num_fields=8).items()}
        if asked.path == "/":
            self.answer(HTTPStatus.OK, self.server.page, "text/html; charset=utf-8")
        elif asked.path == "/picture":
            self._picture(query)
        elif asked.path == "/api/state":
            self.answer_json(HTTPStatus.OK, self.server.session.status(query.get("client", "")[:64]))
        else:
            self.refuse(HTTPStatus.NOT_FOUND, "Not found.")

    def do_POST(self) -> None:  # noqa: N802 - http.server's own name
        if not self.is_allowed():
            return
        action = self.server.actions.get(self.path)
        if action is None:
            self.refuse(HTTPStatus.NOT_FOUND, "Not found.")
        elif (given := self._body()) is not None:
            if given.get("session", self.server.session.token) != self.server.session.token:
                self.refuse(HTTPStatus.CONFLICT, "The server was started again: reload this page.")
                return
            try:
                self.answer_json(HTTPStatus.OK, action(given))
            except RequestError as error:
                self.refuse(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
            except ZooError as error:  # the journal can't be written
                self.refuse(HTTPStatus.INSUFFICIENT_STORAGE, str(error))

    def _body(self) -> Mapping[str, Any] | None:
        """The JSON object of a request; None where it was refused."""
        length, kind = self.headers.get("Content-Length", ""), self.headers.get_content_type()
        if kind != "application/json":
            self.refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send JSON, as application/json.")
        elif not _NUMBER.fullmatch(length) or int(length) > _LONGEST:
            self.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body has at most {_LONGEST:,} bytes.")
        else:
            try:
                found = json.loads(self.rfile.read(int(length)))
            except (ValueError, RecursionError):
                found = None
            if isinstance(found, dict):
                return found
            self.refuse(HTTPStatus.BAD_REQUEST, "The body must be a JSON object.")
        return None

    def _picture(self, query: Mapping[str, str]) -> None:
        paths, index = self.server.session.pool.paths, query.get("id", "")
        side = next((each for each in _SIDES if str(each) == query.get("side")), _SIDES[1])
        if not _NUMBER.fullmatch(index) or int(index) >= len(paths):
            self.refuse(HTTPStatus.NOT_FOUND, "There is no such picture.")
            return
        try:
            self.answer(HTTPStatus.OK, jpeg(paths[int(index)], side), "image/jpeg", _KEPT)
        except BadImage as error:
            self.refuse(HTTPStatus.UNPROCESSABLE_ENTITY, f"This picture can't be read: {error}.")


class LabelServer(LocalServer):
    """An HTTP server of a labelling session.

    Args:
        session: the session.
        port: port number; 0 for any free one.
        who: name of the person where a browser gives none.

    Raises:
        RequestError: the port is not available.
    """

    def __init__(self, session: Session, port: int, who: str):
        self.session, self.who = session, who
        self.actions: dict[str, Callable[[Mapping[str, Any]], Any]] = {
            "/api/next": self._next,
            "/api/grid": self._grid,
            "/api/answer": self._take,
            "/api/undo": self._undo,
            "/api/classes": self._add_class,
            "/api/leave": self._leave,
        }
        page = page_of("zoo_label").replace("@who@", _attribute(who))
        super().__init__(_Handler, page, port, "'self' data:")

    def _next(self, given: Mapping[str, Any]) -> Any:
        client, keep = _client(given), _indices(given, "keep")
        lost = self.session.renew(client, keep)
        kept = [index for index in keep if index not in lost]
        return {"pictures": self.session.next(client, _count(given), kept), "lost": lost}

    def _grid(self, given: Mapping[str, Any]) -> Any:
        guess = str(given.get("guess") or "")
        return {"pictures": self.session.grid(_client(given), _count(given), guess, _indices(given, "keep"))}

    def _take(self, given: Mapping[str, Any]) -> Any:
        event, client = given.get("event"), _client(given)
        if event not in ("label", "none", "skip"):
            raise RequestError("The event must be label, none or skip.")
        label = str(given.get("label") or "")
        self.session.answer(Submission(client, self._who(given), event, label, _indices(given, "ids")))
        return self.session.status(client)

    def _undo(self, given: Mapping[str, Any]) -> Any:
        client = _client(given)
        return {"pictures": self.session.undo(client, self._who(given)), "state": self.session.status(client)}

    def _add_class(self, given: Mapping[str, Any]) -> Any:
        return {"name": self.session.add_class(str(given.get("name") or ""))}

    def _leave(self, given: Mapping[str, Any]) -> Any:
        self.session.leave(_client(given))
        return {}

    def _who(self, given: Mapping[str, Any]) -> str:
        who = "".join(letter for letter in str(given.get("who") or "") if letter.isprintable()).strip()
        return who[:_WHO] or self.who


def _attribute(text: str) -> str:
    from html import escape

    return escape(text, quote=True)


def _client(given: Mapping[str, Any]) -> str:
    client = given.get("client")
    if not isinstance(client, str) or not _CLIENT.fullmatch(client):
        raise RequestError("The client must be a name of letters, digits and hyphens: one for each browser.")
    return client


def _count(given: Mapping[str, Any]) -> int:
    count = given.get("count", 1)
    if type(count) is not int or not 0 <= count <= _MOST:
        raise RequestError(f"The count must be a number from 0 to {_MOST}.")
    return count


def _indices(given: Mapping[str, Any], key: str) -> list[int]:
    found = given.get(key, [])
    if not isinstance(found, list) or len(found) > _MOST or not all(type(index) is int for index in found):
        raise RequestError(f"{key} must be a list of at most {_MOST} numbers of pictures.")
    return list(dict.fromkeys(found))
