"""A mistake in a training's configuration is one line, before anything is computed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

import bench.conf
from bench.conf.compose import compose
from bench.conf.schema import Schema, annotation_at, field_type
from bench.core.errors import UserError
from bench.datasets.recipes.training_pairs import SAMPLE_RATE
from bench.train import precision
from bench.train.model import untrained
from bench.train.settings import MAY_CHANGE, Training, check, check_devices, check_same, flatten
from methods import devices
from methods.diffusion.samplers import BridgeODE, PredictorCorrector
from methods.losses import LOSSES
from methods.sgmse import SGMSE
from methods.storm import StoRM
from methods.training.data import NORMALISATIONS
from methods.weights import EMBEDDED, load


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    return compose("train", ["method=storm"])


def changed(config: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    head, _, rest = key.partition(".")
    return {**config, head: changed(config[head], rest, value) if rest else value}


def keys(schema: type[Schema], parents: str = "") -> Iterator[str]:
    for name in schema.model_fields:
        kind = field_type(schema, name)
        if isinstance(kind, type) and issubclass(kind, Schema) and kind.model_fields:
            yield from keys(kind, f"{parents}{name}.")
        else:
            yield f"{parents}{name}"


def test_the_defaults_are_in_order_and_the_schema_has_every_key() -> None:
    made = [compose("train", [f"method={name}"]) for name in ("storm", "refinement")]
    for config in made:
        check(config)
    known = {key for config in made for key in flatten(config)}
    assert set(keys(Training)) <= known
    assert {key for key in known if "." not in key} <= set(Training.model_fields)


def test_choices_are_those_of_the_code_that_takes_them() -> None:
    def choices(key: str) -> tuple[object, ...]:
        return get_args(annotation_at(Training, key))

    assert choices("normalise") == NORMALISATIONS
    assert choices("method.objective.supervised_loss") == LOSSES
    assert choices("method.spectrogram.sample_rate") == (SAMPLE_RATE,)


def test_what_may_change_are_keys(composed: dict[str, Any]) -> None:
    assert all(any(key == name or key.startswith(f"{name}.") for key in flatten(composed)) for name in MAY_CHANGE)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("batch_size", 0, "batch_size: a whole number from 1 up; got 0"),
        ("batch_size", "four", "got 'four'"),
        ("max_steps", 1000.0, "max_steps: a whole number"),
        ("seed", True, "seed: a whole number"),
        ("optimiser.lr", 0, "optimiser.lr: a number above 0; got 0"),
        ("optimiser.lr", "1e-3x", "optimiser.lr: a number"),
        ("optimiser.clip", 0, "optimiser.clip: a number above 0, or null; got 0"),
        ("ema_decay", 1.5, "ema_decay: a number from 0 to 1; got 1.5"),
        ("normalise", "max", "normalise: one of noisy, crop, clean, none; got 'max'"),
        ("precision", "bf16", "precision: one of auto, 32-true"),
        ("device", "gpu", "device: one of auto, cpu, cuda; got 'gpu'"),
        (
            "devices",
            0,
            "devices: auto, or a whole number from 1 up, or a list of at least 1, each a whole number from 0 up; got 0",
        ),
        ("devices", -1, "devices: auto, or"),
        ("devices", "all", "devices: auto, or"),
        ("devices", [], "devices: auto, or"),
        ("devices", [0, "1"], "devices: auto, or"),
        ("strategy", "fsdp", "strategy: auto, or one of Lightning's ddp strategies"),
        ("network.width", 6, "network.width: a multiple of 4"),
        ("network.multipliers", [], "network.multipliers: needs at least one entry"),
        ("frames", 100, "frames: the network 'denoiser' needs a multiple of 8"),
        ("valid_every", 10**6, "without a validation there are no weights"),
        ("method.condition", "all", "method.condition: one of noisy, post_denoiser, both"),
        ("method.objective.supervised_loss", "l1", "supervised_loss: one of mse, mae, sisdr, none"),
        ("method.objective.score_loss", "none", "score_loss: one of mse, mae"),
        ("method.objective.supervised_weight", 2, "supervised_weight: a number from 0 to 1"),
        ("method.objective.freeze_denoiser", True, "name a trained one with init="),
        ("method.sde.sigma_min", 0.6, "sigma_min must be below sigma_max"),
        ("dataset.snr", [14, -6], "dataset.snr: [lowest, highest] in dB; got [14, -6]"),
        ("dataset.snr", 5, "dataset.snr: [lowest, highest]"),
        ("dataset.real_share", 30, "dataset.real_share: a number from 0 to 1"),
        ("dataset.speech_dirs", "/data", "dataset.speech_dirs: /data is not a folder"),
        ("dataset.noise_dirs", ["/no/such"], "dataset.noise_dirs: /no/such is not a folder"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(composed: dict[str, Any], key: str, value: Any, told: str) -> None:
    with pytest.raises(UserError) as raised:
        check(changed(composed, key, value))
    assert told in str(raised.value) and key.split(".")[0] in str(raised.value)


def test_a_predictive_network_needs_its_loss() -> None:
    with pytest.raises(UserError, match="leaves ncsnpp_m nothing to learn from"):
        check(compose("train", ["method.objective.supervised_loss=none"]))


def test_only_what_the_weights_do_not_depend_on_may_change(composed: dict[str, Any]) -> None:
    for key, value in (("max_hours", 3), ("scores.every", 9), ("workers", 0), ("dataset.cache", "/tmp")):
        check_same(changed(composed, key, value), composed, Path("out"))
    for key, value in (
        ("seed", 5),
        ("dataset.snr", [0, 5]),
        ("method.condition", "noisy"),
        ("precision", "bf16-mixed"),
    ):
        with pytest.raises(UserError, match=rf"out: holds a training with {key}="):
            check_same(changed(composed, key, value), composed, Path("out"))


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 gfni", "bf16-mixed"),
        ("flags : fpu amx_tile amx_bf16", "bf16-mixed"),
        ("Features\t: fp asimd i8mm bf16", "bf16-mixed"),
        ("flags\t\t: fpu avx512f avx512vl", "32-true"),
        ("", "32-true"),
    ],
)
def test_auto_is_half_precision_where_the_processor_has_it(
    flags: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(devices, "_CPUINFO", tmp_path / "cpuinfo")
    assert precision.resolve("auto") == "32-true"  # not Linux
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{flags}\n")
    assert precision.resolve("auto") == found
    assert precision.resolve("16-mixed") == "16-mixed"


NETWORKS = {
    ("sgmse_m", "ncsnpp_m"): 27_756_314,
    ("ncsnpp_m", "ncsnpp_large"): 65_164_052,
    ("sgmse_m", "ncsnpp_12m"): 11_675_546,
    ("sgmse_m", "ncsnpp_6m"): 5_216_762,
    ("sgmse_m", "sgmse_ncsnpp"): 65_590_822,
    ("sgmse_m", "ncsnpp_v2"): 65_590_822,
    ("sgmse_m", "ncsnpp_48k"): 64_739_854,
    ("sgmse_m", "dcunet"): 3_531_970,
    ("sgmse_m", "dcunet_2022"): 3_564_994,
    ("storm", "ncsnpp_m"): 55_118_388,
}
"""Parameters of the reference's networks."""

SMALL_NETWORKS = {("sgmse_m", "ncsnpp_small"): 1_209_434, ("sgmse_m", "dcunet_small"): 326_434}
"""Of our own."""


@pytest.mark.parametrize(("method", "network"), [*NETWORKS, *SMALL_NETWORKS])
def test_networks_have_their_parameters(method: str, network: str) -> None:
    bins = ["method.spectrogram.n_fft=512"] if network.startswith("dcunet") else []
    made = compose("train", [f"method={method}", f"network={network}", *bins])
    check(made)
    with torch.device("meta"):
        model = untrained(made)
    assert model.parameters == (NETWORKS | SMALL_NETWORKS)[method, network]


def test_every_network_is_tested() -> None:
    folder = Path(bench.conf.__path__[0]) / "network"
    assert {path.stem for path in folder.glob("*.yaml")} == {network for _, network in NETWORKS | SMALL_NETWORKS}


@pytest.mark.parametrize("name", ["sgmse", "sgmse_bridge"])
def test_the_sgmse_release_is_an_experiment(name: str) -> None:
    made = compose("train", [f"experiment={name}"])
    check(made)
    with torch.device("meta"):
        model = untrained(made)
        method = SGMSE(model, device="meta")
    network, is_bridge = model.networks["score"], name == "sgmse_bridge"
    assert network.centered and network.scale_by_time != is_bridge
    assert isinstance(method.sampler, BridgeODE if is_bridge else PredictorCorrector)
    assert (model.spectrogram.factor, method.default_steps) == (0.15, 50 if is_bridge else 30)


def test_the_papers_own_variants_can_be_chosen() -> None:
    """Each line of docs/paper-vs-code.md that names a key of training names one that there is."""
    made = compose(
        "train",
        [
            "method=storm",
            "network.centered=true",
            "method.spectrogram.window=sqrthann",
            "method.parametrization.time_input=sigma",
            "method.objective.score_weighting='1'",
            "method.sampler={times: to_zero, stepping: grid, denoise: false, corrector: ald, steps: 50}",
            "patience=10",
        ],
    )
    check(made)
    with torch.device("meta"):
        model = untrained(made)
        sampler = StoRM(model, device="meta").sampler
    assert sampler == PredictorCorrector(stepping="grid", times="to_zero", denoise=False)
    assert model.parametrization.time_input == "sigma" and model.spectrogram.window == "sqrthann"


@pytest.mark.parametrize(
    ("gpus", "device", "devices", "told"),
    [
        (0, "auto", 99, "devices=99: no GPU here; devices=1, or device=cpu for that many processes on the CPU"),
        (0, "auto", [0], "devices=[0]: no GPU here"),
        (0, "cpu", [0, 1], "devices=[0, 1]: a list names GPUs, and device=cpu asks for none"),
        (0, "cuda", "auto", "device=cuda: no CUDA device here"),
        (0, "cuda", 1, "device=cuda: no CUDA device here"),
        (2, "auto", 3, "devices=3: 2 GPUs here"),
        (2, "cuda", [1, 2], "devices=[1, 2]: 2 GPUs here, numbered from 0"),
        (2, "cpu", [1], "devices=[1]: a list names GPUs"),
    ],
)
def test_devices_that_are_not_there_are_refused(
    gpus: int, device: str, devices: Any, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    with pytest.raises(UserError) as raised:
        check_devices(device, devices)
    assert str(raised.value).startswith(told)


@pytest.mark.parametrize(
    ("gpus", "device", "devices"),
    [(0, "auto", "auto"), (0, "auto", 1), (0, "cpu", 99), (0, "cpu", "auto"), (2, "cuda", 2), (2, "auto", [0, 1])],
)
def test_devices_that_are_there_are_taken(
    gpus: int, device: str, devices: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    check_devices(device, devices)


@pytest.mark.parametrize("method", ["bbed", "crp", "flow", "convtasnet", "gagnet", "sips", "udiffse", "vae_nmf"])
def test_the_familys_methods_are_composed(method: str) -> None:
    check(compose("train", [f"method={method}"]))


def test_the_familys_experiments_are_composed() -> None:
    made = compose("train", ["experiment=sgmse_2022"])
    check(made)
    with torch.device("meta"):
        assert untrained(made).parameters == 3_564_994
    tiny = compose("train", ["method=convtasnet", "method.size={filters: 8, aligned: false}"])
    check(tiny)
    assert untrained(tiny).sizes["denoiser"]["filters"] == 8
    for network in ("dcunet_small", "dcunet"):
        check(compose("train", ["experiment=[sgmse_2022,small]", f"network={network}"]))
    with pytest.raises(UserError, match="n_fft=512 gives 257 frequency bins, but the network 'score' takes multiples"):
        check(compose("train", ["experiment=[sgmse_2022,small]"]))
    storm = compose("train", ["method=storm", "method.predictor={backbone: convtasnet}", "method.sde={name: bbed}"])
    check(storm)
    with torch.device("meta"):
        model = untrained(storm)
    assert model.sizes["denoiser"]["backbone"] == "convtasnet" and model.sde.name == "bbed"
    with pytest.raises(UserError, match="n_fft=510 gives 256 frequency bins, but the network 'score' takes one more"):
        check(compose("train", ["method=bbed", "network=dcunet"]))


@pytest.mark.parametrize("method", ["bbed", "flow", "crp", "sgmse_bridge"])
def test_the_tables_experiment_composes_with_every_path(method: str) -> None:
    made = compose("train", [f"method={method}", "experiment=small_family", "method.spectrogram.padding=zeros"])
    check(made)
    with torch.device("meta"):
        model = untrained(made)
    assert model.spectrogram == load(EMBEDDED / "ncsnpp_m.safetensors").spectrogram
