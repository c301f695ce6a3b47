"""The fields of a pod that rules read, named and nested as in the Kubernetes API (v1.PodTemplateSpec).

Every field may be absent or null, which is the same thing: None. Unknown fields are ignored by whoever decodes into
these shapes; a value of the wrong type is an error there. They are plain shapes without behaviour; rules read them
through `views`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stridegate.model.handlers import Lifecycle, Probe

# The field names are Kubernetes' own, so that a rule reads like a manifest and decoding needs no renaming.
# ruff: noqa: N815


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """v1.Capabilities."""

    add: tuple[str, ...] | None = None
    drop: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfinementProfile:
    """v1.SeccompProfile and v1.AppArmorProfile, which have the same fields."""

    type: str | None = None
    localhostProfile: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SELinuxOptions:
    """v1.SELinuxOptions."""

    user: str | None = None
    role: str | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsOptions:
    """v1.WindowsSecurityContextOptions."""

    hostProcess: bool | None = None
    runAsUserName: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sysctl:
    """v1.Sysctl."""

    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSecurityContext:
    """v1.PodSecurityContext."""

    runAsUser: int | None = None
    runAsGroup: int | None = None
    runAsNonRoot: bool | None = None
    fsGroup: int | None = None
    supplementalGroups: tuple[int, ...] | None = None
    seccompProfile: ConfinementProfile | None = None
    appArmorProfile: ConfinementProfile | None = None
    seLinuxOptions: SELinuxOptions | None = None
    windowsOptions: WindowsOptions | None = None
    sysctls: tuple[Sysctl, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityContext:
    """v1.SecurityContext."""

    privileged: bool | None = None
    allowPrivilegeEscalation: bool | None = None
    readOnlyRootFilesystem: bool | None = None
    runAsUser: int | None = None
    runAsGroup: int | None = None
    runAsNonRoot: bool | None = None
    procMount: str | None = None
    capabilities: Capabilities | None = None
    seccompProfile: ConfinementProfile | None = None
    appArmorProfile: ConfinementProfile | None = None
    seLinuxOptions: SELinuxOptions | None = None
    windowsOptions: WindowsOptions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """v1.ContainerPort."""

    name: str | None = None
    containerPort: int | None = None
    hostPort: int | None = None
    hostIP: str | None = None
    protocol: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """v1.ResourceRequirements. A quantity arrives as a string, or as a number where a manifest has one."""

    limits: Mapping[str, str | int | float] | None = None
    requests: Mapping[str, str | int | float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeMount:
    """v1.VolumeMount."""

    name: str | None = None
    mountPath: str | None = None
    subPath: str | None = None
    subPathExpr: str | None = None
    readOnly: bool | None = None
    mountPropagation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeDevice:
    """v1.VolumeDevice."""

    devicePath: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedReference:
    """v1.SecretKeySelector, v1.ConfigMapKeySelector, v1.SecretEnvSource and v1.ConfigMapEnvSource: the object that a value comes from."""

    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableSource:
    """v1.EnvVarSource."""

    secretKeyRef: NamedReference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """v1.EnvVar."""

    name: str | None = None
    # It may be a secret: nothing that is written out may contain it.
    value: str | None = field(default=None, repr=False)
    valueFrom: VariableSource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VariablesSource:
    """v1.EnvFromSource."""

    secretRef: NamedReference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """v1.Container and v1.EphemeralContainer."""

    name: str | None = None
    image: str | None = None
    imagePullPolicy: str | None = None
    # They may contain secrets: nothing that is written out may contain them.
    command: tuple[str, ...] | None = field(default=None, repr=False)
    args: tuple[str, ...] | None = field(default=None, repr=False)
    workingDir: str | None = None
    terminationMessagePath: str | None = None
    env: tuple[Variable, ...] | None = None
    envFrom: tuple[VariablesSource, ...] | None = None
    restartPolicy: str | None = None
    targetContainerName: str | None = None
    securityContext: SecurityContext | None = None
    resources: Resources | None = None
    ports: tuple[Port, ...] | None = None
    volumeMounts: tuple[VolumeMount, ...] | None = None
    volumeDevices: tuple[VolumeDevice, ...] | None = None
    livenessProbe: Probe | None = None
    readinessProbe: Probe | None = None
    startupProbe: Probe | None = None
    lifecycle: Lifecycle | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPath:
    """v1.HostPathVolumeSource."""

    path: str | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAlias:
    """v1.HostAlias."""

    ip: str | None = None
    hostnames: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Toleration:
    """v1.Toleration."""

    key: str | None = None
    operator: str | None = None
    effect: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingSystem:
    """v1.PodOS."""

    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSpec:
    """v1.PodSpec."""

    initContainers: tuple[Container, ...] | None = None
    containers: tuple[Container, ...] | None = None
    ephemeralContainers: tuple[Container, ...] | None = None
    # A volume is its name and one key that says its source; a source that nobody knows yet must stay visible, so
    # volumes are kept as they came.
    volumes: tuple[Mapping[str, object], ...] | None = None
    securityContext: PodSecurityContext | None = None
    resources: Resources | None = None
    hostNetwork: bool | None = None
    hostPID: bool | None = None
    hostIPC: bool | None = None
    hostUsers: bool | None = None
    shareProcessNamespace: bool | None = None
    hostAliases: tuple[HostAlias, ...] | None = None
    os: OperatingSystem | None = None
    nodeName: str | None = None
    priorityClassName: str | None = None
    tolerations: tuple[Toleration, ...] | None = None
    # The second is the first's name of old, which the API server keeps alike.
    serviceAccountName: str | None = None
    serviceAccount: str | None = None
    automountServiceAccountToken: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerReference:
    """metav1.OwnerReference."""

    kind: str | None = None
    name: str | None = None
    controller: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectMeta:
    """metav1.ObjectMeta."""

    name: str | None = None
    generateName: str | None = None
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None
    ownerReferences: tuple[OwnerReference, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodTemplate:
    """v1.Pod and v1.PodTemplateSpec: what has a pod spec and its metadata."""

    metadata: ObjectMeta | None = None
    spec: PodSpec | None = None
