"""Commands that are loaded when they are asked for: most runs are of one, and pay for no other."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, MutableMapping

import click


class Awaited(MutableMapping[str, click.Command]):
    """The commands of a group by name; `modules` says in which module each stands, under its name with underscores."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = dict(modules)
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        """Return a command, loaded now if it was not."""
        if name not in self._loaded:
            module = importlib.import_module(self._modules[name])
            self._loaded[name] = getattr(module, name.replace("-", "_"))
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        """Add a command that is at hand."""
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        """Take a command out."""
        self._loaded.pop(name, None)
        self._modules.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        """Yield every name, and load nothing."""
        return iter({**self._modules, **self._loaded})

    def __len__(self) -> int:
        """Return how many commands there are."""
        return len({**self._modules, **self._loaded})
