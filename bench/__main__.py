"""`python -m bench` measures everything."""

from bench.report import main

main()
