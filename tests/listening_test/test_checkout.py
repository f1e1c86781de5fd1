"""webMUSHRA is found where the user says, or fetched once at its revision."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bench.core.errors import UserError
from listening_test.webmushra import checkout


def git(folder: Path, *command: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "uploadpack.allowAnySHA1InWant=true")
    done = subprocess.run(["git", *identity, "-C", str(folder), *command], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, str]:
    """A repository whose second-last revision is a webMUSHRA, and that revision."""
    folder = tmp_path / "origin"
    (folder / "lib" / "webmushra").mkdir(parents=True)
    (folder / "lib" / "webmushra" / "a.js").write_text("")
    (folder / "index.html").write_text("pinned")
    git(tmp_path, "init", "-q", "origin")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "1")
    revision = git(folder, "rev-parse", "HEAD")
    (folder / "index.html").write_text("newer")
    git(folder, "commit", "-qam", "2")
    return folder, revision


def test_the_revision_is_fetched_once(repository: tuple[Path, str], tmp_path: Path) -> None:
    origin, revision = repository
    found = checkout.fetch(tmp_path / "cache", str(origin), revision)
    assert (found / "index.html").read_text() == "pinned"
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [f"webMUSHRA-{revision[:12]}"]
    assert checkout.fetch(tmp_path / "cache", "/no/such/place", revision) == found


def test_without_a_network_the_way_out_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be fetched with git .* name the folder: webmushra=FOLDER"):
        checkout.fetch(tmp_path / "cache", str(tmp_path / "nowhere"), "0" * 40)
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_users_own_checkout_is_taken(repository: tuple[Path, str], tmp_path: Path) -> None:
    assert checkout.find(repository[0]) == repository[0]
    with pytest.raises(UserError, match="no webMUSHRA in this folder"):
        checkout.find(tmp_path)
