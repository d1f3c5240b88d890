"""``zoo docs``: open the documentation.

A wheel carries no pages. A checkout has them with mkdocs.yml, and the site is built there, also for an installation
that pip made from the checkout. An installation from an index has the address of the documentation in its metadata, if
the release was built with one (``hatch_build.py``).
"""

from __future__ import annotations

import json
import subprocess
import sys
import webbrowser
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import click

import zoo
from zoo.api.plugins import DISTRIBUTION
from zoo.errors import RequestError, ZooError


@click.command(name="docs")
@click.option("--no-open", is_flag=True, help="Print the address and open no browser.")
def docs(no_open: bool) -> None:
    """Open the documentation.

    In a checkout, builds the site from docs/ into site/, which takes a few seconds and the extra 'docs', and opens it;
    it needs no network. Elsewhere, opens the address that the release was published with.
    """
    root = checkout()
    address = documentation_address() if root is None else build_site(root).as_uri()
    opened = not no_open and webbrowser.open(address)
    click.echo(address if opened or no_open else f"{address}: no browser was found; open it in yours")


def checkout() -> Path | None:
    """Return the folder of the checkout that ``zoo`` is imported from, or was installed from; None without one."""
    roots = (Path(zoo.__file__).resolve().parents[1], _installed_from())
    return next((root for root in roots if root and (root / "mkdocs.yml").is_file() and (root / "docs").is_dir()), None)


def _installed_from() -> Path | None:
    """The folder that was given to pip, which records it (PEP 610)."""
    try:
        record = json.loads(metadata.distribution(DISTRIBUTION).read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        return None
    url = urlsplit(record.get("url", ""))
    return Path(url2pathname(url.path)) if url.scheme == "file" else None


def build_site(root: Path) -> Path:
    """Build the site of a checkout, and return its first page.

    Raises:
        RequestError: mkdocs-material is not installed.
        ZooError: mkdocs failed.
    """
    if find_spec("material") is None or find_spec("mkdocs") is None:
        raise RequestError(
            f"The site is built by mkdocs, which is not installed: pip install 'visionzoo[docs]'. "
            f"Without it, read the pages in {root / 'docs'}, beginning with getting-started.md."
        )
    site = root / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--config-file", str(root / "mkdocs.yml")]
    done = subprocess.run([*command, "--site-dir", str(site)], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        raise ZooError(
            f"mkdocs could not build the site in {site}: {lines[-1]}. All of its output: {' '.join(command)}"
        )
    return site / "index.html"


def documentation_address() -> str:
    """Return the documentation's address from the installed metadata.

    Raises:
        RequestError: the metadata has no address.
    """
    try:
        urls = metadata.metadata(DISTRIBUTION).get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        urls = []
    named = dict(url.split(", ", 1) for url in urls if ", " in url)
    if "Documentation" not in named:
        raise RequestError(
            "This installation has neither the pages nor their address. Read them in docs/ of the repository, "
            "beginning with getting-started.md."
        )
    return str(named["Documentation"])
