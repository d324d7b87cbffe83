"""Options of the test run."""

import os

import pytest
import torch

collect_ignore = ["emitted"]  # what users get, their tests too: tests/test_companion.py runs them
os.environ["SCALEC_CACHE_DIR"] = ""  # no test may know what another has found out
torch.set_num_threads(1)  # the processes of pytest-xdist share the cores


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="write golden files anew")
