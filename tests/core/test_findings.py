"""The vocabulary of findings."""

from __future__ import annotations

import pytest

from bench.core.findings import FINDINGS, SIGNALS, explain, kind
from tests.conftest import ROOT


@pytest.mark.parametrize("prefix", SIGNALS)
@pytest.mark.parametrize("name", FINDINGS)
def test_every_finding_of_every_signal_is_a_sentence(prefix: str, name: str) -> None:
    sentence = explain(prefix + name, 12.3)
    assert SIGNALS[prefix] in sentence.lower()
    assert sentence[0].isupper() or sentence[0].isdigit()
    assert "{" not in sentence and "\n" not in sentence
    assert kind(prefix + name) == (prefix, name)


def test_the_documentation_lists_every_finding_as_it_is() -> None:
    lines = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8").splitlines()
    for name, finding in FINDINGS.items():
        (line,) = (line for line in lines if line.startswith(f"| `{name}` |"))
        _, unit, meaning = (cell.strip() for cell in line.strip("|").split("|"))
        assert (unit, meaning.startswith(finding.meaning)) == (finding.unit, True), line


def test_what_is_not_known_is_shown_as_it_is() -> None:
    assert explain("humming", 3) == "humming: 3"
    assert explain("clean_band", "low") == "clean_band: low"
