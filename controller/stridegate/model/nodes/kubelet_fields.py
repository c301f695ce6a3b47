"""The settings of a kubelet that rules ask for: where KubeletConfiguration v1beta1 has them, their flags and defaults.

Defaults: kubernetes pkg/kubelet/apis/config/v1beta1/defaults.go; flags: cmd/kubelet/app/options/options.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

from stridegate.model.nodes.fields import Field
from stridegate.model.nodes.readings import DURATION, NUMBER, PAIRS, TEXT, TEXTS, TRUTH, Pairs

_NONE: Mapping[str, str] = MappingProxyType({})

ANONYMOUS = Field(at="authentication.anonymous.enabled", reading=TRUTH, default=False, bare=True, flag="anonymous-auth")
TOKEN_WEBHOOK = Field(
    at="authentication.webhook.enabled", reading=TRUTH, default=True, bare=False, flag="authentication-token-webhook"
)
AUTHORIZATION = Field(
    at="authorization.mode", reading=TEXT, default="Webhook", bare="AlwaysAllow", flag="authorization-mode"
)
CLIENT_CA = Field(at="authentication.x509.clientCAFile", reading=TEXT, default="", omitted="", flag="client-ca-file")
READ_ONLY_PORT = Field(at="readOnlyPort", reading=NUMBER, default=0, bare=10255, omitted=0, flag="read-only-port")
STREAMING_TIMEOUT = Field(
    at="streamingConnectionIdleTimeout",
    reading=DURATION,
    default=Fraction(4 * 3600),
    flag="streaming-connection-idle-timeout",
    zero_means_default=True,
)
IPTABLES_CHAINS = Field(at="makeIPTablesUtilChains", reading=TRUTH, default=True, flag="make-iptables-util-chains")
# 50 since Kubernetes 1.27, 5 before.
EVENT_RATE = Field(at="eventRecordQPS", reading=NUMBER, default=50, flag="event-qps")
TLS_CERTIFICATE = Field(at="tlsCertFile", reading=TEXT, default="", omitted="", flag="tls-cert-file")
TLS_KEY = Field(at="tlsPrivateKeyFile", reading=TEXT, default="", omitted="", flag="tls-private-key-file")
SERVER_BOOTSTRAP = Field(
    at="serverTLSBootstrap", reading=TRUTH, default=False, omitted=False, flag="rotate-server-certificates"
)
ROTATE_CERTIFICATES = Field(
    at="rotateCertificates", reading=TRUTH, default=False, omitted=False, flag="rotate-certificates"
)
CIPHERS = Field(at="tlsCipherSuites", reading=TEXTS, default=(), omitted=(), flag="tls-cipher-suites")
TLS_VERSION = Field(at="tlsMinVersion", reading=TEXT, default="", omitted="", flag="tls-min-version")
POD_PIDS = Field(at="podPidsLimit", reading=NUMBER, default=-1, flag="pod-max-pids")
SECCOMP_DEFAULT = Field(at="seccompDefault", reading=TRUTH, default=False, flag="seccomp-default")
KERNEL_DEFAULTS = Field(
    at="protectKernelDefaults", reading=TRUTH, default=False, omitted=False, flag="protect-kernel-defaults"
)
EVICTION_HARD = Field(
    at="evictionHard",
    reading=Pairs(sign="<"),
    default=MappingProxyType(
        {"memory.available": "100Mi", "nodefs.available": "10%", "nodefs.inodesFree": "5%", "imagefs.available": "15%"}
    ),
    omitted=_NONE,
    flag="eviction-hard",
)
KUBE_RESERVED = Field(at="kubeReserved", reading=PAIRS, default=_NONE, omitted=_NONE, flag="kube-reserved")
SYSTEM_RESERVED = Field(at="systemReserved", reading=PAIRS, default=_NONE, omitted=_NONE, flag="system-reserved")
PULL_RATE = Field(at="registryPullQPS", reading=NUMBER, default=5, flag="registry-qps")
SERIAL_PULLS = Field(at="serializeImagePulls", reading=TRUTH, default=True, flag="serialize-image-pulls")
PROFILING = Field(at="enableProfilingHandler", reading=TRUTH, default=True)
DEBUG_FLAGS = Field(at="enableDebugFlagsHandler", reading=TRUTH, default=True)
STATIC_PODS = Field(at="staticPodPath", reading=TEXT, default="", omitted="", flag="pod-manifest-path")
IMAGE_CREDENTIALS = Field(at="imagePullCredentialsVerificationPolicy", reading=TEXT, default="", omitted="")
UNSAFE_SYSCTLS = Field(at="allowedUnsafeSysctls", reading=TEXTS, default=(), omitted=(), flag="allowed-unsafe-sysctls")
FAIL_SWAP_ON = Field(at="failSwapOn", reading=TRUTH, default=True, flag="fail-swap-on")
PORT = Field(at="port", reading=NUMBER, default=10250, flag="port", zero_means_default=True)
