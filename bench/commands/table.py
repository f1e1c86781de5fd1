"""Every command: how it is used, what it says of itself, and what it does; imported where it is called."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.commands.arguments import RULE, sort
from bench.commands.data_keys import CARD, PLACE, PREPARE
from bench.conf import compose as config
from bench.core.errors import UserError

OK, FAILED, MISUSED = 0, 1, 2

MOST_LINES = 30
"""Of problems that are told one by one."""


@dataclass(frozen=True)
class Command:
    """A sub-command: its usage line, one line of help, and what it does with its arguments."""

    usage: str
    summary: str
    call: Callable[[Sequence[str]], int]
    job: str | None = None
    """The configuration whose keys are its arguments."""
    details: str = ""
    """What its help says after the summary, where it has no configuration."""

    @property
    def names(self) -> bool:
        """Whether its arguments name something, too, as its usage says in capitals before the keys."""
        return re.match(r"[a-z ]+ [A-Z]+(\||\.| |$)", self.usage) is not None

    def help(self) -> str:
        """Usage, what the command does, and every key with its default."""
        told = config.explained(self.job) if self.job else "\n\n".join(filter(None, [self.summary, self.details]))
        return "\n".join([f"usage: bench {self.usage}", "", told, *(["", RULE] if self.job else [])])


def _configured(job: str, arguments: Sequence[str]) -> dict[str, Any]:
    """The composed configuration, checked: what is imported next is slow, and a terminal is told that it goes on."""
    composed = config.compose(job, arguments)
    asked = config.schema_of(job).of(composed)
    asked.check_names()
    if sys.stderr.isatty():
        print(f"bench {job.replace('_', ' ')}: starting", file=sys.stderr, flush=True)
    return composed


def _run(arguments: Sequence[str]) -> int:
    composed = _configured("run", arguments)
    if composed["dry_run"]:
        return _forecast(composed)
    from bench.run.benchmark import run

    result = run(composed)
    print(f"{result.asked} cells asked for, {result.computed} computed now")
    print(f"results in {result.folder}")
    for note in result.notes:
        print(note)
    if not result.failures:
        return OK
    print(f"{len(result.failures)} of {result.asked} cells failed:", file=sys.stderr)
    for line in result.reasons():
        print(f"  {line}", file=sys.stderr)
    return FAILED


def _forecast(composed: Mapping[str, Any]) -> int:
    from bench.run.forecast import forecast

    found = forecast(composed)
    print("\n".join(found.lines()))
    return MISUSED if found.missing else OK


def _train(arguments: Sequence[str]) -> int:
    _configured("train", arguments)
    from bench.train.training import main as train

    train(arguments)
    return OK


def _check(arguments: Sequence[str]) -> int:
    composed = _configured("check", arguments)
    from bench.commands.check import check

    return OK if check(composed) else FAILED


def _enhance(arguments: Sequence[str]) -> int:
    given, keys = sort(arguments, COMMANDS["enhance"].usage)
    composed = _configured("enhance", keys)
    from bench.commands.enhance import enhance_files

    result = enhance_files(given, composed)
    print(f"{result.made} files enhanced now, {result.there} were there already, {len(result.failures)} failed")
    print(f"written to {composed['out']}")
    return FAILED if result.failures else OK


def _convert(arguments: Sequence[str]) -> int:
    composed = _configured("convert", arguments)
    from bench.commands.convert import convert

    print(f"written: {convert(composed)}")
    return OK


def _list(arguments: Sequence[str]) -> int:
    from bench.commands.listing import listing

    if len(arguments) != 1:
        raise UserError(f"usage: bench {COMMANDS['list'].usage}")
    print(listing(arguments[0]))
    return OK


def _weights(step: str) -> Callable[[Sequence[str]], int]:
    def call(arguments: Sequence[str]) -> int:
        from bench.commands import weights

        if step == "list":
            print(weights.listing())
            return OK
        failures = {"get": weights.get, "verify": weights.verify}[step](arguments)
        for line in failures:
            print(f"bench: {line}", file=sys.stderr)
        return FAILED if failures else OK

    return call


def _demo(arguments: Sequence[str]) -> int:
    if len(arguments) != 2:
        raise UserError(f"usage: bench {COMMANDS['data demo'].usage}")
    from bench.datasets.synthesis.make_demo import make_demo

    make_demo(arguments[0], arguments[1])
    return OK


def _data(step: str) -> Callable[[Sequence[str]], int]:
    def call(arguments: Sequence[str]) -> int:
        from bench.commands import data, data_compare

        if step in ("list", "info", "compare"):
            tell: dict[str, Callable[[Sequence[str]], str]]
            tell = {"list": data.listing, "info": data.info, "compare": data_compare.compared}
            print(tell[step](arguments))
            return OK
        failures = {"prepare": data.prepared, "verify": data.verified}[step](arguments)
        for line in failures:
            print(f"bench: {line}", file=sys.stderr)
        return FAILED if failures else OK

    return call


def _leaderboard(arguments: Sequence[str]) -> int:
    runs, keys = sort(arguments, COMMANDS["leaderboard"].usage)
    composed = _configured("leaderboard", keys)
    from bench.commands.leaderboard import leaderboard

    print(f"written to {leaderboard(runs, composed)}")
    return OK


def _compare(arguments: Sequence[str]) -> int:
    runs, keys = sort(arguments, COMMANDS["compare"].usage)
    composed = _configured("compare", keys)
    from bench.commands.compare import compare
    from bench.commands.shown import show_table

    result = compare(runs, composed)
    for change in result.changes:
        print(change.line)
    show_table(result.table())
    for obstacle in result.compared.obstacles:
        print(obstacle)
    print(f"written to {result.folder}")
    for pair in result.worse:
        print(f"bench: worse: {pair.dataset}, {pair.method}, {pair.metric}", file=sys.stderr)
    return FAILED if result.worse else OK


def _reproduce(arguments: Sequence[str]) -> int:
    (name, *runs), keys = sort(arguments, COMMANDS["reproduce"].usage)
    composed = _configured("reproduce", keys)
    from bench.commands.reproduce import reproduce, table
    from bench.commands.shown import show_table

    found, written = reproduce(name, runs, composed)
    show_table(table(found))
    counts = {verdict: sum(one.verdict == verdict for one in found) for verdict in ("PASS", "DIFFERS", "CANNOT RUN")}
    print(f"{len(found)} figures: {', '.join(f'{count} {verdict}' for verdict, count in counts.items())}")
    print(f"written to {written}")
    return OK


def _figure(arguments: Sequence[str]) -> int:
    (name, *runs), keys = sort(arguments, COMMANDS["figure"].usage)
    if not runs:
        raise UserError(f"usage: bench {COMMANDS['figure'].usage}")
    composed = _configured("figure", keys)
    from bench.commands.figure import figure

    for path in figure(name, runs, composed):
        print(f"written: {path}")
    return OK


def _table(arguments: Sequence[str]) -> int:
    (number, *runs), keys = sort(arguments, COMMANDS["table"].usage)
    if not runs:
        raise UserError(f"usage: bench {COMMANDS['table'].usage}")
    composed = _configured("table", keys)
    from bench.commands.paper_table import table
    from results.tables.paper import markdown

    filled, written = table(number, runs, composed)
    print(markdown(filled))
    for path in written:
        print(f"written: {path}")
    return OK


def _publish(arguments: Sequence[str]) -> int:
    runs, keys = sort(arguments, COMMANDS["publish"].usage)
    composed = _configured("publish", keys)
    from bench.commands.publish import publish

    page, site = publish(runs, composed)
    print(f"site: {page} ({sum(not entry.why for entry in site.ranking.entries)} systems ranked)")
    for note in site.notes:
        print(note)
    return OK


def _verify(arguments: Sequence[str]) -> int:
    [run], keys = sort(arguments, COMMANDS["verify"].usage)
    composed = _configured("verify", keys)
    from bench.commands.arguments import find_run
    from bench.commands.verify import seal, verify

    folder = find_run(run, Path(composed["runs_dir"]))
    if composed["seal"]:
        print(f"written: {seal(folder)}")
        return OK
    found = verify(folder, composed)
    for problem in found.problems[:MOST_LINES]:
        print(f"bench: {problem}", file=sys.stderr)
    if len(found.problems) > MOST_LINES:
        print(f"bench: and {len(found.problems) - MOST_LINES} more", file=sys.stderr)
    told = f"{found.files} files, {found.rows} rows, {found.recomputed} scores computed again"
    print(f"{told}: {f'{len(found.problems)} problems' if found.problems else 'as submitted'}")
    return FAILED if found.problems else OK


def _report(arguments: Sequence[str]) -> int:
    runs, keys = sort(arguments, COMMANDS["report"].usage)
    composed = _configured("report", keys)
    from bench.commands.report import report

    written = report(runs, composed)
    print(f"report: {written.path} ({written.megabytes:.1f} MB)")
    if composed["audio"] and written.heard < written.recordings:
        print(f"audio of {written.heard} of {written.recordings} recordings is in it; out=FOLDER has all that was kept")
    return OK


def _show(arguments: Sequence[str]) -> int:
    [run], keys = sort(arguments, COMMANDS["show"].usage)
    composed = _configured("show", keys)
    from bench.commands.show import show

    shown = show(run, composed)
    print("\n".join(shown.lines))
    print(f"players: {shown.page}")
    print(f"picture: {shown.picture}")
    return OK


def _listen(arguments: Sequence[str]) -> int:
    files, keys = sort(arguments, COMMANDS["listen"].usage)
    composed = _configured("listen", keys)
    from bench.commands.listen import listen

    ready = listen(files, composed, lambda line: print(line, flush=True))
    if ready.page:
        print(f"page: {ready.page}")
    if ready.serve:
        print(f"open {ready.address} (this machine only; it has the microphone); Ctrl-C ends", flush=True)
        with contextlib.suppress(KeyboardInterrupt):  # the usual end; nothing is left to continue
            ready.serve()
    return OK


def _card(arguments: Sequence[str]) -> int:
    files, keys = sort(arguments, COMMANDS["card"].usage)
    composed = _configured("card", keys)
    from bench.commands.card import card

    print(f"written: {card(files[0], files[1:], composed)}")
    return OK


def _mushra(step: str) -> Callable[[Sequence[str]], int]:
    def call(arguments: Sequence[str]) -> int:
        _configured(f"mushra_{step}", sort(arguments, COMMANDS[f"mushra {step}"].usage)[1])
        from bench.commands import mushra

        mushra.STEPS[step](arguments)
        return OK

    return call


COMMANDS = {
    "run": Command(
        "run [STUDY.yaml] [KEY=VALUE ...] [--cfg]",
        "Enhance and score whatever of a run is missing; --cfg only prints the composed configuration.",
        _run,
        "run",
    ),
    "train": Command(
        "train [STUDY.yaml] [KEY=VALUE ...] [--cfg]",
        "Train a method's networks; --cfg only prints the composed configuration.",
        _train,
        "train",
    ),
    "enhance": Command(
        "enhance FOLDER|FILE... out=FOLDER [KEY=VALUE ...]",
        "Enhance recordings into a folder, by one method; nothing is scored, nothing overwritten.",
        _enhance,
        "enhance",
    ),
    "check": Command(
        "check checkpoint=FILE [data=DATASET] | method=NAME",
        "Say what a checkpoint is and what is wrong with it, or try whether a method keeps the protocol.",
        _check,
        "check",
    ),
    "convert": Command(
        "convert checkpoint=FILE [out=FILE]",
        "Turn a checkpoint of StoRM or SGMSE into safetensors, which are read without unpickling.",
        _convert,
        "convert",
    ),
    "list": Command(
        "list methods|datasets|metrics|recipes|paths|samplers|predictors|correctors|parametrizations|backbones",
        "What can be named in a run, with options and their defaults.",
        _list,
    ),
    "leaderboard": Command(
        "leaderboard RUN... [KEY=VALUE ...]",
        "Summarise stored runs (their names or folders), merged where they are several; nothing is computed anew.",
        _leaderboard,
        "leaderboard",
    ),
    "compare": Command(
        "compare A B [KEY=VALUE ...]",
        "Say what changed between two runs, and whether the second is better or worse.",
        _compare,
        "compare",
    ),
    "reproduce": Command(
        "reproduce NAME [RUN...] [KEY=VALUE ...]",
        "Set published figures (storm, vbdmd_noisy) beside those of stored runs.",
        _reproduce,
        "reproduce",
    ),
    "figure": Command(
        "figure NAME RUN... [KEY=VALUE ...]",
        "Draw a figure of StoRM's paper (fig1, 2, 3, 6, 7, 8, 9, 10) from stored runs.",
        _figure,
        "figure",
    ),
    "table": Command(
        "table NUMBER RUN... [KEY=VALUE ...]",
        "Fill a table of StoRM's paper (I to VII) from stored runs, with a critical-difference diagram.",
        _table,
        "table",
    ),
    "publish": Command(
        "publish RUN... out=FOLDER [KEY=VALUE ...]",
        "Make a static site of many runs: systems ranked, each linking to its report.",
        _publish,
        "publish",
    ),
    "verify": Command(
        "verify RUN [KEY=VALUE ...]",
        "Check a submission: digests, names, counts, lengths, and some of its scores from its audio.",
        _verify,
        "verify",
    ),
    "report": Command(
        "report RUN... [KEY=VALUE ...]",
        "Make a page of stored runs, to look at and to listen to in a browser.",
        _report,
        "report",
    ),
    "show": Command(
        "show RUN [KEY=VALUE ...]",
        "Show one recording of a run: audio, waveform, spectrogram and scores of every method.",
        _show,
        "show",
    ),
    "listen": Command(
        "listen FILE... [KEY=VALUE ...]",
        "Listen to recordings of your own as several methods enhance them; FILE mic: record with the microphone.",
        _listen,
        "listen",
    ),
    "card": Command(
        "card WEIGHTS [RUN...] [KEY=VALUE ...]",
        "Write a weights file's model card, with the scores that stored runs hold of it.",
        _card,
        "card",
    ),
    "mushra export": Command(
        "mushra export RUN [KEY=VALUE ...]",
        "Make a listening test of a stored run: MUSHRA, or MOS, AB, ABX, CCR.",
        _mushra("export"),
        "mushra_export",
    ),
    "mushra serve": Command(
        "mushra serve DIR [KEY=VALUE ...]", "Hold an exported listening test.", _mushra("serve"), "mushra_serve"
    ),
    "mushra import": Command(
        "mushra import FILE... [KEY=VALUE ...]", "Read listeners' answers.", _mushra("import"), "mushra_import"
    ),
    "mushra analyse": Command(
        "mushra analyse DIR [KEY=VALUE ...]",
        "Screen listeners, test differences, draw the ratings.",
        _mushra("analyse"),
        "mushra_analyse",
    ),
    "weights list": Command(
        "weights list", "Other people's weights: what, from where, under which licence.", _weights("list")
    ),
    "weights get": Command(
        "weights get [NAME ...]", "Fetch weights of the catalogue into the user's cache, checked.", _weights("get")
    ),
    "weights verify": Command(
        "weights verify [NAME ...]", "Check the copies of the catalogue's weights.", _weights("verify")
    ),
    "data list": Command("data list", "Datasets that can be prepared, and whether they are.", _data("list")),
    "data info": Command(
        "data info NAME [dir=FOLDER]",
        "A dataset's card: what it is, how to get it, its keys; and what is prepared of it.",
        _data("info"),
        details="\n".join(PLACE.values()),
    ),
    "data prepare": Command(
        "data prepare NAME [KEY=VALUE ...]",
        "Make a dataset from its corpora, once; interrupted, the same command continues.",
        _data("prepare"),
        details="\n".join([*PREPARE.values(), CARD]),
    ),
    "data verify": Command(
        "data verify NAME [dir=FOLDER]",
        "Check a prepared dataset, file by file.",
        _data("verify"),
        details="\n".join(PLACE.values()),
    ),
    "data compare": Command(
        "data compare A B",
        "Say whether two datasets are the same, and how they differ.",
        _data("compare"),
        details="A and B are named as datasets of bench run are: demo, a folder, {name: ..., option: ...}.",
    ),
    "data demo": Command(
        "data demo FOLDER STYLES",
        "Make the demo benchmark anew in a new FOLDER.",
        _demo,
        details="STYLES: the tarball with the voices' style vectors that `npm pack kokoro-js@1.2.1` fetches.",
    ),
}
