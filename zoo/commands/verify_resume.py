"""``zoo verify-resume``."""

from __future__ import annotations

from typing import Any

import click

from zoo.job.options import LOOKING, job_options, resolve_words


@click.command(name="verify-resume")
@click.argument("words", nargs=-1, metavar="ARCHITECTURE DATASET | JOB.yaml")
@job_options("data", "recipe", "epochs", "batch_size", "lr", "image_size", "pretrained", "weights", "freeze")
@job_options("seed", "device", "precision", "set", "offline", **LOOKING)
@click.option("--kills", type=click.IntRange(1, 1000), default=3, help="How often the run is killed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify_resume(words: tuple[str, ...], kills: int, as_json: bool, **typed: Any) -> None:
    """Prove that a killed run goes on as if nothing had happened.

    Trains the job twice, once without a break and once killed at random moments and resumed, and compares the weights,
    every number of every epoch, and the state at the end. No run is kept.
    """
    import tempfile
    from dataclasses import asdict
    from pathlib import Path

    from zoo.errors import TrainingError
    from zoo.runner.verify import verify_resume as verify
    from zoo.storage.files import dump_json

    resolved, _ = resolve_words(words, typed, "zoo verify-resume")
    with tempfile.TemporaryDirectory(prefix="zoo-verify-") as home:
        verdict = verify(resolved.job, kills, Path(home), lambda text: click.echo(f"{text} …", err=True))
    if as_json:
        click.echo(dump_json(asdict(verdict)))
    else:
        for name, same in verdict.same.items():
            click.echo(f"{name:<10}{'the same' if same else 'different'}")
        click.echo(f"{'sha256':<10}{' and '.join(dict.fromkeys(verdict.sha256))}")
    if not all(verdict.same.values()):
        wrong = " and ".join(name for name, same in verdict.same.items() if not same)
        raise TrainingError(
            f"The killed run ended with other {wrong}. On a GPU, or with components that draw from a random state of "
            "their own, that can't be helped; else it is a defect."
        )
