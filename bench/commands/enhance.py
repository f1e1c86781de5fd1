"""``bench enhance``: recordings in, enhanced speech out; what is asked for, checked, and what is said of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.commands.settings import Enhance
from bench.core import audio
from bench.core.errors import UserError
from bench.core.folders import recordings_in
from bench.core.notes import show
from bench.core.types import Utterance
from bench.run import alignment
from bench.run.assembly import shared_options
from bench.run.cluster import Pool
from bench.run.enhance import Input, Result, Way, enhance, how, load
from bench.run.enhanced_folder import EnhancedFolder
from bench.run.entries import Spec
from bench.run.parts import Recipe
from bench.run.settings import check_device
from methods.base import METHODS, Method


def enhance_files(given: Sequence[str], config: Mapping[str, Any]) -> Result:
    """Enhance folders and files into the folder ``out``; problems of single files go to stderr, a line each.

    Args:
        given: folders, read recursively, and files.
        config: the composed keys of ``settings.Enhance``.

    Raises:
        UserError: the configuration makes no sense, nothing is to be read, or something would be overwritten.
    """
    asked = Enhance.of(config)
    if asked.out is None:
        raise UserError("bench enhance needs out=FOLDER; bench enhance --help says more")
    out, way = asked.out, _way(asked)
    pool = Pool(asked.workers, asked.threads, asked.device != "cpu")
    inputs, notes = _inputs(given, out)
    method = way.recipe.build("cpu")
    by_name = {item.name: item for item in inputs}
    show(notes + method.preview(list(by_name), lambda name: load(by_name[name], way)))
    with EnhancedFolder(out, how(way, method)) as folder:
        way = _aligned(way, method, inputs)
        result = enhance(inputs, way, folder, pool, lambda line: print(f"bench: {line}", file=sys.stderr, flush=True))
    show([_RESAMPLED.format(rate) for rate in result.model_rates])
    return result


def _aligned(way: Way, method: Method, inputs: Sequence[Input]) -> Way:
    """``way`` with the method's delay measured on some of the recordings, where it is ``auto``."""
    if not alignment.is_open(method):
        return way

    def some() -> Iterator[Utterance]:
        for item in alignment.spread(inputs):
            with suppress(UserError):
                yield load(item, way)

    found = alignment.measured(way.recipe.name, way.recipe, some(), way.steps)
    return replace(way, recipe=alignment.with_delay(way.recipe, found.delay))


_RESAMPLED = "the method works at {} Hz: recordings at another rate were resampled there and back; rate=model keeps it"


def _inputs(given: Sequence[str], out: Path) -> tuple[list[Input], list[str]]:
    """Every recording by the name of its output, and what in folders is not read.

    Raises:
        UserError: there is no such file or folder, or two recordings would have one name.
    """
    found: dict[str, Input] = {}
    notes = []
    for path in (Path(name).expanduser() for name in given):
        if path.is_dir():
            if out.resolve().is_relative_to(path.resolve()):
                raise UserError(
                    f"out={out}: lies within {path}, where it would be read as a recording; name one beside it"
                )
            recordings = recordings_in(path).required()
            notes += recordings.notes()
            items = [Input(name, file) for name, file in recordings.files.items()]
        elif path.exists():
            items = [Input(path.stem, path)]
        else:
            raise UserError(f"{path}: no such file or folder")
        for item in items:
            if item.name in found:
                raise UserError(f"{item.path}: would be written where {found[item.name].path} is; enhance them apart")
            found[item.name] = item
    return list(found.values()), notes


def _way(asked: Enhance) -> Way:
    spec = Spec.of("method", asked.method)
    given = shared_options(asked.checkpoint, asked.precision, asked.compile)
    recipe = Recipe.of(METHODS, Spec(spec.name, spec.label, {**spec.options, **given}))
    check_device(asked.device)
    audio.check_channels("enhance", asked.mixdown, asked.channel)
    return Way(
        recipe,
        asked.device,
        asked.steps,
        asked.seed,
        asked.rate,
        asked.channel,
        asked.mixdown,
        asked.batch,
        asked.piece,
    )
