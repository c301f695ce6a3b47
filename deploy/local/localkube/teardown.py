"""Taking away what this checkout started: its clusters, and the engine when nobody else needs it."""

from dataclasses import replace

from localkube import engine, ownership
from localkube.cache import Cache
from localkube.kind_cluster import KindCluster
from localkube.places import CHECKOUT, Places
from localkube.progress import say


def take_down(places: Places) -> None:
    """Delete every cluster of this checkout with its network and state, then stop our engine unless others use it.

    Harmless when nothing is there. Raises OwnedByAnotherCheckout when the named cluster is all there is, and is
    not ours.
    """
    states = places.state.parent
    mine = [
        folder
        for folder in sorted(states.iterdir() if states.is_dir() else ())
        if ownership.recorded_owner(folder) == CHECKOUT
    ]
    for folder in mine or [places.state]:
        KindCluster(places=replace(places, state=folder)).delete()
    others = engine.kind_clusters_of_ours()
    if others:
        say(f"the container engine stays: the kind clusters {', '.join(others)} live in it")
    else:
        engine.stop_ours(Cache(root=places.cache))
