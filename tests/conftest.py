"""Options of the test run."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parent.parent

collect_ignore = ["emitted"]  # what users get, their tests too: tests/emit/test_test_file.py runs them
os.environ["SCALEC_CACHE_DIR"] = ""  # no test may know what another has found out
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # of the many processes that tests start only the first compiles scalec
torch.set_num_threads(1)  # the processes of pytest-xdist share the cores


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="write golden files anew")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what git tracks: a build leaves nothing in the checkout, and sees nothing that is not committed."""
    place = tmp_path_factory.mktemp("sources")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, place / name)
    return place
