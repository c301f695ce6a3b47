"""Where a judged pod stands: what a request says about it that the pod itself does not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What surrounds a pod; whoever makes a view of one tells it, since no pod can be trusted to say it.

    `namespace` is the request's, or empty where nobody knows it. `template` says that pods will be made from what is
    judged, `creating` that it is about to be made, and not at work already, and `mirror` that it is the image of a
    static pod, which its node runs regardless.
    """

    namespace: str = ""
    template: bool = False
    creating: bool = True
    mirror: bool = False
