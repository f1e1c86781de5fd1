"""Names and paths are the text that was typed, in every command; what cannot be is answered with what can."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from bench.__main__ import main
from bench.conf import values
from bench.conf.compose import SCHEMAS, compose, schema_of
from bench.conf.hints import hinted
from bench.conf.schema import annotation_at, only_text
from bench.core import audio
from bench.core.errors import UserError
from bench.run.settings import Settings
from results.store.folder import Store

NUMBERLIKE = ["2024_11_25", "1_10", "11_0", "007", "1e5", "1e3", "0x10", "nan", "inf", "1.0", "1.50", ".5", "-1", "+1"]
NUMBERLIKE += ["true", "True", "no", "2024-11-25", "12:30", "1,5"]
NAMELIKE = ["Köln", "data (copy)", "a,b", "it's", 'a"b', "a#b", "a #b", "a&b", "&a", "*a", "a=b", "a b", "a: b", "a:b"]
NAMELIKE += [
    "!a",
    "%a",
    "@a",
    "`a`",
    "$a",
    "$(a)",
    "a]b",
    "data [1]",
    "a{b}",
    "日本語",
    "ümlaut/ß",
    "a\\b",
    "-",
    "|",
    "?",
]
AWKWARD = ["[a]", "[a", "[a,b]", "{a}", "{a: b}", "'a'", '"a', "'a' b", "${a}", "]", "[a]b", "a,[b"]

TEXT_KEYS = [
    (job, key)
    for job in SCHEMAS
    for key in schema_of(job).model_fields
    if only_text(annotation := annotation_at(schema_of(job), key)) and annotation is not Any
    if (job, key) != ("run", "baseline")  # a stored run, which must be there: tests/bench/test_baseline.py
]


def test_every_command_has_keys_that_are_texts() -> None:
    jobs = {job for job, _ in TEXT_KEYS}
    assert jobs == set(SCHEMAS)
    assert {("run", "run"), ("run", "checkpoint"), ("leaderboard", "out"), ("convert", "checkpoint")} <= {*TEXT_KEYS}


@pytest.mark.parametrize(("job", "key"), TEXT_KEYS)
def test_a_text_is_as_typed(job: str, key: str) -> None:
    optional = type(None) in get_args(annotation_at(schema_of(job), key))
    texts = [*NUMBERLIKE, *NAMELIKE, "null", "[a]", "[a,b]", "{a}", '"a', "[a"]
    for text in texts[:: 10 if job == "train" else 1]:  # its defaults are many files
        expected = None if text == "null" and optional else text
        assert compose(job, [f"{key}={text}"])[key] == expected, text
        assert compose(job, [f"{key}={values.quoted(text)}"])[key] == text


@pytest.mark.parametrize("text", NUMBERLIKE + NAMELIKE + AWKWARD + ["null", " a ", "a\nb", ""])
def test_what_is_spelled_is_read_back(text: str) -> None:
    for value in (text, [text], ["x", text, "y"], {"name": "x", "dir": text}, [{"dir": text, "label": "x"}, "z"]):
        assert values.settled(values.read(values.spelled(value))) == value


@pytest.mark.parametrize("text", NUMBERLIKE + NAMELIKE)
def test_a_text_may_stand_in_lists_and_mappings_as_typed(text: str) -> None:
    if "," not in text and "]" not in text.replace("[1]", "") and "'" not in text[0]:
        assert values.read(f"[{text},x]") == [text, "x"]
        assert values.read(f"{{name: {text}, label: x}}") == {"name": text, "label": "x"}


@pytest.mark.parametrize("option", ["label", "dir"])
@pytest.mark.parametrize("text", [*NUMBERLIKE[:-1], "null", "1_10"])
def test_labels_and_folders_of_entries_are_texts(option: str, text: str) -> None:
    [entry] = compose("run", [f"methods=[{{name: precomputed, {option}: {text}}}]"])["methods"]
    assert entry == {"name": "precomputed", option: text}


def test_other_options_are_what_their_annotation_says() -> None:
    given = "{name: storm, checkpoint: 1_10, corrector: none, snr: 0.5, corrector_steps: 2, denoise: false, rtol: null}"
    [entry] = compose("run", [f"methods={given}"])["methods"]
    assert entry == {
        **{"name": "storm", "checkpoint": "1_10", "corrector": "none", "snr": 0.5, "corrector_steps": 2},
        **{"denoise": False, "rtol": None},
    }
    given = "{name: mixed_folders, speech: 1_0, noise: '7', snr: [-5, 15], seed: 3}"
    [entry] = compose("run", [f"datasets=[{given}]"])["datasets"]
    assert entry == {"name": "mixed_folders", "speech": "1_0", "noise": "7", "snr": [-5, 15], "seed": 3}


@pytest.mark.parametrize("key", ["init", "dataset.cache", "dataset.about", "out"])
def test_trainings_paths_are_texts(key: str) -> None:
    for text in ("2024_11", "007", "1e5", "Köln", "a,b", "a b"):
        inner: Any = compose("train", [f"{key}={text}"])
        for name in key.split("."):
            inner = inner[name]
        assert inner == text


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder has a folder ``talk`` with one recording."""
    monkeypatch.chdir(tmp_path)
    for part in ("clean", "noisy"):
        audio.write(Path("talk") / part / "a.wav", np.linspace(-0.1, 0.1, 4000, dtype=np.float32), 16000)
    return tmp_path / "talk"


RUN = ["run", "limit=1", "methods=[noisy]", "metrics=[si_sdr]", "workers=0"]


def test_runs_named_alike_are_two(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("1_10", "11_0", "2024_11_25", "1e3", "true", "null", "007"):
        assert main([*RUN, "datasets=talk", f"run={name}"]) == 0
        assert "1 cells asked for, 1 computed now" in capsys.readouterr().out
        assert Store(Path("results/runs") / name).rows()
        assert main(["leaderboard", name, "resamples=1000", "plots=false"]) == 0


def test_labels_of_datasets_and_methods_reach_the_rows(here: Path) -> None:
    entries = ["datasets=[{name: talk, label: 2024_01}]", "methods=[{name: precomputed, dir: 1_10, label: 1e5}]"]
    shutil.copytree(here / "noisy", "1_10")
    assert main([*RUN, *entries, "run=a"]) == 0
    [key] = Store(Path("results/runs/a")).rows()
    assert (key.dataset, key.method) == ("2024_01", "1e5")


@pytest.mark.parametrize("name", [*NAMELIKE, *AWKWARD, *NUMBERLIKE])
@pytest.mark.parametrize("spelling", ["datasets={}", "datasets=[{}]", "datasets=[{{name: {}, label: x}}]"])
def test_a_folder_of_any_name_is_found_or_the_line_says_how_to_write_it(here: Path, name: str, spelling: str) -> None:
    folder = here.parent / "of" / name
    folder.parent.mkdir(parents=True)
    here.rename(folder)
    assert asked(spelling.format(f"of/{name}"))["dir"] == str(folder.absolute())


@pytest.mark.parametrize("name", [*AWKWARD, "a,b", "a, b"])
@pytest.mark.parametrize("spelling", ["datasets={}", "datasets=[{}]"])
def test_a_folder_here_of_an_awkward_name(here: Path, name: str, spelling: str) -> None:
    here.rename(name)
    assert asked(spelling.format(name)) == {"dir": str(Path(name).absolute())}


def asked(override: str) -> Any:
    """The options of the dataset that an override names, as typed or as the error says to write it."""
    try:
        return options(override)
    except UserError as error:
        found = re.search(r" write (.*)$", str(hinted(error, [override])))
        assert found, str(error)
        [written] = shlex.split(found[1])
        return options(written)


def options(override: str) -> Any:
    [spec] = Settings.of(compose("run", [override])).datasets
    return spec.options


def test_the_command_line_gives_the_hint(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here.rename("a,b")
    assert main([*RUN, "datasets=[a,b]"]) == 2
    assert "for the name as typed write 'datasets=[\"a,b\"]'" in capsys.readouterr().err
    assert main([*RUN, "datasets=a,b"]) == 0


@pytest.mark.parametrize("job", list(SCHEMAS))
@pytest.mark.parametrize("override", ["hydra.run.dir=x", "hydra/launcher=x", "hydra.verbose=true", "hydra=x"])
def test_hydras_own_keys_are_unknown_keys(job: str, override: str) -> None:
    with pytest.raises(UserError, match="unknown key 'hydra"):
        compose(job, [override])
