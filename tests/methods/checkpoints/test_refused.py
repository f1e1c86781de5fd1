"""What is no checkpoint of the two projects, or a broken one, costs one clear line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.core.errors import UserError
from methods import create, from_checkpoint
from methods.checkpoints.systems import open_model
from methods.weights import new_model, save
from tests.methods.checkpoints.files import SGMSE, STORM, denoiser, lightning, network, write

Content = dict[str, Any]


def storm() -> Content:
    size = {"multipliers": (1, 2)}
    networks = {"denoiser_net": denoiser(**size), "score_net": network(inputs=3, **size)}
    return lightning(networks, networks, **STORM, condition="both")


def _without(*keys: str) -> Callable[[Content], None]:
    def damage(content: Content) -> None:
        for key in keys:
            content["state_dict"].pop(key)
            content["ema"]["shadow_params"].pop()
        content["ema"] = None

    return damage


def _all_gone(prefix: str) -> Callable[[Content], None]:
    def damage(content: Content) -> None:
        content["state_dict"] = {k: v for k, v in content["state_dict"].items() if not k.startswith(prefix)}
        content["ema"] = None

    return damage


def _set(**settings: Any) -> Callable[[Content], None]:
    return lambda content: content["hyper_parameters"].update(settings)


def _nan(content: Content) -> None:
    content["ema"]["shadow_params"][3][0] = float("nan")


def _infinite_raw(content: Content) -> None:
    content["ema"] = None
    content["state_dict"]["score_net.all_modules.4.Conv_0.bias"][0] = float("inf")


def _shape(content: Content) -> None:
    content["state_dict"]["score_net.all_modules.4.Conv_0.bias"] = torch.zeros(3)
    content["ema"] = None


def _extra(content: Content) -> None:
    content["state_dict"]["score_net.extra.weight"] = torch.zeros(3)
    content["ema"] = None


def _replace(**entries: Any) -> Callable[[Content], None]:
    def damage(content: Content) -> None:
        content.clear()
        content.update(entries)

    return damage


def _fewer_averages(content: Content) -> None:
    content["ema"]["shadow_params"].pop()


def _other_averages(content: Content) -> None:
    content["ema"]["shadow_params"].reverse()


DAMAGE: dict[str, tuple[str, Callable[[Content], None]]] = {
    "NaN in the averages": ("the weight denoiser_net.all_modules.1.weight holds NaN", _nan),
    "infinity in the raw weights": ("the weight score_net.all_modules.4.Conv_0.bias holds", _infinite_raw),
    "a missing weight": (
        "'score_net' does not fit: all_modules.4.Conv_0.bias is missing",
        _without("score_net.all_modules.4.Conv_0.bias"),
    ),
    "two missing weights": (
        "'denoiser_net' does not fit: output_layer.bias is missing, all_modules.2.Conv_0.bias is missing",
        _without("denoiser_net.output_layer.bias", "denoiser_net.all_modules.2.Conv_0.bias"),
    ),
    "a missing module": ("'score_net' does not fit: nothing of all_modules.6 ", _all_gone("score_net.all_modules.6.")),
    "a network without its body": ("first modules are not those of an NCSN", _all_gone("score_net.all_modules.")),
    "a missing network": ("its networks, score_net, make up no method", _all_gone("denoiser_net.")),
    "another shape": (r"all_modules.4.Conv_0.bias has shape \[3\] instead of \[4\]", _shape),
    "a weight too many": ("extra.weight is not expected", _extra),
    "another project's names": (
        "not a checkpoint of StoRM or SGMSE: its weights are called 'encoder.weight', 'decoder.weight'",
        _replace(
            state_dict={"encoder.weight": torch.zeros(2), "decoder.weight": torch.zeros(2)}, hyper_parameters={"lr": 1}
        ),
    ),
    "another project's file": (
        "not a checkpoint of StoRM or SGMSE: it has no 'state_dict', but 'model', 'optimizer'",
        _replace(model={}, optimizer={}),
    ),
    "bench train's own state": (
        "weights.safetensors beside it",
        _replace(state_dict={"networks.score.output.bias": torch.zeros(2)}),
    ),
    "bare weights": ("has no 'hyper_parameters'", lambda content: content.pop("hyper_parameters")),
    "no weights": ("has no weights", _replace(state_dict={}, hyper_parameters={})),
    "fewer averages": (r"has \d+ averages for \d+ weights; weights=raw", _fewer_averages),
    "averages of other weights": ("average of denoiser_net.output_layer.weight is not shaped", _other_averages),
    "another backbone": ("its backbone_score is 'gagnet'", _set(backbone_score="gagnet")),
    "another SDE": ("trained with sde=vpsde; what is read is ouve or ouvp or sbve", _set(sde="vpsde")),
    "several channels": ("trained with spatial_channels=2", _set(spatial_channels=2)),
    "another conditioning": ("takes 3 spectrograms, not condition=noisy", _set(condition="noisy")),
    "an unknown window": ("hyper-parameters make no sense: unknown window 'hamming'", _set(window="hamming")),
    "a number that is none": ("hyper-parameters make no sense", _set(theta="steep")),
}


@pytest.mark.parametrize(("message", "damage"), DAMAGE.values(), ids=DAMAGE)
def test_it_is_one_clear_line(tmp_path: Path, message: str, damage: Callable[[Content], None]) -> None:
    content = storm()
    damage(content)
    path = write(tmp_path / "epoch=3.ckpt", content)
    with pytest.raises(UserError, match=f"epoch=3.ckpt: .*{message}") as caught:
        open_model(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_undamaged_it_can_be_read(tmp_path: Path) -> None:
    """Else the tests above could not fail."""
    assert open_model(write(tmp_path / "a.ckpt", storm())).method == "storm"


def test_raw_weights_do_where_the_averages_do_not(tmp_path: Path) -> None:
    content = storm()
    _fewer_averages(content)
    assert open_model(write(tmp_path / "a.ckpt", content), "raw").weights == "raw"


def test_a_training_objectives_own_weights_are_passed_over(tmp_path: Path) -> None:
    """SGMSE's PESQ loss keeps some among the weights, after the network's."""
    networks = {"dnn": network()}
    content = lightning(networks, networks, **SGMSE)
    content["state_dict"]["pesq_loss.loudness.threshs"] = torch.ones(3)
    content["ema"]["shadow_params"].append(torch.ones(3))
    assert open_model(write(tmp_path / "a.ckpt", content)).weights == "ema"


def test_which_weights_there_are_to_have(tmp_path: Path) -> None:
    content = storm()
    content["ema"] = None
    path = write(tmp_path / "a.ckpt", content)
    assert open_model(path).weights == "raw"
    with pytest.raises(UserError, match=r"a.ckpt: has no averaged weights; weights=raw takes the raw ones"):
        open_model(path, "ema")
    with pytest.raises(UserError, match="unknown kind of weights 'emma': did you mean 'ema'"):
        open_model(path, "emma")
    save(tmp_path / "ours.safetensors", new_model("ncsnpp_m", {"width": 8, "multipliers": [1, 2]}))
    with pytest.raises(UserError, match=r"ours.safetensors: holds the 'ema' weights only, not 'raw'"):
        create("ncsnpp_m", checkpoint=str(tmp_path / "ours.safetensors"), weights="raw")


def test_a_checkpoint_of_another_method_is_told(tmp_path: Path) -> None:
    path = str(write(tmp_path / "a.ckpt", storm()))
    with pytest.raises(UserError, match="for the method 'storm', not 'sgmse_m'"):
        create("sgmse_m", checkpoint=path)
    assert create("ncsnpp_m", checkpoint=path).provenance()["method"] == "ncsnpp_m"
    with pytest.raises(UserError, match="unknown option of method 'storm' 'corector': did you mean 'corrector'"):
        from_checkpoint(path, corector="none")


def test_a_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.ckpt", storm())
    monkeypatch.setenv("HOME", str(tmp_path))
    assert from_checkpoint("~/a.ckpt").provenance() == create("storm", checkpoint="~/a.ckpt").provenance()
