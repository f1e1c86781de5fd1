"""Training on a prepared dataset: its splits, every recording once an epoch, the same again for the same seed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.conf.compose import compose
from bench.conf.groups import names
from bench.core.errors import UserError
from bench.datasets import create
from bench.datasets.corpora.card import names as cards
from bench.datasets.leaks.prints import RESPONSE
from bench.datasets.leaks.search import Training
from bench.datasets.leaks.sources import of_utterance
from bench.datasets.recipes.prepared_pairs import training_source
from tests.datasets.corpora.test_mixtures import made, noise, planned, speech, write


@pytest.fixture
def prepared(tmp_path: Path) -> str:
    for k in range(8):
        write(tmp_path / f"speech/p30{k}/a.wav", speech(k))
        write(tmp_path / f"noise/street{k}.wav", noise(k))
    given = {"speech": tmp_path / "speech", "noise": tmp_path / "noise", "shares": [0.5, 0.25]}
    return str(made(planned("mix", **given), tmp_path / "out"))


def test_epochs_splits_and_sources(prepared: str) -> None:
    options = compose("train", ["dataset=mix", f"dataset.dir={prepared}"])["dataset"]
    train, valid = training_source("train", options), training_source("valid", options, 1)
    again = training_source("train", options)
    assert (len(train), len(valid)) == (10**9, 1)
    firsts = [[train[index][0].tobytes() for index in range(4 * epoch, 4 * epoch + 4)] for epoch in range(3)]
    assert all(len(set(epoch)) == 4 for epoch in firsts)
    assert set(firsts[0]) == set(firsts[1])
    assert len({tuple(epoch) for epoch in firsts}) > 1
    np.testing.assert_array_equal(train[7][1], again[7][1])
    sources = train.sources()
    assert {one.owner for one in sources.items if one.kind == "clip"}.isdisjoint(
        {str(clip.tags["speaker"]) for clip in map(valid.data.load, valid.data.ids())}
    )
    assert len(sources.items) == 8
    assert "mix, split train: 4 recordings" in str(train)


def test_rooms_of_a_training_are_known_by_content_and_by_what_they_are_simulated_with(tmp_path: Path) -> None:
    for k in range(4):
        write(tmp_path / f"speech/p30{k}/a.wav", speech(k))
    given = {"speech": tmp_path / "speech", "t60": [0.2, 0.4]}

    def prepared(name: str, **keys: Any) -> str:
        return str(made(planned("mix", **given, **keys), tmp_path / name))

    options = {"name": "mix", "dir": prepared("train", shares=[0.5, 0.25])}
    sources = training_source("train", options).sources()
    assert [one.kind for one in sources.items] == ["clip", "room"] * 2
    assert all(one.owner.startswith("simulated-") and one.print.shape == (1, RESPONSE) for one in sources.items[1::2])
    alike = create("mix", dir=prepared("alike"))  # the same seed and ids: the same rooms
    other = create("mix", dir=prepared("other", seed=1))
    training = Training(sources)
    found = {}
    for data in (alike, other):
        leaks = [leak for name in data.ids() for leak in training.leaks(of_utterance(data.load(name)))]
        found[data] = {leak.utterance for leak in leaks if leak.what == "room"}
    assert found == {alike: {one.name for one in sources.items}, other: set()}
    named = Training(replace(sources, items=[replace(one, print=one.print[:0]) for one in sources.items]))
    leaks = [leak for name in alike.ids() for leak in named.leaks(of_utterance(alike.load(name)))]
    assert {(leak.utterance, leak.how) for leak in leaks if leak.what == "room"} == {
        (one.name, "name") for one in sources.items
    }


def test_every_dataset_with_a_training_split_can_be_trained_on() -> None:
    assert set(names("dataset")) - {"generated"} == set(cards()) - {"chime7_udase", "dns_challenge"}
    options = compose("train", ["dataset=ears_reverb_v2_16k", "dataset.dir=/a"])["dataset"]
    assert options == {"name": "ears_reverb_v2_16k", "dir": "/a", "seed": 0, "rate": 16000}
    for name in ("prepared", "dns_challenge", "null"):
        with pytest.raises(UserError, match=f"unknown dataset '{name}'"):
            compose("train", [f"dataset={name}"])
    with pytest.raises(UserError, match="dataset: names one of"):
        compose("train", ["dataset=[mix,voicebank_demand]"])


def test_no_experiment_can_be_said() -> None:
    assert compose("train", ["experiment=null"]) == compose("train", [])


def test_it_must_be_prepared(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="bench data prepare wsj0_chime3"):
        training_source("train", {"name": "wsj0_chime3", "dir": str(tmp_path / "none")})
