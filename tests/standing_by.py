"""A Lease without rivals, for tests of what the active replica does."""

from __future__ import annotations

from stridegate.kube.objects import Lease, LeaseSpec, Metadata


class Leases:
    """A Lease that nobody else wants."""

    def lease(self, _: str, __: str) -> Lease:
        return Lease(metadata=Metadata(name="stridegate-operator"))

    def write_lease(self, seen: Lease, spec: LeaseSpec) -> Lease:
        return Lease(metadata=seen.metadata, spec=spec)
