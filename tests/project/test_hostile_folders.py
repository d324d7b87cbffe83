"""Folders from strangers: nothing is read outside, nothing runs, nothing hangs."""

import os
import pickle
import subprocess
from pathlib import Path

import pytest

from scalec.commands.cli import main
from scalec.compiler import load, load_text
from scalec.diagnostics.diagnostic import CompileError, UsageError

SPEC = "network N <8, 8, 3> → <8, 8, 8> = Conv(3) → 8\n"


@pytest.mark.parametrize("target", ["/proc/self/environ", "/dev/zero", "/dev/stdin", "outside.scl"])
def test_a_link_out_of_a_folder_is_not_read(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("A_SECRET", "hunter2")
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "outside.scl").write_text("hunter2", encoding="utf-8")
    (folder / "net.scl").write_text(SPEC, encoding="utf-8")
    (folder / "inner.scl").symlink_to("net.scl")
    (folder / "env.scl").symlink_to(tmp_path / target if target == "outside.scl" else target)
    os.mkfifo(folder / "pipe.scl")
    assert main(["check", str(folder)]) == 0
    said = "".join(capsys.readouterr())
    assert "hunter2" not in said and "inner.scl" in said and "net.scl" in said
    (folder / "main.scl").write_text("import X from env\n" + SPEC, encoding="utf-8")
    assert main(["check", str(folder / "main.scl")]) == 1
    assert "hunter2" not in "".join(capsys.readouterr())


def test_an_endless_file_ends() -> None:
    with pytest.raises(CompileError) as error:
        load(Path("/dev/zero"))
    assert [each.code for each in error.value.diagnostics] == ["E004"]


def test_the_configuration_of_a_repository_runs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A partial clone fetches what is missing from its promisor, which may be a command."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    spec, ran = tmp_path / "net.scl", tmp_path / "ran"
    git("init", "-q")
    spec.write_text(SPEC, encoding="utf-8")
    git("add", "net.scl")
    git("commit", "-qm", "one")
    blob = git("rev-parse", "HEAD:net.scl")
    (tmp_path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    config = f"""[core]
    repositoryformatversion = 1
    fsmonitor = touch {ran}
[extensions]
    partialClone = evil
[protocol "ext"]
    allow = always
[remote "evil"]
    url = ext::touch {ran}
    promisor = true
"""
    (tmp_path / ".git" / "config").write_text(config, encoding="utf-8")
    assert main(["diff", str(spec), "--against", "HEAD"]) != 0
    assert not ran.exists() and "git" in capsys.readouterr().err


def test_an_error_leaves_a_process() -> None:
    """A pool waits for ever for an error that cannot be pickled."""
    with pytest.raises(CompileError) as error:
        load_text("spec.scl", b"network")
    for made in (error.value, UsageError(error.value.diagnostics)):
        again = pickle.loads(pickle.dumps(made))
        assert type(again) is type(made) and str(again) == str(made)
        assert [each.code for each in again.diagnostics] == [each.code for each in made.diagnostics]
