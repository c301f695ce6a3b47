"""What a request introduces: an update is held to account only for what it makes worse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stridegate.model.findings import Finding, FindingKey
from stridegate.model.pods import PodTemplate
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Outcome


@dataclass(frozen=True, slots=True)
class Difference:
    """The findings of an object's new version: those that an update introduces, those it worsens, and those it leaves as they were."""

    introduced: list[Finding]
    worsened: list[Finding]
    existing: list[Finding]

    @property
    def answerable(self) -> list[Finding]:
        """What the request has to answer for."""
        return self.introduced + self.worsened


def unchanged(old: PodTemplate, new: PodTemplate) -> bool:
    """Whether nothing that rules read differs: labels, finalizers, owners and status never cost anybody a denial."""
    return old.spec == new.spec and _annotations(old) == _annotations(new)


def _annotations(template: PodTemplate) -> Mapping[str, str]:
    return (template.metadata.annotations if template.metadata else None) or {}


def compare(
    old_pod: PodView | None, old: Iterable[Finding], new_pod: PodView | None, new: Iterable[Finding]
) -> Difference:
    """Return what the new version adds to the old one.

    A finding is introduced if the old version has none of its key, and worsened if it ranks higher or fails where it
    only warned. Where a container is new or runs another image, other code would run with the old privileges: its
    findings and the pod's count as introduced. What embeds no pod runs no code.
    """
    fresh = _fresh_owners(old_pod, new_pod) if old_pod is not None and new_pod is not None else frozenset()
    before: dict[FindingKey, tuple[int, int]] = {}
    for finding in old:
        before[finding.key] = max(_badness(finding), before.get(finding.key, (0, 0)))
    difference = Difference([], [], [])
    for finding in new:
        known = before.get(finding.key)
        if known is None or _owner(finding) in fresh:
            difference.introduced.append(finding)
        elif _badness(finding) > known:
            difference.worsened.append(finding)
        else:
            difference.existing.append(finding)
    return difference


def _fresh_owners(old_pod: PodView, new_pod: PodView) -> frozenset[str]:
    """Name the owners that are judged as new: containers with other code, and then everything that belongs to the whole pod as well."""
    before = {(container.owner, container.shape.image) for container in old_pod.containers}
    fresh = {
        container.owner for container in new_pod.containers if (container.owner, container.shape.image) not in before
    }
    if fresh or not _image_volumes(new_pod) <= _image_volumes(old_pod):
        fresh |= {"pod"} | {volume.owner for volume in new_pod.volumes}
    return frozenset(fresh)


def _image_volumes(pod: PodView) -> set[tuple[str, str]]:
    """Name the volumes that bring code of their own (KEP-4639), each with its image."""
    sources = ((volume.name, volume.shape.get("image")) for volume in pod.volumes)
    return {(name, str(source.get("reference"))) for name, source in sources if isinstance(source, Mapping)}


def _owner(finding: Finding) -> str:
    return finding.violation.place.owner if finding.violation else "pod"


def _badness(finding: Finding) -> tuple[int, int]:
    severities = {Outcome.WARN: 0, Outcome.FAIL: 1, Outcome.ERROR: 1}
    return severities[finding.outcome], finding.violation.rank if finding.violation else 0
