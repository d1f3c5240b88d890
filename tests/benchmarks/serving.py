"""How many requests a second `zoo serve` answers, in batches and one by one, and whether each answer is right.

python tests/benchmarks/serving.py RUN PHOTOS [--requests 5000] [--clients 50] [--rounds 3]

Each round starts a server that batches and one that computes each image alone, in turn, and asks each from CLIENTS
connections at once; then the first from a single connection, which waits for each answer before it asks again. Every
answer is compared with what `zoo predict` says of the photo.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NEAR = 1e-4  # of a probability, as it comes from batches of different sizes


@dataclass
class Tally:
    """What became of some requests: (number of the photo, status, document), and those without an answer."""

    answers: list[tuple[int, int, Any]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    refused: int = 0
    """Connections that could not be made."""
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)


@contextmanager
def server(run: str | Path, *options: str, folder: Path | None = None) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """`zoo serve` as a process of its own: its port, and the process."""
    command = [sys.executable, "-m", "zoo", "serve", str(run), "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r":(\d+)/", line)
        assert found, f"it said {line!r}, {process.communicate()[1]}"
        yield int(found[1]), process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def request_of(content: bytes, port: int, *, close: bool = False) -> bytes:
    """A request with a photo's bytes."""
    head = [
        "POST /predict HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Content-Type: image/jpeg",
        f"Content-Length: {len(content)}",
        *(["Connection: close"] if close else []),
    ]
    return "\r\n".join([*head, "", ""]).encode() + content


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, bool, Any]:
    """One answer: its status, whether the connection stays, and its document."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    status = int(head.split(" ", 2)[1])
    length = re.search(r"content-length: (\d+)", head)
    content = await reader.readexactly(int(length[1])) if length else b""
    return status, "connection: close" not in head, json.loads(content) if content else None


async def _client(port: int, photos: Sequence[bytes], numbers: Iterator[int], tally: Tally) -> None:
    """Ask again and again by one connection, and by a new one where the server closes it."""
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    for number in numbers:
        if connection is None:
            try:
                connection = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                tally.refused += 1
                return
        reader, writer = connection
        begin = time.perf_counter()
        try:
            writer.write(request_of(photos[number % len(photos)], port))
            await writer.drain()
            status, stays, document = await answer_of(reader)
        except (OSError, asyncio.IncompleteReadError) as error:
            tally.lost.append(f"{type(error).__name__}: {error}")
            return
        tally.waits.append(time.perf_counter() - begin)
        tally.answers.append((number % len(photos), status, document))
        if not stays:
            writer.close()
            connection = None
    if connection is not None:
        connection[1].close()


async def hammer(port: int, photos: Sequence[bytes], requests: int, clients: int) -> Tally:
    """So many requests by so many clients at once."""
    tally, numbers, begin = Tally(), iter(range(requests)), time.perf_counter()
    await asyncio.gather(*(_client(port, photos, numbers, tally) for _ in range(clients)))
    tally.seconds = time.perf_counter() - begin
    return tally


def wrong(tally: Tally, expected: Sequence[dict[str, Any]]) -> list[str]:
    """Answers that aren't what the classifier says, each with a word."""
    found = []
    for number, status, document in tally.answers:
        wanted = expected[number]
        if status != 200:
            found.append(f"photo {number}: {status} {document}")
            continue
        got = document["predictions"][0]
        off = abs(got["confidence"] - wanted["confidence"])
        if off > NEAR or (got["label"] != wanted["label"] and abs(wanted["confidence"] - 0.5) > NEAR):
            found.append(f"photo {number}: {got['label']} {got['confidence']}, not {wanted['label']}")
    return found


def expected_of(run: str | Path, files: Sequence[Path]) -> list[dict[str, Any]]:
    """What `zoo predict` says of the files."""
    import zoo

    return zoo.load(run).predict(list(files))


def main() -> None:
    """Print each round, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    files = sorted(p for p in asked.photos.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    photos, expected = [file.read_bytes() for file in files], expected_of(asked.run, files)
    ways = {
        "batched": ((), asked.clients, asked.requests),
        "one by one": (("--max-batch", "1"), asked.clients, asked.requests),
        "one client": ((), 1, max(50, asked.requests // 10)),
    }
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(asked.rounds):
        for way, (options, clients, requests) in ways.items():
            with server(asked.run, *options) as (port, _process):
                asyncio.run(hammer(port, photos, 2 * asked.clients, clients))  # to begin with
                tally = asyncio.run(hammer(port, photos, requests, clients))
            rates[way].append(len(tally.answers) / tally.seconds)
            tell(way, rates[way][-1], tally, wrong(tally, expected))
    medians = ", ".join(f"{way} {statistics.median(each):.1f}" for way, each in rates.items())
    print(f"medians in requests/s: {medians}")  # noqa: T201
    for way in ("one by one", "one client"):
        ratios = [a / b for a, b in zip(rates["batched"], rates[way], strict=True)]
        middle = statistics.median(ratios)
        print(f"batched to {way}: {middle:.2f} ({min(ratios):.2f} to {max(ratios):.2f})")  # noqa: T201


def tell(way: str, rate: float, tally: Tally, bad: list[str]) -> None:
    """Print a line on what a server did."""
    waits = sorted(tally.waits)
    print(  # noqa: T201
        f"{way:<10} {rate:7.1f} requests/s  {len(tally.answers)} answered, {len(tally.lost)} lost, {len(bad)} wrong  "
        f"median {1000 * waits[len(waits) // 2]:.0f} ms, 99th of 100 {1000 * waits[int(0.99 * len(waits))]:.0f} ms",
        flush=True,
    )
    for line in [*tally.lost[:3], *bad[:3]]:
        print("   ", line)  # noqa: T201


if __name__ == "__main__":
    main()
