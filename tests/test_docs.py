"""What the documentation says can be asked for, can be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from bench.conf.compose import compose
from bench.train.model import untrained
from bench.train.settings import check
from methods.base import METHODS
from methods.diffusion.paths import OUVE
from methods.diffusion.samplers import choose
from metrics.base import METRICS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
TEXT = (DOCS / "paper-vs-code.md").read_text(encoding="utf-8")
CODE = re.findall(r"`([^`]+)`", TEXT)
OPTIONS = [code for code in CODE if code.startswith("{") and "..." not in code]
KEYS = [code for code in CODE if re.match(r"[a-z_.]+=[^\[]", code) and "..." not in code and code != "key=value"]


def test_the_tables_have_both() -> None:
    assert len(OPTIONS) > 7 and len(KEYS) > 12


@pytest.mark.parametrize("code", OPTIONS)
def test_options_are_a_methods(code: str) -> None:
    options: dict[str, Any] = yaml.safe_load(code)
    normalisation = options.pop("normalisation", None)
    METHODS.check("refinement", {"normalisation": normalisation} if normalisation else options)
    choose(OUVE(), options, {}, 0.03)


@pytest.mark.parametrize("code", KEYS)
def test_keys_are_the_trainings(code: str, tmp_path: Path) -> None:
    method = [] if "method=" in code or "experiment=" in code else ["method=storm"]
    config = compose("train", [*method, *code.split()])
    check(config)
    with torch.device("meta"):
        untrained(config)


def test_every_metric_stands_in_the_table() -> None:
    table = [line for line in (DOCS / "metrics.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    named = {name for line in table for name in re.findall(r"`([a-z0-9_]+)`", line.split("|")[1])}
    ours = {name for name in METRICS.names() if METRICS.origin(name) == "sebench"}
    assert ours - named == set()


def test_the_site_lists_every_page() -> None:
    listed = re.findall(r"^ +- [^:\n]+: (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(page: Path) -> None:
    links = re.findall(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text(encoding="utf-8"))
    targets = [(page.parent / path if path else page, anchor) for path, anchor in links]
    assert [target for target, _ in targets if not target.exists()] == []
    assert [(target, anchor) for target, anchor in targets if anchor and anchor not in headings(target)] == []


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as the site makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in titles}
