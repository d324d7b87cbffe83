"""The interface of a trial process: it reads a JSON request and writes a JSON response (docs/search.md).

A program that measures accuracy can import this module, or follow docs/search.md in any language.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from scalec.record import record

CONTRACT = 1
"""The version of both. One that does not know its request's version refuses it."""


class Garbage(ValueError):
    """A request or a response is not what the contract says; the message says in what."""


@record
class Request:
    """What one trial is asked."""

    file: str
    """The path of the emitted file."""
    network: str
    """The name of its class. Its constructor takes `classes`, where the spec has that parameter."""
    input: tuple[int, int, int]
    """What it takes: channels, height, width."""
    seed: int
    """Everything random comes from it: the same request gives the same accuracy, on the same machine."""
    budget: Mapping[str, float]
    """How long to train: `epochs`, `images` (so many to train on), `seconds`; the rest is the trainer's choice."""
    data: str | None
    """Where the images are; the trainer's own place if nothing."""
    split: str
    """Which images accuracy is of: `validation`, a held-back part of the training set, to rank by, or `test`."""
    threads: int
    """How many the trial may keep busy."""
    device: str
    """As PyTorch names it: `cpu` or `cuda`; which GPU that is has been settled by `CUDA_VISIBLE_DEVICES`."""
    response: str
    """The path to leave the response at."""

    @property
    def resolution(self) -> int:
        """The height of the input, in pixels."""
        return self.input[1]

    def as_json(self) -> dict[str, object]:
        """Return the request as the process gets it."""
        return {"contract": CONTRACT, **asdict(self), "input": list(self.input), "resolution": self.resolution}

    @classmethod
    def read(cls, path: str | Path) -> "Request":
        """Read a request. Raises `Garbage`, and `OSError`."""
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(found, dict) or found.pop("contract", None) != CONTRACT:
            raise Garbage(f"{path} is no request of contract {CONTRACT}")
        found.pop("resolution", None)
        channels, height, width = found.pop("input")
        return cls(**found, input=(channels, height, width))


@record
class Response:
    """What a trial found: a fraction of images, or nan where training came to nothing; and what else it reports."""

    accuracy: float
    report: Mapping[str, object]


def write_response(path: str | Path, accuracy: float, **report: object) -> None:
    """Leave a response: accuracy in [0, 1], or nan; and whatever else is JSON, such as `loss` and `seconds`."""
    text = json.dumps({"contract": CONTRACT, "accuracy": accuracy, **report})
    beside = Path(f"{path}.part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)  # whole or not there


def read_response(text: str) -> Response:
    """Read a response. Raises `Garbage`."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Garbage(f"the response is no JSON: {str(error)[:80]}") from None
    if not isinstance(found, dict):
        raise Garbage("the response is no JSON object")
    if found.pop("contract", CONTRACT) != CONTRACT:
        raise Garbage(f"the response is not of contract {CONTRACT}")
    accuracy = found.pop("accuracy", None)
    if isinstance(accuracy, bool) or not isinstance(accuracy, int | float):
        raise Garbage(f"`accuracy` is {json.dumps(accuracy)[:60]}, not a number")
    if not (math.isnan(accuracy) or 0 <= accuracy <= 1):
        raise Garbage(f"`accuracy` is {accuracy}, not a fraction from 0 to 1")
    return Response(float(accuracy), found)
