"""Bodies of requests, read within limits: what is too long, too slow or of another type is told so and let go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from fastapi import HTTPException
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from zoo_serve.images import Upload
from zoo_serve.limits import Limits

__all__ = ["MULTIPART", "Intake", "Refused"]

MULTIPART = "multipart/form-data"
_RAW = ("image/", "application/octet-stream", "application/x-npy")
_FIELDS = 16
_LONGEST = 200  # of a file's name, in characters


class Refused(HTTPException):
    """A request that isn't served, with a sentence that says why."""

    def __init__(self, status: int, why: str, *, retry: bool = False):
        super().__init__(status, why, {"Retry-After": "1"} if retry else None)


class Intake:
    """What a server has taken on. Its methods are called in the event loop's thread alone.

    Args:
        limits: how much that may be.
    """

    def __init__(self, limits: Limits):
        self.limits = limits
        self.held = 0
        """Bytes of bodies."""
        self.waiting = 0
        """Images that are not answered yet."""

    @asynccontextmanager
    async def received(self, request: Request) -> AsyncIterator[list[Upload]]:
        """The images of a request: its body, or the files of its form; held till the end of the block.

        Raises:
            Refused: 400 (a broken form), 408 (too slow), 413 (too long, too many), 415 (of another type), 422 (none),
                429 (more is held already than may be).
        """
        body = _Body(self, request)
        try:
            yield await body.uploads()
        finally:
            self.held -= body.count

    @contextmanager
    def admitted(self, count: int) -> Iterator[None]:
        """For the time in which some images wait for their answers.

        Raises:
            Refused: 413, 429.
        """
        if count > self.limits.max_images:
            raise Refused(413, f"{count} images; {self.limits.max_images} are taken at the most in one request.")
        if self.waiting + count > self.limits.max_waiting:
            raise Refused(429, f"{self.waiting} images wait already. Try again in a second.", retry=True)
        self.waiting += count
        try:
            yield
        finally:
            self.waiting -= count


class _Form(MultiPartParser):
    """One that knows whether it came to its end."""

    ended = False

    def on_end(self) -> None:
        self.ended = True


class _Body:
    """One request's body, and how many bytes of it have come."""

    def __init__(self, intake: Intake, request: Request):
        self.intake, self.limits, self.request = intake, intake.limits, request
        self.count = 0

    async def uploads(self) -> list[Upload]:
        kind = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and kind != MULTIPART and not kind.startswith(_RAW):
            raise Refused(
                415,
                f"A body of type {kind} is not taken. Send the picture's own bytes, as image/jpeg, say, or a form: "
                "curl -F image=@photo.jpg",
            )
        length = self.request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self.limits.max_bytes:
            raise self._too_long()
        try:
            async with asyncio.timeout(self.limits.timeout_s):
                return await (self._form() if kind == MULTIPART else self._raw())
        except TimeoutError as error:
            raise Refused(408, f"The body had not come in {self.limits.timeout_s:g} s.") from error
        except ClientDisconnect as error:
            raise Refused(400, "The connection ended before the body did.") from error

    async def _raw(self) -> list[Upload]:
        content = b"".join([block async for block in self._blocks()])
        if not content:
            raise Refused(422, "There is no picture in the body. Send its bytes, or a form: curl -F image=@photo.jpg")
        return [(None, content)]

    async def _form(self) -> list[Upload]:
        files = self.limits.max_images
        parser = _Form(self.request.headers, self._blocks(), max_files=files, max_fields=_FIELDS)
        try:
            form = await parser.parse()
        except MultiPartException as error:
            if error.message.startswith("Too many files"):
                raise Refused(413, f"More than the {files} images that are taken in one request.") from error
            raise Refused(400, f"The form can't be read: {error.message}") from error
        try:
            if not parser.ended:
                raise Refused(400, "The form can't be read: it has no end.")
            found = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
            if not found:
                raise Refused(422, "There is no picture in the form. Its files are taken: curl -F image=@photo.jpg")
            return [(_called(each, i), await each.read()) for i, each in enumerate(found, 1)]
        finally:
            await form.close()

    async def _blocks(self) -> AsyncGenerator[bytes, None]:
        async for block in self.request.stream():
            self.count += len(block)
            self.intake.held += len(block)
            if self.count > self.limits.max_bytes:
                raise self._too_long()
            if self.intake.held > self.limits.max_held:
                raise Refused(429, "Too much is being received already. Try again in a second.", retry=True)
            yield block

    def _too_long(self) -> Refused:
        return Refused(413, f"The body is longer than the {self.limits.max_bytes:,} bytes that are taken.")


def _called(upload: UploadFile, number: int) -> str:
    return (upload.filename or f"image {number}")[:_LONGEST]
