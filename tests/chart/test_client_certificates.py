"""Client certificates, as the chart asks for them."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from authorities import Authority
from charts import Helm, Refused, Rendered
from localkube.places import CHECKOUT

GUIDE = (CHECKOUT / "docs" / "guides" / "client-certificates.md").read_text(encoding="utf-8")
BUNDLE = (Authority().bundle + Authority("next").bundle).decode()


def test_by_default_no_certificate_is_asked_for(release: Rendered) -> None:
    webhook = release.one("Deployment", "stridegate-webhook")["spec"]["template"]["spec"]

    assert not [each for each in webhook["containers"][0]["args"] if each.startswith("--client-")]
    assert "stridegate-client-ca" not in {each["metadata"]["name"] for each in release.all("ConfigMap")}


def test_the_authority_is_mounted_and_the_names_are_told(helm: Helm) -> None:
    release = helm.render({"tls": {"clientCA": BUNDLE, "clientNames": ["kube-apiserver-webhooks", "system:api"]}})

    pod = release.one("Deployment", "stridegate-webhook")["spec"]["template"]["spec"]
    told = [each for each in pod["containers"][0]["args"] if each.startswith("--client-")]
    assert told == [
        "--client-ca=/run/stridegate/client-ca/ca.crt",
        "--client-name=kube-apiserver-webhooks",
        "--client-name=system:api",
    ]
    assert release.one("ConfigMap", "stridegate-client-ca")["data"] == {"ca.crt": BUNDLE}
    assert {"name": "client-ca", "mountPath": "/run/stridegate/client-ca", "readOnly": True} in pod["containers"][0][
        "volumeMounts"
    ]


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ({"clientCA": BUNDLE}, "tls.clientCA, tls.clientNames: must be given together"),
        ({"clientNames": ["jane"]}, "tls.clientCA, tls.clientNames: must be given together"),
        ({"clientCA": "/etc/kubernetes/pki/ca.crt", "clientNames": ["jane"]}, "clientCA"),
        ({"clientCA": BUNDLE, "clientNames": ["*"]}, "clientNames"),
        ({"clientCA": BUNDLE, "clientNames": "jane"}, "clientNames"),
    ],
    ids=["no name", "no authority", "a path", "a pattern", "no list"],
)
def test_half_a_demand_is_refused(helm: Helm, tls: dict[str, object], said: str) -> None:
    with pytest.raises(Refused, match=re.escape(said)):
        helm.render({"tls": tls})


def test_the_guide_makes_certificates_that_the_chart_and_the_webhook_take(helm: Helm, tmp_path: Path) -> None:
    commands = GUIDE.split("```\n")[1].replace("\\\n", " ").splitlines()
    for command in commands:
        program, *arguments = shlex.split(command)
        if program == "printf":
            (tmp_path / arguments[-1]).write_text(arguments[0].replace("\\n", "\n"))
        else:
            subprocess.run([program, *arguments], cwd=tmp_path, check=True, capture_output=True)

    authority = (tmp_path / "clients-ca.crt").read_text()
    verified = subprocess.run(
        ["openssl", "verify", "-purpose", "sslclient", "-CAfile", "clients-ca.crt", "webhooks.crt"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    release = helm.render({"tls": {"clientCA": authority, "clientNames": ["kube-apiserver-webhooks"]}})

    assert verified.stdout == "webhooks.crt: OK\n"
    assert release.one("ConfigMap", "stridegate-client-ca")["data"]["ca.crt"] == authority


def test_the_guide_names_the_service_that_is_called(release: Rendered) -> None:
    users = next(
        yaml.safe_load(each) for each in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL) if "users:" in each
    )
    called = release.webhooks()["validating"][0]["clientConfig"]["service"]

    assert users["users"][0]["name"] == f"{called['name']}.{called['namespace']}.svc"
