"""The exemptions of the cluster as they are now, compiled by namespace and workload."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from stridegate.engine.evaluate import Fault, contained
from stridegate.engine.exemptions import Granted, compile_exemptions
from stridegate.kube.errors import InvalidExemption
from stridegate.kube.exemptions import read_exemption
from stridegate.kube.rosters import Roster, Version
from stridegate.kube.shapes import UNDECODABLE
from stridegate.model.exemptions import Exemption

_log = logging.getLogger(__name__)

# As the operator calls it in the condition Active.
INVALID = "Invalid"


@dataclass(frozen=True, slots=True)
class ListedExemption:
    """A HardeningExemption as it was read from the API server; in its version the name is "namespace/name".

    The spec is still undecoded in a listing: of most exemptions the version that it has is known already.
    """

    version: Version
    namespace: str
    name: str
    created: object
    spec: object

    @property
    def body(self) -> Mapping[str, object]:
        """What is read of the object. A spec that is no JSON is none."""
        metadata = {"namespace": self.namespace, "name": self.name, "creationTimestamp": self.created}
        return {"metadata": metadata, "spec": _decoded(self.spec)}


class LiveExemptions:
    """The exemptions of the cluster. One that cannot be read exempts nothing, whatever its last version did.

    `granted` is replaced as a whole, and only what changed is compiled anew.
    """

    def __init__(self) -> None:
        self.granted: Mapping[str, Granted] = {}
        # None for one that cannot be read.
        self._roster: Roster[Exemption | None] = Roster()
        self._namespaces: dict[str, dict[str, Exemption]] = {}

    def replace(self, exemptions: Sequence[ListedExemption], revision: int) -> bool:
        """Take over a complete listing as of a revision; return whether anything is granted that was not, or no longer."""
        before = dict(self._roster.items())
        news = [each for each in exemptions if self._roster.admits_listed(each.version, revision)]
        for each in news:
            self._roster.put(each.version, _read(each))
        self._roster.retain((each.version for each in exemptions), revision)
        after = dict(self._roster.items())
        return self._take(
            {name: after.get(name) for name in {**before, **after} if before.get(name) != after.get(name)}
        )

    def observe(self, listed: ListedExemption, *, deleted: bool) -> bool:
        """Take over what an event says about one exemption; return whether anything changed."""
        if deleted:
            if not self._roster.remove(listed.version):
                return False
            return self._take({listed.version.name: None})
        if not self._roster.admits_heard(listed.version):
            return False
        exemption = _read(listed)
        self._roster.put(listed.version, exemption)
        return self._take({listed.version.name: exemption})

    def counts(self, now: float) -> Mapping[str, int]:
        """Return how many exemptions there are in each state, and of those that cannot be read."""
        return Counter(INVALID if each is None else each.state(now).value for each in self._roster)

    def _take(self, changes: Mapping[str, Exemption | None]) -> bool:
        """Compile anew what is granted where an exemption, by "namespace/name", became another one or none."""
        changed = set()
        for name, exemption in changes.items():
            namespace = name.partition("/")[0]
            if self._namespaces.get(namespace, {}).get(name) == exemption:
                continue
            changed.add(namespace)
            within = self._namespaces.setdefault(namespace, {})
            if exemption is None:
                del within[name]
            else:
                within[name] = exemption
        if not changed:
            return False
        kept = {namespace: each for namespace, each in self.granted.items() if namespace not in changed}
        self.granted = kept | compile_exemptions(each for name in changed for each in self._namespaces[name].values())
        for namespace in changed:
            if not self._namespaces[namespace]:
                del self._namespaces[namespace]
        return True


def _read(listed: ListedExemption) -> Exemption | None:
    exemption = contained(read_exemption, listed.body)
    if not isinstance(exemption, Fault):
        # Only people read why; ten thousand of them would read it in every replica.
        return replace(exemption, reason="", ticket="")
    extra = {"exemption": listed.version.name, "problem": str(exemption.error)}
    if isinstance(exemption.error, InvalidExemption):
        _log.warning("exemption cannot be read and exempts nothing", extra=extra)
    else:
        _log.error("reading an exemption broke; it exempts nothing", extra=extra, exc_info=exemption.error)
    return None


def _decoded(spec: object) -> object:
    if not isinstance(spec, msgspec.Raw):
        return spec
    try:
        return msgspec.json.decode(spec)
    except UNDECODABLE:
        return None
