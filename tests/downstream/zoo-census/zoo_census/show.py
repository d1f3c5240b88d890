"""A display that writes to a file, for jobs that nobody watches."""

import os

from zoo.api.running import Observer


class LogDisplay:
    """Active where CENSUS_LOG names a file."""

    def active(self):
        return bool(os.environ.get("CENSUS_LOG"))

    def observer(self):
        return LogObserver(os.environ["CENSUS_LOG"])

    def html(self, result):
        return f"<p>{result.dir.name}</p>"

    def show(self, result):
        say(os.environ["CENSUS_LOG"], f"shown {result.dir.name}")


class LogObserver(Observer):
    def __init__(self, file):
        self.file = file

    def started(self, run):
        say(self.file, f"started {run.name}: {len(run.classes)} classes")

    def epoch_ended(self, record):
        say(self.file, f"epoch {record.epoch}: {record.val.accuracy:.3f}")

    def notice(self, text):
        say(self.file, f"notice: {text}")

    def ended(self, run, result):
        say(self.file, f"ended {run.name}: {result.status}")

    def failed(self, run, error):
        say(self.file, f"failed: {error}")


def say(file, text):
    with open(file, "a", encoding="utf-8") as lines:
        lines.write(text + "\n")
