"""Fuzz the compiler and print a table; exit with 1 if any input was too much for it.

    python fuzz/run.py --inputs 20000 --seed 1
    python fuzz/run.py --inputs 2000000 --seed 7 --kinds soup,mutants,bytes

An input is named by kind, seed and number: `--only specs:1:4711` runs that one alone, and shows it.
"""

import argparse
import gc
import random
import sys
import time

from mutants import MAKERS
from watch import Tally, compiled, parsed

SHARES = {"soup": 0.4, "mutants": 0.4, "bytes": 0.15, "specs": 0.04, "programs": 0.01}
"""How many of the inputs are of each kind: whole compilations take longer."""


def main() -> int:
    """Run what the command line asks for."""
    gc.set_threshold(100_000)  # as the command line does, whose time this measures
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=list(SHARES))
    parser.add_argument("--only", metavar="KIND:SEED:NUMBER")
    arguments = parser.parse_args()
    start = time.monotonic()
    if arguments.only:
        tallies = [_one(*arguments.only.split(":"))]
    else:
        whole = sum(SHARES[kind] for kind in arguments.kinds)
        counts = {kind: round(arguments.inputs * SHARES[kind] / whole) for kind in arguments.kinds}
        tallies = [fuzz(kind, arguments.seed, count) for kind, count in counts.items()]
    print(table(tallies))
    print(f"seed {arguments.seed}, {time.monotonic() - start:.0f} s")
    faults = [fault for tally in tallies for fault in tally.faults]
    print("\n\n".join(faults[:20]), end="\n" if faults else "")
    return 1 if faults else 0


def fuzz(kind: str, seed: int, count: int) -> Tally:
    """Run so many inputs of one kind."""
    tally = Tally(kind)
    if kind == "programs":
        from programs import run

        run(tally, seed, count)
        return tally
    for number in range(count):
        _watch(tally, kind, seed, number)
        if number % 100_000 == 99_999:
            print(table([tally]), flush=True)
    return tally


def _watch(tally: Tally, kind: str, seed: int, number: int) -> bytes:
    name = f"{kind}:{seed}:{number}"
    data = MAKERS[kind](random.Random(name))
    tally.watch(name, data, compiled if kind == "specs" else parsed)
    return data


def _one(kind: str, seed: str, number: str) -> Tally:
    tally = Tally(kind)
    print(_watch(tally, kind, int(seed), int(number)).decode("utf-8", "backslashreplace"))
    return tally


def table(tallies: list[Tally]) -> str:
    """Lay out what the inputs came to."""
    rows = [f"{'kind':<10}{'inputs':>10}{'passed':>10}{'slowest':>10}{'memory':>10}{'faults':>8}  first errors"]
    for t in tallies:
        codes = ", ".join(f"{code} {count:,}" for code, count in t.codes.most_common(6))
        left = len(t.codes) - 6
        codes += f" and {left} codes more" if left > 0 else ""
        figures = f"{t.inputs:>10,}{t.passed:>10,}{t.slowest:>8.2f} s{t.mebibytes:>6.0f} MiB{len(t.faults):>8}"
        rows.append(f"{t.kind:<10}{figures}  {codes}")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
