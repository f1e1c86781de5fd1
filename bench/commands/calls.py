"""Every command's call: from its arguments to what it prints and its status; what it needs is imported here, late."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.commands.arguments import sort
from bench.conf import compose as config
from bench.core.errors import UserError

if TYPE_CHECKING:
    from results.tables.compared import Compared

OK, FAILED, MISUSED = 0, 1, 2

MOST_LINES = 30
"""Of problems that are told one by one."""

Does = Callable[[Sequence[str], str], int]
"""From a command's arguments and its usage line to its status."""


def configured(job: str, arguments: Sequence[str]) -> dict[str, Any]:
    """The composed configuration, checked: what is imported next is slow, and a terminal is told that it goes on."""
    composed = config.compose(job, arguments)
    asked = config.schema_of(job).of(composed)
    asked.check_names()
    if sys.stderr.isatty():
        print(f"bench {job.replace('_', ' ')}: starting", file=sys.stderr, flush=True)
    return composed


def run(arguments: Sequence[str], usage: str) -> int:
    composed = configured("run", arguments)
    if composed["dry_run"]:
        return _forecast(composed)
    from bench.run.benchmark import run
    from results.store.remote import Remote

    result = run(composed)
    print(f"{result.asked} cells asked for, {result.computed} computed now")
    print(f"results in {result.folder}" + (f", and at {there.url}" if (there := Remote.of(result.folder)) else ""))
    for note in result.notes:
        print(note)
    if result.compared is not None:
        _compared(composed["baseline"], result.compared, result.folder)
    if not result.failures:
        return OK
    print(f"{len(result.failures)} of {result.asked} cells failed:", file=sys.stderr)
    for line in result.reasons():
        print(f"  {line}", file=sys.stderr)
    return FAILED


def _compared(baseline: str, compared: Compared, folder: Path) -> None:
    from bench.commands.against import lines, tables
    from bench.commands.shown import show_table

    for heading, table in tables(baseline, compared):
        print(heading)
        show_table(table)
    for line in lines(baseline, compared):
        print(line)
    print(f"written to {folder / 'differences.csv'}")


def _forecast(composed: Mapping[str, Any]) -> int:
    from bench.run.forecast import forecast

    found = forecast(composed)
    print("\n".join(found.lines()))
    return MISUSED if found.missing else OK


def train(arguments: Sequence[str], usage: str) -> int:
    configured("train", arguments)
    from bench.train.training import main as train

    train(arguments)
    return OK


def check(arguments: Sequence[str], usage: str) -> int:
    composed = configured("check", arguments)
    from bench.commands.check import check

    return OK if check(composed) else FAILED


def enhance(arguments: Sequence[str], usage: str) -> int:
    given, keys = sort(arguments, usage)
    composed = configured("enhance", keys)
    from bench.commands.enhance import enhance_files

    result = enhance_files(given, composed)
    print(f"{result.made} files enhanced now, {result.there} were there already, {len(result.failures)} failed")
    print(f"written to {composed['out']}")
    return FAILED if result.failures else OK


def convert(arguments: Sequence[str], usage: str) -> int:
    composed = configured("convert", arguments)
    from bench.commands.convert import convert

    print(f"written: {convert(composed)}")
    return OK


def list_(arguments: Sequence[str], usage: str) -> int:
    from bench.commands.listing import listing

    if len(arguments) != 1:
        raise UserError(f"usage: bench {usage}")
    print(listing(arguments[0]))
    return OK


def weights(step: str) -> Does:
    def call(arguments: Sequence[str], usage: str) -> int:
        from bench.commands import weights

        if step == "list":
            print(weights.listing())
            return OK
        failures = {"get": weights.get, "verify": weights.verify}[step](arguments)
        for line in failures:
            print(f"bench: {line}", file=sys.stderr)
        return FAILED if failures else OK

    return call


def demo(arguments: Sequence[str], usage: str) -> int:
    if len(arguments) != 2:
        raise UserError(f"usage: bench {usage}")
    from bench.datasets.synthesis.make_demo import make_demo

    make_demo(arguments[0], arguments[1])
    return OK


def data(step: str) -> Does:
    def call(arguments: Sequence[str], usage: str) -> int:
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


def leaderboard(arguments: Sequence[str], usage: str) -> int:
    runs, keys = sort(arguments, usage)
    composed = configured("leaderboard", keys)
    from bench.commands.leaderboard import leaderboard

    print(f"written to {leaderboard(runs, composed)}")
    return OK


def compare(arguments: Sequence[str], usage: str) -> int:
    runs, keys = sort(arguments, usage)
    composed = configured("compare", keys)
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


def reproduce(arguments: Sequence[str], usage: str) -> int:
    (name, *runs), keys = sort(arguments, usage)
    composed = configured("reproduce", keys)
    from bench.commands.reproduce import reproduce, table
    from bench.commands.shown import show_table

    found, written = reproduce(name, runs, composed)
    show_table(table(found))
    counts = {verdict: sum(one.verdict == verdict for one in found) for verdict in ("PASS", "DIFFERS", "CANNOT RUN")}
    print(f"{len(found)} figures: {', '.join(f'{count} {verdict}' for verdict, count in counts.items())}")
    print(f"written to {written}")
    return OK


def figure(arguments: Sequence[str], usage: str) -> int:
    (name, *runs), keys = sort(arguments, usage)
    if not runs:
        raise UserError(f"usage: bench {usage}")
    composed = configured("figure", keys)
    from bench.commands.figure import figure

    for path in figure(name, runs, composed):
        print(f"written: {path}")
    return OK


def table(arguments: Sequence[str], usage: str) -> int:
    (number, *runs), keys = sort(arguments, usage)
    if not runs:
        raise UserError(f"usage: bench {usage}")
    composed = configured("table", keys)
    from bench.commands.paper_table import table
    from results.tables.paper import markdown

    filled, written = table(number, runs, composed)
    print(markdown(filled))
    for path in written:
        print(f"written: {path}")
    return OK


def publish(arguments: Sequence[str], usage: str) -> int:
    runs, keys = sort(arguments, usage)
    composed = configured("publish", keys)
    from bench.commands.publish import publish

    page, site = publish(runs, composed)
    ranked = sum(not entry.why for entry in site.ranking.entries)
    print(f"site: {page} ({ranked} of {len(site.ranking.entries)} systems ranked)")
    for note in site.notes:
        print(note)
    return OK


def verify(arguments: Sequence[str], usage: str) -> int:
    [run], keys = sort(arguments, usage)
    composed = configured("verify", keys)
    from bench.commands.verify import seal, verify
    from results.store.find import find_run
    from results.store.remote import runs_folder

    folder = find_run(run, runs_folder(composed["runs_dir"]), audio=True)
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


def report(arguments: Sequence[str], usage: str) -> int:
    runs, keys = sort(arguments, usage)
    composed = configured("report", keys)
    from bench.commands.report import report

    written = report(runs, composed)
    print(f"report: {written.path} ({written.megabytes:.1f} MB)")
    if composed["audio"] and written.heard < written.recordings:
        print(f"audio of {written.heard} of {written.recordings} recordings is in it; out=FOLDER has all that was kept")
    return OK


def show(arguments: Sequence[str], usage: str) -> int:
    [run], keys = sort(arguments, usage)
    composed = configured("show", keys)
    from bench.commands.show import show

    shown = show(run, composed)
    print("\n".join(shown.lines))
    print(f"players: {shown.page}")
    print(f"picture: {shown.picture}")
    return OK


def listen(arguments: Sequence[str], usage: str) -> int:
    files, keys = sort(arguments, usage)
    composed = configured("listen", keys)
    from bench.commands.listen import listen

    ready = listen(files, composed, lambda line: print(line, flush=True))
    if ready.page:
        print(f"page: {ready.page}")
    if ready.serve:
        print(f"open {ready.address} (this machine only; it has the microphone); Ctrl-C ends", flush=True)
        with contextlib.suppress(KeyboardInterrupt):  # the usual end; nothing is left to continue
            ready.serve()
    return OK


def card(arguments: Sequence[str], usage: str) -> int:
    files, keys = sort(arguments, usage)
    composed = configured("card", keys)
    from bench.commands.card import card

    print(f"written: {card(files[0], files[1:], composed)}")
    return OK


def mushra(step: str) -> Does:
    def call(arguments: Sequence[str], usage: str) -> int:
        configured(f"mushra_{step}", sort(arguments, usage)[1])
        from bench.commands import mushra

        mushra.STEPS[step](arguments)
        return OK

    return call
