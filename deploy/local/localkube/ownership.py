"""Which checkout a cluster's name belongs to: two working copies on one machine must not share one silently."""

from pathlib import Path

from localkube.errors import OwnedByAnotherCheckout
from localkube.places import CHECKOUT
from localkube.progress import say


def claim(state: Path, *, checkout: Path = CHECKOUT) -> None:
    """Make the state folder this checkout's. Raises OwnedByAnotherCheckout."""
    require_mine(state, checkout=checkout)
    state.mkdir(parents=True, exist_ok=True)
    _record(state).write_text(f"{checkout}\n", encoding="utf-8")


def require_mine(state: Path, *, checkout: Path = CHECKOUT) -> None:
    """Raise OwnedByAnotherCheckout where another one has claimed the folder. A checkout that is gone owns nothing."""
    owner = recorded_owner(state)
    if owner is None or owner == checkout:
        return
    if owner.exists():
        raise OwnedByAnotherCheckout(state.name, str(owner), checkout)
    say(f"taking over the cluster {state.name} of {owner}, which is gone")


def recorded_owner(state: Path) -> Path | None:
    """Read who claimed the folder."""
    try:
        return Path(_record(state).read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return None


def _record(state: Path) -> Path:
    return state / "checkout"
