"""The lifecycle hooks, as methods of one object that remembers the runs in progress."""

from __future__ import annotations

import os

from zoo.plugin import hookimpl
from zoo_logbook import book


class Hooks:
    def __init__(self):
        self.losses = {}

    @hookimpl
    def zoo_run_start(self, run):
        self.losses[str(run.dir)] = []
        job = run.job
        book.write(
            run,
            "start",
            architecture=job["architecture"]["name"],
            dataset=job["dataset"]["name"],
            lr=job["train"]["lr"],
            images={split: found["images"] for split, found in run.splits.items()},
            parameters=run.model["parameters"],
            device=run.device["name"],
        )

    @hookimpl
    def zoo_epoch_end(self, run, epoch):
        val = epoch["val"]
        book.write(run, "epoch", epoch=epoch["epoch"], train_loss=epoch["train"]["loss"], val=val["loss"], lr=epoch["lr"])
        losses = self.losses.setdefault(str(run.dir), [])
        losses.append(val["loss"])
        stop_at = os.environ.get("LOGBOOK_STOP_AT")
        if stop_at and val["accuracy"] >= float(stop_at):
            return f"accuracy {val['accuracy']:.3f} is at least {stop_at} (LOGBOOK_STOP_AT)"
        patience = int(os.environ.get("LOGBOOK_PATIENCE", "0"))
        if patience and len(losses) > patience and min(losses[-patience:]) >= min(losses[:-patience]):
            return f"no lower loss for {patience} epochs (LOGBOOK_PATIENCE)"
        return None

    @hookimpl
    def zoo_run_end(self, run, result):
        val = result["metrics"]["val"]
        book.write(run, "end", status=result["status"], accuracy=val["accuracy"], seconds=result["timing"]["total_s"])
        self.losses.pop(str(run.dir), None)

    @hookimpl
    def zoo_run_failed(self, run, error):
        book.write(run, "failed", error=f"{type(error).__name__}: {error}")
        self.losses.pop(str(run.dir), None)

    @hookimpl
    def zoo_report_sections(self, run, result):
        page = book.path(run)
        if page is None:
            return
        before = [row["accuracy"] for row in book.read(page) if row["event"] == "end"]
        best = f"best accuracy so far {max(before):.1%}" if before else "the first run"
        yield "Logbook", f"{page.name}: {len(before)} finished runs before this one, {best}"
