"""The command line: ``bench COMMAND ...``. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import shell_complete

from bench import __version__
from bench.commands.completion import completed
from bench.commands.table import COMMANDS, Command
from bench.conf import compose as config
from bench.conf.hints import hinted
from bench.core import signals
from bench.core.errors import Unfinished, UserError, did_you_mean

FAILED, MISUSED, BROKEN_PIPE = 1, 2, 141

COMPLETE = "_BENCH_COMPLETE"
"""The variable in which a shell asks for completions."""

HELP = {"help_option_names": ["-h", "--help"]}


class Family(click.Group):
    """Commands by the names in ``COMMANDS``: ``mushra export`` is ``export`` of the family ``mushra``."""

    def __init__(self, name: str, about: str, prefix: str = "", **options: Any) -> None:
        super().__init__(name, help=about, context_settings=HELP, no_args_is_help=False, **options)
        self.prefix = prefix
        self.invoke_without_command = True
        self.callback = self._without_command

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = (name.removeprefix(self.prefix) for name in COMMANDS if name.startswith(self.prefix))
        return list(dict.fromkeys(name.partition(" ")[0] for name in names))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = self.prefix + cmd_name
        if name in COMMANDS:
            return One(name, COMMANDS[name])
        if any(known.startswith(f"{name} ") for known in COMMANDS):
            return Family(cmd_name, "", f"{name} ")
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None:
            raise did_you_mean("command", self.prefix + args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: click.Context) -> str:
        names = [name for name in COMMANDS if name.startswith(self.prefix)]
        width = max(map(len, names))
        lines = [
            f"usage: bench {self.prefix}COMMAND ...",
            "",
            "One benchmark for the paradigms of speech enhancement.",
            "",
        ]
        lines += [f"  {name:{width}}  {COMMANDS[name].summary}" for name in names]
        complete = 'eval "$(_BENCH_COMPLETE=bash_source bench)"'
        return "\n".join(
            [*lines, "", f"bench {self.prefix}COMMAND --help says more.", f"Completion of keys and names: {complete}"]
        )

    @staticmethod
    def _without_command() -> None:
        ctx = click.get_current_context()
        if ctx.invoked_subcommand is None:
            print(ctx.get_help())


class One(click.Command):
    """A command of the table."""

    def __init__(self, name: str, command: Command) -> None:
        arguments = click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED, shell_complete=completed(command))
        cfg = click.Option(["--cfg"], is_flag=True)
        params: list[click.Parameter] = [arguments, cfg] if command.job else [arguments]
        super().__init__(name, params=params, callback=self._call, context_settings=HELP)
        self.command = command

    def get_help(self, ctx: click.Context) -> str:
        return self.command.help()

    def _call(self, arguments: Sequence[str], cfg: bool = False) -> int:
        try:
            if cfg and self.command.job:
                keys = [argument for argument in arguments if config.is_key(argument) or not self.command.names]
                print(config.yaml(self.command.job, keys), end="")
                return 0
            return self.command.call(arguments)
        except UserError as error:
            raise hinted(error, arguments) from error
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            raise UserError(f"{_short(error.filename)}: too long for the name of a file or folder") from error


def _short(name: object) -> str:
    """What was taken for a file's name, which may be a page of text."""
    text = str(name)
    return text if len(text) <= 80 else f"{text[:60]}..."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status.

    1 where something failed, 2 for a mistake of the user's, 128 and its number where a signal ended the command.
    """
    signals.listen()
    bench = click.version_option(__version__, prog_name="sebench", message="%(prog)s %(version)s")(Family("bench", ""))
    try:
        if asked := os.environ.get(COMPLETE):
            return shell_complete(bench, {}, "bench", COMPLETE, asked)
        with bench.make_context("bench", list(sys.argv[1:] if arguments is None else arguments)) as context:
            status = bench.invoke(context)
        return _flushed(int(status or 0))
    except click.exceptions.Exit as end:  # of --help and --version
        return _flushed(end.exit_code)
    except UserError as error:
        print(f"bench: {error}", file=sys.stderr)
        return FAILED if isinstance(error, Unfinished) else MISUSED
    except click.ClickException as error:
        print(f"bench: {error.format_message()} Keys are set by KEY=VALUE", file=sys.stderr)
        return MISUSED
    except BrokenPipeError:
        return _unread()
    except KeyboardInterrupt as interrupt:
        stopped = interrupt if isinstance(interrupt, signals.Stopped) else signals.came() or signals.Stopped()
        with contextlib.suppress(OSError):  # the terminal is what went away
            after_echo = "\n" if sys.stderr.isatty() else ""
            print(
                f"{after_echo}bench: {stopped}; what was finished is stored, the same command continues",
                file=sys.stderr,
            )
        return 128 + stopped.number


def _flushed(status: int) -> int:
    """``status``, once what was printed has been read."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _unread()
    return status


def _unread() -> int:
    """The status where whoever read what is printed had enough of it, as `head` has."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


if __name__ == "__main__":
    sys.exit(main())
