"""Recipes whose systems need no weights meet the real thing: installed as their cards say, run on real recordings."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from bench.core.lag import lag
from bench.core.types import Utterance
from methods import create
from methods.catalogue.recipe import recipe
from metrics import create as metric

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

MEASURED = {
    "noisereduce": (1.40, 5.1),
    "logmmse_py": (2.42, 13.7),
    "speex": (2.23, 9.4),
    "nara_wpe": (2.16, 8.8),
}
"""Mean PESQ and SI-SDR in dB on the ten recordings, as docs/known-systems.md has them; unprocessed: 2.14, 8.2."""


@pytest.mark.parametrize("name", MEASURED)
def test_it_is_installed_and_scores_what_was_measured(
    name: str, voicebank: list[Utterance], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = recipe(name).card
    assert card["weights"] == "there are none"
    done = subprocess.run(card["install"], shell=True, cwd=tmp_path, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"cannot be installed here: {done.stderr.strip().splitlines()[-1:]}")
    monkeypatch.setenv("SEBENCH_CACHE", str(tmp_path / "cache"))
    method = create("recipe", system=name, python=str(tmp_path / "env" / "bin" / "python"), reuse=False)
    assert method.provenance()["installed_sha256"]
    made = [method.enhance(clip.noisy, clip.sample_rate).audio for clip in voicebank]
    np.testing.assert_array_equal(method.enhance(voicebank[0].noisy, voicebank[0].sample_rate).audio, made[0])
    lags = [lag(audio, clip.noisy, 800).samples for clip, audio in zip(voicebank, made, strict=True)]
    assert abs(np.median(lags)) < 1
    for label, expected, tolerance in zip(("pesq", "si_sdr"), MEASURED[name], (0.02, 0.3), strict=True):
        scores = [metric(label).score(audio, clip).value for clip, audio in zip(voicebank, made, strict=True)]
        assert np.mean([score for score in scores if score is not None]) == pytest.approx(expected, abs=tolerance)
