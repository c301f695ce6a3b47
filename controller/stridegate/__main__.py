"""`python -m stridegate` is the command `stridegate`."""

from stridegate.cli.main import main

main()
