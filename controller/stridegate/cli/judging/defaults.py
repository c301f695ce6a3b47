"""What the API server fills in before it asks a webhook, as far as rules read it: a manifest without it would read differently.

Sources: `pkg/apis/core/v1/defaults.go`, `pkg/registry/core/pod/strategy.go` and
`plugin/pkg/admission/serviceaccount/admission.go` of Kubernetes. What only a cluster
knows (limit ranges, what a service account says about its token) is not guessed; a service account is taken to mount it.
Nothing that was given is changed: what differs is a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from stridegate.model.images import parse_image
from stridegate.model.places import Pointer

Json = Mapping[str, Any]

_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path
_TOKEN_VOLUME = "kube-api-access-stridegate"  # noqa: S105 - the name of a volume
_TOKEN_SECONDS = 3607
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_APPARMOR_TYPES = {"unconfined": "Unconfined", "runtime/default": "RuntimeDefault"}
_LOCALHOST = "localhost/"
_LISTS = ("initContainers", "containers")
_EVERY_LIST = (*_LISTS, "ephemeralContainers")


def defaulted(obj: Json, prefix: Pointer) -> Json:
    """Return an object as a webhook sees it when it is created; `prefix` leads to the pod or template in it.

    What has another shape than it must have is left as it is: whoever decodes it says so.
    """
    obj = _within(obj, ("metadata",), _named)
    if prefix:
        obj = _within(obj, (*prefix, "metadata"), _named)
        return _within(obj, (*prefix, "spec"), _template)
    return _within(obj, ("spec",), partial(_pod, _confinement(obj.get("metadata"))))


def _within(obj: Json, path: Pointer, change: Callable[[Json], Json]) -> Json:
    if not path:
        return change(obj)
    part = str(path[0])
    inner = obj.get(part)
    if not isinstance(inner, dict):
        return obj
    changed = _within(inner, path[1:], change)
    return obj if changed is inner else {**obj, part: changed}


def _named(metadata: Json) -> Json:
    return _blank(metadata, ("labels", "annotations"), "")


def _blank(holder: Json, keys: tuple[str, ...], zero: object) -> Json:
    """Return a map with the zero value of Go wherever its lists and maps under these keys have null: so it is decoded."""
    changed: dict[str, object] = {}
    for key in keys:
        found = holder.get(key)
        if isinstance(found, list) and None in found:
            changed[key] = [zero if each is None else each for each in found]
        elif isinstance(found, dict) and None in found.values():
            changed[key] = {name: zero if each is None else each for name, each in found.items()}
    return {**holder, **changed} if changed else holder


def _bounded(holder: Json) -> Json:
    """Return a container, or the spec of a pod, with the quantity 0 where a resource is null."""
    return _within(holder, ("resources",), lambda resources: _blank(resources, ("limits", "requests"), "0"))


def _written(container: Json) -> Json:
    """Return a container without null where it lists texts and quantities."""
    container = _blank(_bounded(container), ("command", "args"), "")
    return _within(container, ("securityContext", "capabilities"), lambda each: _blank(each, ("add", "drop"), ""))


def _template(spec: Json) -> Json:
    """Return the spec of a template: containers and volumes are filled in, and the rest waits for its pods."""
    spec = _within(_bounded(spec), ("securityContext",), lambda each: _blank(each, ("supplementalGroups",), 0))
    return _volumes(_containers(_account_named_twice(spec), _EVERY_LIST, lambda each: _pulled(_written(each))))


def _confinement(metadata: object) -> Mapping[str, Json]:
    """Return the AppArmor profiles that annotations of old give containers, by the container's name."""
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    profiles: dict[str, Json] = {}
    for key, text in annotations.items() if isinstance(annotations, dict) else ():
        if key.startswith(_APPARMOR) and isinstance(text, str):
            if text in _APPARMOR_TYPES:
                profiles[key.removeprefix(_APPARMOR)] = {"type": _APPARMOR_TYPES[text]}
            elif text.startswith(_LOCALHOST) and text != _LOCALHOST:
                profile = {"type": "Localhost", "localhostProfile": text.removeprefix(_LOCALHOST)}
                profiles[key.removeprefix(_APPARMOR)] = profile
    return profiles


def _pod(profiles: Mapping[str, Json], spec: Json) -> Json:
    spec = _template(spec)
    if profiles and not _windows(spec):
        pods_own = _map(spec.get("securityContext")).get("appArmorProfile")
        spec = _containers(spec, _LISTS, lambda container: _confined(container, profiles, pods_own))
    if spec.get("hostNetwork") is True:
        spec = _containers(spec, _LISTS, _on_host)
    return _with_token(_containers(spec, _LISTS, _requested))


def _account_named_twice(spec: Json) -> Json:
    """Return the spec with the service account under its name of today; the conversion keeps both alike."""
    old = spec.get("serviceAccount")
    return {**spec, "serviceAccountName": old} if old and not spec.get("serviceAccountName") else spec


def _volumes(spec: Json) -> Json:
    volumes = spec.get("volumes")
    if not isinstance(volumes, list):
        return spec
    return {**spec, "volumes": [_volume(each) if isinstance(each, dict) else each for each in volumes]}


def _volume(volume: Json) -> Json:
    """Return the volume as `SetDefaults_Volume` leaves it: without a source it is empty, and an image has a pull policy."""
    if all(value is None for source, value in volume.items() if source != "name"):
        return {**volume, "emptyDir": {}}
    image = volume.get("image")
    if not isinstance(image, dict) or image.get("pullPolicy") or not isinstance(image.get("reference"), str):
        return volume
    return {**volume, "image": {**image, "pullPolicy": _pull_policy(image["reference"])}}


def _containers(spec: Json, lists: tuple[str, ...], change: Callable[[Json], Json]) -> Json:
    changed: dict[str, object] = {}
    for name in lists:
        listed = spec.get(name)
        if isinstance(listed, list):
            changed[name] = [change(each) if isinstance(each, dict) else each for each in listed]
    return {**spec, **changed}


def _pulled(container: Json) -> Json:
    """Return the container with its pull policy (`SetDefaults_Container`): an image without tag and digest is `latest`."""
    image = container.get("image")
    if container.get("imagePullPolicy") or not isinstance(image, str):
        return container
    return {**container, "imagePullPolicy": _pull_policy(image)}


def _pull_policy(image: str) -> str:
    parsed = parse_image(image)
    latest = parsed is not None and parsed.tag in ({"latest"} if parsed.digest else {"latest", None})
    return "Always" if latest else "IfNotPresent"


def _windows(spec: Json) -> bool:
    return _map(spec.get("os")).get("name") == "windows"


def _confined(container: Json, profiles: Mapping[str, Json], pods_own: object) -> Json:
    """Return the container with the profile of its annotation in the field of today (`applyAppArmorVersionSkew`)."""
    profile = profiles.get(str(container.get("name")))
    context = container.get("securityContext")
    if profile is None or profile == pods_own or not isinstance(context, dict | None):
        return container
    if context is not None and context.get("appArmorProfile") is not None:
        return container
    return {**container, "securityContext": {**(context or {}), "appArmorProfile": profile}}


def _map(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _on_host(container: Json) -> Json:
    """Return the container with its ports opened on the node, whose network it shares (`defaultHostNetworkPorts`)."""
    ports = container.get("ports")
    if not isinstance(ports, list):
        return container
    opened = [
        {**each, "hostPort": each.get("containerPort")} if isinstance(each, dict) and not each.get("hostPort") else each
        for each in ports
    ]
    return {**container, "ports": opened}


def _requested(container: Json) -> Json:
    """Return the container with requests where it has limits alone (`SetDefaults_Pod`)."""
    resources = container.get("resources")
    limits = resources.get("limits") if isinstance(resources, dict) else None
    if not isinstance(resources, dict) or not isinstance(limits, dict):
        return container
    requests = resources.get("requests")
    if requests is not None and not isinstance(requests, dict):
        return container
    return {**container, "resources": {**resources, "requests": {**limits, **(requests or {})}}}


def _with_token(spec: Json) -> Json:
    """Return the spec with its service account, and with the token that its containers are given to speak to the API."""
    spec = spec if spec.get("serviceAccountName") else {**spec, "serviceAccountName": "default"}
    volumes = spec.get("volumes")
    if spec.get("automountServiceAccountToken") is False or not isinstance(volumes, list | None):
        return spec
    mounted = _containers(spec, _LISTS, _mounting)
    if all(mounted.get(name) == spec.get(name) for name in _LISTS):
        return spec
    token = {"serviceAccountToken": {"path": "token", "expirationSeconds": _TOKEN_SECONDS}}
    volume = {"name": _TOKEN_VOLUME, "projected": {"sources": [token]}}
    return {**mounted, "volumes": [*(volumes or ()), volume]}


def _mounting(container: Json) -> Json:
    mounts = container.get("volumeMounts")
    if not isinstance(mounts, list | None):
        return container
    if any(isinstance(each, dict) and each.get("mountPath") == _TOKEN_PATH for each in mounts or ()):
        return container
    mount = {"name": _TOKEN_VOLUME, "mountPath": _TOKEN_PATH, "readOnly": True}
    return {**container, "volumeMounts": [*(mounts or ()), mount]}
