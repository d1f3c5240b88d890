"""MLflow tracker: each run of the zoo is an MLflow run, in an experiment named after the dataset."""

from __future__ import annotations

import os
import re
import shlex
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo_track.flat import dataset_name, epoch_numbers, final_numbers, parameters
from zoo_track.memory import read, remember, without_secrets
from zoo_track.tracking import RunTracker, need

__all__ = ["MLflow", "local_store", "view"]

_ARTIFACTS = ("job.yaml", "result.json", "report.html")
_PARAMS_AT_ONCE, _NAME_CHARACTERS, _PARAM_CHARACTERS, _TAG_CHARACTERS = 100, 250, 6000, 8000  # MLflow's limits
_LOCK_S = 60.0
_ENVIRONMENT = {
    "MLFLOW_LOGGING_LEVEL": "WARNING",  # otherwise it logs each step of creating its database
    "MLFLOW_DISABLE_TELEMETRY": "true",  # users of `zoo run` have not consented to telemetry
    # Give up on an unreachable server after seconds instead of minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


def local_store(runs: Path) -> Path:
    """Folder with MLflow's database and artifacts, next to the runs; no run's name starts with a dot."""
    return runs.absolute() / ".mlflow"


def _sqlite(path: Path) -> str:
    """Convert a path to SQLAlchemy's URL, in which ``?`` starts a query and ``%`` an escape."""
    return f"sqlite:///{str(path).replace('%', '%25').replace('?', '%3F')}"


def _name(name: str) -> str:
    """Convert a name to MLflow's restrictions; it rejects a whole batch with an invalid character such as ``@``."""
    return re.sub(r"[^\w\-. :/]", "_", name)[:_NAME_CHARACTERS]


def view(uri: str) -> str:
    """Command or address to view a store."""
    if uri.startswith(("http://", "https://")):
        return uri
    return f"mlflow ui --backend-store-uri {shlex.quote(uri)}"


class MLflow(RunTracker):
    """Log to a tracking server, or to a SQLite file next to the runs.

    Args:
        uri: URI of the tracking server or store; by default the value of MLFLOW_TRACKING_URI, or the file next to the
            runs. job.yaml records it: give a server's password by MLFLOW_TRACKING_URI or MLFLOW_TRACKING_PASSWORD.
        experiment: name of the experiment; by default that of the dataset.
    """

    title = "MLflow"

    def __init__(self, folder: Path, uri: str | None = None, experiment: str | None = None) -> None:
        uri = uri or os.environ.get("MLFLOW_TRACKING_URI")
        # A server needs only MLflow's client, a store of its own also a database.
        is_served = bool(uri) and not str(uri).startswith("sqlite")
        need("mlflow", "mlflow", *(() if is_served else ("sqlalchemy", "alembic")))
        self.folder, self.experiment = folder, experiment
        self.store = None if uri else local_store(folder.parent)
        self.uri = uri or _sqlite(local_store(folder.parent) / "mlflow.db")
        self.shown_uri = without_secrets(self.uri)
        self.client: Any = None
        self.run_id = ""

    def where(self) -> str:
        return f"MLflow: run {self.folder.name!r} in {self.shown_uri}\nSee it: {view(self.shown_uri)}"

    def started(self, run: Any) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self.client = self._open()
        if not self._continue():
            self._begin(run)

    def _open(self) -> Any:
        """Create the client; with a lock, as MLflow can't create its tables in two processes at once."""
        from mlflow import MlflowClient

        if self.store is None:
            return MlflowClient(tracking_uri=self.uri)
        from filelock import FileLock

        self.store.mkdir(exist_ok=True)
        with FileLock(str(self.store / "mlflow.db.lock"), timeout=_LOCK_S):
            client = MlflowClient(tracking_uri=self.uri)
            client.search_experiments(max_results=1)
        return client

    def _continue(self) -> bool:
        """Continue the MLflow run of a resumed run, if it still exists."""
        from mlflow.exceptions import MlflowException

        before = read(self.folder).get("mlflow", {})
        if before.get("uri") != self.shown_uri:
            return False
        try:
            found = self.client.get_run(before["run_id"])
        except MlflowException:  # it was deleted: create a new one
            return False
        if found.info.lifecycle_stage != "active":
            return False
        self.run_id = before["run_id"]
        self.client.update_run(self.run_id, status="RUNNING")
        return True

    def _begin(self, run: Any) -> None:
        from mlflow.entities import Param

        experiment = self._experiment(self.experiment or dataset_name(run))
        tags = {"zoo.dir": str(self.folder.absolute()), "zoo.architecture": str(run.model.get("id"))}
        if run.notices:
            tags["mlflow.note.content"] = "\n\n".join(run.notices)[:_TAG_CHARACTERS]  # the run's description
        self.run_id = self.client.create_run(experiment, run_name=run.name, tags=tags).info.run_id
        remember(self.folder, "mlflow", {"uri": self.shown_uri, "run_id": self.run_id})
        params = [Param(_name(name), str(value)[:_PARAM_CHARACTERS]) for name, value in parameters(run).items()]
        for i in range(0, len(params), _PARAMS_AT_ONCE):
            self.client.log_batch(self.run_id, params=params[i : i + _PARAMS_AT_ONCE])

    def _experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(name)
        if found is None:
            place = None if self.store is None else (self.store / "artifacts").as_uri()
            try:
                return str(self.client.create_experiment(name, artifact_location=place))
            except MlflowException:
                found = self.client.get_experiment_by_name(name)  # a concurrent run may have created it
                if found is None:
                    raise
        return str(found.experiment_id)

    def epoch(self, record: dict[str, Any]) -> None:
        self._metrics(epoch_numbers(record), int(record["epoch"]))

    def _metrics(self, numbers: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self.client.log_batch(
            self.run_id, metrics=[Metric(_name(name), value, now, step) for name, value in numbers.items()]
        )

    def ended(self, run: Any, result: dict[str, Any], pictures: dict[str, bytes]) -> None:
        try:
            self._metrics(final_numbers(result), len(result["epochs"]))
            self._tags({"zoo.status": result.get("status"), "zoo.stop_reason": result.get("stop_reason")})
            self._artifacts(pictures)
        finally:  # never leave the MLflow run marked as running
            self.client.set_terminated(self.run_id, "FINISHED")

    def failed(self, run: Any, error: BaseException) -> None:
        if not self.run_id:  # the run has failed before its start
            return
        killed = isinstance(error, KeyboardInterrupt)
        try:
            self._tags({"zoo.status": "interrupted" if killed else "failed"})
            self._tags({"zoo.error": None if killed else f"{type(error).__name__}: {error}"})
            self._artifacts({})
        finally:
            self.client.set_terminated(self.run_id, "KILLED" if killed else "FAILED")

    def _tags(self, tags: Mapping[str, object]) -> None:
        for name, value in tags.items():
            if value is not None:
                self.client.set_tag(self.run_id, name, str(value)[:_TAG_CHARACTERS])

    def _artifacts(self, pictures: Mapping[str, bytes]) -> None:
        for path in (self.folder / name for name in _ARTIFACTS):
            if path.is_file():
                self.client.log_artifact(self.run_id, str(path))
        with tempfile.TemporaryDirectory() as folder:
            for split, png in pictures.items():
                path = Path(folder) / f"confusion_matrix_{split}.png"
                path.write_bytes(png)
                self.client.log_artifact(self.run_id, str(path))
