"""``bench check`` and ``bench convert``, as a user types them."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from bench.__main__ import main
from bench.core.types import Audio
from methods import create, from_checkpoint
from methods.base import METHODS, Enhanced, Method
from methods.checkpoints.unpickling import read
from methods.conformance import examine, generated
from methods.counting import count_calls
from tests.conftest import ROOT

GOLDEN = ROOT / "tests" / "golden" / "ckpt"
STORM = GOLDEN / "storm_joint_nf4_midepoch.ckpt"


def test_a_checkpoint_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", f"checkpoint={STORM}"]) == 0
    told = capsys.readouterr().out
    for words in (
        "StoRM, regen-joint-training, Lightning 1.8.3, epoch 2, step 5",
        "method      storm",
        "ncsnpp, 28,622 parameters: inputs 1, width 4, multipliers [1, 2, 2, 2]",
        "averaged (EMA), decay 0.999, 5 updates",
        "ouve: theta 1.5, sigma_min 0.05, sigma_max 0.5; t_eps 0.03",
        "reverse_diffusion, corrector ald, corrector_steps 1, snr 0.5, stepping uniform",
        "N 50",
        "16000 Hz",
        "condition   both",
        "factor 0.33",
        "nothing is wrong with it",
    ):
        assert words in told, words
    [line] = [line for line in told.splitlines() if line.startswith("sha256")]
    assert len(line.split()[1]) == 64


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.ckpt")), ids=lambda path: path.stem)
def test_every_kind_of_checkpoint_can_be_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", f"checkpoint={file}", "weights=raw"]) == 0
    assert "raw; the file has averages too" in capsys.readouterr().out


def test_another_rate_than_the_datas_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "noisy").mkdir()
    for name, rate in (("a", 8000), ("b", 8000), ("c", 16000)):
        soundfile.write(tmp_path / "noisy" / f"{name}.wav", np.random.default_rng(0).normal(0, 0.1, 800), rate)
    assert main(["check", f"checkpoint={STORM}", f"data={tmp_path}"]) == 1
    told = capsys.readouterr().out
    assert "WRONG: 2 of 3 recordings" in told and "at 8000 Hz, the checkpoint is for 16000 Hz" in told
    assert main(["check", f"checkpoint={STORM}", "data=demo"]) == 0


def test_a_flipped_bit_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "flipped.ckpt"
    content = bytearray(STORM.read_bytes())
    weight = next(iter(read(STORM)["state_dict"].values())).numpy().tobytes()
    content[content.index(weight)] ^= 1
    path.write_bytes(content)
    assert main(["check", f"checkpoint={path}"]) == 1
    assert "does not have its checksum" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["check"], "needs checkpoint=FILE or method=NAME"),
        (["check", "checkpoint=/no/such.ckpt"], "/no/such.ckpt: no such checkpoint"),
        (["check", f"checkpoint={ROOT / 'README.md'}"], "README.md: a text file, not a checkpoint"),
        (["check", "method=strom"], "unknown method 'strom': did you mean 'storm'?"),
        (
            ["check", f"method={{name: precomputed, dir: {ROOT / 'bench/datasets/demo_data/2/noisy'}}}"],
            "add data=DATASET",
        ),
        (["check", "method=noisy", "steps=0"], "steps: a whole number from 1 up"),
        (["check", "method=noisy", "data=dmo"], "unknown dataset 'dmo': did you mean 'demo'?"),
        (["convert"], "needs checkpoint=FILE"),
        (["convert", f"checkpoint={STORM}", "out=a.ckpt"], "name it .safetensors"),
        (["convert", "checkpoint=/no/such.ckpt"], "no such checkpoint"),
        (["convert", "checkpoint=objectives_m1"], "its weights are not here: bench weights get objectives_m1"),
        (["convert", "checkpoint=hub:owner"], "a file on a hub is named as hub:OWNER/NAME/FILE"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SEBENCH_CACHE", str(tmp_path))
    assert main(arguments) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert told in line


# The method protocol.


@pytest.mark.parametrize(
    "name", ["noisy", pytest.param(f"{{name: storm, checkpoint: {STORM}}}", marks=pytest.mark.slow, id="storm")]
)
def test_our_methods_keep_the_protocol(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", f"method={name}"]) == 0
    assert capsys.readouterr().out.count("\n  ok ") == 5


def test_a_method_can_be_tried_on_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "method={name: precomputed, dir: bench/datasets/demo_data/2/noisy}", "data=demo"]) == 0
    assert "precomputed (sebench), 3 clips" in capsys.readouterr().out


class Halves(Method):
    """A method that keeps the protocol: it halves, with a little noise, by way of a network."""

    uses_steps = stochastic = True
    sample_rate = 16000

    def __init__(self) -> None:
        self.network = torch.nn.Linear(1, 1)

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        with count_calls(self.network) as calls:
            for _ in range(steps or 3):
                self.network(torch.zeros(1))
        noise = torch.randn(noisy.size, generator=generator).numpy()
        return Enhanced(self.finish(noisy / 2 + 0.01 * noise), self.count(calls.total))

    def finish(self, audio: Audio) -> Audio:
        return audio

    def count(self, calls: int) -> int:
        return calls


class Shorter(Halves):
    def finish(self, audio: Audio) -> Audio:
        return audio[:-1]


class Double(Halves):
    def finish(self, audio: Audio) -> Audio:
        return audio.astype(np.float64)  # type: ignore[return-value]


class NoEstimate(Halves):
    two_stages = True


class ShorterEstimate(Halves):
    two_stages = True

    def enhance_one(self, noisy: Audio, *rest: Any) -> Enhanced:
        return replace(super().enhance_one(noisy, *rest), estimate=noisy[1:])


class NotFinite(Halves):
    def finish(self, audio: Audio) -> Audio:
        return audio / 0 if audio.size == 1 else audio


class OtherNoise(Halves):
    def finish(self, audio: Audio) -> Audio:
        return audio + np.random.default_rng().normal(0, 1, audio.shape).astype(np.float32)


class NoNoise(Halves):
    def finish(self, audio: Audio) -> Audio:
        return np.zeros_like(audio)


class UndeclaredNoise(Halves):
    stochastic = False


class InBatches(Halves):
    """Enhances batches in its own way, and a little differently."""

    def enhance_batch(self, noisy: Any, *rest: Any, **options: Any) -> list[Enhanced]:
        done = super().enhance_batch(noisy, *rest, **options)
        return [Enhanced(one.audio * np.float32(1.001)) for one in done]


class Coupled(Halves):
    """Shares network calls, and mixes the clips."""

    batches = True

    def enhance_together(self, noisy: Any, *rest: Any) -> list[Enhanced]:
        return super().enhance_together([clip * len(noisy) for clip in noisy], *rest)

    def padded_length(self, samples: int) -> int:
        return 0


class Uncounted(Halves):
    def count(self, calls: int) -> int:
        return 0


class CountedOnce(Halves):
    def count(self, calls: int) -> int:
        return 1


class Raises(Halves):
    def finish(self, audio: Audio) -> Audio:
        raise RuntimeError("out of luck")


BROKEN: dict[type[Halves], dict[str, str]] = {
    Halves: {},
    Shorter: {"same length": "gives shape [0] for [1]"},
    Double: {"same length": "gives float64"},
    NoEstimate: {"same length": "gives no estimate of its first stage"},
    ShorterEstimate: {"same length": "its first stage's estimate is shape [0] for [1]"},
    NotFinite: {"finite": "NaN or infinity"},
    OtherNoise: {
        "deterministic under its seed": "the same seed gives two outputs",
        "batch equals single": "differently",
    },
    NoNoise: {"deterministic under its seed": "two seeds give the same output"},
    UndeclaredNoise: {"deterministic under its seed": "does not declare itself stochastic"},
    InBatches: {"batch equals single": "differently in a batch"},
    Coupled: {"batch equals single": "of its peak when clips share network calls"},
    Uncounted: {"network calls counted": "nfe is 0, but modules with weights were called 2 times"},
    CountedOnce: {"network calls counted": "nfe is 1 for N = 2 and 1 for N = 4"},
    Raises: dict.fromkeys(
        ("same length", "finite", "deterministic under its seed", "batch equals single", "network calls counted"),
        "raises RuntimeError: out of luck",
    ),
}


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize(("kind", "broken"), BROKEN.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_each_rule_is_found_broken_where_it_is(kind: type[Halves], broken: dict[str, str]) -> None:
    method = kind()
    findings = list(examine(method, generated(method), steps=2))
    assert {finding.rule for finding in findings if not finding.kept} == broken.keys()
    for finding in findings:
        assert broken.get(finding.rule, "") in finding.observed


def test_a_broken_plugin_is_status_1(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS._factories, "shorter", Shorter)
    assert main(["check", "method=shorter"]) == 1
    assert "BROKEN  same length" in capsys.readouterr().out


# Converting.


@pytest.mark.parametrize("weights", ["ema", "raw"])
@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.ckpt")), ids=lambda path: path.stem)
def test_a_converted_checkpoint_is_the_same_and_needs_no_pickle(
    tmp_path: Path, file: Path, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.safetensors"
    assert main(["convert", f"checkpoint={file}", f"out={out}", f"weights={weights}"]) == 0
    before = from_checkpoint(file, weights)

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("unpickled")

    for module, name in ((pickle, "Unpickler"), (pickle, "load"), (pickle, "loads"), (torch, "load")):
        monkeypatch.setattr(module, name, refuse)
    after = from_checkpoint(out)
    told, same = after.provenance(), before.provenance()
    assert {**told, "weights_sha256": ""} == {**same, "weights_sha256": ""} and told["weights"] == weights
    for role, network in before.model.networks.items():  # type: ignore[attr-defined]
        converted = after.model.networks[role].state_dict()  # type: ignore[attr-defined]
        for key, tensor in network.state_dict().items():
            assert tensor.dtype == torch.float32 and torch.equal(converted[key], tensor)


def test_a_converted_checkpoint_enhances_alike_bit_for_bit(tmp_path: Path) -> None:
    copy = tmp_path / "epoch=2.ckpt"
    shutil.copy(STORM, copy)
    assert main(["convert", f"checkpoint={copy}"]) == 0
    clip = np.random.default_rng(0).normal(0, 0.1, 3000).astype(np.float32)
    one, two = (
        create("storm", checkpoint=str(path)).enhance(clip, 16000, 2, 0)
        for path in (copy, tmp_path / "epoch=2.safetensors")
    )
    assert np.array_equal(one.audio, two.audio)


def test_a_checkpoint_by_address_is_converted_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    there = tmp_path / "there" / "epoch.ckpt"
    there.parent.mkdir()
    shutil.copy(STORM, there)
    assert main(["convert", f"checkpoint={there.as_uri()}"]) == 0
    assert from_checkpoint(tmp_path / "epoch.safetensors").provenance()["weights"] == "ema"


# A whole run.


def test_a_run_with_a_checkpoint_of_the_reference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Named for one entry, and for all methods of the run that take one: the predictive one finds its part in it."""
    copy = tmp_path / "epoch=2-pesq=1.03.ckpt"
    shutil.copy(STORM, copy)
    common = ["run", "datasets=[demo]", "limit=1", "metrics=[si_sdr]", "steps=[1]", "workers=0"]
    common += [f"runs_dir={tmp_path / 'runs'}", "measure_cost=false"]
    named = f"methods=[noisy,{{name: storm, checkpoint: {copy}, label: released}}]"
    assert main([*common, named, "run=named"]) == 0
    assert main([*common, "methods=[noisy,storm,ncsnpp_m]", f"checkpoint={copy}", "run=all"]) == 0
    assert main(["check", f"checkpoint={copy}"]) == 0
    sha256 = capsys.readouterr().out.partition("sha256")[2].split()[0]
    for run, times in (("named", 1), ("all", 2)):
        rows = (tmp_path / "runs" / run / "rows.csv").read_text()
        assert len(rows.splitlines()) == 2 + times and "error" not in rows
        assert (tmp_path / "runs" / run / "manifest.json").read_text().count(sha256) == times


@pytest.mark.parametrize(
    ("methods", "told"),
    [
        ("[noisy]", f"checkpoint={STORM}: none of the methods takes it"),
        ("[storm,sgmse_m]", "for the method 'storm', not 'sgmse_m'"),
    ],
)
def test_a_checkpoint_that_no_method_can_use_is_one_line(
    tmp_path: Path, methods: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", f"methods={methods}", f"checkpoint={STORM}", f"runs_dir={tmp_path}"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert told in line
