"""Where rules come from, edition by edition."""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.references import CisDocker, CisKubernetes, PodSecurity, Reference

POD_SECURITY = "Pod Security Standards"
CIS_DOCKER = "CIS Docker"
CIS_KUBERNETES = "CIS Kubernetes"


def numbers(reference: Reference) -> Iterator[tuple[str, str, str]]:
    """Yield source, edition and number for each numbering that has the recommendation."""
    if isinstance(reference, PodSecurity):
        yield POD_SECURITY, f"v1.{reference.since} and later", f"`{reference.check}`"
    elif isinstance(reference, CisDocker):
        if reference.before_1_6 is None:
            yield CIS_DOCKER, "1.3.1 and later", reference.number
        else:
            yield CIS_DOCKER, "1.6 and later", reference.number
            yield CIS_DOCKER, "1.3.1 to 1.5", reference.before_1_6
    elif isinstance(reference, CisKubernetes):
        if reference.number is not None:
            yield CIS_KUBERNETES, "1.12", reference.number
        if reference.before_1_12 is not None:
            yield CIS_KUBERNETES, "before 1.12", reference.before_1_12
