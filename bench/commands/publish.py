"""``bench publish RUN ... out=FOLDER``: a static site from many submissions; no score is computed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import __version__
from bench.commands import several
from bench.commands.leaderboard import options
from bench.core.errors import UserError
from bench.core.files import replacing, safe_name
from results.site import page
from results.site.page import Site
from results.site.ranking import rank
from results.store.find import find_run
from results.store.merge import Stored, merge, read

REPORT = "report.html"


def publish(runs: Sequence[str], config: Mapping[str, Any]) -> tuple[Path, Site]:
    """Write the site; returns its first page.

    A submission's ``report.html`` is taken from its folder; where there is none it is made, without audio.

    Raises:
        UserError: there is no such run, they cannot be merged, or ``out`` is not given.
    """
    asked = several.Publish.of(config)
    if asked.out is None:
        raise UserError("bench publish needs out=FOLDER, where the site is written")
    stored = read([find_run(run, asked.runs_dir) for run in runs])
    merged = merge(stored, asked.mix)
    ranking = rank(merged.rows, merged.metrics, options(asked))
    site = Site(
        title=asked.title,
        ranking=ranking,
        of={entry.method: _submission(entry.method, stored, merged.labels) for entry in ranking.entries},
        reports={run.name: _report(run, asked) for run in stored},
        notes=merged.notes,
        confidence=asked.confidence,
        version=__version__,
        hub=asked.hub or {},
    )
    return page.write(site, asked.out), site


def _submission(method: str, stored: Sequence[Stored], labels: Mapping[str, Mapping[str, str]]) -> Stored:
    """The first run that has the method by this name."""
    return next(
        run for run in stored if any(labels[run.name].get(own, own) == method for own in run.manifest["methods"])
    )


def _report(run: Stored, asked: several.Publish) -> str:
    """Puts a submission's report into the site; returns its path there."""
    assert asked.out is not None
    name = f"submissions/{safe_name(run.name)}/{REPORT}"
    if (run.folder / REPORT).is_file():
        with replacing(asked.out / name) as temporary:
            shutil.copyfile(run.folder / REPORT, temporary)
        return name
    from bench.commands.report import report

    keys = {"cluster": asked.cluster, "confidence": asked.confidence, "resamples": asked.resamples}
    report([str(run.folder)], {**keys, "audio": False, "out": str(asked.out / name)})
    return name
