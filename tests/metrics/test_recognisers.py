"""PocketSphinx as it comes; the others with models of random numbers, or with a stand-in for their package."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import soundfile

from bench.core import audio
from bench.core.errors import UserError
from bench.core.types import Audio
from bench.datasets.demo import demo_full
from metrics.base import create
from metrics.recognisers.base import RECOGNISERS
from metrics.recognisers.sphinx import GRID, PocketSphinx, PocketSphinxPhonemes, _hear
from tests.metrics.signals import RATE, hiss, syllables

COMMAND = demo_full(version=1).load("denoise-24")
GRID_WORDS = set(re.findall(r"\b[a-z]+\b", GRID.read_text().partition("public")[2]))


@pytest.fixture(scope="module")
def sphinx() -> PocketSphinx:
    return PocketSphinx()


def test_commands_are_heard_by_the_grammar(sphinx: PocketSphinx) -> None:
    assert COMMAND.tags["text"] == "command"
    assert COMMAND.clean is not None
    heard = sphinx.recognise(COMMAND.clean, COMMAND.tags).split()
    assert heard[:4] == ["bin", "blue", "in", "e"]
    assert set(heard) <= GRID_WORDS


def test_what_is_heard_does_not_depend_on_what_was_heard_before(sphinx: PocketSphinx) -> None:
    assert COMMAND.clean is not None
    first = sphinx.recognise(COMMAND.clean, COMMAND.tags)
    sphinx.recognise(hiss(COMMAND.clean, 0.3), COMMAND.tags)
    assert sphinx.recognise(COMMAND.clean, COMMAND.tags) == first


@pytest.mark.parametrize(
    "signal",
    [
        np.zeros(RATE, np.float32),
        np.full(RATE, 0.2, np.float32),
        np.array([0.5], np.float32),
        1e-20 * hiss(syllables(1.0), 0.1),
        np.sign(hiss(syllables(1.0), 0.1)),
    ],
    ids=["silent", "constant", "one sample", "almost silent", "clipped"],
)
def test_anything_is_heard_the_same_twice(sphinx: PocketSphinx, signal: Audio) -> None:
    first = sphinx.recognise(signal, {})
    assert isinstance(first, str) and sphinx.recognise(signal, {}) == first


def test_phonemes_do_not_depend_on_what_was_heard_before() -> None:
    clean = syllables()
    recogniser = PocketSphinxPhonemes()
    first = recogniser.recognise(clean, {})
    recogniser.recognise(clean + hiss(clean, 0.05), {})
    assert recogniser.recognise(clean, {}) == first


def test_what_is_heard_are_the_samples_of_a_16_bit_file(tmp_path: Path) -> None:
    stored = np.arange(-(2**15), 2**15).astype("<i2")
    soundfile.write(tmp_path / "every.wav", stored, RATE)
    heard: list[bytes] = []
    decoder = SimpleNamespace(
        **dict.fromkeys(("reinit_feat", "start_utt", "end_utt", "hyp"), lambda: None),
        process_raw=lambda data, **_: heard.append(data),
    )
    assert _hear(decoder, audio.read(tmp_path / "every.wav")[0]) == ""
    assert heard == [stored.tobytes()]


@pytest.mark.parametrize("samples", [0, 1, 100, RATE])
def test_silence_holds_no_words_and_hardly_a_phoneme(sphinx: PocketSphinx, samples: int) -> None:
    silence = np.zeros(samples, dtype=np.float32)
    assert sphinx.recognise(silence, {"text": "command"}) == ""
    assert len(PocketSphinxPhonemes().recognise(silence, {}).split()) <= 1


def test_an_own_grammar(tmp_path: Path) -> None:
    grammar = tmp_path / "answers.gram"
    grammar.write_text("#JSGF V1.0;\ngrammar answers;\npublic <answer> = yes | no;\n")
    recogniser = PocketSphinx(str(grammar))
    assert recogniser.recognise(syllables(), {}) in ("", "yes", "no")
    assert recogniser.settings()["grammar"].startswith("answers.gram ")
    assert recogniser.settings()["grammar"] != PocketSphinx("none").settings()["grammar"] == "none"


def test_a_wrong_grammar_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no\.gram: no such file; grammar is one of auto, grid, none"):
        PocketSphinx(str(tmp_path / "no.gram"))
    (tmp_path / "bad.gram").write_text("yes or no\n")
    with pytest.raises(UserError, match=r"bad\.gram: not a JSGF grammar"):
        PocketSphinx(str(tmp_path / "bad.gram"))


def test_phonemes_are_of_the_alphabet() -> None:
    assert COMMAND.clean is not None
    heard = PocketSphinxPhonemes().recognise(COMMAND.clean, {}).split()
    assert len(heard) > 10
    assert all(re.fullmatch("[A-Z]{1,2}", phoneme) and phoneme != "SIL" for phoneme in heard)


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("whisper", "faster_whisper", "whisper"),
        ("transformers", "transformers", "transformers"),
        ("wav2vec2_phonemes", "transformers", "transformers"),
    ],
)
def test_a_missing_package_says_how_to_install_it(
    name: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf"is not installed: pip install -c constraints\.txt '\.\[{extra}\]'"):
        RECOGNISERS.create(name)


def test_whisper_is_asked_for_each_recording_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for faster-whisper: its models are too large to come with the tests."""
    asked = []

    class Model:
        def __init__(self, folder: str, device: str, compute_type: str, cpu_threads: int) -> None:
            assert (folder, device, compute_type, cpu_threads) == (str(tmp_path), "cpu", "int8", 1)

        def transcribe(self, speech: np.ndarray, **options: object) -> tuple[list[SimpleNamespace], None]:
            asked.append(options)
            return [SimpleNamespace(text=" Place blue"), SimpleNamespace(text=" at one.")], None

    package = ModuleType("faster_whisper")
    package.WhisperModel = Model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "faster_whisper", package)
    (tmp_path / "model.bin").write_bytes(b"weights")
    recogniser = RECOGNISERS.create("whisper", model=str(tmp_path))
    assert recogniser.recognise(syllables(), {}) == "Place blue at one."
    assert asked[0]["condition_on_previous_text"] is False
    assert recogniser.settings()["model"] == hashlib.sha256(b"weights").hexdigest()[:16]


STAND_IN = """
class ASRModel:
    def __init__(self, name): self.name = name
    restore_from = from_pretrained = classmethod(lambda cls, name: cls(name))
    def eval(self): print("a line of its log")
    def transcribe(self, paths, batch_size):
        import soundfile
        n = soundfile.info(paths[0]).frames
        if n < 100: raise ValueError("too short")
        return [f"{self.name} heard {n}"]
"""


def test_nemo_listens_in_the_interpreter_that_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for NeMo, whose second version cannot be installed beside this project."""
    models = tmp_path / "nemo" / "collections" / "asr"
    models.mkdir(parents=True)
    (tmp_path / "nemo" / "__init__.py").write_text("__version__ = '2.7.3'\n")
    (models / "models.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    recogniser = RECOGNISERS.create("nemo", python=sys.executable)
    assert recogniser.recognise(np.zeros(1600, np.float32), {}) == "QuartzNet15x5Base-En heard 1600"
    with pytest.raises(UserError, match="nemo: too short"):
        recogniser.recognise(np.zeros(10, np.float32), {})
    assert recogniser.recognise(np.zeros(1700, np.float32), {}).endswith("1700")
    assert recogniser.settings()["engine"] == "nemo_toolkit 2.7.3"


def test_nemo_that_is_not_there_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "nemo.py").write_text("raise ModuleNotFoundError(\"No module named 'nemo'\")\n")
    with pytest.raises(UserError, match=r"not installed for .*in an environment of its own.*name .* as python"):
        RECOGNISERS.create("nemo")
    with pytest.raises(UserError, match=r"nemo: python: .*absent cannot be run"):
        RECOGNISERS.create("nemo", python=str(tmp_path / "absent"))
    with pytest.raises(UserError, match=r"absent\.nemo: no such file"):
        RECOGNISERS.create("nemo", model=str(tmp_path / "absent.nemo"))


@pytest.fixture(scope="module")
def tiny_ctc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wav2vec 2.0 network with a CTC output over five symbols, in transformers' layout."""
    transformers = pytest.importorskip("transformers")
    import torch

    folder = tmp_path_factory.mktemp("ctc")
    symbols = ["<pad>", "<s>", "</s>", "<unk>", "|", "a", "b", "k"]
    (folder / "vocab.json").write_text(json.dumps({symbol: index for index, symbol in enumerate(symbols)}))
    torch.manual_seed(0)
    config = transformers.Wav2Vec2Config(
        vocab_size=len(symbols),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        pad_token_id=0,
    )
    network = transformers.Wav2Vec2ForCTC(config)
    network.lm_head.weight.data *= 100  # so that the likeliest symbol changes over time
    network.save_pretrained(folder)
    tokenizer = transformers.Wav2Vec2CTCTokenizer(str(folder / "vocab.json"))
    extractor = transformers.Wav2Vec2FeatureExtractor()
    transformers.Wav2Vec2Processor(extractor, tokenizer).save_pretrained(folder)
    return folder


def test_phonemes_of_a_ctc_network(tiny_ctc: Path) -> None:
    recogniser = RECOGNISERS.create("wav2vec2_phonemes", model=str(tiny_ctc))
    heard = recogniser.recognise(syllables(), {}).split()
    assert heard
    assert set(heard) <= {"a", "b", "k"}
    assert recogniser.recognise(syllables()[:10], {}) == ""
    assert create("lps", recogniser={"name": "wav2vec2_phonemes", "model": str(tiny_ctc)}).label == "LPS"


def test_words_of_a_model_in_transformers_layout(tiny_ctc: Path) -> None:
    recogniser = RECOGNISERS.create("transformers", model=str(tiny_ctc))
    heard = recogniser.recognise(syllables(), {})
    assert set(re.sub("<[^>]*>", "", heard)) <= set("abk ")  # it may also say its special tokens
    assert re.fullmatch(r"[0-9a-f]{16}", recogniser.settings()["model"])


def test_a_folder_without_a_model_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    for name in ("transformers", "wav2vec2_phonemes"):
        with pytest.raises(UserError, match=r"cannot be loaded \(.*\); name a folder with a model"):
            RECOGNISERS.create(name, model=str(tmp_path))
