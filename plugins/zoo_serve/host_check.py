"""ASGI middleware: restricts access to this machine, sets security headers, and counts requests."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse

from zoo.reports.kit.pages import HEADERS
from zoo_serve.metrics import Figures

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Doorman:
    """ASGI middleware around an application.

    Args:
        app: the wrapped application.
        figures: metrics to which requests are added.
        paths: paths with counters of their own.
        names: accepted values of the ``Host`` header where only this machine has access, which also prevents DNS
            rebinding by other sites; None to accept all.
    """

    def __init__(self, app: App, figures: Figures, paths: frozenset[str], names: frozenset[str] | None):
        self.app, self.figures, self.paths, self.names = app, figures, paths, names
        self.leaving = False
        """True while the server shuts down, so that clients close their connections."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin, path = time.perf_counter(), scope["path"] if scope["path"] in self.paths else "other"

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                self._set_headers(MutableHeaders(scope=message))
                self.figures.requests.labels(path, str(message["status"])).inc()
            elif message["type"] == "http.response.body" and not message.get("more_body"):
                self.figures.seconds.labels(path).observe(time.perf_counter() - begin)
            await send(message)

        app: App = self.app if self._is_allowed(Headers(scope=scope)) else _refuse
        await app(scope, receive, sent)

    def _set_headers(self, headers: MutableHeaders) -> None:
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        if self.leaving:
            headers["Connection"] = "close"

    def _is_allowed(self, headers: Headers) -> bool:
        if self.names is None:
            return True
        named = headers.getlist("host")
        here = len(named) == 1 and named[0].lower() in self.names
        return here and headers.get("sec-fetch-site", "none") in ("none", "same-origin")


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    answer = JSONResponse({"detail": "This server accepts requests from this machine only: use the printed URL."}, 403)
    await answer(scope, receive, send)
