"""TensorBoard tracker: logs are in the run's folder, and are continued by a resumed run."""

from __future__ import annotations

import io
import shlex
import time
from pathlib import Path
from typing import Any

from zoo_track.flat import epoch_numbers, final_numbers, parameters, table
from zoo_track.memory import epochs_done
from zoo_track.tracking import RunTracker, need

__all__ = ["FOLDER", "TensorBoard", "view"]

FOLDER = "tensorboard"
_MOST_TEXT = 200_000
"""Maximum number of characters of result.json shown as text; the file itself is in the run's folder."""


def view(runs: Path) -> str:
    """Command to view the logs of a folder of runs together."""
    return f"tensorboard --logdir {shlex.quote(str(runs))}"


class TensorBoard(RunTracker):
    """Log to the folder ``tensorboard`` of the run."""

    title = "TensorBoard"

    def __init__(self, folder: Path) -> None:
        need("tensorboard", "tensorboard")
        self.folder = folder
        self.last_epoch = 0
        self.writer: Any = None

    def where(self) -> str:
        return f"TensorBoard: {self.folder / FOLDER}\nSee it: {view(self.folder.parent)}"

    def started(self, run: Any) -> None:
        from torch.utils.tensorboard import SummaryWriter

        logs = self.folder / FOLDER
        self.last_epoch = epochs_done(self.folder)
        # Hide steps after the last checkpoint of an interrupted run, which are logged again.
        self.writer = SummaryWriter(str(logs), purge_step=self.last_epoch + 1 if logs.exists() else None)
        job = parameters(run)
        self.writer.file_writer.add_summary(_session_start(job))
        self.writer.add_text("job", table(job), 0)
        for text in run.notices:
            self.writer.add_text("notices", text, 0)
        self.writer.flush()

    def epoch(self, record: dict[str, Any]) -> None:
        self.last_epoch = int(record["epoch"])
        self._scalars(epoch_numbers(record))
        self.writer.flush()  # for live viewing without the default delay of two minutes, and to lose nothing on Ctrl-C

    def ended(self, run: Any, result: dict[str, Any], pictures: dict[str, bytes]) -> None:
        numbers, step = final_numbers(result), self.last_epoch
        self._scalars(numbers)
        for split, png in pictures.items():
            self.writer.add_image(f"confusion_matrix/{split}", _pixels(png), step, dataformats="HWC")
        self.writer.add_text("report", self._report(result, numbers), step)
        self.writer.add_text("result", _code(self.folder / "result.json"), step)
        self.writer.file_writer.add_summary(_session_end("STATUS_SUCCESS"))
        self.writer.close()

    def failed(self, run: Any, error: BaseException) -> None:
        if self.writer is None:  # the run has failed before its start
            return
        self.writer.add_text("failed", f"{type(error).__name__}: {error}".rstrip(": "), self.last_epoch)
        # The HParams page keeps the first end status, so an interrupted run, which may be resumed, gets none.
        if not isinstance(error, KeyboardInterrupt):
            self.writer.file_writer.add_summary(_session_end("STATUS_FAILURE"))
        self.writer.close()

    def _scalars(self, numbers: dict[str, float]) -> None:
        for name, value in numbers.items():
            self.writer.add_scalar(name, value, self.last_epoch)

    def _report(self, result: dict[str, Any], numbers: dict[str, float]) -> str:
        best = result.get("best") or {}
        rows: dict[str, object] = {"status": result.get("status"), "best epoch": best.get("epoch")}
        if result.get("stop_reason"):
            rows["stopped because"] = result["stop_reason"]
        return table({**rows, **numbers, "report": self.folder.absolute() / "report.html"})


def _session_start(job: dict[str, Any]) -> Any:
    """Job for the HParams page, without a list of columns, so that the page derives the columns from all runs."""
    from tensorboard.plugins.hparams import metadata, plugin_data_pb2

    started = plugin_data_pb2.SessionStartInfo(start_time_secs=time.time())
    for name, value in job.items():
        kind = "bool" if isinstance(value, bool) else "string" if isinstance(value, str) else "number"
        setattr(started.hparams[name], f"{kind}_value", value)
    return _hparams(metadata.SESSION_START_INFO_TAG, session_start_info=started)


def _session_end(status: str) -> Any:
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    ended = plugin_data_pb2.SessionEndInfo(status=api_pb2.Status.Value(status), end_time_secs=time.time())
    return _hparams(metadata.SESSION_END_INFO_TAG, session_end_info=ended)


def _hparams(tag: str, **content: Any) -> Any:
    """Create a summary for the HParams page; tensorboard's own functions for it import TensorFlow."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata, plugin_data_pb2

    about = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(**content))
    return Summary(value=[Summary.Value(tag=tag, metadata=about, tensor=metadata.NULL_TENSOR)])


def _pixels(png: bytes) -> Any:
    """Decode a PNG to uint8 (H, W, 3)."""
    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def _code(path: Path) -> str:
    """Format a file as a Markdown code block, indented by four spaces."""
    text = path.read_text("utf-8") if path.is_file() else "(not written)"
    rest = f"\n… the rest is in {path}" if len(text) > _MOST_TEXT else ""
    return "\n".join(f"    {line}" for line in (text[:_MOST_TEXT] + rest).splitlines())
