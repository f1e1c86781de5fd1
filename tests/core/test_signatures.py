"""What is read from the source of our methods, datasets and metrics is what the imported classes say."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from bench.core.registry import Registry
from bench.core.signatures import Written, declared
from bench.datasets.base import DATASETS
from bench.datasets.corpora.card import names as cards
from methods.base import METHODS
from methods.diffusion.parametrization import PARAMETRIZATIONS
from metrics.base import METRICS

NAMES = [(registry, name) for registry in (METHODS, DATASETS, METRICS) for name in registry._places]
MADE = {"demo_full", *cards()}
"""Not written as classes: a function, and the datasets that are made from their cards."""

OURS = [(registry, name) for registry, name in NAMES if name not in MADE]


@pytest.mark.parametrize(("registry", "name"), OURS, ids=lambda value: value if isinstance(value, str) else "")
def test_the_source_says_what_the_class_does(registry: Registry[Any], name: str) -> None:
    source = declared(*registry._places[name].split(":"))
    assert source is not None
    factory = registry.get(name)
    said = registry._parameters(name)
    assert list(source.parameters) == list(said)
    for option, parameter in source.parameters.items():
        assert isinstance(parameter.default, Written) or parameter.default == said[option].default
        assert parameter.annotation == said[option].annotation or parameter.annotation is inspect.Parameter.empty
    assert source.whole == (not hasattr(factory, "further_options"))
    assert source.doc == (inspect.getdoc(factory) if factory.__doc__ else "")
    assert source.attributes.get("paradigm") == getattr(factory, "paradigm", None)


def test_what_is_not_there_is_not_told() -> None:
    assert declared("methods.storm", "SGMSE") is None
    assert declared("no.such.module", "x") is None
    assert declared("methods.no_such", "x") is None


@pytest.mark.parametrize("name", PARAMETRIZATIONS.ours())
def test_a_dataclass_is_built_with_its_fields_before_it_was_ever_imported(name: str) -> None:
    """Its constructor is written nowhere: the source must not be taken for one without options."""
    assert declared(*PARAMETRIZATIONS._places[name].split(":")) is None
    PARAMETRIZATIONS.check(name, ["c_in"])
