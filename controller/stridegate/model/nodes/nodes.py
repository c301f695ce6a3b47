"""A node as a rule sees it: answers to queries, and what is known of the installation."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

from stridegate.model.errors import ModelError
from stridegate.model.nodes.answers import Absent, Unreadable
from stridegate.model.nodes.queries import Query

T = TypeVar("T")


class Installation(enum.Enum):
    """How a node was installed: where its files are, and how its settings are changed."""

    GENERIC = "generic"
    KUBEADM = "kubeadm"
    K3S = "k3s"
    RKE2 = "rke2"
    K0S = "k0s"
    MICROK8S = "microk8s"
    EKS = "eks"
    GKE = "gke"
    AKS = "aks"
    OPENSHIFT = "ocp"
    TALOS = "talos"
    BOTTLEROCKET = "bottlerocket"
    TKGI = "tkgi"
    # No Kubernetes at all: a machine that runs Docker.
    DOCKER = "docker"


class Role(enum.Enum):
    """What a node is for."""

    CONTROL_PLANE = "control-plane"
    WORKER = "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known of a node beside what is read on it: from its Node object, its report, or whoever runs the scan.

    `now` is Unix time in seconds. `accepted_files` are the states of inspected files that its report holds as accepted, by
    path; empty where there are none yet. `accepting` says which present ones a person accepts (`newly_accepted`).
    `versions` are those of programs, by their names, as the node told the API server.
    """

    installation: Installation = Installation.GENERIC
    role: Role = Role.WORKER
    addresses: tuple[str, ...] = ()
    control_plane_addresses: tuple[str, ...] = ()
    trusted_docker_users: frozenset[str] = frozenset()
    now: float = 0.0
    accepted_files: Mapping[str, str] = field(default_factory=dict)
    accepting: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


class NotAnswered(ModelError):
    """Queries that nobody has answered yet: the rule is judged again when they are."""

    def __init__(self, queries: Iterable[Query[object]]) -> None:
        self.queries = frozenset(queries)
        super().__init__(f"not asked yet: {', '.join(sorted(map(str, self.queries)))}")


class NotThere(ModelError):
    """What a rule needs is absent; where the rule says nothing else, it does not apply."""

    def __init__(self, absent: Absent) -> None:
        self.absent = absent
        super().__init__(f"{absent.what}: absent")


class NotReadable(ModelError):
    """What a rule needs could not be read; where the rule says nothing else, its verdict is Unknown."""

    def __init__(self, unreadable: Unreadable) -> None:
        self.unreadable = unreadable
        super().__init__(f"{unreadable.what}: {unreadable.reason}")


@dataclass(frozen=True, slots=True)
class Node:
    """A node: what was answered so far, and its circumstances.

    A rule simply asks. Where an answer is not there yet, NotAnswered ends the judgement, the scanner answers, and the
    rule is judged anew: so a rule can ask for a file whose name stands in another one. Ask for many things at once with
    `look_at`, since each round of answers costs.
    """

    answers: Mapping[Query[object], object]
    circumstances: Circumstances = field(default_factory=Circumstances)
    # What was concluded from these answers, for whoever wants it again: many rules are about one component.
    concluded: dict[object, object] = field(default_factory=dict, compare=False, repr=False)

    def __getitem__(self, query: Query[T]) -> T:
        """Return the answer. Raises NotAnswered, NotThere or NotReadable."""
        answer = self.look(query)
        if isinstance(answer, Absent):
            raise NotThere(answer)
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
        return answer

    def look(self, query: Query[T]) -> T | Absent | Unreadable:
        """Return the answer, also where it is that there is none. Raises NotAnswered."""
        return self.look_at((query,))[0]

    def get(self, query: Query[T]) -> T | None:
        """Return the answer, or None where it is absent. Raises NotAnswered or NotReadable."""
        answer = self.look(query)
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
        return None if isinstance(answer, Absent) else answer

    def look_at(self, queries: Sequence[Query[T]]) -> list[T | Absent | Unreadable]:
        """Return the answers in order. Raises NotAnswered with all that lack one."""
        if lacking := [query for query in queries if query not in self.answers]:
            raise NotAnswered(cast("list[Query[object]]", lacking))
        return [cast("T | Absent | Unreadable", self.answers[query]) for query in queries]
