"""The command line: ``bench COMMAND ...``. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from bench import __version__
from bench.conf import compose as config
from bench.conf.hints import hinted
from bench.core import signals
from bench.core.errors import Unfinished, UserError, did_you_mean

OK, FAILED, MISUSED = 0, 1, 2


@dataclass(frozen=True)
class Command:
    """A sub-command: its usage line, one line of help, and what it does with its arguments."""

    usage: str
    summary: str
    call: Callable[[Sequence[str]], int]
    job: str | None = None
    """The configuration whose keys are its arguments."""

    def help(self) -> str:
        lines = [f"usage: bench {self.usage}", "", self.summary]
        if self.job:
            lines[2:] = [config.explained(self.job)]
        return "\n".join(lines)


def _run(arguments: Sequence[str]) -> int:
    composed = config.compose("run", arguments)
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


def _train(arguments: Sequence[str]) -> int:
    from bench.train.training import main as train

    train(arguments)
    return OK


def _check(arguments: Sequence[str]) -> int:
    composed = config.compose("check", arguments)
    from bench.commands.check import check

    return OK if check(composed) else FAILED


def _enhance(arguments: Sequence[str]) -> int:
    from pathlib import Path

    given = [argument for argument in arguments if "=" not in argument or Path(argument).exists()]
    if not given:
        raise UserError(f"usage: bench {COMMANDS['enhance'].usage}")
    composed = config.compose("enhance", [argument for argument in arguments if argument not in given])
    from bench.commands.enhance import enhance_files

    result = enhance_files(given, composed)
    print(f"{result.made} files enhanced now, {result.there} were there already, {len(result.failures)} failed")
    print(f"written to {composed['out']}")
    return FAILED if result.failures else OK


def _convert(arguments: Sequence[str]) -> int:
    composed = config.compose("convert", arguments)
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


def _data(arguments: Sequence[str]) -> int:
    match arguments:
        case ["demo", folder, styles]:
            from bench.datasets.synthesis.make_demo import make_demo

            make_demo(folder, styles)
            return OK
        case [name, *_] if name != "demo":
            raise did_you_mean("dataset that can be made", name, ["demo"])
    raise UserError(f"usage: bench {COMMANDS['data'].usage}")


def _leaderboard(arguments: Sequence[str]) -> int:
    from pathlib import Path

    runs = [argument for argument in arguments if "=" not in argument or Path(argument).is_dir()]
    if not runs:
        raise UserError(f"usage: bench {COMMANDS['leaderboard'].usage}")
    composed = config.compose("leaderboard", [argument for argument in arguments if argument not in runs])
    from bench.commands.leaderboard import leaderboard

    print(f"written to {leaderboard(runs, composed)}")
    return OK


def _card(arguments: Sequence[str]) -> int:
    from pathlib import Path

    files = [argument for argument in arguments if "=" not in argument or Path(argument).exists()]
    if not files:
        raise UserError(f"usage: bench {COMMANDS['card'].usage}")
    composed = config.compose("card", [argument for argument in arguments if argument not in files])
    from bench.commands.card import card

    print(f"written: {card(files[0], files[1:], composed)}")
    return OK


def _mushra(step: str) -> Callable[[Sequence[str]], int]:
    def call(arguments: Sequence[str]) -> int:
        from bench.commands import mushra

        mushra.STEPS[step](arguments)
        return OK

    return call


COMMANDS = {
    "run": Command(
        "run [KEY=VALUE ...] [--cfg]",
        "Enhance and score whatever of a run is missing; --cfg only prints the composed configuration.",
        _run,
        "run",
    ),
    "train": Command(
        "train [KEY=VALUE ...] [--cfg]",
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
        "list methods|datasets|metrics", "What can be named in a run, with options and their defaults.", _list
    ),
    "leaderboard": Command(
        "leaderboard RUN... [KEY=VALUE ...]",
        "Summarise stored runs (their names or folders), merged where they are several; nothing is computed anew.",
        _leaderboard,
        "leaderboard",
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
    "data": Command(
        "data demo FOLDER STYLES", "Make the demo benchmark anew; STYLES: npm pack kokoro-js@1.2.1.", _data
    ),
}


def _help(names: Collection[str] = COMMANDS.keys()) -> str:
    width = max(map(len, names))
    lines = ["usage: bench COMMAND ...", "", "One benchmark for the paradigms of speech enhancement.", ""]
    lines += [f"  {name:{width}}  {COMMANDS[name].summary}" for name in names]
    return "\n".join([*lines, "", "bench COMMAND --help says more."])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status.

    1 where something failed, 2 for a mistake of the user's, 128 and its number where a signal ended the command.
    """
    signals.listen()
    name, *rest = [*(sys.argv[1:] if arguments is None else arguments)] or ["--help"]
    try:
        if name in ("-h", "--help", "help"):
            print(_help())
            return OK
        if name == "--version":
            print(f"sebench {__version__}")
            return OK
        if family := [known for known in COMMANDS if known.startswith(f"{name} ")]:
            if not rest or rest[0] in ("-h", "--help"):
                print(_help(family))
                return OK
            name = f"{name} {rest.pop(0)}"
        if name not in COMMANDS:
            raise did_you_mean("command", name, COMMANDS)
        command = COMMANDS[name]
        if {"-h", "--help"} & set(rest):
            print(command.help())
            return OK
        if command.job and "--cfg" in rest:
            print(config.yaml(command.job, [argument for argument in rest if argument != "--cfg"]), end="")
            return OK
        return command.call(rest)
    except UserError as error:
        print(f"bench: {hinted(error, rest)}", file=sys.stderr)
        return FAILED if isinstance(error, Unfinished) else MISUSED
    except KeyboardInterrupt as interrupt:
        stopped = interrupt if isinstance(interrupt, signals.Stopped) else signals.came() or signals.Stopped()
        with contextlib.suppress(OSError):  # the terminal is what went away
            after_echo = "\n" if sys.stderr.isatty() else ""
            print(
                f"{after_echo}bench: {stopped}; what was finished is stored, the same command continues",
                file=sys.stderr,
            )
        return 128 + stopped.number


if __name__ == "__main__":
    sys.exit(main())
