"""Commands in real processes, with the terminals that people have."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tiny

from snnpar.core import terminal
from snnpar.core.errors import SnnparError

ROOT = Path(__file__).resolve().parents[2]


def shell(command: str, **environment: str) -> subprocess.CompletedProcess:
    """A line of bash, in which $PY is this Python."""
    return subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"PY": sys.executable, "OMP_NUM_THREADS": "1"} | environment,
    )


@pytest.mark.parametrize(
    "command", ["data schema", *(pytest.param(one, marks=pytest.mark.slow) for one in ("doctor", "data check"))]
)
def test_a_terminal_without_utf_8_gets_question_marks(command: str, tmp_path: Path) -> None:
    if command != "doctor":
        tiny.write_csv(tmp_path / "é", [("1.png", "test", "1")], header="file,split,Hut grün")
        command += f" '{tmp_path / 'é'}'"
    said = shell(f'"$PY" -m snnpar {command}', PYTHONIOENCODING="ascii")
    assert "Traceback" not in said.stderr and said.stdout.isascii() and said.stdout


def test_whoever_has_seen_enough_may_go() -> None:
    said = shell(
        '"$PY" -c "import sys; from snnpar.core import terminal;'
        ' sys.exit(terminal.run(lambda: [print(i) for i in range(100_000)] and 0))" | head -1;'
        " echo ${PIPESTATUS[0]}"
    )
    assert said.stdout.split() == ["0", str(terminal.PIPE_CLOSED)] and said.stderr == ""


def test_another_pipe_that_breaks_is_a_fault() -> None:
    def command() -> int:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        terminal.run(command)


def test_closed_streams_are_replaced_before_a_file_takes_their_number(tmp_path: Path) -> None:
    code = (
        "import sys; from snnpar.core import terminal;"
        "terminal.run(lambda: (f := open(sys.argv[1], 'w')) and print('lost', file=sys.stderr) or print('lost'))"
    )
    said = shell(f'"$PY" -c "{code}" "{tmp_path / "file"}" 0<&- 1>&- 2>&-')
    assert said.returncode == 0 and (tmp_path / "file").read_text() == ""


@pytest.mark.slow
def test_training_with_standard_error_closed(tmp_path: Path) -> None:
    tiny.write_pa100k(tmp_path / "data", {"train": 8, "val": 4, "test": 4})
    said = shell(
        f'"$PY" -m train --epochs 1 --model spikingformer_1_64 --dataset pa100k --data "{tmp_path / "data"}" '
        f'--batch-size 8 --threads 1 --out "{tmp_path / "run"}" 2>&-'
    )
    assert said.returncode == 0, said.stdout
    assert "done; " in (tmp_path / "run" / "log.txt").read_text("utf-8")


@pytest.mark.parametrize(
    ("raised", "status", "told"),
    [
        (SnnparError("no such file; name one"), 2, "error: no such file; name one\n"),
        (KeyboardInterrupt(), terminal.INTERRUPTED, ""),
    ],
)
def test_what_a_user_can_fix_is_one_sentence(
    raised: BaseException, status: int, told: str, capsys: pytest.CaptureFixture
) -> None:
    def command() -> int:
        raise raised

    assert terminal.run(command) == status
    assert capsys.readouterr().err == told


def test_a_fault_of_the_program_has_a_traceback() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        terminal.run(lambda: __import__("numpy").ones(2) + __import__("numpy").ones(3))


def test_a_closed_terminal_asks_to_stop_unless_that_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        assert terminal.stop_requests() == (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup starts a program
        assert terminal.stop_requests() == (signal.SIGTERM, signal.SIGINT)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_is_printed_after_the_terminal_was_closed_goes_nowhere() -> None:
    """In a pseudo-terminal whose other end goes away."""
    code = (
        "import os, pty, sys, time\n"
        "child, end = pty.fork()\n"
        "if child:\n"
        "    os.read(end, 100); os.close(end)\n"
        "    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
        "import signal\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # these tests may run under nohup
        "from snnpar.core import terminal\n"
        "asked = []\n"
        "for number in terminal.stop_requests():\n"
        "    signal.signal(number, lambda number, _: (terminal.hung_up(number), asked.append(number)))\n"
        "print('ready', flush=True)\n"
        "while not asked: time.sleep(0.01)\n"
        "print('nobody reads this', flush=True); print('nor this', file=sys.stderr, flush=True)\n"
        "os._exit(7)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 7
