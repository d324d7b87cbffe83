"""Runs a function of the user as a trial: `python -m scalec.search.call module:function REQUEST RESPONSE`."""

import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from scalec.search.contract import write_response
from scalec.search.source import code_digest


def main(words: list[str]) -> int:
    """Call the function with the request, or ask its module what it depends on (`--identify`)."""
    (name, function), rest = words[0].split(":"), words[1:]
    module = importlib.import_module(name)
    found = getattr(module, function)
    if rest[0] == "--identify":
        print(json.dumps(_identity(module, json.loads(rest[1]))))
        return 0
    request = json.loads(Path(rest[0]).read_text(encoding="utf-8"))
    given = found(request)
    if isinstance(given, Mapping):
        Path(rest[1]).write_text(json.dumps(dict(given)), encoding="utf-8")
    else:
        write_response(rest[1], given)
    return 0


def _identity(module: ModuleType, asked: dict[str, object]) -> dict[str, object]:
    code = code_digest(Path(module.__file__)) if module.__file__ else None
    more = module.identify(asked) if hasattr(module, "identify") else {}
    return {**dict(more), "code": code}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
