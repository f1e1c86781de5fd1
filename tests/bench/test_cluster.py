"""Ray's own end is ours to tell; what it leaves lying about is private and goes."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from bench.core.errors import Unfinished, UserError
from bench.run import cluster as module
from bench.run import ray_home
from bench.run.cluster import Cluster, Pool, Pulse
from tests.conftest import ROOT


class RayError(Exception): ...


class RayTaskError(RayError): ...


class RayActorError(RayError): ...


class OutOfMemoryError(RayError): ...


class ObjectLostError(RayError): ...


FAKE = types.SimpleNamespace(
    exceptions=types.SimpleNamespace(
        RayError=RayError,
        RayTaskError=RayTaskError,
        RayActorError=RayActorError,
        OutOfMemoryError=OutOfMemoryError,
        ObjectLostError=ObjectLostError,
    )
)


@pytest.mark.parametrize("error", [None, RayError("x"), RayActorError(), RayTaskError(), ConnectionError()])
def test_whatever_happens_when_a_part_of_ray_is_gone_is_one_line(error: Exception | None) -> None:
    with pytest.raises(Unfinished) as told, Cluster(FAKE, Pool(), 0, lambda: "raylet").watched():
        if error is not None:
            raise error
    assert str(told.value) == (
        "Ray has ended (its raylet is gone: killed, stopped, or out of memory); what was finished is stored, the same "
        "command continues; workers=0 does without Ray"
    )


@pytest.mark.parametrize("error", [RayError("no answer\n[state-dump] x\n" * 9), ConnectionError("no answer")])
def test_what_ray_says_of_its_end_is_kept_to_one_line(error: Exception) -> None:
    with (
        pytest.raises(Unfinished, match=r"Ray has ended \(no answer\)"),
        Cluster(FAKE, Pool(), 0, lambda: "").watched(),
    ):
        raise error


@pytest.mark.parametrize("error", [RayTaskError(), RayActorError(), OutOfMemoryError(), ValueError(), UserError("x")])
def test_what_workers_raise_is_left_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, Cluster(FAKE, Pool(), 0, lambda: "").watched():
        raise error
    assert raised.value is error


def test_a_joined_cluster_is_gone_once_it_was_silent_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(module, "monotonic", lambda: now)
    with socket.create_server(("127.0.0.1", 0)) as server:
        lost = Pulse(f"127.0.0.1:{server.getsockname()[1]}", patience=40)
        now = 100.0
        assert lost() == ""
    now = 130.0
    assert lost() == ""
    now = 141.0
    assert lost() == "control service"


def test_the_environment_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "of a cluster")
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    with ray_home.environment({"RAY_AUTH_TOKEN": None, "RAY_AUTH_MODE": "token"}):
        assert "RAY_AUTH_TOKEN" not in os.environ and os.environ["RAY_AUTH_MODE"] == "token"
    assert os.environ["RAY_AUTH_TOKEN"] == "of a cluster" and "RAY_AUTH_MODE" not in os.environ


def test_the_folder_is_private_and_goes_with_those_of_killed_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_home, "_short_parent", lambda: tmp_path)
    (tmp_path / "sebench-ray-killed" / "session").mkdir(parents=True)
    with ray_home.private_folder() as other, ray_home.private_folder() as folder:
        assert sorted(tmp_path.iterdir()) == sorted([other, folder])
        token = Path(str(ray_home.token(folder)["RAY_AUTH_TOKEN_PATH"]))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(token.stat().st_mode) == 0o600 and len(token.read_text()) == 64
    assert not list(tmp_path.iterdir())


def test_servers_that_nobody_asks_are_not_started_by_a_private_ray_alone() -> None:
    class Node:
        def start_monitor(self) -> str:
            return "started"

        def start_raylet(self) -> str:
            return "started"

    with ray_home.without_servers(Node):  # a version of Ray without the other methods
        assert Node().start_monitor() is None
        assert Node().start_raylet() == "started"
    assert Node().start_monitor() == "started"
    assert not hasattr(Node, "start_api_server")


def test_a_folder_whose_sockets_would_have_too_long_paths_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_home.tempfile, "gettempdir", lambda: "/a/very/long/folder/for/temporary/files")
    assert ray_home._short_parent() == Path("/tmp")
    monkeypatch.setattr(ray_home.os, "access", lambda *_: False)
    with pytest.raises(UserError, match=r"TMPDIR=/a/very/long.*at most 18 characters"):
        ray_home._short_parent()


def test_a_ray_that_does_not_start_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any kind: a start that takes too long is a bare ``Exception``."""
    ray = pytest.importorskip("ray")

    def init(*_: Any, **__: Any) -> None:
        raise Exception("The current node timed out during startup.\nThis could happen")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    told = r"Ray does not start here \(The current node timed out.*\); the same command"
    with pytest.raises(Unfinished, match=told), module.cluster(module.Pool(workers=1)):
        raise AssertionError("nothing started")


PROBE = """
import json, os, subprocess, sys
if sys.argv[1] == "imported":
    import ray
from bench.run.cluster import Pool, cluster
os.nice(3)
with cluster(Pool(workers=1)) as found:
    ray = found.ray
    class Actor:
        def nice(self, data):
            return os.nice(0), os.getpid(), len(data)
    nice, pid, size = ray.get(ray.remote(Actor).remote().nice.remote(bytes(20_000_000)))
    node = ray._private.worker._global_node
    folder = os.path.dirname(node.get_session_dir_path())
    pids = [info.process.pid for infos in node.all_processes.values() for info in infos]
    children = [int(child) for p in pids for child in open(f"/proc/{p}/task/{p}/children").read().split()]
    inodes = set()
    for p in {os.getpid(), pid, *pids, *children}:
        for fd in os.listdir(f"/proc/{p}/fd"):
            try:
                inodes.add(os.readlink(f"/proc/{p}/fd/{fd}"))
            except OSError:
                pass
    open_to = []
    for table in ("tcp", "tcp6"):
        for line in open(f"/proc/net/{table}").read().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                open_to.append(fields[1].split(":")[0])
    print(json.dumps([nice, size, open_to, folder, os.environ["RAY_AUTH_TOKEN_PATH"],
                      sorted(node.all_processes)]))
print(json.dumps([os.path.exists(folder), os.environ.get("RAY_AUTH_MODE")]))
"""
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
"""127.0.0.1, the same as an IPv6 address, and ::1, as /proc/net writes them."""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/net/tcp").is_file(), reason="reads /proc")
@pytest.mark.parametrize("before", ["fresh", "imported"])
def test_a_ray_of_our_own_is_private_and_as_nice_as_its_caller(before: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROBE, before], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    there, after = map(json.loads, done.stdout.splitlines())
    nice, size, open_to, folder, token, processes = there
    assert processes == ["gcs_server", "raylet"]
    assert nice == os.nice(0) + 3 and size == 20_000_000
    assert len(open_to) >= 4 and set(open_to) <= LOOPBACK
    assert Path(token).parent == Path(folder)
    assert after == [False, os.environ.get("RAY_AUTH_MODE")]
