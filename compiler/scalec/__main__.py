"""`python -m scalec`."""

import sys

from scalec.commands.cli import main

sys.exit(main())
