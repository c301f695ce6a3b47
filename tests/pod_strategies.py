"""Hypothesis strategies for pods, biased to the edges of every check: mostly what an API server accepts, a few steps from harmless."""

from __future__ import annotations

from hypothesis import strategies as st

from pod_further_steps import FURTHER_STEPS, FURTHER_WILD_STEPS
from pod_steps import OWN_STEPS, STANDARD_STEPS, WILD_STEPS, Step, child
from stridegate.engine.examples import JsonMap, hardened_container


@st.composite
def pods(draw: st.DrawFn, *, steps: tuple[Step, ...], most: int = 5) -> JsonMap:
    """Return pods: hardened ones or bare ones, with a few steps taken from there."""
    pod: JsonMap = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "generated"}, "spec": {}}
    spec = child(pod, "spec")
    hardened = draw(st.booleans())
    if hardened:
        spec["securityContext"] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    spec["containers"] = [_container(f"c{index}", hardened=hardened) for index in range(draw(st.integers(1, 2)))]
    if draw(st.booleans()):
        first = _container("i0", hardened=hardened)
        if draw(st.booleans()):
            first["restartPolicy"] = "Always"
        spec["initContainers"] = [first]
    for step in draw(st.lists(st.sampled_from(steps), max_size=most)):
        step(draw, pod)
    return pod


def _container(name: str, *, hardened: bool) -> JsonMap:
    return hardened_container(name) if hardened else {"name": name, "image": f"registry.example/{name}:1.0"}


def everything() -> st.SearchStrategy[JsonMap]:
    """Return pods that touch on every rule there is, some of them in shapes that no API server stores."""
    return pods(steps=STANDARD_STEPS + OWN_STEPS + WILD_STEPS + FURTHER_STEPS + FURTHER_WILD_STEPS, most=10)
