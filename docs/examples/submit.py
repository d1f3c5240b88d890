"""zoo run through submitit: python submit.py simple_cnn webdataset --data /data/shards

submitit (MIT) writes the batch script, sends the job, and sends it again when its time is over: pip install submitit
"""

import subprocess
import sys

import submitit


class Run:
    """One run; each task is one of its processes."""

    def __init__(self, words: list[str]):
        self.words = words

    def __call__(self) -> int:
        submitit.helpers.TorchDistributedEnvironment().export()  # RANK, WORLD_SIZE, MASTER_ADDR …
        name = f"slurm-{submitit.JobEnvironment().job_id.split('_')[0]}"
        return subprocess.run(["zoo-run", *self.words, "--name", name, "--resume"], check=True).returncode

    def checkpoint(self) -> submitit.helpers.DelayedSubmission:
        """Called when the time is nearly over: the same again, which resumes."""
        return submitit.helpers.DelayedSubmission(self)


if __name__ == "__main__":
    executor = submitit.AutoExecutor(folder="slurm")
    executor.update_parameters(
        nodes=4, tasks_per_node=8, gpus_per_node=8, cpus_per_task=8, timeout_min=720, slurm_signal_delay_s=120
    )
    sys.stdout.write(f"{executor.submit(Run(sys.argv[1:])).job_id}\n")
