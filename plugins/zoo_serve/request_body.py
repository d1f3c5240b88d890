"""Request bodies, read within limits on size, time and type."""

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
_LONGEST = 200  # characters of a file's name


class Refused(HTTPException):
    """An HTTP error with a sentence that explains it."""

    def __init__(self, status: int, why: str, *, retry: bool = False):
        super().__init__(status, why, {"Retry-After": "1"} if retry else None)


class Intake:
    """The load that a server has accepted. Its methods must be called in the event loop's thread.

    Args:
        limits: limits on the load.
    """

    def __init__(self, limits: Limits):
        self.limits = limits
        self.held = 0
        """Bytes of request bodies in memory."""
        self.waiting = 0
        """Number of unanswered images."""

    @asynccontextmanager
    async def received(self, request: Request) -> AsyncIterator[list[Upload]]:
        """Receive the images of a request, from its body or its form's files, and hold them until the block ends.

        Raises:
            Refused: 400 (malformed form), 408 (too slow), 413 (too large or too many), 415 (unsupported type), 422 (no
                image), 429 (server overloaded).
        """
        body = _Body(self, request)
        try:
            yield await body.uploads()
        finally:
            self.held -= body.count

    @contextmanager
    def admitted(self, count: int) -> Iterator[None]:
        """Reserve capacity for ``count`` images while they are processed.

        Raises:
            Refused: 413 (too many images in the request), 429 (too many waiting images).
        """
        if count > self.limits.max_images:
            raise Refused(413, f"{count} images; {self.limits.max_images} are allowed per request.")
        if self.waiting + count > self.limits.max_waiting:
            raise Refused(429, f"{self.waiting} images are queued. Try again in a second.", retry=True)
        self.waiting += count
        try:
            yield
        finally:
            self.waiting -= count


class _Form(MultiPartParser):
    """A multipart parser that records whether the form is complete."""

    ended = False

    def on_end(self) -> None:
        self.ended = True


class _Body:
    """The body of one request, with the number of bytes received so far."""

    def __init__(self, intake: Intake, request: Request):
        self.intake, self.limits, self.request = intake, intake.limits, request
        self.count = 0

    async def uploads(self) -> list[Upload]:
        kind = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and kind != MULTIPART and not kind.startswith(_RAW):
            raise Refused(
                415,
                f"The content type {kind} is not supported. Send the bytes of an image, such as image/jpeg, or a "
                "form: curl -F image=@photo.jpg",
            )
        length = self.request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self.limits.max_bytes:
            raise self._too_long()
        try:
            async with asyncio.timeout(self.limits.timeout_s):
                return await (self._form() if kind == MULTIPART else self._raw())
        except TimeoutError as error:
            raise Refused(408, f"The body was not received within {self.limits.timeout_s:g} s.") from error
        except ClientDisconnect as error:
            raise Refused(400, "The connection was closed before the end of the body.") from error

    async def _raw(self) -> list[Upload]:
        content = b"".join([block async for block in self._blocks()])
        if not content:
            raise Refused(422, "The body has no image. Send its bytes, or a form: curl -F image=@photo.jpg")
        return [(None, content)]

    async def _form(self) -> list[Upload]:
        files = self.limits.max_images
        parser = _Form(self.request.headers, self._blocks(), max_files=files, max_fields=_FIELDS)
        try:
            form = await parser.parse()
        except MultiPartException as error:
            if error.message.startswith("Too many files"):
                raise Refused(413, f"More than the {files} images allowed per request.") from error
            raise Refused(400, f"The form can't be read: {error.message}") from error
        try:
            if not parser.ended:
                raise Refused(400, "The form can't be read: it is incomplete.")
            found = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
            if not found:
                raise Refused(422, "The form has no image file. Send files: curl -F image=@photo.jpg")
            return [(_file_name(each, i), await each.read()) for i, each in enumerate(found, 1)]
        finally:
            await form.close()

    async def _blocks(self) -> AsyncGenerator[bytes, None]:
        async for block in self.request.stream():
            self.count += len(block)
            self.intake.held += len(block)
            if self.count > self.limits.max_bytes:
                raise self._too_long()
            if self.intake.held > self.limits.max_held:
                raise Refused(429, "Too many requests are being received. Try again in a second.", retry=True)
            yield block

    def _too_long(self) -> Refused:
        return Refused(413, f"The body is longer than the {self.limits.max_bytes:,} bytes allowed.")


def _file_name(upload: UploadFile, number: int) -> str:
    return (upload.filename or f"image {number}")[:_LONGEST]
