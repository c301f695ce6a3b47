"""What the product's image is built on: Python's official image where its registry answers, else a Debian of our own."""

from dataclasses import dataclass

from localkube.cache import Cache
from localkube.debian_root import PYTHON, RELEASE, DebianRoot
from localkube.engine import Engine
from localkube.progress import step

_OFFICIAL = "python:3.13-slim"
_RUNTIME = DebianRoot(name="debian-python", packages=("python3", "ca-certificates"), purpose="the runtime base image")
_BUILD = DebianRoot(
    name="debian-python-build",
    packages=(*_RUNTIME.packages, "python3-pip", "python3-venv"),
    purpose="the build base image",
)
_CHANGES = ("ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 'CMD ["python3"]')


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseImages:
    """Two images with the same Python."""

    build: str
    """With pip and venv: Dockerfile argument BUILD_BASE."""
    runtime: str
    """With Python and CA certificates, without pip where the image is ours: Dockerfile argument BASE."""
    python: str
    """Their Python's minor release, which compiled wheels must match."""


def base_images(engine: Engine, cache: Cache) -> BaseImages:
    """Find the two images, or make them. Raises NotRoot, NetworkUnreachable, PackagesUnavailable."""
    official = BaseImages(build=_OFFICIAL, runtime=_OFFICIAL, python="3.13")
    ours = BaseImages(
        build=f"localhost/python-build:{RELEASE}-{_BUILD.digest}",
        runtime=f"localhost/python:{RELEASE}-{_RUNTIME.digest}",
        python=PYTHON,
    )
    if engine.has_image(_OFFICIAL):
        return official
    missing = [
        (tag, root) for tag, root in ((ours.build, _BUILD), (ours.runtime, _RUNTIME)) if not engine.has_image(tag)
    ]
    to_be_built = any(not root.is_built(cache) for _, root in missing)
    if to_be_built and engine.can_pull(_OFFICIAL) and engine.pull(_OFFICIAL, cache.log("python-pull")):
        return official
    for tag, root in missing:
        archive = root.archive(cache)
        with step(f"importing {tag} into the container engine"):
            engine.import_root(archive, tag, _CHANGES)
    return ours
