"""DistillMOS, ViSQOL, speaker embeddings and PESQ with corrigendum 2.

The networks are loaded from random weights here; slow tests use the published ones, where ``bench weights get`` has
fetched them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from bench.core.errors import UserError
from bench.core.types import Utterance
from bench.datasets.base import create as dataset
from methods.catalogue.entry import entry
from metrics.base import Metric, create
from metrics.models import Catalogued
from metrics.perceptual import distillmos, pesq_c2, speaker_ge2e
from metrics.perceptual.distillmos_network import Network
from metrics.recognisers import whisper
from tests.metrics.signals import RATE, hiss, pair, syllables
from tests.reference.take import GOLDEN

CLIP = syllables()
CATALOGUED = {
    "distillmos": distillmos.WEIGHTS,
    "speaker_similarity_ge2e": speaker_ge2e.WEIGHTS,
    "wer": whisper.FETCHED["tiny.en"],
}


def real(name: str, **options: object) -> Metric:
    """With the published weights; skipped where these are not here."""
    try:
        return create(name, **options)
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def demo() -> list[Utterance]:
    short = dataset("demo")
    return [short.load(name) for name in short.ids()]


@pytest.mark.parametrize("metric", CATALOGUED)
def test_the_catalogue_has_what_a_metric_looks_for(metric: str) -> None:
    wanted = CATALOGUED[metric]
    about = entry(wanted.entry)
    assert (about.metric, about.kind, about.address) == (metric, "wheel", wanted.package)
    assert (wanted.file, wanted.path) in [(file.name, file.path) for file in about.files]


@pytest.mark.parametrize("metric", ["distillmos", "speaker_similarity_ge2e"])
def test_without_weights_the_line_says_how_to_get_them(
    metric: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Catalogued, "find", lambda self: None)
    with pytest.raises(UserError, match=rf"bench weights get {CATALOGUED[metric].entry}$"):
        create(metric)
    with pytest.raises(UserError, match=rf"absent\.pt: no such file; .*bench weights get {CATALOGUED[metric].entry}"):
        create(metric, weights=str(tmp_path / "absent.pt"))
    (tmp_path / "other.pt").write_text("something else")
    with pytest.raises(UserError, match=r"other\.pt: not the weights of its network \(.+\)$"):
        create(metric, weights=str(tmp_path / "other.pt"))


def test_weights_are_found_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEBENCH_CACHE", str(tmp_path))
    wanted = Catalogued("theirs", "weights.pt", "no-such-package==1", "inside/weights.pt")
    assert wanted.find() is None
    file = tmp_path / "weights" / "theirs" / "weights.pt"
    file.parent.mkdir(parents=True)
    file.touch()
    assert wanted.needed() == file


# DistillMOS


@pytest.fixture(scope="module")
def random_distillmos(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(0)
    state = {f"{'' if key.startswith('cnn.') else 'transformer_pool_attn.'}{key}": value
             for key, value in Network().state_dict().items()}  # fmt: skip
    file = tmp_path_factory.mktemp("distillmos") / "weights.pt"
    torch.save({"model": state}, file)
    return str(file)


def test_distillmos_does_not_hear_the_level_and_stays_on_its_scale(random_distillmos: str) -> None:
    metric = create("distillmos", weights=random_distillmos)
    score = metric.score(CLIP, pair(None, CLIP)).value
    assert 1 < score < 5
    assert metric.score(0.1 * CLIP, pair(None, CLIP)).value == pytest.approx(score, abs=1e-4)
    assert metric.score(0 * CLIP, pair(None, CLIP)).status == "undefined"
    assert len(metric.provenance()["weights"]) == 16


@pytest.mark.parametrize(
    ("samples", "starts"),
    [(100, [0]), (122_880, [0]), (122_881, [0, 1]), (122_880 + 16_000, [0, 16_000]), (154_880, [0, 16_000, 32_000])],
)  # fmt: skip
def test_segments_cover_the_recording_evenly(samples: int, starts: list[int]) -> None:
    speech = np.arange(1, samples + 1, dtype=np.float32)
    cut = distillmos.segments(speech)
    assert cut.shape == (len(starts), 122_880) and cut.dtype == np.float32
    for segment, start in zip(cut, starts, strict=True):
        part = speech[start : start + 122_880]
        np.testing.assert_allclose(segment[: part.size], part / part.max(), rtol=1e-5)
        assert not segment[part.size :].any()


@pytest.mark.slow
def test_distillmos_with_the_published_weights(demo: list[Utterance], voicebank: list[Utterance]) -> None:
    """Means of ten VoiceBank/DEMAND recordings by the package's own code: 4.46 clean, 3.64 noisy."""
    metric = real("distillmos")
    for side, mean in (("clean", 4.46), ("noisy", 3.64)):
        scores = [metric.score(getattr(clip, side), clip).value for clip in voicebank]
        assert np.mean(scores) == pytest.approx(mean, abs=0.01)
    for clip in demo:
        assert clip.clean is not None
        assert metric.score(clip.clean, clip).value > metric.score(clip.noisy, clip).value + 0.5


# Speaker embeddings


@pytest.fixture(scope="module")
def random_encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(0)
    lstm, linear = torch.nn.LSTM(40, 256, 3), torch.nn.Linear(256, 256)
    state = {f"{part}.{key}": 4 * value for part, network in (("lstm", lstm), ("linear", linear))
             for key, value in network.state_dict().items()}  # fmt: skip
    file = tmp_path_factory.mktemp("encoder") / "weights.pt"
    torch.save({"model_state": {**state, "similarity_weight": torch.ones(1)}}, file)
    return str(file)


def test_a_voice_is_most_like_itself(random_encoder: str) -> None:
    metric = create("speaker_similarity_ge2e", weights=random_encoder)
    assert metric.score(CLIP, pair(CLIP, CLIP)).value == pytest.approx(1, abs=1e-5)
    assert metric.score(CLIP + hiss(CLIP, 0.1), pair(CLIP, CLIP)).value < 0.999
    assert metric.score(0 * CLIP + 1, pair(CLIP, CLIP)).reason == "a constant signal has no voice to compare"
    quiet = 1e-4 * CLIP  # both are raised to the same level
    assert metric.score(quiet, pair(1e-3 * CLIP, quiet)).value == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("seconds", "parts"), [(0.5, 1), (1.6, 1), (1.9, 1), (2.2, 2), (5.0, 5)])
def test_parts_of_1_6_seconds_of_which_three_quarters_are_speech(seconds: float, parts: int) -> None:
    mel = speaker_ge2e.mel_parts(syllables(seconds))
    assert mel.shape == (parts, 160, 40)
    covered = round(seconds * RATE / 160) - 77 * (parts - 1)
    assert not mel[-1][covered + 2 :].any() and mel[-1][: min(covered, 160) - 2].all()


@pytest.mark.slow
def test_speakers_are_told_apart_by_the_published_encoder(demo: list[Utterance]) -> None:
    """The 48 clean references: each is nearer to the mean of its own speaker's others than to any other speaker's."""
    metric = real("speaker_similarity_ge2e")
    assert isinstance(metric, speaker_ge2e.SpeakerSimilarityGe2e)
    full = dataset("demo_full")
    clips = [full.load(name) for name in full.ids()]
    speakers = np.array([clip.tags["speaker"] for clip in clips])
    embedded = np.stack([metric.embedding(clip.clean) for clip in clips if clip.clean is not None])
    for index, speaker in enumerate(speakers):
        others = np.arange(len(clips)) != index
        nearness = {
            name: embedded[index] @ embedded[others & (speakers == name)].mean(axis=0) for name in set(speakers)
        }
        assert max(nearness, key=nearness.__getitem__) == speaker
    alike = [a @ b for (a, own), (b, other) in combinations(zip(embedded, speakers, strict=True), 2) if own == other]
    assert np.mean(alike) > 0.85
    for clip in demo:
        assert metric.score(clip.noisy, clip).value < 0.97


# ViSQOL


def test_visqol_names_its_mapping_and_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for the package, which is an extra."""

    class Api:
        def create(self, mode: str, use_lattice_model: bool) -> None:
            assert mode == "speech"
            self.lattice = use_lattice_model

        def measure_from_arrays(self, reference: np.ndarray, enhanced: np.ndarray, rate: int) -> SimpleNamespace:
            assert rate == 16000 and reference.dtype == enhanced.dtype == np.float64
            return SimpleNamespace(moslqo=2.0 if self.lattice else 3.5)

    package = ModuleType("visqol")
    package.VisqolApi = Api  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "visqol", package)
    monkeypatch.setitem(sys.modules, "ai_edge_litert", ModuleType("ai_edge_litert"))
    lattice, polynomial = create("visqol"), create("visqol", mapping="polynomial")
    assert (lattice.score(CLIP, pair(CLIP, CLIP)).value, polynomial.score(CLIP, pair(CLIP, CLIP)).value) == (2.0, 3.5)
    assert lattice.provenance()["mapping"].startswith("lattice, ")
    assert polynomial.provenance()["mapping"] == "polynomial"
    assert lattice.score(0 * CLIP + 1, pair(CLIP, CLIP)).status == "undefined"
    with pytest.raises(UserError, match="did you mean 'lattice'"):
        create("visqol", mapping="latice")
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    create("visqol", mapping="polynomial")
    with pytest.raises(UserError, match=r"ai_edge_litert is not installed: pip install .*\[visqol\]"):
        create("visqol")
    monkeypatch.setitem(sys.modules, "visqol", None)
    with pytest.raises(UserError, match=r"visqol is not installed: pip install .*\[visqol\]"):
        create("visqol")


@pytest.mark.slow
@pytest.mark.parametrize(("mapping", "clean", "noisy"), [("lattice", 4.58, 2.17), ("polynomial", 5.00, 3.68)])
def test_visqol_of_real_recordings(mapping: str, clean: float, noisy: float, voicebank: list[Utterance]) -> None:
    """Means of ten VoiceBank/DEMAND recordings by the package, which equals the C++ program to 0.0024."""
    metric = real("visqol", mapping=mapping)
    for side, mean in (("clean", clean), ("noisy", noisy)):
        scores = [metric.score(getattr(clip, side), clip).value for clip in voicebank]
        assert np.mean(scores) == pytest.approx(mean, abs=0.02)


@pytest.mark.slow
def test_visqol_of_what_is_hardly_a_recording() -> None:
    metric = real("visqol")
    short = syllables(0.69)
    assert metric.score(short, pair(short, short)).reason == "shorter than 0.7 s"
    quiet = 1e-5 * CLIP
    assert metric.score(quiet, pair(quiet, quiet)).reason.startswith("the clean reference is below -60 dB")
    burst = np.concatenate([np.zeros(RATE, np.float32), syllables(0.3)])
    assert metric.score(hiss(burst, 0.1), pair(burst, burst)).status in ("ok", "undefined")


# PESQ with corrigendum 2


@pytest.fixture
def golden() -> Iterator[tuple[np.ndarray, Utterance]]:
    signals = np.load(GOLDEN / "metrics/metrics_signals.npz")
    return ((signals[f"est{i}"], pair(signals[f"clean{i}"], signals[f"noisy{i}"])) for i in range(4))


def test_corrigendum_2_gives_the_scores_of_pesqc2(golden: Iterator[tuple[np.ndarray, Utterance]]) -> None:
    """By the package pesqc2 0.0.4, built against numpy 2."""
    scores = [create("pesq_c2").score(enhanced, utterance).value for enhanced, utterance in golden]
    assert scores == pytest.approx([2.824249, 2.554087, 1.838712, 2.941154], abs=1e-5)


def test_neither_pesq_changes_the_other(golden: Iterator[tuple[np.ndarray, Utterance]]) -> None:
    enhanced, utterance = next(golden)
    names = ["pesq", "pesq_c2", "pesq", "pesq_c2"]
    plain, corrected, again, corrected_again = (create(name).score(enhanced, utterance).value for name in names)
    assert (plain, corrected) == (again, corrected_again) and corrected > plain + 0.5
    with pesq_c2.corrected():
        inside = pesq_c2.pesq.call(utterance.clean, enhanced, 16000, "wb")
    assert inside == pytest.approx(corrected)
    assert pesq_c2.pesq.call(utterance.clean, enhanced, 16000, "wb") == pytest.approx(plain)


def test_they_share_no_version_and_the_top_of_the_scale() -> None:
    assert create("pesq_c2").provenance() != create("pesq").provenance()
    assert "corrigendum" in create("pesq_c2").provenance()
    assert create("pesq_c2").score(CLIP, pair(CLIP, CLIP)).value == pytest.approx(4.644, abs=1e-3)
    assert create("pesq_c2").score(CLIP[:1000], pair(CLIP[:1000], CLIP[:1000])).status == "undefined"


def test_a_build_that_hides_its_filters_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pesq_c2, "FILTERS", ("no_such_variable",))
    with (
        pytest.raises(UserError, match="pesq_c2: this build of the package pesq hides its filters"),
        pesq_c2.corrected(),
    ):
        pass
