"""``zoo serve``."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import click

from zoo.api.commands import DEVICES, offline_option
from zoo.errors import RequestError

if TYPE_CHECKING:
    from zoo.api.models import Classifier

_NEEDS = ("fastapi", "fastapi_offline", "uvicorn", "httptools", "python_multipart", "prometheus_client")


@click.command(name="serve")
@click.argument("run", metavar="RUN")
@click.option(
    "--host", default="127.0.0.1", metavar="ADDRESS", help="Address to listen on; 0.0.0.0 for all interfaces."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, help="Port; 0 for any free one.")
@click.option("--device", default="auto", metavar="DEVICE", help=DEVICES)
@click.option(
    "--reject-below",
    type=click.FloatRange(0, 1),
    metavar="P",
    show_default="threshold of the model",
    help='Reject predictions with a lower confidence as "not sure".',
)
@click.option(
    "--coverage",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="P",
    help="Add the set of classes that contains the true one at this rate.",
)
@click.option(
    "--max-batch", type=click.IntRange(min=1), metavar="N", help="Largest batch size.", show_default="by device"
)
@click.option(
    "--max-mib",
    type=click.FloatRange(0, min_open=True),
    default=16,
    help="Largest request body, in MiB.",
    metavar="MIB",
)
@click.option(
    "--max-pixels", type=click.IntRange(min=1), default=50_000_000, help="Largest image, in pixels.", metavar="N"
)
@click.option(
    "--max-waiting", type=click.IntRange(min=1), default=256, help="Largest number of queued images.", metavar="N"
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=30,
    help="Time limit for a response, in seconds.",
    metavar="S",
)
@click.option("--samples/--no-samples", default=True, help="Offer misclassified images of the run as samples.")
@offline_option
@click.option("--log", "log_requests", is_flag=True, help="Log requests.")
@click.option("--open", "open_it", is_flag=True, help="Open the page in a browser.")
def serve(
    run: str,
    host: str,
    port: int,
    max_batch: int | None,
    log_requests: bool,
    open_it: bool,
    **typed: Any,
) -> None:
    """Serve a trained model over HTTP, with a web page.

    RUN is the name or folder of a run, an exported file, or a shared model: its folder, or hf:owner/name.

    POST /predict accepts the bytes of an image, or a form with image files. /docs describes the API; /health, /metrics
    (Prometheus) and /model describe the server. By default, only this machine can connect. Ctrl-C answers the pending
    requests, then stops.
    """
    _check_packages()
    from zoo.api import load
    from zoo.api.commands import registry_here
    from zoo.api.compute import keep_freed_memory
    from zoo.api.jobs import listing
    from zoo.reports.kit.pages import open_page
    from zoo_serve.limits import Limits
    from zoo_serve.samples import samples_of
    from zoo_serve.server import Server, is_private, listen, url_of
    from zoo_serve.service import Service, divide_processors

    warnings.filterwarnings("ignore", module="PIL")  # about clients' images; their errors are in the answers
    how = {name: typed.pop(name) for name in ("device", "reject_below", "coverage")}
    classifier = load(run, **how, registry=registry_here())
    if how["reject_below"] is not None and not classifier.task.classifies:
        raise RequestError(
            f"--reject-below is about a confidence, but this model predicts numbers ({listing(classifier.classes)}). "
            "Leave it out."
        )
    keep_freed_memory(classifier.execution.device)
    workers = divide_processors(classifier)
    classifier.settle()
    in_bytes = classifier.preprocessing.window is None  # samples are JPEGs, not values in the unit of a window
    offered = samples_of(run) if typed.pop("samples") and in_bytes else []
    limits = Limits(round(typed.pop("max_mib") * 2**20), timeout_s=typed.pop("timeout"), **typed)
    with listen(host, port) as listening:
        samples = offered if is_private(listening) else []  # validation images may be confidential
        service = Service(classifier, limits, max_batch, workers, samples)
        server = Server(service, listening, log_requests=log_requests)
        url = url_of(listening)
        click.echo(f"{url} serves {run} ({_answers_of(classifier)}). Ctrl-C stops it.")
        click.echo(f"try: curl -F image=@photo.jpg {url}predict")
        if server.doorman.names is None:
            click.echo(
                "zoo: the server is reachable from other machines, without encryption or authentication.", err=True
            )
        if open_it:
            open_page(url)
        server.serve_until_told()


def _answers_of(classifier: Classifier) -> str:
    """What a model answers with: ``10 classes``, or ``values: age``."""
    if classifier.task.classifies:
        return f"{len(classifier.classes)} classes"
    return f"values: {', '.join(classifier.classes)}"


def _check_packages() -> None:
    from importlib.util import find_spec

    missing = [name for name in _NEEDS if find_spec(name) is None]
    if missing:
        raise RequestError(
            f"zoo serve needs packages that are not installed ({', '.join(missing)}). Type: pip install "
            "'visionzoo[serve]'"
        )
