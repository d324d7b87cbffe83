"""The built-in trainer on a folder of images: through torchvision and Lightning Fabric, alone and with torchrun."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import peers
from scalec.compiler import load
from scalec.emit.emit import emit
from scalec.network.python_names import python_name
from scalec.program.request import Request
from scalec.search import train
from scalec.search.contract import CONTRACT
from scalec.search.trainer import image_folder as images
from scalec.search.trainer.common import DataError
from search.test_train import SPEC

peers.import_peer("torchvision")
GREYS = {"dark": 40, "middle": 120, "light": 210}
SHIM = """\
import torch

library = torch.library.Library("torchvision", "FRAGMENT")
for name in ("nms", "qnms"):
    library.define(f"{name}(Tensor dets, Tensor scores, float threshold) -> Tensor")
"""
"""What `peers.import_peer` does, for a process of its own: torchvision's C extension may not fit this PyTorch."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three classes of small images of uneven sizes, 40 each to train on and 10 for the final figure."""
    generator = torch.Generator().manual_seed(0)
    for part, count in (("train", 40), ("val", 10)):
        for name, grey in GREYS.items():
            place = tmp_path / "pictures" / part / name
            place.mkdir(parents=True)
            for number in range(count):
                noise = torch.randint(-25, 26, (30 + number % 7, 33, 3), generator=generator)
                pixels = (noise + grey).clamp(0, 255).to(torch.uint8)
                Image.fromarray(pixels.numpy()).save(place / f"{number:02}.png")
    return tmp_path / "pictures"


def request(folder: Path, **changes: Any) -> Path:
    made = load(SPEC).compile(Request(changes=(("classes", "3"),)))
    place = folder.parent
    (place / "net.py").write_text(emit(made), encoding="utf-8")
    asked = {
        "contract": CONTRACT, "file": str(place / "net.py"), "network": python_name(made.network.name),
        "input": [1, 10, 10], "resolution": 10, "seed": 0, "budget": {"epochs": 6}, "data": str(folder),
        "split": "validation", "threads": 1, "device": "cpu", "response": str(place / "response.json"), **changes,
    }  # fmt: skip
    (place / "request.json").write_text(json.dumps(asked), encoding="utf-8")
    return place / "request.json"


def answer(folder: Path, **changes: Any) -> dict[str, Any]:
    """Train in this process; give the response without what a clock says."""
    assert train.main([str(request(folder, **changes))]) == 0
    found: dict[str, Any] = json.loads((folder.parent / "response.json").read_text(encoding="utf-8"))
    assert found.pop("seconds") >= 0
    return found


def test_it_learns_and_says_the_same_twice(folder: Path) -> None:
    first = answer(folder)
    assert first["accuracy"] > 0.9 and first["loss"] < 0.9
    assert answer(folder) == first
    assert answer(folder, seed=1)["loss"] != first["loss"]
    assert answer(folder, split="test")["accuracy"] > 0.9


def test_what_ranks_is_never_trained_on_nor_is_the_final_figures_part(folder: Path) -> None:
    first = answer(folder)
    order = [path for name in sorted(GREYS) for path in sorted((folder / "train" / name).iterdir())]
    held = order[images.HELD_BACK - 1 :: images.HELD_BACK]
    assert len(held) == 12
    for path in [*held, *(folder / "val").rglob("*.png")]:
        Image.new("RGB", (30, 30), "white").save(path)
    again = answer(folder)
    assert again["loss"] == first["loss"] and again["accuracy"] == pytest.approx(1 / 3)
    assert answer(folder, split="test")["accuracy"] == pytest.approx(1 / 3)


def test_what_accuracy_depends_on(folder: Path) -> None:
    found = images.identify(folder, {"epochs": 2, "images": 50})
    assert (found["name"], found["classes"], found["images"], found["epochs"]) == ("pictures", 3, 50, 2)
    assert str(folder) not in json.dumps(found)
    assert images.identify(folder, {"epochs": 2, "images": 50}) == found
    Image.new("RGB", (50, 30), "white").save(folder / "val" / "dark" / "00.png")
    assert images.identify(folder, {"epochs": 2, "images": 50})["data"] != found["data"]


def test_folders_that_do_not_fit(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(**changes: Any) -> str:
        assert train.main([str(request(folder, **changes))]) == 1
        return capsys.readouterr().err

    assert "the network takes 2" in said(input=[2, 10, 10])
    (folder / "val" / "dark").rename(folder / "val" / "other")
    assert "other classes than `train`" in said(split="test")
    (folder / "val").rename(folder / "elsewhere")
    assert "neither `val` nor `test`" in said(split="test")
    (folder / "train").rename(folder / "training")
    assert "no folder of images in a folder for each class" in said()
    few = folder.parent / "few" / "train" / "one"
    few.mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(few / "0.png")
    with pytest.raises(DataError, match="1 images are too few"):
        images.identify(few.parents[1], {})


@pytest.mark.slow
def test_two_processes_of_torchrun_train_one_network(folder: Path) -> None:
    """One answers, and every held back image counts once: 12 of them leave no share but twelfths."""
    shim = folder.parent / "shim"
    shim.mkdir()
    (shim / "sitecustomize.py").write_text(SHIM, encoding="utf-8")
    response = folder.parent / "response.json"
    again = ("--max-restarts", "2")  # a process group of PyTorch's aborted once, in a hundred runs on a full machine
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *again]
    environment = {**os.environ, "PYTHONPATH": f"{shim}", "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    found = []
    for _ in range(2):
        response.unlink(missing_ok=True)
        run = subprocess.run(
            [*command, "-m", "scalec.search.train", str(request(folder)), str(response)],
            capture_output=True, text=True, env=environment, timeout=300, check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        assert "Starting with 2 processes" in run.stderr
        found.append(json.loads(response.read_text(encoding="utf-8")))
        found[-1].pop("seconds")
    assert found[0] == found[1]
    assert 0.9 < found[0]["accuracy"] <= 1 and (12 * found[0]["accuracy"]) % 1 == pytest.approx(0, abs=1e-9)
    assert found[0]["loss"] != answer(folder)["loss"]
