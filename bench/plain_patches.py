"""The patches of the benchmark's policy once more, as one writes them for kopf: the pod changed in place, which kopf turns into operations.

Only for comparison; the pod that comes of it is held to be the one that the product's patch makes.
"""

from __future__ import annotations

import hashlib

from bench.plain_checks import Object, containers_of, on_windows, security
from stridegate import __version__

# What the benchmark's policy says: see cluster.py.
MEMORY = "256Mi"
WRITABLE_PATH = "/tmp"  # noqa: S108 - a path in a container
SIZE_LIMIT = "64Mi"
_UNITS = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def mend(pod: Object) -> None:
    """Set what is missing in a pod, and note in an annotation what that was."""
    spec = pod["spec"]
    if on_windows(spec):
        return
    healed: set[str] = set()
    containers = containers_of(spec)
    _mend_pod(spec, containers, healed)
    ephemeral = spec.get("ephemeralContainers") or ()
    for container in containers:
        if not security(container).get("privileged"):
            _mend_container(container, healed)
        if not any(container is each for each in ephemeral):
            _limit_memory(spec, container, healed)
            _seal(spec, container, healed)
    if healed:
        annotations = pod["metadata"].setdefault("annotations", {})
        annotations.setdefault("stridegate.dev/patched", f"{','.join(sorted(healed))};v{__version__}")


def _mend_pod(spec: Object, containers: list[Object], healed: set[str]) -> None:
    context = security(spec)
    if context.get("seccompProfile") is None and any(not security(each).get("seccompProfile") for each in containers):
        spec.setdefault("securityContext", {})["seccompProfile"] = {"type": "RuntimeDefault"}
        healed.add("missing-seccomp-profile")
    users = {security(each).get("runAsUser", context.get("runAsUser")) for each in containers}
    says = [security(each).get("runAsNonRoot") for each in containers]
    if context.get("runAsNonRoot") is None and None in says and False not in says and 0 not in users:
        spec.setdefault("securityContext", {})["runAsNonRoot"] = True
        healed.add("possible-root-user")


def _mend_container(container: Object, healed: set[str]) -> None:
    context = container.setdefault("securityContext", {})
    capabilities = context.setdefault("capabilities", {})
    added = [name.strip().upper().removeprefix("CAP_") for name in capabilities.get("add") or ()]
    dropped = capabilities.get("drop") or []
    if context.get("allowPrivilegeEscalation") is None and not {"SYS_ADMIN", "ALL"} & set(added):
        context["allowPrivilegeEscalation"] = False
        healed.add("privilege-escalation")
    if not {"NET_RAW", "ALL"} & set(dropped) and not {"NET_RAW", "ALL"} & set(added):
        dropped = [*dropped, "NET_RAW"]
        healed.add("net-raw-capability")
    if "ALL" not in dropped and "ALL" not in added:
        dropped = [*dropped, "ALL"]
        healed.add("undropped-capabilities")
    capabilities["drop"] = dropped


def _limit_memory(spec: Object, container: Object, healed: set[str]) -> None:
    if spec.get("resources") is not None:
        return
    resources = container.setdefault("resources", {})
    limits, requests = resources.setdefault("limits", {}), resources.setdefault("requests", {})
    if limits.get("memory") is None:
        requested = requests.setdefault("memory", MEMORY)
        limits["memory"] = max(requested, MEMORY, key=_bytes)
        healed.add("unlimited-memory")


def _bytes(quantity: str) -> float:
    digits = quantity.rstrip("KMGTi")
    return float(digits) * _UNITS[quantity[len(digits) :]]


def _seal(spec: Object, container: Object, healed: set[str]) -> None:
    context = container.setdefault("securityContext", {})
    if context.get("readOnlyRootFilesystem") is not None:
        return
    context["readOnlyRootFilesystem"] = True
    healed.add("writable-root-filesystem")
    mounts = container.setdefault("volumeMounts", [])
    if any((WRITABLE_PATH + "/").startswith(mount["mountPath"].rstrip("/") + "/") for mount in mounts):
        return
    name = "stridegate-" + hashlib.sha256(f"{container['name']}\0{WRITABLE_PATH}".encode()).hexdigest()[:16]
    mounts.append({"name": name, "mountPath": WRITABLE_PATH})
    spec.setdefault("volumes", []).append({"name": name, "emptyDir": {"sizeLimit": SIZE_LIMIT}})
