"""``bench mushra``: a listening test from a stored run, held, read back and analysed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.commands.arguments import sort
from bench.commands.mushra_clips import Recordings, choose
from bench.commands.mushra_settings import Analyse, Export, Import, Serve
from bench.conf import compose as configs
from bench.core import signals
from bench.core.errors import UserError
from listening_test.design import band, candidates, conditions
from listening_test.design.mapping import FILE as MAPPING
from listening_test.design.mapping import KINDS, Test
from listening_test.webmushra import questions, texts
from listening_test.webmushra.export import Design, write_choice
from listening_test.webmushra.export import export as write_test
from listening_test.webmushra.pages import Presentation
from results.store.find import find_run
from results.store.folder import Store

PLACES = ("out", "runs_dir")
"""Keys that make no difference to a test."""

MOST_VISIBLE = 10
"""Sliders that webMUSHRA shows side by side on a common laptop."""


def export(arguments: Sequence[str]) -> None:
    """``bench mushra export RUN``: choose clips, make stimuli, write the test, say what was done."""
    [run], config = _parse("mushra_export", arguments, "RUN")
    asked = Export.of(config)
    _needs_extra()
    store, recordings = _open(run, asked.runs_dir)
    rows = store.rows()
    systems = conditions.systems(rows.values(), asked.conditions, asked.steps, asked.enhanced_with_seed)
    anchors = conditions.anchors(asked.anchors or (), systems)
    found = candidates.candidates(rows, systems, asked.datasets)
    how, groups, training, reasons = choose(asked, found)
    folder = asked.out or store.folder / "listening" / asked.kind
    design = Design(
        kind=asked.kind,
        systems=systems,
        anchors=anchors,
        groups=groups,
        training=training,
        seed=asked.seed,
        longest=asked.longest,
        fade=asked.fade,
        loudness=asked.loudness,
        presentation=_presentation(asked),
        repeats=asked.repeats,
        headphones_check=asked.headphones_check,
        config={key: value for key, value in config.items() if key not in PLACES},
    )
    test = write_test(
        design,
        folder,
        store,
        recordings.load,
        lambda clip: candidates.origin(rows, clip, systems),
        recordings.verify(groups, training),
    )
    times = len(test.groups) // len(groups)  # pairs are heard in both orders, by two groups of listeners
    shared = [", ".join(list(test.groups)[times * place :][:times]) for place in range(len(groups))]
    dealt = dict(zip(shared, groups, strict=True))
    write_choice(candidates.record(found, dealt, training, reasons), folder)
    for name, reason in found.left_out.items():
        print(f"left out {name}: {reason}")
    print(f"{test.name}: {KINDS[test.kind]}")
    print(f"clips:      {how}; {len(training)} for practice")
    print(f"conditions: {', '.join(test.conditions)}")
    for name, group in dealt.items():
        print(f"{name + ':':11} {', '.join(clip.utterance for clip in group)}")
    lowered = f", lowered from {design.loudness:g} where a peak would clip" if test.loudness < design.loudness else ""
    print(f"loudness:   {test.loudness:.1f} LUFS{lowered}")
    print(f"why these:  {folder / 'choice.csv'}")
    print(f"what is what: {folder / 'mapping.json'} (not for listeners)")
    if test.kind == "mushra" and len(test.conditions) > MOST_VISIBLE:
        print(f"note:       {len(test.conditions)} sliders need a screen wider than 1366 pixels, or scrolling sideways")
    for line in band.narrower(test, rows):
        print(f"note:       {line}")
    print(f"hold it:    bench mushra serve {folder}")


def serve(arguments: Sequence[str]) -> None:
    """``bench mushra serve DIR``: check the test, print each group's address, answer until interrupted."""
    [named], config = _parse("mushra_serve", arguments, "DIR")
    asked = Serve.of(config)
    _needs_extra()
    from listening_test.webmushra import checkout, serve

    folder = Path(named)
    test = Test.read(folder)
    serve.check(folder, test)
    webmushra = checkout.find(asked.webmushra)
    results = asked.results or folder / "results"
    with serve.application(folder, test, webmushra, results, asked.admin, asked.completion_code) as app:
        server = serve.listen(app, asked.host, asked.port)
        for line in serve.lines(test, asked.host, asked.port, results):
            print(line, flush=True)
        server.run()
    signals.check()  # the server ends at a signal without a word of it


def import_(arguments: Sequence[str]) -> None:
    """``bench mushra import FILE...``: decode, name what is odd, write ratings.csv and sessions.csv."""
    named, config = _parse("mushra_import", arguments, "FILE...")
    from listening_test.webmushra import collect

    files = [Path(name) for name in named]
    folder = Import.of(config).test or _test_of(files[0])
    test = Test.read(folder)
    sessions = collect.collect(files, test)
    written = collect.write(sessions, test, folder)
    for session in sessions:
        if session.note:
            print(f"{session.listener}: {session.status}; {session.note}")
    for status, count in Counter(session.status for session in sessions).items():
        print(f"{status}: {count} session{'s' if count > 1 else ''}")
    print(f"written: {', '.join(map(str, written))}")
    print(f"next:    bench mushra analyse {folder}")


def analyse(arguments: Sequence[str]) -> None:
    """``bench mushra analyse DIR``: the report, its tables and plots in ``DIR/analysis``, and on the terminal."""
    [named], config = _parse("mushra_analyse", arguments, "DIR")
    asked = Analyse.of(config)
    _needs_extra()
    from listening_test.analysis import report
    from listening_test.webmushra import collect

    folder = Path(named)
    test = Test.read(folder)
    options = report.Options(
        sessions=asked.sessions or (),
        mid_anchor=asked.mid_anchor,
        by=asked.by,
        unit=asked.unit,
        power=asked.power or (),
        seed=asked.seed,
        rule=asked.rule,
        exclude=asked.exclude or {},
        include=asked.include or {},
    )
    run = Store(asked.run or Path(test.run).expanduser())
    if asked.run is not None and not run.rows_path.is_file():
        raise UserError(f"run={asked.run}: no run is stored here")
    rows = run.rows() if run.rows_path.is_file() else None
    made = report.analyse(test, collect.load(folder), rows, options, folder / "analysis", collect.headphones(folder))
    print("\n".join(made.lines))
    print(f"written: {made.folder}")


def _test_of(file: Path) -> Path:
    """The exported folder that ``file`` lies in."""
    found = next(
        (folder for folder in (file.absolute(), *file.absolute().parents) if (folder / MAPPING).is_file()), None
    )
    if found is None:
        raise UserError(f"{file}: lies in no exported test; name its folder: test=DIR")
    return found


def _presentation(asked: Export) -> Presentation:
    words = texts.read(asked.texts, asked.kind)
    if asked.instructions is not None:
        words["instructions"] = _html(asked.instructions, "instructions")
    return Presentation(
        title=asked.title,
        words=words,
        consent="" if asked.consent is None else _html(asked.consent, "consent"),
        questions=questions.read(asked.questions),
        play_all=asked.play_all,
        least_seconds=asked.least_seconds,
    )


def _html(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: the {what} cannot be read ({error})") from error


def _open(run: str, runs_dir: Path) -> tuple[Store, Recordings]:
    folder = find_run(run, runs_dir, audio=True)
    store = Store(folder)
    stored = store.read_manifest()
    if stored is None:
        raise UserError(f"{folder}: no run is stored here")
    return store, Recordings(stored, folder)


def _needs_extra() -> None:
    """Raises ``UserError`` where what listening tests need was not installed."""
    from importlib.util import find_spec

    missing = [name for name in ("pyloudnorm", "statsmodels", "pymushra", "waitress") if find_spec(name) is None]
    if missing:
        raise UserError(f"listening tests need {', '.join(missing)}: pip install 'sebench[listening]'")


def _parse(job: str, arguments: Sequence[str], wanted: str) -> tuple[list[str], dict[str, Any]]:
    """What is named, and the composed configuration."""
    named, keys = sort(arguments, f"{job.replace('_', ' ')} {wanted} [KEY=VALUE ...]")
    return named, configs.compose(job, keys)


STEPS: Mapping[str, Callable[[Sequence[str]], None]] = {
    "export": export,
    "serve": serve,
    "import": import_,
    "analyse": analyse,
}
