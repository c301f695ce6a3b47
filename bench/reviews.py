"""What is sent: AdmissionReviews as the API server writes them, about pods of the size that clusters have (4 to 8 KB, half of it managedFields)."""

from __future__ import annotations

import copy
import enum
import json
import uuid
from typing import Any

Object = dict[str, Any]

NAMESPACE = "shop"
# Stands in every pod, in place of what makes it like no other.
_MARK = "release-00000000"
_SERVICE = "stridegate-webhook.stridegate-system.svc"


class Scenario(enum.Enum):
    """A request: its path, and the pod in it."""

    CLEAN = ("/validate", "validate a clean pod")
    REFUSED = ("/validate", "validate a pod that is refused")
    CARELESS = ("/mutate", "mutate a careless pod (7 rules patched)")

    @property
    def path(self) -> str:
        """Where it is sent."""
        return str(self.value[0])

    @property
    def title(self) -> str:
        """What it is called in tables."""
        return str(self.value[1])


def pod(scenario: Scenario, number: int = 0) -> Object:
    """Return the pod of a scenario, as the ReplicaSet controller creates it: nobody has defaulted anything yet but the API server."""
    made = _pod(number)
    spec = made["spec"]
    if scenario is Scenario.CARELESS:
        # The API server makes up the name after pods are patched, and before they are judged.
        del made["metadata"]["name"]
        return made
    if scenario is Scenario.REFUSED:
        spec["hostPID"] = True
        spec["containers"][0]["securityContext"] = {"privileged": True}
        spec["volumes"].append({"name": "docker", "hostPath": {"path": "/var/run/docker.sock", "type": "Socket"}})
        return made
    spec["securityContext"] |= {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    for container in spec["containers"]:
        container["resources"]["limits"] = {"memory": "256Mi"}
        container["securityContext"] = {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
    return made


def _pod(number: int) -> Object:
    suffix = f"{number:05d}"
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "name": f"checkout-6d5f7c9b8d-{suffix}",
            "generateName": "checkout-6d5f7c9b8d-",
            "namespace": NAMESPACE,
            "uid": str(uuid.UUID(int=number + 1)),
            "creationTimestamp": "2026-11-21T09:15:04Z",
            "labels": {
                "app.kubernetes.io/name": "checkout",
                "app.kubernetes.io/instance": "checkout-production",
                "app.kubernetes.io/version": "4.17.2",
                "app.kubernetes.io/part-of": "storefront",
                "app.kubernetes.io/managed-by": "Helm",
                "pod-template-hash": "6d5f7c9b8d",
            },
            "annotations": {
                "prometheus.io/scrape": "true",
                "prometheus.io/port": "9102",
                "checksum/config": "d0c5b9b0a6e6bd0d6f6b8a8c0c1b8f1f7be2f5b6e1a7a1e8f4dbd7b6f0a9c3e1",
            },
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "name": "checkout-6d5f7c9b8d",
                    "uid": "3a3d9c5e-4a5f-4c8b-9d0a-6f5b1f1f7f0e",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
            "managedFields": [_managed_fields()],
        },
        "spec": {
            "volumes": [
                {"name": "configuration", "configMap": {"name": "checkout", "defaultMode": 420}},
                {"name": "cache", "emptyDir": {"sizeLimit": "128Mi"}},
                _token_volume(number),
            ],
            "containers": [_server(number), _exporter(number)],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "checkout",
            "serviceAccount": "checkout",
            "securityContext": {"runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001},
            "schedulerName": "default-scheduler",
            "tolerations": [
                {
                    "key": f"node.kubernetes.io/{name}",
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": 300,
                }
                for name in ("not-ready", "unreachable")
            ],
            "priority": 0,
            "enableServiceLinks": True,
            "preemptionPolicy": "PreemptLowerPriority",
        },
        "status": {"phase": "Pending", "qosClass": "Burstable"},
    }


def _server(number: int) -> Object:
    return {
        "name": "server",
        "image": "registry.example/storefront/checkout:4.17.2@sha256:" + "7f" * 32,
        "args": ["--listen=:8080", "--config=/etc/checkout/config.yaml", "--log-format=json"],
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
            {"name": "DATABASE_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "checkout", "key": "password"}}},
            {"name": "CHECKOUT_RELEASE", "value": _MARK},
            *({"name": f"CHECKOUT_OPTION_{index}", "value": f"value of option {index}"} for index in range(8)),
        ],
        "resources": {"requests": {"cpu": "250m", "memory": "192Mi"}},
        "volumeMounts": [
            {"name": "configuration", "mountPath": "/etc/checkout", "readOnly": True},
            {"name": "cache", "mountPath": "/var/cache/checkout"},
            _token_mount(number),
        ],
        "livenessProbe": _probe("/healthz", 8080, 10),
        "readinessProbe": _probe("/readyz", 8080, 5),
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/checkout", "drain"]}}},
        **_DEFAULTED,
    }


def _exporter(number: int) -> Object:
    return {
        "name": "exporter",
        "image": "registry.example/observability/exporter:1.9.0",
        "args": ["--web.listen-address=:9102"],
        "ports": [{"name": "metrics", "containerPort": 9102, "protocol": "TCP"}],
        "env": [{"name": "SCRAPE_URI", "value": "http://127.0.0.1:8080/status"}],
        "resources": {"requests": {"cpu": "10m", "memory": "24Mi"}},
        "volumeMounts": [_token_mount(number)],
        "livenessProbe": _probe("/-/healthy", 9102, 30),
        **_DEFAULTED,
    }


_DEFAULTED = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "imagePullPolicy": "IfNotPresent",
}


def _probe(path: str, port: int, period: int) -> Object:
    return {
        "httpGet": {"path": path, "port": port, "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": period,
        "successThreshold": 1,
        "failureThreshold": 3,
    }


def _token_name(number: int) -> str:
    return f"kube-api-access-{number:05d}"


def _token_mount(number: int) -> Object:
    return {
        "name": _token_name(number),
        "readOnly": True,
        "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
    }


def _token_volume(number: int) -> Object:
    field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    return {
        "name": _token_name(number),
        "projected": {
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
            ],
            "defaultMode": 420,
        },
    }


def _managed_fields() -> Object:
    written: Object = {
        "f:args": {},
        "f:env": {".": {}} | {f'k:{{"name":"CHECKOUT_OPTION_{index}"}}': _leaf("name", "value") for index in range(8)},
        **_leaf("image", "imagePullPolicy", "name", "terminationMessagePath", "terminationMessagePolicy"),
        "f:livenessProbe": _leaf("failureThreshold", "periodSeconds", "successThreshold", "timeoutSeconds")
        | {"f:httpGet": _leaf("path", "port", "scheme")},
        "f:ports": {".": {}, 'k:{"containerPort":8080,"protocol":"TCP"}': _leaf("containerPort", "name", "protocol")},
        "f:resources": {".": {}, "f:requests": {".": {}, "f:cpu": {}, "f:memory": {}}},
    }
    return {
        "manager": "kube-controller-manager",
        "operation": "Update",
        "apiVersion": "v1",
        "time": "2026-11-21T09:15:04Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {
            "f:metadata": {
                "f:annotations": {".": {}, "f:checksum/config": {}, "f:prometheus.io/port": {}},
                "f:generateName": {},
                "f:labels": {".": {}, "f:app.kubernetes.io/name": {}, "f:pod-template-hash": {}},
                "f:ownerReferences": {".": {}, 'k:{"uid":"3a3d9c5e-4a5f-4c8b-9d0a-6f5b1f1f7f0e"}': {}},
            },
            "f:spec": {
                "f:containers": {'k:{"name":"exporter"}': written, 'k:{"name":"server"}': copy.deepcopy(written)},
                **_leaf("dnsPolicy", "enableServiceLinks", "restartPolicy", "schedulerName"),
                "f:securityContext": {".": {}} | _leaf("fsGroup", "runAsGroup", "runAsUser"),
                "f:volumes": {".": {}, 'k:{"name":"cache"}': {".": {}, "f:emptyDir": {".": {}, "f:sizeLimit": {}}}},
            },
        },
    }


def _leaf(*names: str) -> Object:
    return {f"f:{name}": {} for name in names}


def review(scenario: Scenario, number: int) -> Object:
    """Return the AdmissionReview for the creation of a scenario's pod."""
    resource = {"group": "", "version": "v1", "resource": "pods"}
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    document = pod(scenario, number)
    return {
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": str(uuid.UUID(int=0x5EED << 64 | number)),
            "kind": kind,
            "resource": resource,
            "requestKind": kind,
            "requestResource": resource,
            **({"name": document["metadata"]["name"]} if "name" in document["metadata"] else {}),
            "namespace": NAMESPACE,
            "operation": "CREATE",
            "userInfo": {
                "username": "system:serviceaccount:kube-system:replicaset-controller",
                "uid": "0b7d3a5c-8a52-4b4e-8a32-0f4c8d9e6a01",
                "groups": ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
                "extra": {"authentication.kubernetes.io/credential-id": ["JTI=5b5c2b1e-3a0e-4d0e-9c7e-0d1f6a7b8c9d"]},
            },
            "object": document,
            "oldObject": None,
            "dryRun": False,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    }


def unlike(body: bytes, number: int) -> bytes:
    """Return a review as long as this one, of a pod that is like no pod of another number."""
    return body.replace(_MARK.encode(), b"release-%08d" % number)


def http_request(scenario: Scenario, number: int) -> tuple[bytes, bytes]:
    """Return the bytes of a call, as the API server (1.36) sends them: the head, then the body."""
    body = json.dumps(review(scenario, number), separators=(",", ":")).encode()
    head = (
        f"POST {scenario.path}?timeout=3s HTTP/1.1\r\n"
        f"Host: {_SERVICE}:443\r\n"
        "User-Agent: kube-apiserver-admission\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Accept: application/json, */*\r\n"
        "Content-Type: application/json\r\n"
        "Accept-Encoding: gzip\r\n\r\n"
    )
    return head.encode(), body
