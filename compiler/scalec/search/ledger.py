"""The queue of trials and their results, in Optuna. Each trial is added with its own key, and Optuna samples nothing.

The module prevents three problems with Optuna: `ask` on an empty queue invents a trial, two drivers may add the same
trial, and a machine that was considered lost may still report a result.
"""

import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from scalec.record import record
from scalec.search.contract import CONTRACT
from scalec.search.trial import FINAL, Ended

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial, Trial

_PREFIX = f"scalec-{CONTRACT}-"
_ATTEMPT = "attempt"
_VOUCHED = "vouched"
"""The number of a trial of which somebody else has given a sign of life; a copy of it, begun anew, has another."""


@record
class Task:
    """A network and a seed to measure: all that a machine needs to know, but for the source."""

    key: str
    """The hash of everything that the figure depends on."""
    name: str
    text: str
    network: str
    input: tuple[int, int, int]
    seed: int
    split: str

    def told(self, text: str) -> dict[str, Any]:
        """Return what is kept with the trial; `text` stands for the emitted file."""
        return {
            "key": self.key, "name": self.name, "text": text, "network": self.network, "input": list(self.input),
            "seed": self.seed, "split": self.split,
        }  # fmt: skip


@record
class Claim:
    """A trial that this process has taken."""

    trial: "Trial"
    task: Task
    attempt: int


class Ledger:
    """One study: the trials of one call of the engine, under one source."""

    def __init__(self, storage: "BaseStorage", name: str) -> None:
        """Open a study, or make it."""
        import optuna

        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        warnings.filterwarnings("ignore", message="Heartbeat of storage is supposed to be used")
        self.storage = storage
        self.study = optuna.create_study(
            storage=storage, study_name=name, direction="maximize", load_if_exists=True,
            sampler=optuna.samplers.RandomSampler(seed=0),
        )  # fmt: skip

    def is_of(self, identity: str) -> bool:
        """Return whether its figures are those of a source."""
        return self.study.study_name.startswith(f"{_PREFIX}{identity[:16]}-")

    # What is known

    def ended(self, wanted: Iterable[str]) -> dict[str, Ended]:
        """Return by key what came of trials of this study: the figure of the first that has one, or else the last."""
        return _ended(self.study.get_trials(deepcopy=False), set(wanted))

    def open(self) -> list["FrozenTrial"]:
        """Return the trials that wait or run, on whatever machine. One that Optuna has made up is none of them."""
        from optuna.trial import TrialState

        found = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING, TrialState.RUNNING))
        return [trial for trial in found if "key" in trial.user_attrs]

    # The queue

    def queue(self, tasks: Iterable[Task], share_texts: bool) -> None:
        """Enqueue what neither waits, runs nor is known. Others can run it if they are given the emitted texts."""
        from scalec.search.source import digest_of

        waiting = {trial.user_attrs.get("key") for trial in self.open()}
        shared = self.study.user_attrs
        for task in tasks:
            if task.key in waiting:
                continue
            digest = digest_of(task.text)
            if share_texts and f"text:{digest}" not in shared:
                self.study.set_user_attr(f"text:{digest}", task.text)
                shared[f"text:{digest}"] = task.text
            self._enqueue(task.told(digest), 0)

    def _enqueue(self, told: Mapping[str, Any], attempt: int) -> None:
        self.study.enqueue_trial({"key": told["key"]}, user_attrs={**told, _ATTEMPT: attempt})

    def abandon(self) -> None:
        """Fail the trials that a driver left running which is no more; only who has the store to himself may."""
        from optuna.trial import TrialState

        for trial in self.open():
            if trial.state == TrialState.RUNNING:
                self.study.tell(trial.number, state=TrialState.FAIL)

    def claim(self, texts: Mapping[str, str]) -> Claim | None:
        """Take a trial that waits; nothing if there is none. `texts` are emitted files by key, if known here."""
        import optuna
        from optuna.trial import TrialState

        optuna.storages.fail_stale_trials(self.study)
        self._vouch()
        while any(trial.state == TrialState.WAITING for trial in self.open()):
            trial = self.study.ask()
            told = trial.user_attrs
            if "key" not in told or self._is_double(trial, told["key"]):
                self.study.tell(trial, state=TrialState.FAIL)
                continue
            text = texts.get(told["key"]) or self.study.user_attrs[f"text:{told['text']}"]
            channels, height, width = told["input"]
            given = {name: told[name] for name in ("key", "name", "network", "seed", "split")}
            return Claim(trial, Task(**given, text=text, input=(channels, height, width)), told[_ATTEMPT])
        return None

    def _vouch(self) -> None:
        """Return a first sign of life of trials that run elsewhere, once of each: from then on Optuna misses the next.

        It never misses one of which there was none: whoever is killed before the first would keep the trial for ever.
        """
        import optuna
        from optuna.storages import RDBStorage
        from optuna.trial import TrialState

        storage = self._backend
        if not isinstance(storage, RDBStorage):
            return
        for trial in self.open():
            if trial.state == TrialState.RUNNING and trial.user_attrs.get(_VOUCHED) != trial.number:
                storage.record_heartbeat(trial._trial_id)
                with suppress(optuna.exceptions.UpdateFinishedTrialError):
                    storage.set_trial_user_attr(trial._trial_id, _VOUCHED, trial.number)

    @property
    def _backend(self) -> "BaseStorage":
        """The storage itself, where Optuna has put a cache before it."""
        backend: BaseStorage = getattr(self.storage, "_backend", self.storage)
        return backend

    def _is_double(self, trial: "Trial", key: str) -> bool:
        """Return whether an earlier trial runs or has run with the same key: two drivers enqueued it."""
        from optuna.trial import TrialState

        earlier = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.COMPLETE))
        return any(each.user_attrs.get("key") == key and each.number < trial.number for each in earlier)

    # What came of it

    def settle(self, claim: Claim, ended: Ended, again: bool = False) -> bool:
        """Write down how a trial ended, and enqueue it once more if asked to; tell whether it was still ours."""
        import optuna
        from optuna.trial import TrialState

        try:
            claim.trial.set_user_attr("ended", {"state": ended.state, "report": dict(ended.report)})
            if ended.state == "complete":
                self.study.tell(claim.trial, ended.accuracy)
            else:
                self.study.tell(claim.trial, state=TrialState.FAIL)
        except (optuna.exceptions.UpdateFinishedTrialError, ValueError):
            return False  # we were silent for too long, and another machine has it
        if again:
            self._enqueue({**claim.trial.user_attrs, "ended": None}, claim.attempt + 1)
        return True

    def beat(self, claims: Iterable[Claim]) -> None:
        """Return a sign of life of the trials that run here."""
        from optuna.storages import RDBStorage

        storage = self._backend
        if isinstance(storage, RDBStorage):
            for claim in claims:
                storage.record_heartbeat(claim.trial._trial_id)


def study_name(identity: str, keys: Iterable[str]) -> str:
    """Name a study after the source and what is to be measured."""
    from scalec.search.source import digest_of

    return f"{_PREFIX}{identity[:16]}-{digest_of(sorted(keys))[:16]}"


def known(storage: "BaseStorage", identity: str, wanted: Iterable[str]) -> dict[str, Ended]:
    """Return by key what came of trials in any study of a source."""
    keys, found = set(wanted), dict[str, Ended]()
    for name in names(storage, identity):
        study_id = storage.get_study_id_from_name(name)
        for key, ended in _ended(storage.get_all_trials(study_id, deepcopy=False), keys).items():
            if key not in found or found[key].state not in FINAL:
                found[key] = ended
    return found


def all_names(storage: "BaseStorage") -> list[str]:
    """Name the studies of every source."""
    import optuna

    return sorted(name for name in optuna.get_all_study_names(storage) if name.startswith(_PREFIX))


def names(storage: "BaseStorage", identity: str) -> list[str]:
    """Name the studies of a source."""
    start = f"{_PREFIX}{identity[:16]}-"
    return [name for name in all_names(storage) if name.startswith(start)]


def _ended(trials: Iterable["FrozenTrial"], wanted: set[str]) -> dict[str, Ended]:
    found: dict[str, Ended] = {}
    for trial in trials:
        key, said = trial.user_attrs.get("key"), trial.user_attrs.get("ended")
        if key not in wanted or not said or not trial.state.is_finished():
            continue
        if key in found and found[key].state in FINAL:
            continue
        accuracy = trial.value if said["state"] == "complete" else None
        if said["state"] != "complete" or accuracy is not None:
            found[key] = Ended(said["state"], accuracy, said["report"])
    return found
