"""Which Stridegate this is: its version, its catalogue of rules, and the newest Pod Security Standards that it knows."""

from __future__ import annotations

import json
import platform

from stridegate import __version__


def versions(*, as_json: bool) -> str:
    """Return the version for people in one line, or all that tells two copies apart for programs."""
    if not as_json:
        return f"stridegate, version {__version__}"
    from stridegate.engine.catalogue import RULES, digest  # noqa: PLC0415 - loading every rule takes a while
    from stridegate.engine.node_catalogue import ENTRIES  # noqa: PLC0415
    from stridegate.model.rules import NEWEST_POD_SECURITY_MINOR  # noqa: PLC0415

    told = {
        "name": "stridegate",
        "version": __version__,
        "rules": len(ENTRIES),
        "catalogueDigest": digest(RULES.values()),
        "podSecurityVersion": f"v1.{NEWEST_POD_SECURITY_MINOR}",
        "python": platform.python_version(),
    }
    return json.dumps(told, indent=2)
