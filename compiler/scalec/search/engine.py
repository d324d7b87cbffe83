"""Measures the accuracy of each network with each seed, once. It continues after a crash and reuses earlier results.

There is one driver with one thread. It takes trials from the ledger, watches their processes, and records their
results.
"""

import ast
import time
from collections.abc import Mapping, Sequence
from dataclasses import field

from scalec.record import record
from scalec.search.contract import CONTRACT, Request
from scalec.search.ledger import Claim, Ledger, Task, known, study_name
from scalec.search.progress import Progress
from scalec.search.reaper import Guard
from scalec.search.source import Source, digest_of
from scalec.search.store import Store
from scalec.search.trial import FINAL, RETRIED, Ended, Files, LocalTrial, Running

_PAUSE = 0.02
"""Seconds between two looks at the processes, at first; it grows while nothing happens."""
_LONGEST_PAUSE = 0.25


@record
class Point:
    """A network to measure."""

    name: str
    """What reports call it; nothing depends on it."""
    text: str
    """The emitted file."""
    network: str
    """The name of its class."""
    input: tuple[int, int, int]
    """Channels, height, width."""


@record
class Outcome:
    """What came of a point with a seed."""

    point: Point
    seed: int
    state: str
    """`complete`, or what it came to: see `trial.STATES`."""
    accuracy: float | None = None
    """A fraction; nothing unless complete."""
    report: Mapping[str, object] = field(default_factory=dict)
    """What else the trial said; or `message`, why there is no accuracy."""


@record
class Options:
    """How to run: nothing here changes what is found, but for `split`, and whether there are `gpus`."""

    jobs: int = 1
    threads: int = 1
    gpus: tuple[str, ...] = ()
    """Each as CUDA_VISIBLE_DEVICES has it; none: on the CPU."""
    timeout: float | None = None
    """Seconds for one trial."""
    retries: int = 1
    """How often a trial is begun anew whose process died, failed or left nothing."""
    split: str = "validation"
    progress: bool = False
    """Whether to show on standard error how far it is."""
    launcher: str = "local"
    """Where trials run: `local`, or `slurm`, through submitit."""

    @property
    def device(self) -> str:
        """What PyTorch calls the kind of device."""
        return "cuda" if self.gpus else "cpu"


def run(
    points: Sequence[Point], seeds: Sequence[int], source: Source, store: Store, options: Options | None = None
) -> list[Outcome]:
    """Measure every point with every seed; give the outcomes by point, then by seed, in the order given.

    What the store has already is not run again. Raises `store.Busy` if another driver has the store,
    `store.StoreError`, `OSError`, and `KeyboardInterrupt` once every process has ended.
    """
    options = options or Options()
    tasks = [(point, task_of(point, seed, source, options)) for point in points for seed in seeds]
    keys = {task.key for _, task in tasks}
    if not tasks:
        return []
    with store.opened() as storage:
        ended = known(storage, source.digest, keys)
        missing = {task.key: task for _, task in tasks if not _is_final(ended.get(task.key))}
        if missing:
            ledger = Ledger(storage, study_name(source.digest, keys))
            if store.url is None:
                ledger.abandon()
            else:
                share(ledger, source)
            ledger.queue(missing.values(), share_texts=store.url is not None)
            texts = {key: task.text for key, task in missing.items()}
            progress = Progress(len(keys), len(keys) - len(missing), options.progress)
            Driver(ledger, texts, source, store, options).run(progress)
            ended |= ledger.ended(missing)
    found = [(point, task, ended.get(task.key, Ended("interrupted"))) for point, task in tasks]
    return [Outcome(point, task.seed, each.state, each.accuracy, each.report) for point, task, each in found]


def share(ledger: Ledger, source: Source) -> None:
    """Tell the workers of other machines which source this study is measured with."""
    if "source" not in ledger.study.user_attrs:
        ledger.study.set_user_attr("source", {"name": source.name, "budget": dict(source.budget)})


def task_of(point: Point, seed: int, source: Source, options: Options) -> Task:
    """Make the task, its key being the hash of all that its figure depends on."""
    matters = {
        "contract": CONTRACT, "code": code_of(point.text), "network": point.network, "input": list(point.input),
        "seed": seed, "split": options.split, "device": options.device, "source": source.digest,
    }  # fmt: skip
    return Task(digest_of(matters), point.name, point.text, point.network, point.input, seed, options.split)


def code_of(text: str) -> str:
    """Return an emitted file without its head, which says where it is from: the same code is the same network."""
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return text
    documented = body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    start = body[0].end_lineno if documented else 0
    return "\n".join(text.split("\n")[start or 0 :])


def _is_final(ended: Ended | None) -> bool:
    return ended is not None and ended.state in FINAL


def launch(claim: Claim, source: Source, store: Store, options: Options, slot: int) -> Running:
    """Start the process of a trial. Raises `OSError`."""
    task = claim.task
    request = Request(
        "", task.network, task.input, task.seed, source.budget, source.data, task.split, options.threads,
        options.device, "",
    )  # fmt: skip
    files = Files.make(store.trials, task.text, request)
    threads = str(options.threads)
    environment = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "PYTHONDONTWRITEBYTECODE": "1"}
    if options.gpus:
        environment["CUDA_VISIBLE_DEVICES"] = options.gpus[slot % len(options.gpus)]
    if options.launcher == "slurm":
        from scalec.search.slurm import SlurmTrial

        return SlurmTrial(files, source, environment, options.timeout, len(options.gpus))
    return LocalTrial(files, source, environment, options.timeout)


class Driver:
    """Runs the trials of a ledger until none is left. `texts` are emitted files by key; others are in the database."""

    def __init__(
        self, ledger: Ledger, texts: Mapping[str, str], source: Source, store: Store, options: Options
    ) -> None:
        """Begin with nothing running."""
        self.ledger, self.texts, self.source, self.store, self.options = ledger, texts, source, store, options
        self.slots: dict[int, tuple[Claim, Running]] = {}
        self.beaten = time.monotonic()
        self.guard = Guard()

    def run(self, progress: Progress) -> None:
        """Go on until every trial has ended, on whatever machine. Raises `KeyboardInterrupt` when stopped."""
        pause = _PAUSE
        try:
            while True:
                moved = self._reap(progress) + self._fill()
                if not self.slots and not moved and not self.ledger.open():
                    return
                self._beat()
                progress.show(len(self.slots))
                pause = _PAUSE if moved else min(2 * pause, _LONGEST_PAUSE)
                time.sleep(pause)
        except BaseException:
            self._stop()
            raise
        finally:
            self.guard.close()
            progress.close()

    def _fill(self) -> int:
        """Take trials for the places that are free; count them."""
        taken = 0
        for slot in range(self.options.jobs):
            if slot in self.slots:
                continue
            claim = self.ledger.claim(self.texts)
            if claim is None:
                break
            self.ledger.beat([claim])  # at once: a trial that never gave a sign of life is never missed
            try:
                running = launch(claim, self.source, self.store, self.options, slot)
                self.slots[slot] = claim, running
                if isinstance(running, LocalTrial):
                    self.guard.watch(running.process.pid)
            except OSError:
                self.ledger.settle(claim, Ended("interrupted"))
                raise
            taken += 1
        return taken

    def _reap(self, progress: Progress) -> int:
        """Write down what has ended; count it."""
        done = 0
        for slot, (claim, running) in list(self.slots.items()):
            ended = running.poll()
            if ended is None:
                continue
            if isinstance(running, LocalTrial):
                self.guard.forget(running.process.pid)
            again = ended.state in RETRIED and claim.attempt < self.options.retries
            del self.slots[slot]
            self.ledger.settle(claim, ended, again)
            if ended.state not in FINAL and isinstance(running, LocalTrial):
                running.files.remove(self.store.logs / f"{claim.task.key[:16]}.txt")
            running.close()
            progress.ended(claim.task, ended, again)
            done += 1
        return done

    def _beat(self) -> None:
        if self.store.url is not None and time.monotonic() - self.beaten > self.store.heartbeat:
            self.beaten = time.monotonic()
            self.ledger.beat(claim for claim, _ in self.slots.values())

    def _stop(self) -> None:
        """End every process, and put what it ran back into the queue."""
        for _, running in self.slots.values():
            running.kill()
            if isinstance(running, LocalTrial):
                self.guard.forget(running.process.pid)
        for claim, running in self.slots.values():
            running.close()
            try:
                self.ledger.settle(claim, Ended("interrupted"), again=self.store.url is not None)
            except OSError:
                continue  # the disk is full: what runs is known to have been abandoned when the journal is next opened
        self.slots.clear()
