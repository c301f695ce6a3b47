"""Write the snapshots of the outputs anew: `python tests/cli/renew_snapshots.py`. Read the difference before you commit it."""

from __future__ import annotations

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / part) for part in ("tests/cli", "tests", "deploy/local", "deploy", "controller")]

if __name__ == "__main__":
    import test_outputs

    from results import EVERYTHING
    from stridegate.cli.outputs.targets import Format

    for each in Format:
        text = test_outputs.unversioned(test_outputs.rendered(each, EVERYTHING))
        test_outputs.snapshot_of(each).write_text(text, encoding="utf-8")
