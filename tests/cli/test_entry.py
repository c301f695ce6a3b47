"""A process begins and ends well: an exit code that means something, a sentence for people, and never a traceback."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from calls import ENVIRONMENT, stridegate
from stridegate.cli.entry import LASTING, guarded
from stridegate.cli.main import main


def raising(error: BaseException) -> Callable[[], int]:
    def work() -> int:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyError("x"), 4, "a defect in Stridegate: KeyError: 'x'. Nothing can be concluded from this run."),
        (RecursionError("too deep\x1b[2J"), 4, "RecursionError: too deep."),
        (MemoryError(), 4, "MemoryError"),
        (PermissionError(13, "Permission denied", "/etc/x\u202e"), 3, "Error: /etc/x: Permission denied"),
        (OSError(28, "No space left on device"), 3, "Error: No space left on device"),
    ],
)
def test_an_unexpected_error_is_one_sentence(
    error: Exception, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = guarded(raising(error))

    written = capsys.readouterr().err
    assert ended == code
    assert said in written
    assert "Traceback" not in written
    assert len(written.splitlines()) == 1


def test_the_details_of_a_defect_are_shown_on_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIDEGATE_DEBUG", "1")

    code = guarded(raising(KeyError("x")))

    assert code == 4
    assert "Traceback" in capsys.readouterr().err


def test_whoever_interrupts_or_goes_away_reads_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    codes = [guarded(raising(error)) for error in (KeyboardInterrupt(), BrokenPipeError())]

    assert codes == [130, 141]
    assert capsys.readouterr() == ("", "")


def test_a_reader_who_goes_away_ends_the_command_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)

    ended = subprocess.run(
        [sys.executable, "-m", "stridegate", "rules"],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        env=ENVIRONMENT,
    )
    os.close(writing)

    assert ended.returncode == 141
    assert ended.stderr == b""


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Have Ctrl-C reach what a test starts: whoever runs tests in the background has it ignored, and children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_the_command_quietly() -> None:
    # A terminal that nobody types at: the command asks for a reason and waits.
    outer, inner = pty.openpty()
    asking = (
        "import signal, sys, click\n"
        "from stridegate.cli import entry, main\n"
        "main.main.add_command(click.Command('wait', callback=lambda: (click.echo('waiting'), signal.pause())))\n"
        "sys.argv = ['stridegate', 'wait']\n"
        "entry.run()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", asking], stdin=inner, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    os.close(inner)
    os.close(outer)

    assert process.returncode == 130
    assert errors == b""


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_ctrl_c_ends_a_large_check_quietly_with_all_its_processes(seconds: float, tmp_path: Path) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: app, image: x}]}\n---\n"
    for number in range(300):
        (tmp_path / f"{number}.yaml").write_text(pod * 60, encoding="utf-8")
    command = [sys.executable, "-m", "stridegate", "check", str(tmp_path)]

    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT, start_new_session=True
    ) as process:
        # Wherever it is by then: it must not matter.
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not children.read_text(encoding="ascii").strip() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate()

    assert (process.returncode, errors) == (130, b"")


def closing(stream: str, *arguments: str) -> tuple[int, str, str]:
    """Run a command one of whose standard streams is closed, as cron jobs and daemons start their children."""
    ended = subprocess.run(
        ["sh", "-c", f'exec "$@" {stream}', "sh", sys.executable, "-m", "stridegate", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )
    return ended.returncode, ended.stdout, ended.stderr


def test_what_nobody_can_read_is_no_success() -> None:
    told = closing(">&-", "explain", "host-pid")

    assert told == (3, "", "Error: Bad file descriptor\n")


def test_what_nobody_can_write_is_not_judged() -> None:
    code, _, errors = closing("<&-", "check", "-")

    assert code == 3
    assert "standard input: wanted something to read, got Bad file descriptor" in errors


def test_without_a_place_for_errors_the_exit_code_still_says_it(tmp_path: Path) -> None:
    manifest = tmp_path / "web.yaml"
    manifest.write_text("a: [", encoding="utf-8")

    code, _, _ = closing("2>&-", "fix", "--write", str(manifest))

    assert code == 3
    assert manifest.read_text(encoding="utf-8") == "a: ["


def test_a_full_disk_is_said_with_the_file_that_was_to_be_written() -> None:
    full = stridegate("check", "--allow-empty", "/dev/null", "-o", "json=/dev/full")

    assert (full.returncode, full.stderr) == (3, "Error: /dev/full: No space left on device\n")


def test_without_a_cluster_every_way_to_name_one_is_said(tmp_path: Path) -> None:
    ended = stridegate("doctor", HOME=str(tmp_path))

    assert ended.returncode == 3
    assert ended.stderr.startswith(
        "Error: no cluster is named: wanted --kubeconfig, $KUBECONFIG, ~/.kube/config or a pod"
    )


def test_usage_errors_repeat_nothing_that_moves_a_cursor() -> None:
    ended = stridegate("explain", "--\x1b[2J\u202ex")

    assert ended.returncode == 2
    assert "Usage: stridegate explain" in ended.stderr
    assert "Error: No such option '--" in ended.stderr
    assert "\x1b" not in ended.stderr


def test_a_plugin_of_kubectl_calls_itself_so(tmp_path: Path) -> None:
    plugin = tmp_path / "kubectl-stridegate"
    plugin.write_text(f"#!{sys.executable}\nfrom stridegate.cli.entry import run\nrun()\n")
    plugin.chmod(0o755)

    ended = subprocess.run([plugin, "rules", "--help"], capture_output=True, text=True, check=True, env=ENVIRONMENT)

    assert ended.stdout.startswith("Usage: kubectl stridegate rules ")


def test_an_encoding_that_lacks_a_character_ends_nothing() -> None:
    ended = stridegate("explain", "privileged-container", PYTHONIOENCODING="ascii")

    assert ended.returncode == 0
    assert ended.stderr == ""


def test_without_a_command_the_help_is_shown() -> None:
    ended = stridegate()

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "Commands:" in ended.stderr


def test_the_version_is_told_to_people_and_to_programs() -> None:
    people, programs, alone = stridegate("--version"), stridegate("--version", "--json"), stridegate("--json")

    told = json.loads(programs.stdout)
    assert people.stdout == f"stridegate, version {told['version']}\n"
    assert told["name"] == "stridegate"
    assert len(told["catalogueDigest"]) == 12
    assert alone.returncode == 2


@pytest.mark.parametrize(("variable", "colored"), [("X", True), ("NO_COLOR", False), ("CI", False)])
def test_a_terminal_gets_colours_unless_told_otherwise(variable: str, colored: bool) -> None:
    outer, inner = pty.openpty()

    ended = subprocess.run(
        [sys.executable, "-m", "stridegate", "rules", "--severity", "critical"],
        stdin=inner,
        stdout=inner,
        stderr=subprocess.PIPE,
        check=True,
        env=ENVIRONMENT | {"TERM": "xterm", "COLUMNS": "60", variable: "1"},
    )
    os.close(inner)
    shown = os.read(outer, 65536).decode()
    os.close(outer)

    assert ended.stderr == b""
    assert ("\x1b[" in shown) is colored
    assert "privileged-container" in shown


def test_offline_commands_load_no_server_and_no_client() -> None:
    watched = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from stridegate.cli.main import main\n"
        "assert CliRunner().invoke(main, ['explain', 'privileged-container']).exit_code == 0\n"
        "print([name for name in ('aiohttp', 'kopf', 'kubernetes', 'uvloop', 'cryptography') if name in sys.modules])\n"
    )

    ended = subprocess.run([sys.executable, "-c", watched], capture_output=True, text=True, check=True, env=ENVIRONMENT)

    assert ended.stdout == "[]\n"


def test_the_processes_that_last_and_collect_their_garbage_are_commands() -> None:
    commands = set(main.commands)

    assert commands >= LASTING
