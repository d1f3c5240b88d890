"""The HTTP endpoints of a server, and their OpenAPI description."""

from __future__ import annotations

import logging
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi_offline import FastAPIOffline

from zoo import __version__
from zoo.reports.kit.pages import page_of, policy_for
from zoo_serve.metrics import CONTENT_TYPE
from zoo_serve.schemas import REFUSALS, TAKES, Health, PredictResponse, ValuesResponse
from zoo_serve.service import Service

__all__ = ["PATHS", "make_app"]

PATHS = frozenset({"/", "/predict", "/samples", "/model", "/health", "/metrics", "/docs", "/openapi.json"})
_log = logging.getLogger("zoo_serve")
_Explain = Annotated[bool, Query(description="Return the input of the network and a heat map.")]


def make_app(service: Service) -> FastAPI:
    """Create the FastAPI application that serves a model."""
    name = service.classifier.card["architecture"]["id"]
    app = FastAPIOffline(
        title=f"zoo serve: {name}",
        version=__version__,
        redoc_url=None,
        description=f"Image {'classification' if service.classifies else 'regression'} with a model of the zoo.",
    )
    _add_page(app, service)
    (_add_classes if service.classifies else _add_values)(app, service)

    @app.get("/model", summary="Model card: classes, preprocessing, provenance")
    async def model() -> dict[str, Any]:
        return service.classifier.card

    @app.get(
        "/health", response_model=Health, responses={503: {"model": Health, "description": "The server is stopping"}}
    )
    async def health() -> Response:
        status = "leaving" if service.leaving else "ok"
        return JSONResponse({"status": status, "model": name}, 503 if service.leaving else 200)

    @app.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """For Prometheus."""
        return Response(service.figures.page(), headers={"Content-Type": CONTENT_TYPE})

    @app.exception_handler(RequestValidationError)
    async def wrong(request: Request, error: RequestValidationError) -> JSONResponse:
        """Answer an invalid parameter with a single sentence, as all other errors."""
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return JSONResponse({"detail": f"{where}: {first['msg']}."}, 422)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return JSONResponse({"detail": "Internal error; see the log of the server."}, 500)

    return app


def _add_classes(app: FastAPI, service: Service) -> None:
    """Add the endpoint of a classifier."""

    @app.post(
        "/predict",
        response_model=PredictResponse,
        responses=REFUSALS,
        openapi_extra=TAKES,
        summary="Classify one or many images",
    )
    async def predict(
        request: Request,
        top_k: Annotated[int, Query(ge=1, le=1000, description="Number of classes to return, best first.")] = 5,
        explain: _Explain = False,
    ) -> Response:
        return JSONResponse({"predictions": await service.answer(request, top_k, explain)})


def _add_values(app: FastAPI, service: Service) -> None:
    """Add the endpoint of a regression."""

    @app.post(
        "/predict",
        response_model=ValuesResponse,
        responses=REFUSALS,
        openapi_extra=TAKES,
        summary=f"Predict {', '.join(service.classifier.classes)} of one or many images",
    )
    async def predict(request: Request, explain: _Explain = False) -> Response:
        return JSONResponse({"predictions": await service.answer(request, 1, explain)})


def _add_page(app: FastAPI, service: Service) -> None:
    """Add the page to drop pictures on, and the samples that it offers."""
    page = page_of("zoo_serve")
    policy = policy_for(page, "data: blob:")

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def root() -> HTMLResponse:
        return HTMLResponse(page, headers={"Content-Security-Policy": policy})

    @app.get("/samples", include_in_schema=False)
    async def samples() -> Response:
        return JSONResponse({"samples": service.samples})
