"""What `compile` may overwrite, and what it leaves behind: never somebody's work, never a file elsewhere."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scalec.commands import cli
from scalec.compiler import load_text
from scalec.diagnostics import exit_codes as exits
from scalec.emit.emit import emit
from scalec.emit.seal import is_untouched, sealed, unsealed
from scalec.files import replace_file
from scalec.program.request import Request
from scalec.project.write import write

SPEC = """param φ = 0
network Tiny(classes = 10) <8, 8, 3> → <classes>
  = stem: (Conv(3, 2) → 8 ⊙ BatchNorm ⊙ ReLU) → <4, 4, 8> ⊙ GlobalAvgPool ⊙ Linear → <classes>
"""


def emitted(classes: int = 10) -> str:
    changes = [("classes", str(classes))] if classes != 10 else []
    return emit(load_text("tiny.scl", SPEC.encode()).compile(Request(changes=tuple(changes))))


OLD, NEW = emitted(), emitted(11)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, and another beside it."""
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("tiny.scl").write_text(SPEC, encoding="utf-8")
    return tmp_path


def files(where: str = ".") -> list[str]:
    return sorted(path.name for path in Path(where).iterdir() if path.name != "tiny.scl")


# The seal


def test_the_line_stands_in_the_file() -> None:
    lines = OLD.split("\n")
    assert lines[3].startswith("# content-sha256: ") and len(lines[3]) == 34 and OLD != NEW
    assert is_untouched(OLD.encode()) and is_untouched(NEW.encode())
    assert "0" * 16 not in lines[3] and lines[3] != NEW.split("\n")[3]


def test_a_file_without_the_line() -> None:
    bare = unsealed(OLD.encode())
    assert bare.decode() == "".join(line for line in OLD.splitlines(True) if "content-sha256" not in line)
    assert not is_untouched(bare) and sealed(bare.decode()) == bare.decode() and not is_untouched(b"")


@settings(max_examples=1000, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(place=st.integers(0, len(OLD.encode()) - 1), byte=st.integers(0, 255), how=st.sampled_from(["put", "in", "out"]))
def test_any_edit_is_seen(place: int, byte: int, how: str) -> None:
    data = OLD.encode()
    after = place + (how != "in")
    edited = data[:place] + (b"" if how == "out" else bytes([byte])) + data[after:]
    if edited != data and edited.replace(b"\r\n", b"\n") != data:
        assert not is_untouched(edited)


def test_line_ends_of_another_system_are_no_edit() -> None:
    assert is_untouched(OLD.replace("\n", "\r\n").encode())


# Over what is there


def test_a_file_as_it_was_written_is_overwritten() -> None:
    path = Path("out.py")
    assert write(path, OLD) is None and write(path, NEW) is None
    assert path.read_text(encoding="utf-8") == NEW and files() == ["out.py"]


@pytest.mark.parametrize("edited", [OLD.replace("Linear(8", "Linear(9"), OLD + "# mine\n", OLD.replace("10", "12")])
def test_an_edited_file_stays(edited: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("tiny.py").write_text(edited, encoding="utf-8")
    assert cli.main(["compile", "tiny.scl"]) == exits.NO_ACCESS
    said = capsys.readouterr()
    assert said.err == (
        "scalec: tiny.py was edited since scalec wrote it; --force overwrites it and keeps it as tiny.py.orig\n"
    )
    assert not said.out and Path("tiny.py").read_text(encoding="utf-8") == edited and files() == ["tiny.py"]
    assert cli.main(["compile", "tiny.scl", "--force"]) == exits.DONE
    assert Path("tiny.py").read_text(encoding="utf-8") == OLD
    assert Path("tiny.py.orig").read_text(encoding="utf-8") == edited


def test_what_force_keeps_is_not_lost_by_the_next() -> None:
    path = Path("out.py")
    for text in ("one", "two", "one"):
        path.write_text(text, encoding="utf-8")
        assert write(path, OLD, force=True) is None
    kept = {name: Path(name).read_text(encoding="utf-8") for name in files() if name != "out.py"}
    assert kept == {"out.py.orig": "one", "out.py.orig2": "two"}


def test_force_keeps_nothing_of_a_file_that_is_scalecs() -> None:
    assert write(Path("out.py"), OLD) is None and write(Path("out.py"), NEW, force=True) is None
    assert files() == ["out.py"]


def test_a_file_from_before_there_was_the_line() -> None:
    """It is overwritten if it is what would be written today; else nobody can tell whether it was edited."""
    Path("out.py").write_bytes(unsealed(OLD.encode()))
    assert write(Path("out.py"), NEW) and Path("out.py").read_bytes() == unsealed(OLD.encode())
    assert write(Path("out.py"), OLD) is None and Path("out.py").read_text(encoding="utf-8") == OLD


def test_permissions_of_the_old_file_are_kept() -> None:
    path = Path("out.py")
    assert write(path, OLD) is None
    path.chmod(0o640)
    assert write(path, NEW) is None
    assert path.stat().st_mode & 0o777 == 0o640 and path.read_text(encoding="utf-8") == NEW


def test_a_device_is_written_to_and_stays_one() -> None:
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert write(Path("pipe"), "text", force=True) is None
        assert os.read(reader, 100) == b"text"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode) and files() == ["pipe"]


# Through links


def test_a_link_out_of_the_folder_is_not_followed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("../there/tiny.py").write_text(OLD, encoding="utf-8")
    Path("tiny.py").symlink_to("../there/tiny.py")
    assert cli.main(["compile", "tiny.scl", "--set", "classes=11", "-o", "tiny.py"]) == exits.NO_ACCESS
    said = capsys.readouterr().err
    assert said.startswith("scalec: tiny.py leads to ") and said.endswith("--follow-symlinks writes there\n")
    assert said.count("\n") == 1 and Path("../there/tiny.py").read_text(encoding="utf-8") == OLD
    words = ["compile", "tiny.scl", "--set", "classes=11", "-o", "tiny.py", "--follow-symlinks"]
    assert cli.main(words) == exits.DONE
    assert Path("tiny.py").is_symlink() and Path("../there/tiny.py").read_text(encoding="utf-8") == NEW
    assert files("../there") == ["tiny.py"]


@pytest.mark.parametrize("target", ["link/tiny.py", "inner/link/tiny.py", "./link/tiny.py"])
def test_a_folder_that_leads_out_is_not_followed(target: str) -> None:
    Path("inner").mkdir()
    for link in ("link", "inner/link"):
        Path(link).symlink_to(Path("../there").resolve())
    assert write(Path(target), OLD) and not files("../there")
    assert write(Path(target), OLD, follow=True) is None and files("../there") == ["tiny.py"]


def test_links_inside_the_folder_are_followed() -> None:
    Path("inner").mkdir()
    Path("link").symlink_to("inner")
    Path("tiny.py").symlink_to("inner/tiny.py")
    assert write(Path("link/tiny.py"), OLD) is None and write(Path("tiny.py"), NEW) is None
    assert Path("inner/tiny.py").read_text(encoding="utf-8") == NEW and Path("tiny.py").is_symlink()


def test_a_folder_named_elsewhere_is_meant(folder: Path) -> None:
    """`../there` and an absolute path are the user's own words; a link at their end is not."""
    Path("link").symlink_to(folder / "there")
    assert write(Path("../there/a.py"), OLD) is None and write(folder / "here" / "link" / "b.py", OLD) is None
    (folder / "there" / "c.py").symlink_to(folder / "here" / "c.py")
    assert write(folder / "there" / "c.py", OLD) and not Path("c.py").exists()


def test_links_in_a_circle() -> None:
    Path("a.py").symlink_to("b.py")
    Path("b.py").symlink_to("a.py")
    Path("dangling.py").symlink_to("nowhere/x.py")
    for name in ("a.py", "dangling.py"):
        assert cli.main(["compile", "tiny.scl", "-o", name]) == exits.NO_ACCESS or Path(name).is_file()


# What a killed run has left


def test_old_leftovers_are_swept() -> None:
    now = Path("tiny.scl").stat().st_mtime
    for name, age in (
        (".out.py.abc.scalec-tmp", 700),
        (".out.py.new.scalec-tmp", 5),
        (".other.py.abc.scalec-tmp", 700),
    ):
        Path(name).touch()
        os.utime(name, (now - age, now - age))
    assert write(Path("out.py"), OLD) is None
    assert files() == [".other.py.abc.scalec-tmp", ".out.py.new.scalec-tmp", "out.py"]
    os.utime(".out.py.new.scalec-tmp", (0, 0))
    assert write(Path("out.py"), OLD) is None, "the file is equal: nothing is written, but swept"
    assert ".out.py.new.scalec-tmp" not in files()


def test_names_that_a_pattern_would_read_otherwise() -> None:
    Path(".x.py.abc.scalec-tmp").touch()
    os.utime(".x.py.abc.scalec-tmp", (0, 0))
    assert write(Path("[x]*.py"), OLD) is None
    assert files() == [".x.py.abc.scalec-tmp", "[x]*.py"]


def test_replace_file_names_the_file_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_file(Path("out.py"), b"one")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=r"No space left on device: 'out\.py'"):
        replace_file(Path("out.py"), b"two")
    assert Path("out.py").read_bytes() == b"one" and files() == ["out.py"]
