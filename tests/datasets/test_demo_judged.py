"""The demo as others hear it: levels by independent code, known systems, a recogniser and a speaker model.

What needs known systems' or judges' weights is slow, and skipped where ``bench weights get`` has not fetched them.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from bench.core.errors import UserError
from bench.core.types import Audio, Score, Utterance
from bench.datasets.base import create
from methods.base import create as system
from methods.catalogue import cache
from metrics.base import create as metric

RATE = 16000
HANGOVER = round(0.2 * RATE)


@pytest.fixture(scope="module")
def clips() -> list[Utterance]:
    demo = create("demo_full")
    return [demo.load(name) for name in demo.ids()]


def active_speech_level(speech: Audio) -> float:
    """ITU-T P.56 from its definition: the level, over the time that the envelope is above a threshold or was within the
    last 0.2 s, that lies 15.9 dB above that threshold. Thresholds by bisection, the envelope by its impulse response.
    """
    time = np.arange(round(0.4 * RATE)) / (0.03 * RATE)
    response = (time + time[1]) * np.exp(-time)  # of two exponential averages
    response /= response.sum()
    size = speech.size + response.size
    envelope = np.fft.irfft(np.fft.rfft(np.abs(speech), size) * np.fft.rfft(response, size), size)[: speech.size]
    energy = float(np.sum(np.square(speech, dtype=np.float64)))

    def level(threshold: float) -> float:
        reached = np.cumsum(np.pad(envelope >= 10 ** (threshold / 20), (HANGOVER + 1, 0)))
        held = reached[HANGOVER + 1 :] > reached[: -HANGOVER - 1]
        return 10 * np.log10(energy / np.count_nonzero(held))

    low, high = -90.0, 20 * np.log10(envelope.max())
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if level(middle) - middle > 15.9 else (low, middle)
    return level(low)


def decibels(signal: Audio) -> float:
    return 10 * float(np.log10(np.mean(np.square(signal, dtype=np.float64))))


def test_snr_and_level_measured_by_other_code(clips: list[Utterance]) -> None:
    for clip in clips:
        assert clip.clean is not None
        assert -32.1 < decibels(clip.noisy) < -19.9
        if clip.tags["task"] == "denoise":  # in rooms, the speech without noise is not kept
            snr = active_speech_level(clip.clean) - decibels(clip.noisy - clip.clean)
            assert snr == pytest.approx(float(clip.tags["snr"]), abs=0.3), clip.id


def known(name: str) -> None:
    if not cache.available(name):
        pytest.skip(f"bench weights get {name}")


@pytest.mark.slow
def test_a_known_system_passes_every_speaker(clips: list[Utterance]) -> None:
    """Systems trained on speech take these voices for speech."""
    known("gtcrn")
    gtcrn, estoi = system("gtcrn"), metric("estoi")
    passed = defaultdict(list)
    for clip in clips:
        assert clip.clean is not None
        enhanced = gtcrn.enhance(clip.clean, clip.sample_rate).audio
        passed[clip.tags["speaker"]].append(estoi.score(enhanced, clip).value)
    assert len(passed) == 8
    assert {speaker: np.mean(scores) for speaker, scores in passed.items() if np.mean(scores) <= 0.97} == {}


@pytest.mark.slow
def test_known_systems_are_ranked_as_on_real_recordings(clips: list[Utterance]) -> None:
    known("gtcrn")
    systems = [system(name) for name in ("noisy", "logmmse", "gtcrn")]
    outputs = [[built.enhance(clip.noisy, clip.sample_rate).audio for clip in clips] for built in systems]
    for scorer in (metric("pesq"), metric("si_sdr")):
        noisy, classical, network = (
            np.mean([scorer.score(enhanced, clip).value for enhanced, clip in zip(output, clips, strict=True)])
            for output in outputs
        )
        assert noisy < classical < network


@pytest.mark.slow
def test_a_recogniser_understands_the_clean_speech_and_the_noisy_the_less_the_more_noise(
    clips: list[Utterance],
) -> None:
    """Whisper tiny.en, by its authors' normaliser: it writes "tonight" for "to night" and spells as Americans do."""
    pytest.importorskip("faster_whisper")
    known("whisper_tiny_en")
    wer = metric("wer", recogniser={"name": "whisper", "model": "tiny.en"}, normaliser="whisper_english")

    def pooled(scores: list[Score]) -> float:
        assert all(score.status == "ok" for score in scores)
        return sum(score.errors or 0 for score in scores) / sum(score.total or 0 for score in scores)

    assert pooled([wer.score(clip.clean, clip) for clip in clips if clip.clean is not None]) < 0.05
    noisy = [clip for clip in clips if clip.tags["task"] == "denoise"]
    loud, quiet = (
        pooled([wer.score(clip.noisy, clip) for clip in noisy if chosen(float(clip.tags["snr"]))])
        for chosen in (lambda snr: snr <= 0, lambda snr: snr >= 10)
    )
    assert loud > quiet + 0.05


@pytest.mark.slow
def test_the_voice_of_the_noisy_speech_is_the_less_like_the_clean_the_more_noise(clips: list[Utterance]) -> None:
    try:
        similarity = metric("speaker_similarity_ge2e")
    except UserError as error:
        pytest.skip(str(error))
    noisy = [clip for clip in clips if clip.tags["task"] == "denoise"]
    loud, quiet = (
        np.mean([similarity.score(clip.noisy, clip).value for clip in noisy if chosen(float(clip.tags["snr"]))])
        for chosen in (lambda snr: snr <= 0, lambda snr: snr >= 10)
    )
    assert loud < quiet - 0.05
