"""`scalec explain`. Every start imports this module, so it imports little."""

import argparse
import json
import sys
from dataclasses import asdict

from scalec.diagnostics.exit_codes import DONE, WRONG_USAGE


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser("explain", help="explain an error or a warning, and how to fix it", allow_abbrev=False)
    parser.add_argument("code", metavar="CODE", nargs="?", help="as in `error[E101]`; without it, all codes are listed")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print one page, or the titles of all of them."""
    from scalec.diagnostics.explain import codes, page, shown
    from scalec.diagnostics.suggest import suggest
    from scalec.diagnostics.text import printable

    known = codes()
    if arguments.code is None:
        return _list(known, arguments.format)
    code = arguments.code.strip("[]").upper()
    if code not in known:
        help = suggest(code, known) or "`scalec explain` lists all codes"
        print(f"scalec: no error or warning has the code {printable(arguments.code[:64])}: {help}", file=sys.stderr)
        return WRONG_USAGE
    found = page(code)
    if arguments.format == "json":
        print(json.dumps({"severity": found.severity, **asdict(found)}, ensure_ascii=False, indent=2))
    else:
        print(shown(found), end="")
    return DONE


def _list(known: list[str], form: str) -> int:
    from scalec.diagnostics.explain import page

    pages = [page(code) for code in known]
    if form == "json":
        listed = [{"code": each.code, "severity": each.severity, "title": each.title} for each in pages]
        print(json.dumps(listed, ensure_ascii=False, indent=2))
    else:
        print("\n".join(f"{each.code}  {each.title}" for each in pages))
    return DONE
