"""Overrides are KEY=VALUE; every mistake is one line that names the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.conf import compose as config
from bench.conf.compose import SCHEMAS
from bench.core.errors import UserError


@pytest.mark.parametrize("job", [job for job in SCHEMAS if job != "train"])
def test_defaults_make_sense_and_every_key_is_explained(job: str) -> None:
    schema, defaults = config.schema_of(job), config.compose(job, [])
    assert schema.of(defaults) == schema.of({})
    told = config.explained(job).splitlines()
    for key, field in schema.model_fields.items():
        assert field.description, key
        assert any(line.startswith(f"{key}: ") for line in told), key


def test_overrides_are_lists_mappings_scalars_and_interpolations() -> None:
    composed = config.compose(
        "run",
        [
            "methods=[noisy,{name: precomputed, dir: /a/b.c, label: CMGAN}]",
            "steps=7",
            "run='my run'",
            "metrics=[pesq,dnsmos]",
            "metrics.0=stoi",
            "datasets=[../x/y,'/with space/z']",
            "seeds=[1,${steps}]",
        ],
    )
    assert composed["methods"] == ["noisy", {"name": "precomputed", "dir": "/a/b.c", "label": "CMGAN"}]
    assert composed["steps"] == [7]
    assert composed["run"] == "my run"
    assert composed["metrics"] == ["stoi", "dnsmos"]
    assert composed["datasets"] == ["../x/y", "/with space/z"]
    assert composed["seeds"] == [1, 7]


@pytest.mark.parametrize(
    ("job", "override", "told"),
    [
        ("run", "stesp=5", "unknown key 'stesp': did you mean 'steps'?"),
        ("run", "metric=stoi", "unknown key 'metric': did you mean 'metrics'?"),
        ("run", "methods=[noisy", "cannot read the override 'methods=[noisy'"),
        ("run", "steps", "cannot read the override 'steps'"),
        ("run", "--steps=5", "cannot read the override '--steps=5'"),
        ("run", "steps=${nothing}", "nothing"),
        ("run", "methods.9=noisy", "methods.9: the list has the entries 0 to 4"),
        ("run", "metrics.0=stoi", "metrics.0: metrics is null; set it as a whole"),
        ("train", "network.widht=3", "unknown key 'widht': did you mean 'width'?"),
        ("train", "method=strom", "unknown method 'strom': did you mean 'storm'?"),
        ("train", "experiment=tabel7_joint", "unknown experiment 'tabel7_joint': did you mean 'table7_joint'?"),
        ("train", "experiment=[table7_joint,smal]", "unknown experiment 'smal': did you mean 'small'?"),
        ("train", "method=[storm,crp]", "method: names one of bbed,"),
        ("train", "network=[dcunet,ncsnpp_m]", "; got ['dcunet', 'ncsnpp_m']"),
        ("train", "dataset=[generated,wsj0_chime3]", "dataset: names one of"),
        ("train", "method=storm method.objective.frezze_denoiser=true", "did you mean 'freeze_denoiser'?"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(job: str, override: str, told: str) -> None:
    with pytest.raises(UserError) as raised:
        config.compose(job, override.split(" "))
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_yaml_composes_to_itself() -> None:
    import yaml

    text = config.yaml("run", ["steps=[1,2]", "datasets=[{name: demo}]"])
    assert yaml.safe_load(text) == config.compose("run", ["steps=[1,2]", "datasets=[{name: demo}]"])


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("checkpoint=logs/epoch=12-pesq=2.95.ckpt", {"checkpoint": "logs/epoch=12-pesq=2.95.ckpt"}),
        ("method={name: storm, checkpoint: a=1.ckpt}", {"method": {"name": "storm", "checkpoint": "a=1.ckpt"}}),
        ("checkpoint='with space=1.ckpt'", {"checkpoint": "with space=1.ckpt"}),
        ("checkpoint=plain.ckpt", {"checkpoint": "plain.ckpt"}),
    ],
)
def test_lightnings_names_of_checkpoints_need_no_quotes(override: str, read: dict[str, object]) -> None:
    composed = config.compose("check", [override])
    assert {key: composed[key] for key in read} == read


def test_a_job_in_a_folder_of_its_own_knows_no_groups() -> None:
    """``method`` is a key of ``bench check`` and a group of ``bench train``."""
    assert config.compose("check", ["method=storm"])["method"] == "storm"
    assert config.compose("train", ["method=storm"])["method"]["name"] == "storm"


def test_a_file_to_choose_that_changes_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is done to a configuration does not come back with the next."""
    monkeypatch.setattr("bench.conf.groups.folders", lambda: [tmp_path])
    mine = tmp_path / "experiment" / "mine.yaml"
    mine.parent.mkdir()
    for steps in (7, 1234):
        mine.write_text(f"# @package _global_\nmax_steps: {steps}\n")
        for _ in range(2):
            composed = config.compose("train", ["experiment=mine"])
            assert composed["max_steps"] == steps
            composed["max_steps"] = composed["dataset"]["seed"] = -1
        assert config.compose("train", ["experiment=mine"])["dataset"]["seed"] != -1
