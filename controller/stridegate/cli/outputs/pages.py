"""A page of HTML in one file: no script, nothing loaded from anywhere, readable on paper and in the dark."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape

from stridegate.cli.outputs.sentences import text

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .25rem; }
h2 { font-size: 1.1rem; margin: 1.75rem 0 .5rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #8886; overflow-wrap: anywhere; padding: .3rem .6rem .3rem 0; text-align: left; vertical-align: top; }
th { font-weight: 600; }
td.number, th.number { text-align: right; }
code { font: .92em ui-monospace, monospace; }
.critical, .high { color: #b3261e; font-weight: 600; }
.medium { color: #8a5a00; }
.faint { opacity: .75; }
@media (prefers-color-scheme: dark) { .critical, .high { color: #ff8a80; } .medium { color: #ffcc80; } }
@media print { body { font-size: 10pt; margin: 0; max-width: none; } tr { break-inside: avoid; } h2 { break-after: avoid; } }
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# The one style is allowed by its digest; everything else, scripts and forms among it, is not.
_POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'"


def page(title: str, body: Iterable[str]) -> str:
    """Return a whole page; `body` is markup that its maker has escaped."""
    parts = "\n".join(body)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{words(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
{parts}
</body>
</html>
"""


def words(written: str) -> str:
    """Return a text as it reads in a page, or in an attribute of it."""
    return escape(text(written), quote=True)


def code(written: str) -> str:
    """Return a text as code; nothing where it is empty."""
    return f"<code>{words(written)}</code>" if written else ""


def weight(severity: object) -> str:
    """Return a severity in its colour."""
    return f'<span class="{words(str(severity))}">{words(str(severity))}</span>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are markup that their maker has escaped."""
    heads = "".join(f'<th scope="col">{words(each)}</th>' for each in head)
    lines = "\n".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table>"
