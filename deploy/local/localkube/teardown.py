"""Taking away what this checkout started: its cluster, and the engine when nobody else needs it."""

from localkube import engine as engines
from localkube import ownership
from localkube.cache import Cache
from localkube.kind_cluster import KindCluster
from localkube.places import Places
from localkube.progress import say


def take_down(places: Places) -> None:
    """Delete the cluster, its network and state, then stop our engine, unless another cluster runs in it.

    Harmless when nothing is there. Raises OwnedByAnotherCheckout.
    """
    ownership.require_mine(places.state)
    cache = Cache(root=places.cache)
    KindCluster(places=places).delete()
    others = engines.kind_clusters_of_ours()
    if others:
        say(f"the container engine stays: the kind clusters {', '.join(others)} live in it")
    else:
        engines.stop_ours(cache)
