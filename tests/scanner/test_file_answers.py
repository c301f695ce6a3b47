"""What files of a host say, and what of it is never told."""

from __future__ import annotations

from pathlib import Path

import pytest

from authorities import Authority
from hosts import put
from stridegate.model.nodes import queries
from stridegate.model.nodes.answers import Absent, Certificate, Unreadable
from stridegate.model.nodes.queries import Query, Syntax
from stridegate.model.nodes.rules import HostFile
from stridegate.scanner.file_answers import answer_from_files
from stridegate.scanner.host_root import HostRoot

KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\n"


def answer(root: Path, query: Query[object]) -> object:
    return answer_from_files(HostRoot(root), [query])[query]


def told(root: Path, text: str, syntax: Syntax, path: str = "/etc/x.conf") -> object:
    put(root, path, HostFile(text=text))
    return answer(root, queries.Document(path, syntax))


class TestDocuments:
    def test_yaml_is_what_kubernetes_reads(self, tmp_path: Path) -> None:
        text = "a: 2020-01-01\nb: yes\nc: [1, 1.5, null]\n1: x\n---\nsecond: document\n"

        assert told(tmp_path, text, Syntax.YAML) == {"a": "2020-01-01", "b": True, "c": [1, 1.5, None], "1": "x"}

    def test_an_empty_document_is_none(self, tmp_path: Path) -> None:
        assert told(tmp_path, "# nothing\n", Syntax.YAML) is None

    def test_a_unit_keeps_every_value_in_order(self, tmp_path: Path) -> None:
        text = "# c\n[Service]\nExecStart=\nExecStart=/usr/bin/kubelet \\\n  --config=x\n; c\nEnvironment=A=b\n[Unit]\nAfter=y\n"

        assert told(tmp_path, text, Syntax.UNIT) == {
            "Service": {"ExecStart": ["", "/usr/bin/kubelet    --config=x"], "Environment": ["A=b"]},
            "Unit": {"After": ["y"]},
        }

    def test_an_environment_file_has_values_without_quotes(self, tmp_path: Path) -> None:
        text = "# c\nKUBELET_ARGS=\"--a=b --c\"\nexport X='y'\nX=z\nnot a line\n"

        assert told(tmp_path, text, Syntax.ENVIRONMENT) == {"KUBELET_ARGS": "--a=b --c", "X": "z"}

    def test_toml_and_json_are_read(self, tmp_path: Path) -> None:
        assert told(tmp_path, "version = 2\n[plugins.x]\ny = true\n", Syntax.TOML) == {
            "version": 2,
            "plugins": {"x": {"y": True}},
        }
        assert told(tmp_path, '{"icc": false}', Syntax.JSON) == {"icc": False}

    @pytest.mark.parametrize(
        ("text", "syntax"),
        [
            ("a: [hunter2", Syntax.YAML),
            ("a: 1\na: hunter2\n", Syntax.YAML),
            ("a: &a [*a, hunter2]\n", Syntax.YAML),
            ("x: !!python/object/apply:os.system [hunter2]\n", Syntax.YAML),
            ("hunter2: \x01\n", Syntax.YAML),
            ("[" * 5000, Syntax.YAML),
            ('{"a": 1, "a": "hunter2"}', Syntax.JSON),
            ('{"a": hunter2}', Syntax.JSON),
            ('{"a": NaN}', Syntax.JSON),
            ("[" * 100_000, Syntax.JSON),
            ('{"a": ' + "9" * 5000 + "}", Syntax.JSON),
            ("a = hunter2", Syntax.TOML),
            ("a = 1\na = 'hunter2'", Syntax.TOML),
        ],
    )
    def test_what_does_not_parse_is_unreadable_and_not_quoted(self, tmp_path: Path, text: str, syntax: Syntax) -> None:
        found = told(tmp_path, text, syntax)

        assert isinstance(found, Unreadable)
        assert "hunter2" not in found.reason
        assert len(found.reason) < 100

    def test_an_alias_bomb_is_unreadable(self, tmp_path: Path) -> None:
        levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 20))

        found = told(tmp_path, f"l0: &l0 x\n{levels}", Syntax.YAML)

        assert isinstance(found, Unreadable)
        assert "aliases" in found.reason


class TestSecrets:
    @pytest.mark.parametrize(
        ("text", "syntax"),
        [
            ("users: [{name: a, user: {token: hunter2, client-key-data: hunter2}}]", Syntax.YAML),
            ("providers: [{aescbc: {keys: [{name: k, secret: hunter2}]}}]", Syntax.YAML),
            ('{"auths": {"r": {"auth": "hunter2", "password": "hunter2"}}}', Syntax.JSON),
            ('{"aadClientSecret": "hunter2"}', Syntax.JSON),
            ('[registry.configs.r.auth]\npassword = "hunter2"\nauth = "hunter2"', Syntax.TOML),
            ("K3S_TOKEN=hunter2\nREGISTRY_PASSWORD=hunter2", Syntax.ENVIRONMENT),
            ("datastore-endpoint: postgres://k3s:hunter2@db/k3s", Syntax.YAML),
        ],
    )
    def test_a_document_says_that_there_is_a_secret_and_not_which(
        self, tmp_path: Path, text: str, syntax: Syntax
    ) -> None:
        found = str(told(tmp_path, text, syntax))

        assert "hunter2" not in found
        assert "redacted" in found

    def test_what_only_sounds_like_a_secret_is_told(self, tmp_path: Path) -> None:
        text = "ETCD_KEY_FILE=/etc/ssl/etcd.key\nKUBELET_ARGS=--token-auth-file=x"

        assert told(tmp_path, text, Syntax.ENVIRONMENT) == {
            "ETCD_KEY_FILE": "/etc/ssl/etcd.key",
            "KUBELET_ARGS": "--token-auth-file=x",
        }

    @pytest.mark.parametrize("path", ["/etc/shadow", "/etc/kubernetes/pki/sa.key", "/etc/kubernetes/known_tokens.csv"])
    def test_a_secret_file_is_not_told(self, tmp_path: Path, path: str) -> None:
        put(tmp_path, path, HostFile(text="hunter2"))

        for query in (queries.FileText(path), queries.Document(path, Syntax.YAML)):
            found = answer(tmp_path, query)
            assert isinstance(found, Unreadable)
            assert "hunter2" not in found.reason

    def test_a_private_key_is_not_told_whatever_the_file_is_called(self, tmp_path: Path) -> None:
        put(tmp_path, "/etc/harmless.conf", HostFile(text=KEY))

        assert isinstance(answer(tmp_path, queries.FileText("/etc/harmless.conf")), Unreadable)
        assert answer(tmp_path, queries.HoldsPrivateKey("/etc/harmless.conf")) is True

    def test_a_link_to_a_secret_file_is_not_told(self, tmp_path: Path) -> None:
        put(tmp_path, "/etc/shadow", HostFile(text="hunter2"))
        put(tmp_path, "/etc/x.conf", HostFile(link="shadow"))

        assert isinstance(answer(tmp_path, queries.FileText("/etc/x.conf")), Unreadable)

    def test_lines_of_a_text_lose_their_secrets(self, tmp_path: Path) -> None:
        put(tmp_path, "/etc/x", HostFile(text="export API_TOKEN=hunter2\npassword: hunter2\n-w /etc -p wa\n"))

        found = answer(tmp_path, queries.FileText("/etc/x"))

        assert found == "export API_TOKEN=(redacted)\npassword: (redacted)\n-w /etc -p wa\n"

    @pytest.mark.parametrize(
        "path", ["/root/.bash_history", "/home/alice/notes.txt", "/var/lib/mysql/shop.cnf", "/etc/x/../../root/x"]
    )
    def test_what_is_personal_is_not_told_to_another_container(self, tmp_path: Path, path: str) -> None:
        put(tmp_path, "/etc/x/y", HostFile())
        put(tmp_path, path, HostFile(text="hunter2"))
        query = queries.FileText(path)

        told = answer_from_files(HostRoot(tmp_path, discreet=True), [query])[query]

        assert isinstance(told, Unreadable)
        assert answer(tmp_path, query) == "hunter2"

    @pytest.mark.parametrize(
        "path", ["/root/.docker/config.json", "/var/lib/kubelet/config.yaml", "/etc/docker/daemon.json"]
    )
    def test_settings_of_the_node_are_told(self, tmp_path: Path, path: str) -> None:
        put(tmp_path, path, HostFile(text="{}"))
        query = queries.Document(path, Syntax.JSON)

        assert answer_from_files(HostRoot(tmp_path, discreet=True), [query])[query] == {}

    def test_the_digest_of_a_secret_is_not_that_of_its_contents(self, tmp_path: Path) -> None:
        put(tmp_path, "/etc/a.key", HostFile(text="hunter2"))
        put(tmp_path, "/etc/a.conf", HostFile(text="hunter2"))

        plain = answer(tmp_path, queries.FileDigest("/etc/a.conf"))

        assert answer(tmp_path, queries.FileDigest("/etc/a.key")) != plain


class TestCertificates:
    def test_a_pem_file_has_its_certificates(self, tmp_path: Path) -> None:
        pem = Authority("node1").bundle.decode()
        put(tmp_path, "/etc/x.crt", HostFile(text=pem + pem))

        found = answer(tmp_path, queries.CertificatesIn("/etc/x.crt"))

        assert isinstance(found, tuple)
        assert len(found) == 2
        assert isinstance(found[0], Certificate)
        assert (found[0].subject, found[0].issuer) == ("CN=node1", "CN=node1")
        assert found[0].key_kind == "ECDSA"

    def test_what_only_looks_like_one_is_unreadable(self, tmp_path: Path) -> None:
        put(tmp_path, "/etc/x.crt", HostFile(text="-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n"))

        assert isinstance(answer(tmp_path, queries.CertificatesIn("/etc/x.crt")), Unreadable)

    def test_a_file_without_one_has_none(self, tmp_path: Path) -> None:
        put(tmp_path, "/etc/x.crt", HostFile(text=""))

        assert answer(tmp_path, queries.CertificatesIn("/etc/x.crt")) == ()


def test_an_absent_file_is_absent(tmp_path: Path) -> None:
    assert answer(tmp_path, queries.FileText("/etc/nothing")) == Absent("/etc/nothing")
