"""`python -m scalec`."""

import sys

from scalec.cli import main

sys.exit(main())
