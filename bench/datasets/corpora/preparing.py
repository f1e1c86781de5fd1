"""Preparing a dataset: every recording made by its job and stored, over processes; interrupted, it continues.

A recording's bytes depend on its job alone. Whatever is killed leaves whole files and the list of what is done,
``.done.jsonl``; the same call makes the rest.
"""

from __future__ import annotations

import json
import os
import pickle
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

import filelock
import soundfile

from bench.core import audio
from bench.core.errors import Unfinished, UserError
from bench.core.files import naming, sha256, sweep
from bench.core.types import Utterance
from bench.datasets.corpora import stored
from bench.datasets.corpora.jobs import Plan
from bench.datasets.identity import clip_content, of_clips

Progress = Callable[[int], AbstractContextManager[Callable[[int], None]]]
"""Given the number of recordings; gives what to call after each, with the number of failures so far."""


LEFT_OUT: dict[str, Any] = {"files": {}}
"""The record of a recording that the recipe leaves out."""


def _silent(total: int) -> AbstractContextManager[Callable[[int], None]]:
    return nullcontext(lambda failures: None)


@dataclass(frozen=True)
class Result:
    """How many recordings were made now, and why others could not be, by id."""

    folder: Path
    made: int
    failures: Mapping[str, str]


def prepare(plan: Plan, folder: Path, workers: int, progress: Progress = _silent) -> Result:
    """Make what is missing of ``plan`` in ``folder``.

    Args:
        workers: processes; 0: none, all in this one.
        progress: shows how far it is.

    Raises:
        UserError: the folder holds something else, or is being prepared by another process.
        Unfinished: a worker process was killed; the same call continues.
    """
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(folder / ".lock", timeout=0):
            return _prepare(plan, folder, workers, progress)
    except filelock.Timeout:
        raise UserError(f"{folder}: another process is preparing it") from None


def _prepare(plan: Plan, folder: Path, workers: int, progress: Progress) -> Result:
    _check_same(plan, folder)
    sweep(folder)
    done = _done(folder)
    missing = [n for n, job in enumerate(plan.jobs) if f"{job.split}/{job.id}" not in done]
    if not missing and (folder / stored.ABOUT).is_file():
        return Result(folder, 0, {})
    (folder / ".plan.json").write_text(plan.key, encoding="utf-8")
    (folder / stored.ABOUT).unlink(missing_ok=True)
    failures: dict[str, str] = {}
    with (
        (folder / ".done.jsonl").open("a", encoding="utf-8") as list_of_done,
        closing(_results(plan, folder, missing, workers)) as results,
        progress(len(missing)) as advance,
    ):
        for number, record in results:
            name = f"{plan.jobs[number].split}/{plan.jobs[number].id}"
            if isinstance(record, str):
                failures[name] = record
            else:
                done[name] = record
                list_of_done.write(json.dumps([name, record]) + "\n")
                list_of_done.flush()
            advance(len(failures))
    if not failures:
        _finish(plan, folder, done)
    return Result(folder, len(missing) - len(failures), failures)


def _check_same(plan: Plan, folder: Path) -> None:
    """That the folder is empty, or holds this plan, finished or not."""
    if (folder / stored.ABOUT).is_file():
        about = stored.read_about(folder, plan.card)
        if dict(about.parameters) != json.loads(json.dumps(dict(plan.parameters))):
            raise UserError(
                f"{folder}: prepared with other parameters ({_change(about.parameters, plan.parameters)})"
                "; name another out, or delete it"
            )
        return
    path = folder / ".plan.json"
    if path.is_file():
        if path.read_text(encoding="utf-8") != plan.key:
            raise UserError(
                f"{folder}: holds a part of {plan.card.name} that was begun with other parameters or corpora; "
                "continue with those, name another out, or delete it"
            )
        return
    if strangers := [entry.name for entry in folder.iterdir() if entry.name not in (".lock", *stored.UNFINISHED)]:
        raise UserError(f"{folder}: not empty ({strangers[0]}); name another out")


def _change(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            return f"{key}={old.get(key)}, now {new.get(key)}"
    return ""


def _done(folder: Path) -> dict[str, Any]:
    """The records of recordings that are stored; a line that was cut off is made again."""
    done: dict[str, Any] = {}
    for path in (folder / stored.RECORDS, folder / ".done.jsonl"):
        if path.is_file():
            whole, _, torn = path.read_text(encoding="utf-8").rpartition("\n")
            if torn:
                path.write_text(whole + "\n" if whole else "", encoding="utf-8")
            done |= dict(json.loads(line) for line in whole.splitlines())
    return {name: record for name, record in done.items() if all((folder / path).is_file() for path in record["files"])}


def _results(
    plan: Plan, folder: Path, missing: Sequence[int], workers: int
) -> Generator[tuple[int, dict[str, Any] | str], None, None]:
    """The record of each recording, or why it could not be made; in the order of completion."""
    if workers == 0 or len(missing) < 2:
        yield from ((number, _store(plan, folder, number)) for number in missing)
        return
    pool = ProcessPoolExecutor(
        min(workers, len(missing)),
        mp_context=get_context("spawn"),
        initializer=_begin,
        initargs=(pickle.dumps(plan), folder),
    )
    try:
        waiting = iter(missing)
        running: dict[Future[dict[str, Any] | str], int] = {}
        while True:
            for number in waiting:
                running[pool.submit(_work, number)] = number
                if len(running) >= 3 * workers:
                    break
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
    except BrokenProcessPool:
        raise Unfinished(f"{folder}: a worker process was killed; the same command continues") from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_PLAN: list[tuple[Plan, Path]] = []


def _begin(plan: bytes, folder: Path) -> None:
    """In a new worker process: it ends with the process that started it, however that ends."""
    import signal

    from threadpoolctl import threadpool_limits

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None

    def end() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()
    threadpool_limits(1)
    _PLAN.append((pickle.loads(plan), folder))


def _work(number: int) -> dict[str, Any] | str:
    return _store(*_PLAN[0], number)


def _store(plan: Plan, folder: Path, number: int) -> dict[str, Any] | str:
    """Make and write a recording: its record, empty if the recipe leaves it out, or why it cannot be made."""
    job = plan.jobs[number]
    try:
        made = job()
    except UserError as error:
        return str(error)
    except Exception as error:  # one recording costs no other
        return " ".join(f"{type(error).__name__}: {error}".split())
    if made is None:
        return LEFT_OUT
    utterance = made.utterance
    files = {"noisy": utterance.noisy} | ({} if utterance.clean is None else {"clean": utterance.clean})
    paths = {side: f"{job.split}/{side}/{job.id}.flac" for side in files}
    for side, samples in files.items():
        audio.write(folder / paths[side], samples, utterance.sample_rate, f"PCM_{plan.bits}")
    kept = {side: stored.as_stored(samples, plan.bits) for side, samples in files.items()}
    content = Utterance(job.id, kept["noisy"], utterance.sample_rate, kept.get("clean"))
    return {
        "files": {paths[side]: sha256(folder / paths[side]) for side in files},
        "transcript": utterance.transcript,
        "tags": dict(utterance.tags),
        "details": dict(made.details),
        "content": clip_content(content),
        "rate": utterance.sample_rate,
        "seconds": utterance.noisy.size / utterance.sample_rate,
        "resampled": utterance.resampled_from is not None,
    }


def _finish(plan: Plan, folder: Path, done: Mapping[str, Any]) -> None:
    """Write the tables, then what says that the folder is complete."""
    identities, checksums = {}, dict[str, str]()
    speakers, hours = dict[str, int](), dict[str, float]()
    for split in dict.fromkeys(job.split for job in plan.jobs):
        every = {job.id: done[f"{split}/{job.id}"] for job in plan.jobs if job.split == split}
        records = {name: record for name, record in every.items() if record != LEFT_OUT}
        spoken = all(record["transcript"] is not None for record in records.values())
        rows = [
            {
                "id": name,
                **{side: f"{side}/{name}.flac" for side in ("noisy", "clean")[: len(record["files"])]},
                **({"transcript": record["transcript"]} if spoken else {}),
                **record["tags"],
            }
            for name, record in records.items()
        ]
        stored.write_table(folder / split / stored.MANIFEST, rows)
        details = [{"id": name, **record["details"]} for name, record in records.items()]
        stored.write_table(folder / split / stored.RECIPE, details)
        told = {str(record["tags"]["speaker"]) for record in records.values() if "speaker" in record["tags"]}
        speakers |= {split: len(told)} if told else {}
        hours[split] = round(sum(record.get("seconds", 0.0) for record in records.values()) / 3600, 4)
        checksums |= {path: digest for record in records.values() for path, digest in record["files"].items()}
        identities[split] = of_clips(
            {name: record["content"] for name, record in records.items()},
            tuple(sorted({record["rate"] for record in records.values()})),
            audio.RESAMPLER if any(record["resampled"] for record in records.values()) else None,
            card=plan.card.name,
            split=split,
        )
    lines = [json.dumps([f"{job.split}/{job.id}", done[f"{job.split}/{job.id}"]]) for job in plan.jobs]
    stored.write_text(folder / stored.RECORDS, "".join(f"{line}\n" for line in lines))
    stored.write_checksums(folder, checksums)
    versions = {"soxr": audio.RESAMPLER, "libsndfile": soundfile.__libsndfile_version__}
    parameters = json.loads(json.dumps(dict(plan.parameters)))
    made = (plan.card.name, plan.card.revision, parameters, versions, identities, plan.partial, speakers, hours)
    stored.write_about(folder, stored.About(*made))
    for name in stored.UNFINISHED:
        (folder / name).unlink(missing_ok=True)
