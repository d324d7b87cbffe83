"""A target for atheris: bytes, guided by coverage, for nights. `pip install atheris` (3.0 runs on Python 3.11).

    python fuzz/atheris_target.py -max_total_time=3600 -dict=fuzz/scalec.dict corpus/

What is found is written to `crash-…`; `python fuzz/atheris_target.py crash-…` runs it again.
"""

import sys

try:
    import atheris
except ModuleNotFoundError:
    sys.exit("atheris is not installed: pip install atheris")

with atheris.instrument_imports(include=["scalec", "lark"]):
    from watch import Tally, compiled


def one_input(data: bytes) -> None:
    """Compile bytes; stop at what no input may do."""
    tally = Tally("atheris")
    tally.watch("atheris", data, compiled)
    if tally.faults:
        raise RuntimeError(tally.faults[0])


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
