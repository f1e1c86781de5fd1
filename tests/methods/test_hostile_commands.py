"""Programs that misbehave: each costs one line in one row, and nothing of it is left running."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bench.core.errors import UserError
from methods import confinement, create
from methods.base import Method

NOISE = np.random.default_rng(0).normal(0, 0.1, 4000).astype(np.float32)

READ = """
import os, signal, sys, time, soundfile, numpy
noisy, enhanced = sys.argv[1:3]
x, rate = soundfile.read(noisy, dtype="float32")
"""
WRITE = "soundfile.write(enhanced, x, rate, subtype='FLOAT')\n"
DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1000)
    os._exit(0)
"""
BOMB = """
import os, time
for _ in range(60):
    if os.fork() == 0:
        time.sleep(1000)
time.sleep(1000)
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEBENCH_CACHE", str(tmp_path / "cache"))


def hostile(folder: Path, text: str, **options: object) -> Method:
    script = folder / "hostile.py"
    script.write_text(text)
    places = "" if options.get("mode") == "server" else " {noisy} {enhanced}"
    return create("command", run=f"{sys.executable} {script}{places}", **options)


def left(folder: Path) -> list[str]:
    """Command lines of running processes that name the folder's script."""
    found = []
    for _ in range(50):
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(folder / "hostile.py").encode() in words and b"pytest" not in words:
                found.append(words.decode())
        if not found:
            return []
        time.sleep(0.05)
    return found


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        pytest.param("import time; time.sleep(1000)", {"timeout": 1}, "no answer within 1 s", id="hangs"),
        pytest.param(
            "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
            {"timeout": 1},
            "no answer within 1 s",
            id="stops",
        ),
        pytest.param(
            "import signal, time\nfor s in (1, 2, 15): signal.signal(s, signal.SIG_IGN)\ntime.sleep(1000)",
            {"timeout": 1},
            "no answer within 1 s",
            id="ignores signals",
        ),
        pytest.param(
            BOMB, {"processes": 20, "timeout": 20}, r"it ran \d+ processes at once; processes: 20", id="forks"
        ),
        pytest.param("x = bytearray(10 * 2**30)", {"memory": 1}, "MemoryError", id="10 GB"),
        pytest.param(DAEMON, {}, "left no file", id="leaves a daemon"),
        pytest.param(
            "import sys\nprint('failed', file=sys.stderr)", {}, "left no file.*: failed", id="error, status 0"
        ),
        pytest.param("open('/dev/tty')", {}, "status 1: .*/dev/tty", id="wants a terminal"),
        pytest.param("import getpass; getpass.getpass()", {}, "ended with status 1", id="asks for a password"),
        pytest.param(
            "import time\nprint('x' * (80 << 20), flush=True)\ntime.sleep(1000)",
            {"timeout": 30},
            "printed more than 64 MiB",
            id="prints without end",
        ),
        pytest.param(READ + "soundfile.write(enhanced, x, rate // 2)", {}, "8000 samples .4000 at 8000 Hz", id="rate"),
        pytest.param(READ + "soundfile.write(enhanced, numpy.stack([x, x], 1), rate)", {}, "2 channels", id="stereo"),
        pytest.param(READ + "x[5] = numpy.inf\n" + WRITE, {}, "NaN or infinity|not finite", id="infinity"),
        pytest.param(READ + "soundfile.write(enhanced, x[:-2], rate)", {}, "2 fewer.*tolerance: 2", id="too short"),
        pytest.param(READ + "os.mkdir(enhanced)", {}, "left no file", id="a folder"),
        pytest.param(READ + "os.symlink('/nowhere', enhanced)", {}, "left no file", id="a dangling link"),
        pytest.param(READ + "os.symlink('/dev/zero', enhanced)", {}, "left no file", id="a device"),
        pytest.param(READ + "open(enhanced, 'w').truncate(2 << 30)", {}, "its output has 2147483648 bytes", id="huge"),
        pytest.param(READ + WRITE + "sys.exit(3)", {}, "ended with status 3", id="status after success"),
        pytest.param(READ + WRITE + "os.kill(os.getpid(), signal.SIGKILL)", {}, "ended by SIGKILL", id="killed"),
    ],
)
def test_it_is_one_line_and_nothing_stays(text: str, options: dict[str, object], reason: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=reason) as raised:
        hostile(tmp_path, text, **options).enhance(NOISE, 16000)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 3000
    assert not left(tmp_path)
    assert not list((tmp_path / "cache").rglob("*.wav"))


def test_a_program_that_succeeds_leaves_no_daemon_either(tmp_path: Path) -> None:
    made = hostile(tmp_path, READ + WRITE + DAEMON).enhance(NOISE, 16000)
    np.testing.assert_array_equal(made.audio, NOISE)
    assert not left(tmp_path)


def test_what_it_does_to_its_input_is_its_own_affair(tmp_path: Path) -> None:
    text = READ + WRITE + "os.remove(noisy)\nos.chdir('/')\n"
    np.testing.assert_array_equal(hostile(tmp_path, text).enhance(NOISE, 16000).audio, NOISE)


confined = pytest.mark.skipif(confinement.version() < 1, reason="no Landlock in this kernel")
DESTROY = """
import shutil
for harm in (lambda: open(stored, "w"), lambda: os.truncate(stored, 0), lambda: os.remove(stored),
             lambda: os.rename(stored, noisy + ".away"), lambda: os.link(noisy, stored + ".link"),
             lambda: shutil.rmtree(os.path.dirname(stored)), lambda: os.mkdir(stored + ".new"),
             lambda: os.system(f"rm -rf {os.path.dirname(stored)}")):
    try:
        harm()
    except OSError as error:
        print(error, file=sys.stderr)
"""


@confined
@pytest.mark.parametrize("mode", ["file", "folder", "server"])
def test_a_confined_program_reads_all_and_writes_nothing_outside(tmp_path: Path, mode: str) -> None:
    stored = tmp_path / "runs" / "mine" / "rows.jsonl"
    stored.parent.mkdir(parents=True)
    stored.write_text("kept")
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    body = f"stored = {str(stored)!r}\nassert open(stored).read() == 'kept'\n{DESTROY}"
    body += f"open({str(allowed / 'log')!r}, 'a').write('x')\n"
    body += "import tempfile; tempfile.NamedTemporaryFile().write(b'x'); open('/dev/null', 'w').write('x')\n"
    if mode == "server":
        text = SERVER.replace("n = 0", f"n = 0\nnoisy = ''\n{body}").replace("{answer}", "print('{}', flush=True)")
    elif mode == "folder":
        text = READ.replace("soundfile.read(noisy,", "soundfile.read(noisy + '/000000.wav',") + body
        text += "soundfile.write(enhanced + '/000000.wav', x, rate, subtype='FLOAT')\n"
    else:
        text = READ + body + WRITE
    method = hostile(tmp_path, text, mode=mode, writes=[str(allowed)], reuse=False)
    np.testing.assert_array_equal(method.enhance(NOISE, 16000).audio, NOISE)
    assert stored.read_text() == "kept" and [path.name for path in stored.parent.iterdir()] == ["rows.jsonl"]
    assert (allowed / "log").read_text() == "x"
    del method
    assert not left(tmp_path)


@confined
def test_a_confined_program_that_must_write_elsewhere_says_so(tmp_path: Path) -> None:
    text = READ + f"open({str(tmp_path / 'elsewhere')!r}, 'w')\n" + WRITE
    with pytest.raises(UserError, match=r"ended with status 1: .*Permission denied: .*elsewhere"):
        hostile(tmp_path, text, writes=[]).enhance(NOISE, 16000)
    assert not (tmp_path / "elsewhere").exists()


def test_where_programs_cannot_be_confined_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"writes: .*nowhere: no such folder|needs Linux 5\.13"):
        hostile(tmp_path, READ, writes=[str(tmp_path / "nowhere")])
    monkeypatch.setattr(confinement, "version", lambda: 0)
    with pytest.raises(UserError, match=r"writes: needs Linux 5\.13 or later"):
        hostile(tmp_path, READ, writes=[])


SERVER = """
import json, os, sys, time, soundfile
n = 0
for line in sys.stdin:
    asked = json.loads(line)
    n += 1
    x, rate = soundfile.read(asked["noisy"], dtype="float32")
    soundfile.write(asked["enhanced"], x, rate, subtype="FLOAT")
    {answer}
"""


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("print('loading 100 %', flush=True)", "not a line of JSON in braces; what a system prints belongs on stderr"),
        ("print('[1, 2]', flush=True)", "not a line of JSON in braces"),
        ("print('{}\\n{}', flush=True)", "answered with more than one line"),
        ("print('{\"nfe\": -1}', flush=True)", "nfe is -1"),
        ("sys.stdout.buffer.write(b'\\xff\\xfe\\n'); sys.stdout.flush()", "not a line of JSON"),
        ("print('x' * (2 << 20), flush=True)", "longer than 1 MiB"),
        ("sys.stdout.write('{'); sys.stdout.flush(); time.sleep(1000)", "no answer within 2 s"),
        ("os.close(1); time.sleep(1000)", "closed its standard output without an answer"),
        ("os.remove(asked['enhanced']); print('{}', flush=True)", "left no file"),
        ("sys.exit('no more')", "ended with status 1 without an answer: no more"),
    ],
)
def test_a_server_out_of_step_is_one_line_and_is_started_again(answer: str, reason: str, tmp_path: Path) -> None:
    text = SERVER.replace(
        "{answer}", f"if len(x) == 4000:\n        {answer}\n    else:\n        print('{{}}', flush=True)"
    )
    method = hostile(tmp_path, text, mode="server", timeout=2, reuse=False)
    with pytest.raises(UserError, match=reason):
        method.enhance(NOISE, 16000)
    np.testing.assert_array_equal(method.enhance(NOISE[:50], 16000).audio, NOISE[:50])
    del method
    assert not left(tmp_path)


def test_what_a_server_says_unasked_is_no_answer_to_the_next(tmp_path: Path) -> None:
    text = SERVER.replace("{answer}", "print('{}', flush=True); time.sleep(0.3); print('done', flush=True)")
    method = hostile(tmp_path, text, mode="server", reuse=False)
    method.enhance(NOISE, 16000)
    time.sleep(0.6)
    with pytest.raises(UserError, match="without being asked"):
        method.enhance(NOISE, 16000)
    np.testing.assert_array_equal(method.enhance(NOISE, 16000).audio, NOISE)
