"""What the local cluster reads off the machine, and puts back."""

from __future__ import annotations

import json
import socket
import tarfile
from pathlib import Path

import pytest

from localkube import ownership, ports
from localkube.errors import OwnedByAnotherCheckout, PortTaken, UnsuitableName
from localkube.image_archives import Image, write_archive
from localkube.kernel_settings import forward_policy, leftovers
from localkube.kind_configuration import KindConfiguration, PortMapping
from localkube.machine import lacks_sys_resource
from localkube.places import Places
from localkube.product_image import locked_entry
from localkube.progress import duration

SAVED = """\
*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 10.0.0.0/8 -m comment --comment "my rule" -j MASQUERADE
COMMIT
*filter
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A DOCKER-USER -j RETURN
COMMIT
"""


def test_docker_rules_are_deleted_before_their_chains_and_no_other_rule_is() -> None:
    assert leftovers(SAVED) == [
        ["--table", "nat", "--delete", "PREROUTING", "-m", "addrtype", "--dst-type", "LOCAL", "-j", "DOCKER"],
        ["--table", "filter", "--delete", "FORWARD", "-j", "DOCKER-USER"],
        ["--table", "nat", "--flush", "DOCKER"],
        ["--table", "filter", "--flush", "DOCKER-USER"],
        ["--table", "nat", "--delete-chain", "DOCKER"],
        ["--table", "filter", "--delete-chain", "DOCKER-USER"],
    ]


def test_the_forward_policy_is_the_kernels_where_nothing_was_set() -> None:
    assert forward_policy(SAVED) == "DROP"
    assert forward_policy("") == "ACCEPT"


@pytest.mark.parametrize(("bounding", "lacks"), [("000001ffffffffff", False), ("000001fffeffffff", True)])
def test_a_missing_capability_is_seen_in_the_bounding_set(bounding: str, lacks: bool) -> None:
    assert lacks_sys_resource(f"Name:\tx\nCapBnd:\t{bounding}\n") is lacks


def test_free_ports_differ() -> None:
    assert len(set(ports.free_ports(3))) == 3


def test_a_taken_port_is_told_with_its_purpose_and_a_remedy() -> None:
    with socket.socket() as listener:
        listener.bind((ports.LOOPBACK, 0))
        listener.listen()
        port = listener.getsockname()[1]

        with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1, wanted for the test, is taken: close it"):
            ports.require_free(port, purpose="the test", remedy="close it")

    ports.require_free(port, purpose="the test", remedy="close it")


def test_two_checkouts_do_not_share_a_cluster(tmp_path: Path) -> None:
    state, mine, theirs = tmp_path / "state" / "stridegate", tmp_path / "mine", tmp_path / "theirs"
    mine.mkdir()
    theirs.mkdir()
    ownership.claim(state, checkout=theirs)

    with pytest.raises(OwnedByAnotherCheckout, match=f"belongs to the checkout {theirs}.*CLUSTER=another-name"):
        ownership.claim(state, checkout=mine)


def test_the_cluster_of_a_checkout_that_is_gone_can_be_taken_over(tmp_path: Path) -> None:
    state, mine = tmp_path / "state", tmp_path / "mine"
    ownership.claim(state, checkout=tmp_path / "gone")

    ownership.claim(state, checkout=mine)

    assert ownership.recorded_owner(state) == mine


def test_places_follow_the_environment() -> None:
    places = Places.of({"HOME": "/home/me", "XDG_STATE_HOME": "/elsewhere", "CLUSTER": "second"})

    assert places == Places(cache=Path("/home/me/.cache/stridegate"), state=Path("/elsewhere/stridegate/second"))


@pytest.mark.parametrize("name", ["../x", "Upper", "-x", "x" * 41])
def test_a_name_that_cannot_be_a_clusters_is_refused(name: str) -> None:
    with pytest.raises(UnsuitableName, match="is no name for a cluster"):
        Places.of({"CLUSTER": name})


def test_an_image_archive_names_its_images_and_shares_their_layer(tmp_path: Path) -> None:
    layer = tmp_path / "layer.tar"
    layer.write_bytes(b"content")

    write_archive(tmp_path / "out.tar", layer, [Image(names=["a:1", "b:1"]), Image(names=["c:1"], entrypoint="/run")])

    with tarfile.open(tmp_path / "out.tar") as archive:
        content = archive.extractfile("manifest.json")
        assert content
        manifest = json.load(content)
        assert [entry["RepoTags"] for entry in manifest] == [["a:1", "b:1"], ["c:1"]]
        assert len({entry["Layers"][0] for entry in manifest}) == 1
        assert set(archive.getnames()) >= {entry["Config"] for entry in manifest}


def test_a_plain_cluster_has_no_patches() -> None:
    plain = json.loads(KindConfiguration(nodes=1, cgroup_v1=False, without_dns=False).text())

    assert [node["role"] for node in plain["nodes"]] == ["control-plane"]
    assert plain["kubeadmConfigPatches"] == []


def test_a_cluster_says_what_differs() -> None:
    text = KindConfiguration(
        nodes=3,
        cgroup_v1=True,
        without_dns=True,
        audit_policy=Path("/host/policy.yaml"),
        ports=(PortMapping(host=30080, node=80),),
    ).text()

    configuration = json.loads(text)
    control_plane, *workers = configuration["nodes"]
    patches = {patch["kind"]: patch for patch in map(json.loads, configuration["kubeadmConfigPatches"])}
    assert len(workers) == 2
    assert control_plane["extraPortMappings"] == [
        {"containerPort": 80, "hostPort": 30080, "listenAddress": "127.0.0.1"}
    ]
    assert patches["KubeletConfiguration"]["failCgroupV1"] is False
    assert patches["InitConfiguration"]["skipPhases"] == ["preflight", "addon/coredns"]
    assert {"name": "audit-log-path", "value": "/var/log/kubernetes/audit.log"} in patches["ClusterConfiguration"][
        "apiServer"
    ]["extraArgs"]


def test_one_package_is_cut_out_of_a_lock_file_with_its_hashes() -> None:
    lock = "a==1 \\\n    --hash=sha256:1\nb==2 \\\n    --hash=sha256:2 \\\n    --hash=sha256:3\nc==3\n"

    assert locked_entry(lock, "b") == "b==2 \\\n    --hash=sha256:2 \\\n    --hash=sha256:3\n"
    assert locked_entry(lock, "c") == "c==3\n"


@pytest.mark.parametrize(("seconds", "said"), [(0.4, "0 s"), (59.4, "59 s"), (295, "4 min 55 s")])
def test_a_duration_reads_as_people_say_it(seconds: float, said: str) -> None:
    assert duration(seconds) == said
