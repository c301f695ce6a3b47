"""What a scanner reads and never tells: keys, tokens and passwords, whoever asks.

The container that reads files answers a process that holds a token for the API server, and reports are read by many. So
whatever leaves through FileText or Document has passed here.
"""

from __future__ import annotations

import re

from stridegate.model.nodes.answers import REDACTED

# Files whose contents are secrets, by their name or the directory they are in.
_SECRET_FILES = re.compile(
    r"(?:^|/)(?:g?shadow-?|opasswd|id_(?:rsa|dsa|ecdsa|ed25519)|\.netrc|[^/]*\.(?:key|keytab|p12|pfx|jks)|"
    r"node-token|token|agent-token|passwd\.k3s|known_tokens\.csv|basic_auth\.csv|ssh_host_[^/]*_key)$"
    r"|/var/lib/kubelet/pods/|/run/secrets/|/var/run/secrets/|/etc/sudoers"
)
_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----")

# Keys of configuration files whose values are secrets: kubeconfigs, EncryptionConfiguration, registries, cloud files.
# Compared in small letters, without `-` and `_`.
_SECRET_KEYS = re.compile(
    r"auth|clientkeydata|(identity|registry|bearer|refresh|access)?token|password|passwd|"
    r"(aadclient|client|token)?secret|(secret|access|secretaccess|api|private)key"
)
_SECRET_NAME = re.compile(r"(?i)(?:token|password|passwd|secret|apikey|access_?key)$")
_USER_IN_URL = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]*@")
_SECRET_FLAG = re.compile(r"(?i)^(--?[a-z0-9.-]*(?:token|password|passwd|secret|api-?key))(=|$)")
_ASSIGNMENT = re.compile(
    r"(?im)^(\s*(?:export\s+|set\s+)?[\w.-]*(?:token|password|passwd|passphrase|secret|psk|api_?key|access_?key|private_?key)\s*[:=]\s*).+$"
)


# Where people and programs keep what is theirs; of it, only these are settings of the node.
_PERSONAL = re.compile(r"^/(?:root|home|var/lib)(?:/|$)")
_SETTINGS = re.compile(
    r"^/(?:root|home/[^/]+)/\.docker/config\.json$|^/home/kubernetes/|"
    r"^/var/lib/(?:kubelet|kube-proxy|rancher|k0s|etcd-config)/|^/var/lib/docker/swarm/docker-state\.json$"
)


def is_personal(path: str) -> bool:
    """Tell whether a path is in the homes of people or the data of programs, and none of the node's settings."""
    return _PERSONAL.search(path) is not None and _SETTINGS.search(path) is None


def is_secret_file(path: str) -> bool:
    """Tell whether a path says that its whole contents are secret."""
    return _SECRET_FILES.search(path) is not None


def has_private_key(content: bytes) -> bool:
    """Tell whether contents hold a private key in PEM."""
    return _PRIVATE_KEY.search(content) is not None


def redacted(document: object) -> object:
    """Return a parsed document without the values of its secrets."""
    if isinstance(document, dict):
        return {key: _value_of(str(key), value) for key, value in document.items()}
    if isinstance(document, list):
        return [redacted(each) for each in document]
    return without_passwords(document) if isinstance(document, str) else document


def _value_of(key: str, value: object) -> object:
    secret = _SECRET_KEYS.fullmatch(key.lower().replace("_", "").replace("-", "")) or _names_a_secret(key)
    if secret and isinstance(value, str | bytes | int | float) and not isinstance(value, bool):
        return REDACTED if value != "" else ""
    if secret and isinstance(value, list):
        return [REDACTED if isinstance(each, str) and each else redacted(each) for each in value]
    return redacted(value)


def _names_a_secret(key: str) -> bool:
    # NAME=value files name them in capitals: K3S_TOKEN, REGISTRY_PASSWORD.
    return key.isupper() and _SECRET_NAME.search(key) is not None


def without_passwords(text: str) -> str:
    """Return a text without the passwords of URLs in it, as in postgres://user:password@host."""
    return _USER_IN_URL.sub(rf"\1:{REDACTED}@", text) if "@" in text else text


def redacted_text(text: str) -> str:
    """Return a text of lines without the values that are assigned to names of secrets."""
    return without_passwords(_ASSIGNMENT.sub(rf"\1{REDACTED}", text))


def redacted_arguments(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command line without the values of flags that carry secrets, in either form."""
    told: list[str] = []
    hidden = False
    for argument in argv:
        flag = _SECRET_FLAG.match(argument)
        if hidden and not argument.startswith("-"):
            told.append(REDACTED)
        elif flag and flag[2]:
            told.append(f"{flag[1]}={REDACTED}")
        else:
            told.append(without_passwords(argument))
        hidden = flag is not None and not flag[2]
    return tuple(told)
