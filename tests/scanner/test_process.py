"""The scanner's two processes: what they load, and that they start and end as a kubelet wants it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module", ["stridegate.scanner.main", "stridegate.scanner.reading", "stridegate.scanner.bare_machine"]
)
def test_a_scanners_process_loads_neither_kopf_nor_the_kubernetes_package(module: str) -> None:
    code = f"import sys, {module}; print([each for each in ('kopf', 'kubernetes') if each in sys.modules])"

    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert told.stdout.strip() == "[]"


def test_what_reads_as_root_loads_no_way_into_the_cluster() -> None:
    code = "import sys, stridegate.scanner.reading; print([each for each in ('aiohttp', 'stridegate.kube') if each in sys.modules])"

    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert told.stdout.strip() == "[]"
