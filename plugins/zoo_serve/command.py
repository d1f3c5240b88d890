"""``zoo serve``."""

from __future__ import annotations

import warnings
from typing import Any

import click

from zoo.api.commands import offline_option
from zoo.errors import RequestError

_NEEDS = ("fastapi", "fastapi_offline", "uvicorn", "httptools", "python_multipart", "prometheus_client")


@click.command(name="serve")
@click.argument("run", metavar="RUN")
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="0.0.0.0 lets other machines ask, too.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, help="Where it listens; 0 for any that is free.")
@click.option("--device", default="auto", metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps.")
@click.option(
    "--reject-below",
    type=click.FloatRange(0, 1),
    metavar="P",
    help='Say "not sure" where the confidence is lower; by default as the bundle says.',
)
@click.option("--max-batch", type=click.IntRange(min=1), metavar="N", help="Images that are computed at once, at most.")
@click.option("--max-mib", type=click.FloatRange(0, min_open=True), default=16, help="Of a request's body.")
@click.option("--max-pixels", type=click.IntRange(min=1), default=50_000_000, help="Of an image.")
@click.option("--max-waiting", type=click.IntRange(min=1), default=256, help="Images; more are told to try again.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), default=30, help="Seconds for an answer.")
@click.option("--samples/--no-samples", default=True, help="Offer mistakes of the run as samples on the page.")
@offline_option
@click.option("--log", "log_requests", is_flag=True, help="Write a line for each request.")
@click.option("--open", "open_it", is_flag=True, help="Open the page in the browser.")
def serve(
    run: str,
    host: str,
    port: int,
    device: str,
    reject_below: float | None,
    max_batch: int | None,
    log_requests: bool,
    open_it: bool,
    **typed: Any,
) -> None:
    """Answer requests by a trained model, and by a page to drop pictures on.

    RUN is a run's name or folder, a bundle's folder, a file that zoo export wrote, or hf:OWNER/NAME of the Hugging Face
    hub. POST /predict takes a picture's bytes or a form of files; /health, /metrics (Prometheus), /model and /docs tell
    of the server. For this machine alone, unless --host says otherwise. Ctrl-C ends it once all that was taken is
    answered.
    """
    _check_packages()
    from zoo.api import load
    from zoo.api.commands import registry_here
    from zoo.api.compute import keep_freed_memory
    from zoo.reports.kit.pages import open_page
    from zoo_serve.limits import Limits
    from zoo_serve.samples import samples_of
    from zoo_serve.server import Server, is_private, listen, url_of
    from zoo_serve.service import Service, divide_processors

    warnings.filterwarnings("ignore", module="PIL")  # about clients' images; their errors are in the answers
    classifier = load(run, device=device, reject_below=reject_below, registry=registry_here())
    keep_freed_memory(classifier.execution.device)
    workers = divide_processors(classifier)
    classifier.settle()
    offered = samples_of(run) if typed.pop("samples") else []
    limits = Limits(round(typed.pop("max_mib") * 2**20), timeout_s=typed.pop("timeout"), **typed)
    with listen(host, port) as listening:
        samples = offered if is_private(listening) else []  # validation images may be confidential
        service = Service(classifier, limits, max_batch, workers, samples)
        server = Server(service, listening, log_requests=log_requests)
        url = url_of(listening)
        click.echo(f"{url} answers by {run} ({len(classifier.classes)} classes). Ctrl-C ends it.")
        click.echo(f"try: curl -F image=@photo.jpg {url}predict")
        if server.doorman.names is None:
            click.echo("zoo: whoever reaches this machine may ask; nothing is encrypted.", err=True)
        if open_it:
            open_page(url)
        server.serve_until_told()


def _check_packages() -> None:
    from importlib.util import find_spec

    missing = [name for name in _NEEDS if find_spec(name) is None]
    if missing:
        raise RequestError(
            f"zoo serve needs packages that are not here ({', '.join(missing)}). Type: pip install 'visionzoo[serve]'"
        )
