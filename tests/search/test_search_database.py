"""The search shared by many processes through PostgreSQL, which the test starts on loopback."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from postgres import programs, server
from scalec.diagnostics.exit_codes import DONE, NO_ACCESS
from searching import calls, prepare, search, start

optuna = pytest.importorskip("optuna")
pytest.importorskip("psycopg")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(programs() is None, reason="needs Debian's package postgresql"),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with server() as url:
        yield url


def worker(folder: Path, url: str, idle: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "scalec", "search", "worker", "--storage", url, "--accuracy", "trainer:accuracy"]
    own = folder / f"store{time.monotonic_ns()}"
    return subprocess.Popen(
        [*command, "--idle", str(idle), "--heartbeat", "1", "--store", str(own)], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def trials(url: str) -> list[tuple[str, str]]:
    """Give key and state of each trial in the database."""
    storage = optuna.storages.RDBStorage(url)
    studies = (storage.get_study_id_from_name(name) for name in optuna.get_all_study_names(storage))
    found = [trial for study in studies for trial in storage.get_all_trials(study)]
    made_up = [trial for trial in found if "key" not in trial.user_attrs]  # where two workers wanted the last one
    assert {trial.state.name for trial in made_up} <= {"FAIL"}
    return [(trial.user_attrs["key"], trial.state.name) for trial in found if trial not in made_up]


def test_four_workers_and_one_is_killed(tmp_path: Path, url: str) -> None:
    alone = tmp_path / "alone"
    prepare(alone)
    assert search(alone)[0] == DONE
    together = tmp_path / "together"
    prepare(together, {"slow": 0.5})
    driver = start(together, "--storage", url, "--heartbeat", "1")
    workers = [worker(together, url, 15) for _ in range(3)]
    end = time.monotonic() + 60
    while calls(together) < 6 and time.monotonic() < end:
        time.sleep(0.05)
    workers[0].kill()
    workers[0].communicate()
    _, err = driver.communicate(timeout=240)
    assert driver.returncode == DONE, err
    for each in workers[1:]:
        said = each.communicate(timeout=120)
        assert each.returncode == DONE, said
    result = (together / "small.search-result.json").read_text(encoding="utf-8")
    assert result == (alone / "small.search-result.json").read_text(encoding="utf-8")
    found = trials(url)
    done = [key for key, state in found if state == "COMPLETE"]
    assert len(done) == len(set(done)) == 30, "every candidate exactly once"
    assert {state for _, state in found} == {"COMPLETE", "FAIL"}, "what the killed worker ran was begun anew"
    before = calls(together)
    assert search(together, "--storage", url)[0] == DONE
    assert calls(together) == before, "a rerun is free"


def test_a_worker_is_killed_before_its_first_sign_of_life(tmp_path: Path) -> None:
    """It has taken a trial, and nothing more: without an end to it the driver would wait for ever."""
    prepare(tmp_path, {"slow": 0.1})
    with server() as url:
        driver = start(tmp_path, "--storage", url, "--heartbeat", "1", "--finalists", "0")
        end = time.monotonic() + 60
        while calls(tmp_path) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        storage = optuna.storages.RDBStorage(url)
        taken = optuna.load_study(study_name=optuna.get_all_study_names(storage)[0], storage=storage).ask()
        _, err = driver.communicate(timeout=120)
        assert driver.returncode == DONE, err
        found = trials(url)
    assert (taken.user_attrs["key"], "FAIL") in found, "it was missed"
    assert sum(state == "COMPLETE" for _, state in found) == 15 + 3


def test_a_worker_with_another_trainer_takes_nothing(tmp_path: Path, url: str) -> None:
    prepare(tmp_path, {"slow": 1})
    (tmp_path / "trainer.py").write_text((tmp_path / "trainer.py").read_text() + "# another\n", encoding="utf-8")
    other = tmp_path / "other"
    prepare(other)
    driver = start(tmp_path, "--storage", url)
    waiting = worker(other, url, 3)
    _, err = waiting.communicate(timeout=60)
    assert "passed over: a search by trainer:accuracy, not as it is here" in err
    assert calls(other) == 0
    driver.terminate()
    driver.communicate(timeout=60)


def test_the_server_goes_away(tmp_path: Path) -> None:
    prepare(tmp_path, {"slow": 0.3})
    with server() as url:
        driver = start(tmp_path, "--storage", url)
        end = time.monotonic() + 60
        while calls(tmp_path) < 3 and time.monotonic() < end:
            time.sleep(0.05)
    _, err = driver.communicate(timeout=60)
    assert driver.returncode == NO_ACCESS
    assert err.splitlines()[-1].startswith("scalec: the database went away"), err
    assert "Traceback" not in err


def test_no_such_server_is_an_error_without_the_password(tmp_path: Path) -> None:
    prepare(tmp_path)
    code, _, err = search(tmp_path, "--storage", "postgresql+psycopg://me:secret@127.0.0.1:9/none")
    assert code == NO_ACCESS
    assert err.startswith("scalec: the database cannot be used: ") and err.count("\n") == 1
    assert "secret" not in err
