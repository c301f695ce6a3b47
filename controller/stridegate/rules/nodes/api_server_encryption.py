"""How the API server stores Secrets in etcd."""

from __future__ import annotations

from functools import partial

from stridegate.model.nodes.components import Started
from stridegate.model.nodes.encryption import Strength, providers_of_secrets
from stridegate.model.nodes.files import excess
from stridegate.model.nodes.flag_rules import flag_rule, named_document, shown, starts, status_of
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeRule
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_FLAG = "encryption-provider-config"
_rule = partial(
    flag_rule,
    "kube-apiserver",
    severity=Severity.CRITICAL,
    stride=Stride.INFORMATION_DISCLOSURE,
    threats=("etcd-disclosure", "etcd-unencrypted-at-rest"),
    remedy=Remedy.ENCRYPTION,
)
_case = partial(starts, "kube-apiserver")


def _is_encrypted(started: Started, node: Node) -> Verdict:
    path = started.flags.text(_FLAG)
    if not path:
        return started.verdict(State.FAIL, shown(started, _FLAG))
    status = status_of(started, node, path)
    if status is None or named_document(started, node, _FLAG) is None:
        return started.verdict(State.FAIL, f"{shown(started, _FLAG)}, which does not exist")
    evidence = Evidence(source=Source.FILE, path=status.path)
    observed = f"{status.mode:04o} {status.uid}:{status.gid}"
    if excess(status.mode, 0o600) or (status.uid, status.gid) != (0, 0):
        offender = Offender(name=status.path, observed=f"{observed}, at most 0600 and 0:0 wanted")
        note = "The file holds the key: who reads it reads what etcd holds."
        return Verdict(state=State.FAIL, observed=observed, evidence=evidence, offenders=(offender,), note=note)
    return Verdict(state=State.PASS, observed=f"{status.path}, {observed}", evidence=evidence)


def _is_strong(started: Started, node: Node) -> Verdict:
    document = named_document(started, node, _FLAG)
    if document is None:
        gone = ", which does not exist" if started.flags.text(_FLAG) else ": Secrets are stored as they are"
        return started.verdict(State.FAIL, f"{shown(started, _FLAG)}{gone}")
    path = started.on_host(started.flags.text(_FLAG) or "")
    evidence = Evidence(source=Source.FILE, path=path)
    providers = providers_of_secrets(document, path)
    if not providers:
        return Verdict(state=State.FAIL, observed="no rule covers secrets", evidence=evidence)
    worst = max(providers, key=lambda provider: list(Strength).index(provider.strength))
    offenders = tuple(
        Offender(name=f"resources[{each.rule - 1}]", observed=f"{each.name} comes first")
        for each in providers
        if each.strength in {Strength.OLD, Strength.NONE}
    )
    names = ", ".join(dict.fromkeys(each.name for each in providers))
    if worst.strength is Strength.NONE:
        return Verdict(
            state=State.FAIL, observed=f"{worst.name[:40]} comes first", evidence=evidence, offenders=offenders
        )
    if worst.strength is Strength.OLD:
        note = "kms v1 is deprecated since Kubernetes 1.28, and off by default since 1.29: move to v2."
        return Verdict(
            state=State.WARN,
            observed=f"{worst.name[:40]} comes first",
            evidence=evidence,
            offenders=offenders,
            note=note,
        )
    note = "aesgcm is safe only while its key is rotated, by 200,000 writes at the latest."
    return Verdict(
        state=State.PASS, observed=names, evidence=evidence, note=note if worst.strength is Strength.ROTATED else ""
    )


_FILE = "/etc/kubernetes/enc/encryption.yaml"
_SET = f"--{_FLAG}={_FILE}"
_KEYS = "keys: [{name: key1}]"


def _config(*rules: str) -> dict[str, HostFile]:
    text = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n" + "".join(rules)
    return {_FILE: HostFile(text=text)}


def _covering(resources: str, *providers: str) -> str:
    return f"- resources: [{resources}]\n  # comes first\n  providers:\n" + "".join(
        f"  - {each}\n" for each in providers
    )


_IDENTITY = "identity: {}"
_BOX = f"secretbox: {{{_KEYS}}}"
_GOOD = _config(_covering("secrets", _BOX, _IDENTITY))


_weak = partial(_case, State.FAIL, _SET)
_strong = partial(_case, State.PASS, _SET)

RULES: tuple[NodeRule, ...] = (
    _rule(
        slug="unencrypted-secrets-at-rest",
        references=(CisKubernetes("1.2.27"),),
        wrong="The API server stores Secrets as they are.",
        threat="Who gets at etcd's files, a backup or a disk that was thrown away reads every Secret of the cluster.",
        wants="have --encryption-provider-config with a file that exists, is at most 0600 and belongs to root",
        fix="--encryption-provider-config=/etc/kubernetes/enc/encryption.yaml, chmod 600, chown 0:0",
        judge=_is_encrypted,
        examples=(
            _strong(files=_GOOD),
            _case(State.FAIL),
            _weak(title="no such file"),
            _weak(title="others read the key", files={_FILE: HostFile(text=_GOOD[_FILE].text, mode=0o644)}),
            _weak(title="a user's key", files={_FILE: HostFile(text=_GOOD[_FILE].text, uid=1000)}),
            _case(State.UNKNOWN, _SET, title="no configuration", files={_FILE: HostFile(text="[")}),
            _case(State.UNKNOWN, f"--{_FLAG}=/inside/the/image.yaml"),
        ),
    ),
    _rule(
        slug="weak-encryption-provider",
        references=(CisKubernetes("1.2.28"),),
        wrong="Secrets are encrypted with nothing, or with something weak.",
        threat="The first provider writes: where identity comes first, Secrets lie in etcd as they are, whatever follows it.",
        wants="have kms v2, secretbox, aescbc or aesgcm as first provider in every rule that covers secrets",
        fix="put kms (apiVersion: v2) or secretbox first in every rule that covers secrets, and identity last",
        judge=_is_strong,
        examples=(
            _strong(title="secretbox first, a comment between", files=_GOOD),
            _strong(title="kms v2", files=_config(_covering("secrets", "kms: {apiVersion: v2, name: vault}"))),
            _strong(title="aesgcm", files=_config(_covering("configmaps, secrets", f"aesgcm: {{{_KEYS}}}"))),
            _strong(
                title="the second rule covers",
                files=_config(_covering("configmaps", _IDENTITY), _covering("secrets", f"aescbc: {{{_KEYS}}}")),
            ),
            _strong(title="every resource", files=_config(_covering("'*.*'", _BOX))),
            _strong(title="every core resource", files=_config(_covering("'*.'", _BOX))),
            _weak(title="identity first", files=_config(_covering("secrets", _IDENTITY, _BOX))),
            _weak(
                title="identity first in the second rule",
                files=_config(_covering("secrets", _BOX), _covering("'*.*'", _IDENTITY)),
            ),
            _weak(title="secrets not covered", files=_config(_covering("configmaps, '*.apps'", _BOX))),
            _weak(title="no provider", files=_config(_covering("secrets"))),
            _weak(title="a provider that nobody knows", files=_config(_covering("secrets", "rot13: {}"))),
            _weak(title="no such file"),
            _case(State.FAIL),
            _case(
                State.WARN,
                _SET,
                title="kms v1",
                files=_config(_covering("secrets", "kms: {name: vault, cachesize: 9}")),
            ),
            _case(State.UNKNOWN, _SET, title="no rules", files={_FILE: HostFile(text="kind: EncryptionConfiguration")}),
        ),
    ),
)
