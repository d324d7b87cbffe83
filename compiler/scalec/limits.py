"""All limits on the size of a spec. Each limit is far above any network in use, and has an error with its name.

Within the limits every spec gives a result or an error in about two seconds and 256 MiB
(`tests/program/test_limits.py`). The length of a line has no limit, because a long line costs no more than several
short ones.
"""

# The text
MAX_BYTES = 256 * 1024
MAX_TOKENS = 50_000
MAX_NESTING = 64  # brackets in brackets
MAX_NAME = 64
MAX_CITATION = 64  # so that its address fits on a line of an emitted file
MAX_LITERAL_DIGITS = 19
MAX_ERRORS = 50  # then a stage stops; fewer are shown
MAX_CANDIDATES = 500  # that a misspelt name is compared with
MAX_IMPORTS = 32
MAX_IMPORT_DEPTH = 8

MAX_UNITS = 1024  # of a chain: a network's stages, a block's operators
MAX_BODIES = 64  # of a sum, a concat or a split: Python reads no longer ones
MAX_PARAMETERS = 64  # of a block or network
MAX_VARIANTS = 256

# Numbers
MAX_BITS = 4096  # numerator, denominator of any result; a root may hold a radicand of twice that
MAX_EXPONENT = 32
MAX_DENOMINATOR = 10_000  # of an exponent, and of φ
MAX_TERMS = 16  # of a sum of roots
MAX_SUM_POWER = 8  # exponent of such a sum
MAX_PHI = 32
MAX_POINTS = 100_000  # of the grid of a search
MAX_VALUE = 200  # characters of `--phi`, and of what `--set` sets
MAX_SCALES = 200  # of one command: `--phi 0..199`
MAX_LETS = 100  # one on the other
MAX_CALLS = 1_000  # that one let takes

# The network
MAX_WHOLE = 65_536  # channels, and whatever else is a whole number
MAX_RESOLUTION = 8192
MAX_LAYERS = 4096  # of all stages with an exponent
MAX_DEPTH = 32  # blocks in blocks
MAX_NODES = 100_000  # operators; counted before they are built where a block is used again
MAX_COUNT = 2**63 - 1  # parameters, multiply-adds: PyTorch counts no further
MAX_CLASSES = 256  # a block that is used with several operators is several
MAX_LINES = 5_000  # of an emitted file
