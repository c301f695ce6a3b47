"""The scanner in the chart: what it may do in the cluster, what it has of a node, and that nothing of it grows unnoticed."""

from __future__ import annotations

from typing import Any

import pytest

from charts import Helm, Manifest, Refused, Rendered, judge
from stridegate.cli.main import main
from stridegate.model.policies import Policy
from stridegate.model.vocabulary import Action, Profile

NAMESPACE = "stridegate-scanner"
HARDENED = Policy(name="ours", profile=Profile.HARDENED, action=Action.DENY)
# Every path of a node that a container of ours sees.
KERNEL = {"/proc", "/run", "/sys"}
FILES = {"/etc", "/home", "/lib", "/opt", "/root", "/usr", "/var/lib"}
MASKED = {
    f"/var/lib/kubelet/{each}"
    for each in ("device-plugins", "pki", "plugins", "plugins_registry", "pod-resources", "pods")
}


def template(release: Rendered, name: str = "stridegate-scanner") -> Manifest:
    found: Manifest = release.one("DaemonSet", name)["spec"]["template"]
    return found


def container(release: Rendered, name: str) -> Manifest:
    found: Manifest = next(each for each in template(release)["spec"]["containers"] if each["name"] == name)
    return found


def host_mounts(release: Rendered, name: str) -> dict[str, dict[str, Any]]:
    """Return the paths of the host that a container has, with their mounts."""
    volumes = {each["name"]: each for each in template(release)["spec"]["volumes"]}
    return {
        volumes[mount["name"]]["hostPath"]["path"]: mount
        for mount in container(release, name)["volumeMounts"]
        if "hostPath" in volumes[mount["name"]]
    }


def rights(role: Manifest) -> set[tuple[str, str, str, str]]:
    return {
        (group, resource, named, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for named in rule.get("resourceNames", ["any"])
        for verb in rule["verbs"]
    }


def test_the_scanner_reads_reports_and_its_kubelet_and_writes_a_status(release: Rendered) -> None:
    assert rights(release.one("ClusterRole", "stridegate-scanner")) == {
        ("stridegate.dev", "hardeningreports", "any", "get"),
        ("stridegate.dev", "hardeningreports/status", "any", "patch"),
        ("", "nodes/pods", "any", "get"),
        ("", "nodes/configz", "any", "get"),
    }


def test_the_scanner_has_nothing_else_in_any_namespace(release: Rendered) -> None:
    bound = [
        each
        for kind in ("RoleBinding", "ClusterRoleBinding")
        for each in release.all(kind)
        if any(subject["name"] == "stridegate-scanner" for subject in each["subjects"])
    ]

    assert {(each["kind"], each["metadata"].get("namespace")) for each in bound} == {
        ("ClusterRoleBinding", None),
        ("RoleBinding", "kube-system"),
    }
    assert rights(release.one("Role", "stridegate-scanner")) == {
        ("", "configmaps", "kube-proxy", "get"),
        ("", "configmaps", "kube-proxy-config", "get"),
    }


def test_the_scanner_shares_no_namespace_of_the_host(release: Rendered) -> None:
    spec = template(release)["spec"]

    assert spec.keys().isdisjoint({"hostPID", "hostNetwork", "hostIPC"})


@pytest.mark.parametrize(("name", "user"), [("scanner", 65534), ("reader", 0)])
def test_no_container_has_a_capability_or_may_gain_one(release: Rendered, name: str, user: int) -> None:
    security = container(release, name)["securityContext"]

    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["runAsUser"] == user
    assert "privileged" not in security


def test_the_token_is_in_the_container_that_is_nobody(release: Rendered) -> None:
    mounted = {
        each["name"]: any(mount["name"] == "token" for mount in each["volumeMounts"])
        for each in template(release)["spec"]["containers"]
    }

    assert mounted == {"scanner": True, "reader": False}
    assert template(release)["spec"]["automountServiceAccountToken"] is False
    assert release.one("ServiceAccount", "stridegate-scanner")["automountServiceAccountToken"] is False


@pytest.mark.parametrize(("name", "paths"), [("scanner", KERNEL), ("reader", FILES)])
def test_a_container_has_just_these_paths_of_the_host_to_read(release: Rendered, name: str, paths: set[str]) -> None:
    mounts = host_mounts(release, name)

    assert mounts.keys() == paths
    assert all(mount["readOnly"] and mount["mountPath"] == f"/host{path}" for path, mount in mounts.items())


def test_what_runs_as_root_never_has_the_sockets_of_the_host(helm: Helm) -> None:
    with pytest.raises(Refused, match="paths"):
        helm.render({"scanner": {"paths": ["/run"]}})


def test_keys_and_sockets_of_the_kubelet_and_volumes_of_pods_are_hidden_from_what_runs_as_root(
    release: Rendered,
) -> None:
    volumes = {each["name"]: each for each in template(release)["spec"]["volumes"]}
    reader = container(release, "reader")
    hidden = {
        mount["mountPath"].removeprefix("/host")
        for mount in reader["volumeMounts"]
        if "emptyDir" in volumes[mount["name"]] and mount["mountPath"].startswith("/host")
    }

    assert hidden == MASKED
    assert {each.partition("=")[2] for each in reader["args"] if each.startswith("--masked")} == MASKED
    assert {each.partition("=")[2] for each in reader["args"] if each.startswith("--visible")} == FILES


def test_no_path_is_created_on_a_node(release: Rendered) -> None:
    for volume in template(release)["spec"]["volumes"]:
        if "hostPath" in volume:
            assert volume["hostPath"]["type"] == "Directory"


def test_unmounts_of_the_host_reach_what_would_keep_disks_busy(release: Rendered) -> None:
    mounts = {**host_mounts(release, "scanner"), **host_mounts(release, "reader")}

    for path in ("/run", "/var/lib", "/home"):
        assert mounts[path]["mountPropagation"] == "HostToContainer"
    assert all(("recursiveReadOnly" in mount) != ("mountPropagation" in mount) for mount in mounts.values())


def test_the_scanner_breaks_just_the_rules_that_reading_a_node_breaks(release: Rendered) -> None:
    judgement = judge(template(release), HARDENED, namespace=NAMESPACE, template=True)

    assert set(judgement.denied) == {
        "container-runtime-socket",
        "control-plane-toleration",
        "host-path-volume",
        "possible-root-user",
        "root-group",
        "root-user",
        "sensitive-host-path",
    }


def test_its_namespace_lets_it_pass_and_is_out_of_the_webhooks_reach(release: Rendered) -> None:
    namespace = release.one("Namespace", NAMESPACE)

    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    for entries in release.webhooks().values():
        for entry in entries:
            for term in entry.get("namespaceSelector", {}).get("matchExpressions", []):
                if term["operator"] == "NotIn":
                    assert NAMESPACE in term["values"]


@pytest.mark.parametrize("command", ["scanner", "reader"])
def test_each_process_is_given_the_options_that_it_has(release: Rendered, command: str) -> None:
    arguments = container(release, command)["args"]

    known = {each for option in main.commands[command].params for each in option.opts}
    required = {option.opts[0] for option in main.commands[command].params if option.required}
    named = {argument.partition("=")[0] for argument in arguments[1:]}
    assert arguments[0] == command
    assert required <= named <= known


def test_both_processes_are_bounded_and_need_the_slim_image_alone(release: Rendered) -> None:
    for each in template(release)["spec"]["containers"]:
        assert each["resources"]["limits"].keys() == {"cpu", "memory"}
        assert each["image"].endswith("-slim")


def test_the_clouds_metadata_service_is_tried_only_where_the_values_say_so(helm: Helm) -> None:
    def told(release: Rendered) -> bool:
        (pod,) = [each["spec"]["template"]["spec"] for each in release.all("DaemonSet")]
        return "--instance-metadata" in pod["containers"][0]["args"]

    assert not told(helm.render())
    assert told(helm.render({"scanner": {"instanceMetadata": True}}))


def test_what_the_scanner_reaches_is_what_pods_reach(release: Rendered) -> None:
    (policy,) = [each for each in release.all("NetworkPolicy") if each["metadata"]["namespace"] == NAMESPACE]

    assert policy["spec"]["policyTypes"] == ["Ingress"]
    assert "egress" not in policy["spec"]


def test_a_profile_has_a_daemonset_of_its_own(helm: Helm) -> None:
    profile = {"nodeSelector": {"os": "talos"}, "paths": ["/system"], "masked": []}

    release = helm.render({"scanner": {"profiles": {"talos": profile}}})

    names = [each["metadata"]["name"] for each in release.all("DaemonSet")]
    assert names == ["stridegate-scanner", "stridegate-scanner-talos"]
    spec = template(release, "stridegate-scanner-talos")["spec"]
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux", "os": "talos"}
    assert "--visible=/system" in spec["containers"][1]["args"]


def test_a_further_path_is_mounted_and_told(helm: Helm) -> None:
    release = helm.render({"scanner": {"paths": ["/data/docker"]}})

    assert "/data/docker" in host_mounts(release, "reader")
    assert "--visible=/data/docker" in container(release, "reader")["args"]


def test_without_the_scanner_nothing_of_it_is_left(helm: Helm) -> None:
    release = helm.render({"scanner": {"enabled": False}})

    names = [(each["metadata"]["name"], each["metadata"].get("namespace")) for each in release.manifests]
    assert not [each for each in names if NAMESPACE in each]
    assert NAMESPACE not in str(release.webhooks())


@pytest.mark.parametrize("enabled", [True, False])
def test_the_operator_is_told_whether_a_scanner_runs(helm: Helm, enabled: bool) -> None:
    deployment = helm.render({"scanner": {"enabled": enabled}}).one("Deployment", "stridegate-operator")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]

    assert ("--without-scanner" in container["args"]) is not enabled
    assert "--without-scanner" in {each for option in main.commands["operator"].params for each in option.opts}
