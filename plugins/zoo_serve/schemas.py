"""Schemas of requests and responses, for the OpenAPI description."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from zoo_serve.request_body import MULTIPART

__all__ = ["REFUSALS", "TAKES", "Health", "PredictResponse", "Problem", "ValuesResponse"]


class Ranked(BaseModel):
    """A class and its probability."""

    class_: str = Field(alias="class")
    probability: float


class Explanation(BaseModel):
    """The network's input and its class activation heatmap, as data URLs; null where there is none."""

    class_: str = Field(alias="class", description="class of the heat map")
    seen: str | None
    looked: str | None = Field(description="the input, reddened by the heat map")
    heat: str | None = Field(description="the heat map alone (Grad-CAM), in a colour scale from none to most evidence")


class Prediction(BaseModel):
    """The prediction for an image."""

    path: str | None = Field(description="name of the file, if sent in a form")
    label: str | None = Field(None, description="most probable class of a single-label model")
    confidence: float | None = Field(None, description="its probability")
    labels: list[str] | None = Field(None, description="labels of a multi-label model")
    top: list[Ranked]
    sure: bool | None = Field(None, description="whether the confidence reaches the threshold, if there is one")
    familiar: bool | None = Field(None, description="false for images unlike the training images")
    set: list[str] | None = Field(None, description="with --coverage, classes that contain the true one at that rate")
    explanation: Explanation | None = None
    notice: str | None = Field(None, description="for an image of another depth or unit than the training images")
    error: str | None = Field(None, description="reason why a file of the form has no prediction; top is empty")


class PredictResponse(BaseModel):
    """The answers to a request's images, in their order."""

    predictions: list[Prediction]


class ValueExplanation(BaseModel):
    """The network's input and the heat map of a value, as data URLs; null where there is none."""

    output: str = Field(description="name of the value of the heat map")
    seen: str | None
    looked: str | None = Field(description="the input, reddened by the heat map")
    heat: str | None = Field(description="the heat map alone (Grad-CAM): what raises a high value, or lowers a low one")


class ValuePrediction(BaseModel):
    """The prediction of a regression for an image."""

    path: str | None = Field(description="name of the file, if sent in a form")
    value: float | None = Field(None, description="the value, in the unit of the training values")
    values: dict[str, float] | None = Field(None, description="the values by name, of a model of several")
    interval: tuple[float, float] | None = Field(None, description="lower and upper end of the value's interval")
    intervals: dict[str, tuple[float, float]] | None = Field(None, description="the same by name")
    coverage: float | None = Field(None, description="rate at which intervals hold the true value, in 0..1")
    explanation: ValueExplanation | None = None
    notice: str | None = Field(None, description="for an image of another depth or unit than the training images")
    error: str | None = Field(None, description="reason why a file of the form has no prediction")


class ValuesResponse(BaseModel):
    """The values of a request's images, in their order."""

    predictions: list[ValuePrediction]


class Problem(BaseModel):
    """The error of a refused request."""

    detail: str


class Health(BaseModel):
    """The state of the server."""

    status: str
    model: str


_BINARY = {"type": "string", "format": "binary"}
_FILES = {"type": "array", "items": _BINARY, "minItems": 1}
_FORM = {"type": "object", "properties": {"image": _FILES}, "required": ["image"]}
TAKES = {
    "requestBody": {
        "required": True,
        "description": "Bytes of an image, or a form with one or many files, with any field names.",
        "content": {
            MULTIPART: {"schema": _FORM},
            **{kind: {"schema": _BINARY} for kind in ("image/*", "application/octet-stream")},
        },
    }
}
_WHY = {
    400: "A form that can't be read",
    408: "The body was received too slowly",
    413: "Too many bytes, or too many images",
    415: "Unsupported content type",
    422: "An image that can't be decoded or has too many pixels, or an invalid parameter",
    429: "Too many queued images",
    500: "The network failed",
    503: "No response in time, or the server is stopping",
}
REFUSALS: dict[int | str, dict[str, Any]] = {s: {"model": Problem, "description": why} for s, why in _WHY.items()}
