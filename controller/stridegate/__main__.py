"""`python -m stridegate` is the command `stridegate`."""

from stridegate.cli.entry import run

run()
