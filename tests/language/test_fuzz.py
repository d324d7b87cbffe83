"""The fuzzer itself: a few inputs of each kind, the same ones each time, and that it sees what it is to see."""

import sys
import time

import pytest

import run
import watch
from mutants import MAKERS, statements, vocabulary
from scalec.diagnostics.diagnostic import CompileError


@pytest.mark.parametrize("kind", run.SHARES)
def test_a_few_of_each_kind(kind: str) -> None:
    tally = run.fuzz(kind, seed=3, count=20 if kind == "programs" else 200)
    assert not tally.faults or all("MiB" in fault for fault in tally.faults)  # PyTorch is loaded here
    assert tally.inputs >= 20 and tally.passed and tally.slowest < watch.MOST_SECONDS
    assert kind == "programs" or len(tally.codes) > 2


def test_an_input_is_named_for_ever() -> None:
    import random

    for kind, make in MAKERS.items():
        assert make(random.Random(f"{kind}:1:2")) == make(random.Random(f"{kind}:1:2"))
        assert len({make(random.Random(f"{kind}:1:{n}")) for n in range(50)}) > 30
    assert len(statements()) > 200 and len(vocabulary()) > 500


def crash(_: bytes) -> None:
    raise KeyError("c")


def hang_for_ever(_: bytes) -> None:
    while True:
        pass


def hang(_: bytes) -> None:
    start = time.process_time()
    while time.process_time() - start < 1.1 * watch.MOST_SECONDS:
        pass


def silent(_: bytes) -> None:
    raise CompileError([])


@pytest.mark.parametrize("bad", [crash, hang, hang_for_ever, silent])
def test_what_it_is_to_see(bad: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(watch, "MOST_SECONDS", 0.3)
    monkeypatch.setattr(watch, "MOST_MEBIBYTES", 1e9)
    monkeypatch.setattr(run, "parsed", bad)
    monkeypatch.setattr(sys, "argv", ["run.py", "--inputs", "2", "--kinds", "soup"])
    assert run.main() == 1
    assert "soup:1:0: " in capsys.readouterr().out
    monkeypatch.setattr(run, "parsed", watch.parsed)
    assert run.main() == 0


def test_too_much_memory_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MOST_MEBIBYTES", 1.0)
    tally = watch.Tally("soup")
    for _ in range(3):
        tally.watch("soup:1:1", b"let a = 1", watch.parsed)
    assert len(tally.faults) == 1 and "MiB" in tally.faults[0]
