"""WV-MOS, NISQA, UTMOS and speaker embeddings: their loading, on small networks of random numbers.

Their authors' weights do not come with the project.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from bench.core.errors import UserError
from metrics.base import METRICS, create
from metrics.perceptual import wvmos
from tests.metrics.signals import RATE, hiss, pair, syllables

CLIP = syllables()


def wv_mos_network() -> torch.nn.Module:
    """Of WV-MOS's layout, with fewer channels and layers than its 768 and 12."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    network = torch.nn.Module()
    network.encoder = transformers.Wav2Vec2Model(
        transformers.Wav2Vec2Config(
            hidden_size=128,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=48,
            conv_dim=(16,) * 7,
            num_conv_pos_embeddings=32,
            num_conv_pos_embedding_groups=4,
        )
    )
    network.dense = torch.nn.Sequential(
        torch.nn.Linear(128, 24), torch.nn.ReLU(), torch.nn.Dropout(0.1), torch.nn.Linear(24, 1)
    )
    return network.eval()


class Hostile:
    """What a checkpoint names beside its weights; unpickled the usual way, it would be called."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, ...]]:
        return Path.touch, (Path("was_called"),)  # type: ignore[return-value]


def written(network: torch.nn.Module, file: Path, **rest: object) -> Path:
    """As its authors wrote it: with Lightning, "model." before every key, weight norm by its old names."""
    old = {new: old for old, new in wvmos.RENAMED.items()}
    state = {}
    for key, value in network.state_dict().items():
        name = next((key.replace(new, old[new]) for new in old if key.endswith(new)), key)
        state[f"model.{name}"] = value
    torch.save({"state_dict": state, "epoch": 3, **rest}, file)
    return file


def test_wv_mos_is_the_mean_over_time_of_the_head_on_the_encoder(tmp_path: Path) -> None:
    network = wv_mos_network()
    metric = create("wvmos", weights=str(written(network, tmp_path / "wv_mos.ckpt")))
    normalised = (CLIP - CLIP.mean()) / np.sqrt(CLIP.var() + 1e-7)
    with torch.inference_mode():
        expected = network.dense(network.encoder(torch.from_numpy(normalised)[None]).last_hidden_state).mean()
    assert metric.score(CLIP, pair(None, CLIP)).value == pytest.approx(float(expected), abs=1e-5)
    assert metric.score(0 * CLIP, pair(None, CLIP)).status == "undefined"
    assert metric.score(CLIP[:100], pair(None, CLIP[:100])).reason == "shorter than 0.025 s"


def test_wv_mos_says_which_weights_it_has(tmp_path: Path) -> None:
    network = wv_mos_network()
    first = create("wvmos", weights=str(written(network, tmp_path / "a.ckpt"))).provenance()["weights"]
    network.dense[3].bias.data += 1
    second = create("wvmos", weights=str(written(network, tmp_path / "b.ckpt"))).provenance()["weights"]
    assert first != second


def test_nothing_that_a_checkpoint_names_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = written(wv_mos_network(), tmp_path / "hostile.ckpt", callbacks=Hostile())
    with pytest.raises(UserError, match=r"hostile\.ckpt: not a checkpoint of WV-MOS \(it calls functions\)"):
        create("wvmos", weights=str(file))
    assert not Path("was_called").exists()


def test_classes_that_a_checkpoint_names_are_passed_over(tmp_path: Path) -> None:
    """Lightning names its callbacks by their classes."""
    file = written(wv_mos_network(), tmp_path / "lightning.ckpt", callbacks={Hostile: {"best": 0.5}})
    assert create("wvmos", weights=str(file)).score(CLIP, pair(None, CLIP)).status == "ok"


def test_other_files_are_one_line(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    text, other = tmp_path / "text.ckpt", tmp_path / "other.ckpt"
    text.write_text("not a checkpoint")
    torch.save({"state_dict": {"model.x": torch.ones(1)}}, other)
    for file in (text, other):
        with pytest.raises(UserError, match=rf"{file.name}: not a checkpoint of WV-MOS \(.+\)$"):
            create("wvmos", weights=str(file))
    with pytest.raises(UserError, match=r"absent\.ckpt: no such file; download the weights \(https://"):
        create("wvmos", weights=str(tmp_path / "absent.ckpt"))


@pytest.fixture
def nisqa_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torchmetrics looks for them, a small network of NISQA's layout."""
    from torchmetrics.functional.audio import nisqa as package

    args = {
        **{"cnn_c_out_1": 4, "cnn_c_out_2": 4, "cnn_c_out_3": 4, "cnn_kernel_size": (3, 3), "cnn_dropout": 0.2},
        **{"cnn_pool_1": [24, 7], "cnn_pool_2": [12, 5], "cnn_pool_3": [6, 3]},
        **{"td_sa_d_model": 8, "td_sa_nhead": 1, "td_sa_h": 8, "td_sa_num_layers": 1, "td_sa_dropout": 0.1},
        **{"pool_att_h": 8, "pool_att_dropout": 0.1},
        **{"ms_seg_length": 15, "ms_seg_hop_length": 4, "ms_max_segments": 1300, "ms_n_fft": 4096, "ms_n_mels": 48},
        **{"ms_hop_length": 0.01, "ms_win_length": 0.02, "ms_fmax": 20000},
    }
    torch.manual_seed(0)
    folder = tmp_path / ".torchmetrics" / "NISQA"
    folder.mkdir(parents=True)
    torch.save({"args": args, "model_state_dict": package._NISQADIM(args).state_dict()}, folder / "nisqa.tar")
    monkeypatch.setenv("HOME", str(tmp_path))
    package._load_nisqa_model.cache_clear()
    yield
    package._load_nisqa_model.cache_clear()


@pytest.mark.usefixtures("nisqa_weights")
def test_nisqa_gives_five_opinions() -> None:
    from torchmetrics.functional.audio.nisqa import non_intrusive_speech_quality_assessment

    expected = non_intrusive_speech_quality_assessment(torch.from_numpy(CLIP), RATE).tolist()
    names = ["nisqa", "nisqa_noisiness", "nisqa_discontinuity", "nisqa_coloration", "nisqa_loudness"]
    assert [create(name).score(CLIP, pair(None, CLIP)).value for name in names] == pytest.approx(expected)


@pytest.mark.usefixtures("nisqa_weights")
def test_nisqa_takes_less_than_a_minute() -> None:
    long = hiss(np.zeros(60 * RATE), 0.1)
    score = create("nisqa").score(long, pair(None, long))
    assert (score.status, score.reason) == ("undefined", "longer than NISQA takes (52 s)")


def test_nisqa_without_weights_says_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"nisqa\.tar: no such file; download https://.* to ~/\.torchmetrics"):
        create("nisqa")


def test_utmos_is_the_package_s_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for utmos-pytorch, whose weights are large."""
    file = tmp_path / "utmos.pt"
    file.write_bytes(b"weights")

    class Network:
        def __init__(self, ckpt_path: str, device: str) -> None:
            assert (ckpt_path, device) == (str(file), "cpu")

        def score(self, speech: torch.Tensor) -> torch.Tensor:
            return speech.abs().max()[None]

    package = ModuleType("utmos_pytorch")
    package.UTMOSScoreTorch = Network  # type: ignore[attr-defined]
    package.utils = SimpleNamespace()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "utmos_pytorch", package)
    metric = create("utmos", weights=str(file))
    assert metric.score(CLIP, pair(None, CLIP)).value == pytest.approx(float(np.abs(CLIP).max()))
    with pytest.raises(UserError, match=r"no\.pt: no such file; name the package's utmos_state_dict\.pt"):
        create("utmos", weights=str(tmp_path / "no.pt"))


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("wvmos", "transformers", "transformers"),
        ("utmos", "utmos_pytorch", "utmos"),
        ("speaker_similarity", "transformers", "transformers"),
    ],
)
def test_a_missing_package_says_how_to_install_it(
    name: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf"{module} is not installed: pip install .*\[{extra}\]"):
        METRICS.create(name)


@pytest.fixture(scope="module")
def x_vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WavLM network with an x-vector head, in transformers' layout."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("xvector")
    config = transformers.WavLMConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        tdnn_dim=(16, 16, 16, 16, 32),
        xvector_output_dim=16,
    )
    transformers.WavLMForXVector(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


def test_a_voice_is_most_like_itself(x_vectors: Path) -> None:
    metric = create("speaker_similarity", model=str(x_vectors))
    assert metric.score(CLIP, pair(CLIP, CLIP)).value == pytest.approx(1, abs=1e-5)
    assert metric.score(0.3 * CLIP, pair(CLIP, CLIP)).value == pytest.approx(1, abs=1e-3)  # levels do not count
    other = np.sin(np.arange(CLIP.size) * 0.05).astype(np.float32)
    assert metric.score(other, pair(CLIP, CLIP)).value < 0.9999
    assert metric.score(0 * CLIP + 1, pair(CLIP, CLIP)).status == "undefined"
    assert metric.provenance()["model"] == create("speaker_similarity", model=str(x_vectors)).provenance()["model"]
