"""The search when things break: each fault ends in a clear state, and the same command then gives the same table."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scalec.diagnostics.exit_codes import DONE, INTERRUPTED, NO_ACCESS, WRONG_INPUT
from searching import calls, plan, prepare, result, search, start

optuna = pytest.importorskip("optuna")
TRIALS = 5 * 3 + 4 * 3 + 3
"""Networks × seeds, finalists × seeds, and the winner on the test set."""


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the result of a run in which nothing breaks."""
    folder = tmp_path_factory.mktemp("undisturbed")
    prepare(folder)
    code, _, err = search(folder, "--jobs", "2")
    assert code == DONE, err
    assert calls(folder) == TRIALS
    return (folder / "small.search-result.json").read_text(encoding="utf-8")


def same_as_ever(folder: Path, undisturbed: str, *options: str) -> None:
    """Run the same command once more, with nothing in its way."""
    plan(folder, {})
    code, _, err = search(folder, "--jobs", "2", *options)
    assert code == DONE, err
    assert (folder / "small.search-result.json").read_text(encoding="utf-8") == undisturbed


def wait_for(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


def alive(folder: Path) -> list[int]:
    """Give the processes that work in a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                inside = os.readlink(entry / "cwd") == str(folder)
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if inside and state != "Z":
                found.append(int(entry.name))
    return found


SLOW = pytest.mark.slow  # not one of them by itself, but together they take minutes


@SLOW  # tests/search/test_search.py has one by default
def test_a_rerun_is_free(tmp_path: Path, undisturbed: str) -> None:
    prepare(tmp_path)
    same_as_ever(tmp_path, undisturbed)
    same_as_ever(tmp_path, undisturbed)
    assert calls(tmp_path) == TRIALS


@pytest.mark.parametrize("what", ["kill", pytest.param("raise", marks=SLOW), pytest.param("exit", marks=SLOW)])
def test_an_accident_is_made_good_in_the_same_run(what: str, tmp_path: Path, undisturbed: str) -> None:
    prepare(tmp_path, {"3": what, "20": what})
    code, _, err = search(tmp_path, "--jobs", "2")
    assert code == DONE, err
    assert (tmp_path / "small.search-result.json").read_text(encoding="utf-8") == undisturbed
    assert calls(tmp_path) == TRIALS + 2


@pytest.mark.parametrize(
    ("what", "said"),
    [
        pytest.param("kill", "killed (ended by SIGKILL)", marks=SLOW),
        pytest.param("raise", "failed (RuntimeError: no such luck)", marks=SLOW),
        pytest.param("exit", "nothing (it left no response)", marks=SLOW),
        pytest.param("memory", "memory (MemoryError: DefaultCPUAllocator: can't allocate memory)", marks=SLOW),
        pytest.param("garbage", 'garbage (`accuracy` is "very good", not a number)', marks=SLOW),
        pytest.param("percent", "garbage (`accuracy` is 87.5, not a fraction from 0 to 1)", marks=SLOW),
        pytest.param("nan", "nan (the accuracy is no number)", marks=SLOW),
    ],
)
def test_what_lasts_is_called_what_it_is(what: str, said: str, tmp_path: Path, undisturbed: str) -> None:
    """Without a second attempt the candidate has no rank, and all others have theirs."""
    prepare(tmp_path, {"0": what})
    code, out, err = search(tmp_path, "--retries", "0")
    assert code == DONE, err
    assert said in out
    first = result(tmp_path)["ranking"]["candidates"]
    expected = json.loads(undisturbed)["ranking"]["candidates"]
    assert [each.get("failed") for each in first] == [said.split(" ", maxsplit=1)[0], None, None, None, None]
    assert [each["accuracy"] for each in first[1:]] == [each["accuracy"] for each in expected[1:]]
    before = calls(tmp_path)
    if what == "nan":  # that is what came of it: it is not tried again
        plan(tmp_path, {})
        assert search(tmp_path, "--retries", "0")[0] == DONE
        assert calls(tmp_path) == before
    else:
        same_as_ever(tmp_path, undisturbed)


def test_a_trainer_that_hangs_is_ended(tmp_path: Path, undisturbed: str) -> None:
    prepare(tmp_path, {"1": "hang"})
    code, out, err = search(tmp_path, "--timeout", "2")
    assert code == DONE, err
    assert "timeout (it took longer than --timeout)" in out
    assert not alive(tmp_path)
    same_as_ever(tmp_path, undisturbed)


@SLOW
def test_nothing_is_written_where_nothing_could_be_trained(tmp_path: Path) -> None:
    prepare(tmp_path, {"all": "raise"})
    code, out, err = search(tmp_path, "--jobs", "2")
    assert code == WRONG_INPUT
    assert not out
    assert "no candidate could be trained with every seed; what they printed is in .scalec/search/logs" in err
    assert not (tmp_path / "small.search-result.json").exists()
    logs = list((tmp_path / ".scalec" / "search" / "logs").iterdir())
    assert len(logs) == 15 and "no such luck" in logs[0].read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_the_driver_is_killed(tmp_path: Path, undisturbed: str) -> None:
    prepare(tmp_path, {"slow": 0.3})
    process = start(tmp_path, "--jobs", "2")
    wait_for(lambda: calls(tmp_path) >= 5)
    process.kill()
    process.communicate()
    wait_for(lambda: not alive(tmp_path))
    finished = len((tmp_path / "done").read_text().splitlines())
    before = calls(tmp_path)
    same_as_ever(tmp_path, undisturbed)
    # At most what ran just then, at two places, is done twice.
    assert TRIALS - finished <= calls(tmp_path) - before <= TRIALS - finished + 2
    assert finished >= 3


def test_what_a_trial_has_started_ends_with_the_driver(tmp_path: Path) -> None:
    """As the workers of torchrun, which the kernel does not end with the driver."""
    prepare(tmp_path, {"0": "grandchild"})
    process = start(tmp_path)
    wait_for((tmp_path / "hung").is_file)
    assert len(alive(tmp_path)) == 4, "the driver, its guard, a trial, and what that has started"
    process.kill()
    process.communicate()
    wait_for(lambda: not alive(tmp_path))


@SLOW
def test_the_journal_has_a_torn_last_line(tmp_path: Path, undisturbed: str) -> None:
    prepare(tmp_path, {"slow": 0.2})
    process = start(tmp_path)
    wait_for(lambda: calls(tmp_path) >= 4)
    process.kill()
    process.communicate()
    with (tmp_path / ".scalec" / "search" / "journal.log").open("ab") as file:
        file.write(b'{"op_code":6,"worker_id":"3f')
    same_as_ever(tmp_path, undisturbed)


@SLOW
def test_a_lock_of_the_journal_that_nobody_holds_costs_no_time(tmp_path: Path, undisturbed: str) -> None:
    prepare(tmp_path)
    folder = tmp_path / ".scalec" / "search"
    folder.mkdir(parents=True)
    (folder / "journal.log.lock").symlink_to("journal.log")
    started = time.monotonic()
    same_as_ever(tmp_path, undisturbed)
    assert time.monotonic() - started < 25, "Optuna would wait 30 s for it"


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    prepare(tmp_path)
    folder = tmp_path / ".scalec" / "search"
    folder.mkdir(parents=True)
    (folder / "journal.log").write_bytes(b'{"op_code":0,"wor\n{"op_code":0}\n')
    code, _, err = search(tmp_path)
    assert code == NO_ACCESS
    assert "journal.log is damaged" in err and "Traceback" not in err


@pytest.mark.parametrize("most", [12_000, pytest.param(30_000, marks=SLOW)])
def test_the_disk_is_full(most: int, tmp_path: Path, undisturbed: str) -> None:
    """No file may grow beyond a limit, and so the journal cannot: the search stops, and says so."""
    prepare(tmp_path)
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))  # noqa: E731
    code, _, err = search(tmp_path, "--jobs", "2", preexec_fn=limit)
    assert code == NO_ACCESS, err
    assert "File too large" in err and "Traceback" not in err
    assert not alive(tmp_path)
    assert not (tmp_path / "small.search-result.json").exists()
    same_as_ever(tmp_path, undisturbed)


@SLOW
def test_two_drivers_at_once(tmp_path: Path, undisturbed: str) -> None:
    prepare(tmp_path, {"slow": 0.1})
    process = start(tmp_path)
    wait_for(lambda: calls(tmp_path) >= 1)
    code, _, err = search(tmp_path)
    assert code == NO_ACCESS
    assert err == f"scalec: another search (process {process.pid}) is using .scalec/search\n"
    process.communicate(timeout=60)
    assert process.returncode == DONE
    assert (tmp_path / "small.search-result.json").read_text(encoding="utf-8") == undisturbed
    assert calls(tmp_path) == TRIALS


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=SLOW)])
def test_it_stops_when_asked_to(number: signal.Signals, tmp_path: Path, undisturbed: str) -> None:
    prepare(tmp_path, {"2": "hang"})
    process = start(tmp_path)
    wait_for((tmp_path / "hung").is_file)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == INTERRUPTED
    assert not out
    said, last = err.splitlines()[:-1], err.splitlines()[-1]
    assert [line[:11] for line in said] == ["0 of 15 tri", "1 of 15 tri", "2 of 15 tri"], "how far it was"
    assert last == "scalec: stopped; what has ended is kept, and the same command goes on from there"
    assert not alive(tmp_path)
    before = calls(tmp_path)
    same_as_ever(tmp_path, undisturbed)
    assert calls(tmp_path) - before == TRIALS - 2


@SLOW
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare, of Linux")
def test_no_network_is_needed(tmp_path: Path, undisturbed: str) -> None:
    alone = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("the system does not allow it")
    prepare(tmp_path)
    command = [sys.executable, "-m", "scalec", "search", "small.scl", "--accuracy", "trainer:accuracy", "--jobs", "2"]
    run = subprocess.run([*alone, *command], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == DONE, run.stderr
    assert (tmp_path / "small.search-result.json").read_text(encoding="utf-8") == undisturbed
