"""Write the documentation that follows from the catalogue of rules, or prove that it is up to date.

`python deploy/render_docs.py` writes, `--check` only compares and ends with code 1 where something differs:
- docs/rules: a page for each rule, and the index by name, STRIDE letter and benchmark
- docs/threat-model.md: every claim, the rules that answer it, and what proves them
- docs/traps.md: what is tried against Stridegate, from tests/traps.yaml
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from generated_files import write_or_check
from handbook.indexes import index
from handbook.rule_pages import page
from handbook.scan_pages import scan_page
from handbook.sources import DOCS
from handbook.threat_model import threat_model
from handbook.trap_table import trap_table
from stridegate.engine.catalogue import RULES
from stridegate.engine.node_catalogue import CLUSTER_RULES, CONTAINER_RULES, ENTRIES, NODE_RULES


def generated() -> Iterator[tuple[Path, str]]:
    """Yield every generated page with what it must contain."""
    for rule in RULES.values():
        yield DOCS / "rules" / f"{rule.slug}.md", page(rule)
    for scanned in (*NODE_RULES.values(), *CONTAINER_RULES.values(), *CLUSTER_RULES.values()):
        yield DOCS / "rules" / f"{scanned.slug}.md", scan_page(scanned)
    yield DOCS / "rules" / "README.md", index(ENTRIES.values())
    yield DOCS / "threat-model.md", threat_model(ENTRIES.values())
    yield DOCS / "traps.md", trap_table()


if __name__ == "__main__":
    sys.exit(write_or_check(__doc__ or "", generated(), sys.argv[1:], stray=(DOCS / "rules").glob("*.md")))
