"""What a request introduces: an update is held to account only for what it makes worse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stridegate.model.findings import Finding
from stridegate.model.pods import PodTemplate
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Outcome


@dataclass(frozen=True, slots=True)
class Difference:
    """The findings that an update introduces, those that it worsens, and those that it leaves as they were."""

    introduced: list[Finding]
    worsened: list[Finding]
    existing: list[Finding]

    @property
    def answerable(self) -> list[Finding]:
        """What the update is held to account for."""
        return self.introduced + self.worsened


def unchanged(old: PodTemplate, new: PodTemplate) -> bool:
    """Whether nothing that rules read differs: labels, finalizers, owners and status never cost anybody a denial."""
    return old.spec == new.spec and _annotations(old) == _annotations(new)


def _annotations(template: PodTemplate) -> dict[str, str]:
    return dict(template.metadata.annotations or {}) if template.metadata else {}


def compare(old_pod: PodView, old: Iterable[Finding], new_pod: PodView, new: Iterable[Finding]) -> Difference:
    """Return what the new version adds to the old one.

    A finding is introduced if the old version has none of its key, and worsened if it ranks higher or fails where it
    only warned. Where a container is new or runs another image, other code would run with the old privileges: its
    findings and the pod's count as introduced.
    """
    fresh = _fresh_owners(old_pod, new_pod)
    before = {finding.key: _badness(finding) for finding in old}
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
    code_before = {container.owner: container.shape.image for container in old_pod.containers}
    fresh = {
        container.owner
        for container in new_pod.containers
        if code_before.get(container.owner, _NO_CODE) != container.shape.image
    }
    mounted = {_image_volume(volume.shape) for volume in old_pod.volumes}
    if fresh or any(_image_volume(volume.shape) not in mounted for volume in new_pod.volumes):
        fresh |= {"pod"} | {volume.owner for volume in new_pod.volumes}
    return frozenset(fresh)


_NO_CODE = object()


def _image_volume(volume: object) -> object:
    image = volume.get("image") if isinstance(volume, dict) else None
    return repr(image) if image is not None else None


def _owner(finding: Finding) -> str:
    return finding.violation.place.owner if finding.violation else "pod"


def _badness(finding: Finding) -> tuple[int, int]:
    severities = {Outcome.WARN: 0, Outcome.FAIL: 1, Outcome.ERROR: 1}
    return severities[finding.outcome], finding.violation.rank if finding.violation else 0
