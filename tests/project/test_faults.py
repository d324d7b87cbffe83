"""Faults while a file is written over another: kills, full disks, several writers. It is the old or the new one, whole.

The faults are injected by strace into `scalec compile -o` as users run it. What the system calls are is looked up in
a run without a fault; those from the first look at the output on are what is tried, one by one, until the end.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from project.test_write import SPEC

STRACE = shutil.which("strace")
ERRORS = ("ENOSPC", "EIO", "EACCES", "EROFS")
FILES = frozenset(
    """openat open creat read write pwrite64 fsync fdatasync close chmod fchmod fchmodat rename renameat renameat2 stat
    lstat fstat newfstatat statx readlink readlinkat getdents64 unlink unlinkat lseek getcwd ioctl umask""".split()
)
ENVIRONMENT = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
SCALE = {"old": "0", "new": "1"}


def compile_to(scale: str, target: str = "tiny.py") -> list[str]:
    return [sys.executable, "-m", "scalec", "compile", "tiny.scl", "--phi", SCALE[scale], "-o", target]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=ENVIRONMENT, check=False)


@pytest.fixture(autouse=True)
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("tiny.scl").write_text(SPEC, encoding="utf-8")
    return tmp_path


@cache
def whole() -> dict[str, bytes]:
    """Give the files that there can be."""
    found = {}
    for scale in SCALE:
        made = subprocess.run(compile_to(scale, "-"), capture_output=True, check=True, env=ENVIRONMENT)
        found[scale] = made.stdout
    assert found["old"] != found["new"]
    return found


def leftovers() -> list[Path]:
    return list(Path().glob(".*.scalec-tmp"))


def start() -> None:
    """Put the old file there, and nothing else."""
    for path in leftovers():
        path.unlink()
    Path("tiny.py").write_bytes(whole()["old"])


def repaired() -> None:
    """Run once more, later: the new file is there, and nothing is left over."""
    for path in leftovers():
        os.utime(path, (0, 0))
    assert run(*compile_to("new")).returncode == 0
    assert Path("tiny.py").read_bytes() == whole()["new"] and not leftovers()


def traced(*options: str) -> subprocess.CompletedProcess[str]:
    assert STRACE is not None
    return run(STRACE, "-f", "-o", "log", *options, *compile_to("new"))


@cache
def points() -> tuple[tuple[str, int], ...]:
    """Give each system call from the first look at the output on, by name and number."""
    start()
    whole()
    traced()  # once for what the system keeps
    start()
    done = traced()
    assert done.returncode == 0, done.stderr
    counts: Counter[str] = Counter()
    found: list[tuple[str, int]] = []
    seen = False
    for line in Path("log").read_text(encoding="utf-8", errors="replace").splitlines():
        if match := re.match(r"\d+ +(\w+)\(", line):
            counts[match[1]] += 1
            seen = seen or ("tiny.py" in line.partition("(")[2] and not match[1].startswith("exec"))
            if seen:
                found.append((match[1], counts[match[1]]))
    assert {"rename", "fsync", "write"} & {name for name, _ in found}
    return tuple(found)


def can_trace() -> bool:
    if STRACE is None:
        return False
    return subprocess.run([STRACE, "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0


needs_strace = pytest.mark.skipif(not can_trace(), reason="strace is not here, or may not trace")


def vital() -> list[tuple[str, int]]:
    """Give the calls that do the writing itself."""
    return [point for point in points() if point[0] in ("rename", "fsync", "chmod", "write")]


def killed(points: list[tuple[str, int]]) -> Counter[str]:
    """Kill at each of these calls; count what is there then."""
    found: Counter[str] = Counter()
    for name, number in points:
        start()
        done = traced(f"--inject={name}:signal=KILL:when={number}")
        data = Path("tiny.py").read_bytes()
        assert data in whole().values(), f"torn at {name} {number}"
        found["old" if data == whole()["old"] else "new"] += 1
        found["killed"] += done.returncode != 0
        found["left"] += bool(leftovers())
    repaired()
    return found


@needs_strace
def test_killed_while_writing() -> None:
    found = killed(vital())
    assert found["killed"] and found["old"] and found["new"] and found["left"]


@needs_strace
@pytest.mark.slow
def test_killed_at_every_system_call() -> None:
    found = killed(list(points()))
    print(f"\nkilled at each of {len(points())} system calls: {dict(found)}")
    assert found["killed"] >= len(points()) - 3  # the last ones are those of the end


def failing(points: list[tuple[str, int]], errors: tuple[str, ...]) -> Counter[str]:
    """Let each of these calls fail with each error; count how it ends."""
    found: Counter[str] = Counter()
    for name, number in points:
        for error in errors:
            start()
            done = traced(f"--inject={name}:error={error}:when={number}")
            at, data = f"{name} {number} {error}: {done.stderr}", Path("tiny.py").read_bytes()
            assert data in whole().values(), f"torn at {at}"
            assert done.returncode in (0, 3), at
            if done.returncode == 0:
                assert data == whole()["new"] and not done.stderr, at
            else:
                assert done.stderr.count("\n") == 1 and done.stderr.startswith("scalec: "), at
                assert data == whole()["old"] or "output" in done.stderr, at
            assert not leftovers(), at
            found[f"exit {done.returncode}"] += 1
    return found


@needs_strace
def test_a_system_call_that_fails() -> None:
    found = failing(vital(), ("ENOSPC",))
    assert found["exit 3"] >= 3


@needs_strace
@pytest.mark.parametrize(
    "error",
    [pytest.param(error, marks=pytest.mark.full if error in ERRORS[1:] else pytest.mark.slow) for error in ERRORS],
)
def test_every_system_call_fails(error: str) -> None:
    chosen = [point for point in points() if point[0] in FILES]
    found = failing(chosen, (error,))
    print(f"\n{error} at each of {len(chosen)} system calls: {dict(found)}")
    assert found["exit 3"] >= 10


KILLER = """
import os, random, signal, sys, time
from pathlib import Path
from scalec.commands.cli import main

def attempt():
    sys.stdout = sys.stderr = open(os.devnull, "w")
    try:
        os._exit(main(["compile", "tiny.scl", "--phi", "1", "-o", "tiny.py"]))
    except BaseException:
        os._exit(99)

sys.stdout, said = open(os.devnull, "w"), sys.stdout
assert main(["compile", "tiny.scl", "-o", "warm.py"]) == 0  # the grammar is read; what is timed is the compilation
sys.stdout = said
times, old, new = int(sys.argv[1]), Path("old").read_bytes(), Path("new").read_bytes()
chance, counts, longest = random.Random(1), {"old": 0, "new": 0, "torn": 0, "finished": 0, "left": 0}, 0.0
for number in range(-5, times):
    Path("tiny.py").write_bytes(old)
    start = time.monotonic()
    child = os.fork()
    if not child:
        attempt()
    if number >= 0:
        time.sleep(chance.uniform(0.0, 1.05 * longest))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if number < 0:
        longest = max(longest, time.monotonic() - start) if number > -5 else 0.0
        assert status == 0 and Path("tiny.py").read_bytes() == new
        continue
    data = Path("tiny.py").read_bytes()
    counts["old" if data == old else "new" if data == new else "torn"] += 1
    counts["finished"] += status == 0
    left = list(Path().glob(".*.scalec-tmp"))
    counts["left"] += bool(left)
    for path in left:
        path.unlink()
print(counts)
"""


@pytest.mark.parametrize(
    "times", [60, pytest.param(200, marks=pytest.mark.slow), pytest.param(2000, marks=pytest.mark.full)]
)
def test_killed_at_random(times: int) -> None:
    for scale, data in whole().items():
        Path(scale).write_bytes(data)
    done = run(sys.executable, "-c", KILLER, str(times))
    assert done.returncode == 0, done.stderr
    counts = eval(done.stdout)
    print(f"\nkilled at {times} random points: {counts}")
    assert counts["old"] + counts["new"] == times and not counts["torn"]
    assert counts["old"] and counts["finished"] < times


RACE = """
import os, sys, time
from pathlib import Path
from scalec.project.write import write

texts = [Path(name).read_text("utf-8") for name in ("old", "new")]
children = []
for number in range(4):
    child = os.fork()
    if not child:
        for turn in range(100):
            assert write(Path("tiny.py"), texts[(number + turn) % 2]) is None
        os._exit(0)
    children.append(child)
reads = 0
while True:
    assert Path("tiny.py").read_text("utf-8") in texts
    reads += 1
    looking = os.WEXITED | os.WNOHANG | os.WNOWAIT
    if reads % 50 == 0 and all(os.waitid(os.P_PID, child, looking) for child in children):
        break
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
print(reads)
"""


def test_several_writers_and_a_reader() -> None:
    for scale, data in whole().items():
        Path(scale).write_bytes(data)
    start()
    done = run(sys.executable, "-c", RACE)
    assert done.returncode == 0 and int(done.stdout) > 0, done.stderr
    assert not leftovers()


def test_two_compilers_on_one_output() -> None:
    start()
    both = [subprocess.Popen(compile_to(scale), env=ENVIRONMENT, stdout=subprocess.DEVNULL) for scale in SCALE]
    assert [process.wait(120) for process in both] == [0, 0]
    assert Path("tiny.py").read_bytes() in whole().values() and not leftovers()


@pytest.mark.skipif(
    not (os.path.exists("/dev/full") and stat.S_ISCHR(os.stat("/dev/full").st_mode)), reason="no /dev/full here"
)
def test_a_full_device() -> None:
    done = run(*compile_to("new", "/dev/full"))
    assert done.returncode == 3 and done.stderr == "scalec: /dev/full: No space left on device\n" and not done.stdout
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Root may write anywhere: then the system's own folder has to do."""
    folder = Path("/proc/self") if os.geteuid() == 0 else tmp_path / "closed"
    if os.geteuid() != 0:
        folder.mkdir(mode=0o500)
    done = run(*compile_to("new", str(folder / "tiny.py")))
    assert done.returncode == 3 and done.stderr.count("\n") == 1 and str(folder / "tiny.py") in done.stderr
    assert "scalec-tmp" not in done.stderr
