"""Runs trials as jobs of a Slurm cluster, through submitit. All nodes must see the folder of the store."""

import os
from collections.abc import Mapping
from typing import Any

from scalec.search.source import Source
from scalec.search.trial import Ended, Files

_A_DAY = 24 * 60  # minutes


class SlurmTrial:
    """A job: `--timeout` is its limit, and the cluster's scheduler ends it."""

    def __init__(
        self, files: Files, source: Source, environment: Mapping[str, str], timeout: float | None, gpus: int,
        cluster: str = "slurm",
    ) -> None:  # fmt: skip
        """Submit it. `cluster` is `slurm`, or in tests `local`. Raises `OSError`."""
        import submitit

        self.files = files
        executor = submitit.AutoExecutor(folder=files.folder / "job", cluster=cluster)
        minutes = _A_DAY if timeout is None else max(1, round(timeout / 60 + 0.5))
        options: dict[str, Any] = {"name": "scalec-search", "timeout_min": minutes}
        if gpus:
            options["gpus_per_node"] = 1
        if cluster == "slurm":
            options["slurm_cpus_per_task"] = int(environment["OMP_NUM_THREADS"])
            if partition := os.environ.get("SCALEC_SLURM_PARTITION"):
                options["slurm_partition"] = partition
        executor.update_parameters(**options)
        passed = [f"{name}={value}" for name, value in environment.items() if name != "CUDA_VISIBLE_DEVICES"]
        words = ["env", *passed, *source.command(files.request, files.response)]
        try:
            self.job = executor.submit(submitit.helpers.CommandFunction(words, verbose=False))
        except submitit.core.utils.FailedJobError as error:
            raise OSError(None, f"Slurm refused the job: {error}") from None

    def poll(self) -> Ended | None:
        """Return how it ended, once it has."""
        if not self.job.done():
            return None
        error = self.job.exception()
        if error is None:
            return self.files.read(0)
        state = str(self.job.state).upper()
        said = [line.strip() for line in (self.job.stderr() or str(error)).splitlines() if line.strip()]
        last = said[-1][:300] if said else state
        if "TIMEOUT" in state:
            return Ended("timeout", report={"message": "Slurm ended it at its limit of time"})
        if "OUT_OF_ME" in state or "out of memory" in last or "MemoryError" in last:
            return Ended("memory", report={"message": last})
        return Ended("failed", report={"message": last})

    def kill(self) -> None:
        """Cancel the job."""
        self.job.cancel(check=False)

    def close(self) -> None:
        """Remove its files."""
        self.files.remove()
