"""What a shell can complete behind a command: keys, the choices of a key, and the names of stored runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from bench.commands.table import Command
from bench.conf import compose as config
from bench.conf import groups
from bench.conf.schema import annotation_at, choices

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

FILE = [CompletionItem("", type="file")]
"""Whatever the shell knows of files."""


def completed(command: Command) -> Completer:
    """The completer of a command's arguments."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        if command.job is None:
            return FILE
        key, equals, value = incomplete.partition("=")
        if equals:
            known = _values(command.job, key)
            return [CompletionItem(f"{key}={name}") for name in known if name.startswith(value)] or FILE
        keys = [f"{name}=" for name in config.schema_of(command.job).model_fields]
        stored = Path("results/runs").glob("*/manifest.json") if "RUN" in command.usage else ()
        names = [*keys, *sorted(path.parent.name for path in stored)]
        return [CompletionItem(name) for name in names if name.startswith(key)] or FILE

    return complete


def _values(job: str, key: str) -> list[str]:
    if key in groups.of(job):
        return groups.names(key)
    annotation: Any = annotation_at(config.schema_of(job), key)
    return choices(annotation)
