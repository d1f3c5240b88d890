"""Schemas of requests and responses, for the OpenAPI description."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from zoo_serve.request_body import MULTIPART

__all__ = ["REFUSALS", "TAKES", "Health", "PredictResponse", "Problem"]


class Ranked(BaseModel):
    """A class and its probability."""

    class_: str = Field(alias="class")
    probability: float


class Explanation(BaseModel):
    """The network's input, and where it found its evidence; pictures as data URLs, null where there is none."""

    class_: str = Field(alias="class", description="whose evidence is shown")
    seen: str | None
    looked: str | None = Field(description="the input, reddened by the heat map")
    heat: str | None = Field(description="the heat map alone (Grad-CAM), in a colour scale from none to most evidence")


class Prediction(BaseModel):
    """What an image shows."""

    path: str | None = Field(description="the file's name, where it was sent in a form")
    label: str | None = Field(None, description="the likeliest class; of a model with one label an image")
    confidence: float | None = Field(None, description="its probability")
    labels: list[str] | None = Field(None, description="of a model with several labels an image: those it has")
    top: list[Ranked]
    sure: bool | None = Field(None, description="whether the confidence reaches the threshold, where there is one")
    familiar: bool | None = Field(None, description="false where it is unlike what the model knows")
    explanation: Explanation | None = None
    error: str | None = Field(None, description="why a file isn't answered, where others of the form are; top is empty")


class PredictResponse(BaseModel):
    """The answers to a request's images, in their order."""

    predictions: list[Prediction]


class Problem(BaseModel):
    """Why a request isn't served."""

    detail: str


class Health(BaseModel):
    """Whether it answers."""

    status: str
    model: str


_BINARY = {"type": "string", "format": "binary"}
_FILES = {"type": "array", "items": _BINARY, "minItems": 1}
_FORM = {"type": "object", "properties": {"image": _FILES}, "required": ["image"]}
TAKES = {
    "requestBody": {
        "required": True,
        "description": "A picture's own bytes, or a form with one or many files, of any field names.",
        "content": {
            MULTIPART: {"schema": _FORM},
            **{kind: {"schema": _BINARY} for kind in ("image/*", "application/octet-stream")},
        },
    }
}
_WHY = {
    400: "A form that can't be read",
    408: "The body came too slowly",
    413: "Too many bytes, or too many images",
    415: "A body of another type",
    422: "An image that can't be decoded or has too many pixels, or a parameter that is wrong",
    429: "Too much waits already",
    500: "The network failed",
    503: "No answer in time, or the server is being ended",
}
REFUSALS: dict[int | str, dict[str, Any]] = {s: {"model": Problem, "description": why} for s, why in _WHY.items()}
