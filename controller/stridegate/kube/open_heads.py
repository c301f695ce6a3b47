"""ClusterReports as they are there: their metadata alone, since what they say is in their digests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import msgspec
from msgspec import Struct

from stridegate.kube.objects import Metadata
from stridegate.kube.open_reports import DIGEST_ANNOTATION, MANAGED_LABEL, OPEN_REPORTS, SOURCE
from stridegate.kube.reader import Reader


class HeadMetadata(Metadata, frozen=True, kw_only=True, rename="camel"):
    """metav1.ObjectMeta. Without a subresource for the status, `generation` counts every change of what the object says."""

    generation: int = 0
    annotations: dict[str, str] | None = None


class Head(Struct, frozen=True, kw_only=True):
    """The metadata of a ClusterReport, and whether what it says can be what its digest says."""

    metadata: HeadMetadata
    trusted: bool = True

    @property
    def name(self) -> str:
        """Its name."""
        return self.metadata.name

    @property
    def ours(self) -> bool:
        """Whether Stridegate made it."""
        return (self.metadata.labels or {}).get(MANAGED_LABEL) == SOURCE

    @property
    def digest(self) -> str:
        """What it says, in short; empty where that is not known."""
        return (self.metadata.annotations or {}).get(DIGEST_ANNOTATION, "") if self.trusted else ""

    def trusted_after(self, before: Head | None) -> Head:
        """Return the same without trust in its digest, where somebody else changed what it says since it was known as before."""
        if before is None or before.metadata.uid != self.metadata.uid:
            return self
        same = before.metadata.generation == self.metadata.generation
        return msgspec.structs.replace(self, trusted=before.trusted and same)


def head_of(report: Mapping[str, object], *, trusted: bool = True) -> Head:
    """Return the metadata of a ClusterReport that is to be written, or that the API server answered with."""
    return Head(metadata=msgspec.convert(report["metadata"], HeadMetadata), trusted=trusted)


async def heads(reader: Reader, name: str = "") -> AsyncIterator[Head]:
    """Yield the metadata of our ClusterReports, or of that of one name, whoever made it.

    Raises KubeError; NotFound where the kind is not served.
    """
    fields, labels = (f"metadata.name={name}", "") if name else ("", f"{MANAGED_LABEL}={SOURCE}")
    async for portion in reader.portions(OPEN_REPORTS, Head, fields=fields, labels=labels, whole=False):
        for each in portion.items:
            yield each
