"""Jobs that take turns in processes of their own, because settings of a process decide about their speed."""

from __future__ import annotations

import multiprocessing
import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection
from time import process_time

Prepare = Callable[[], Callable[[], object]]
"""Builds a job; picklable, run in the job's process."""


def in_processes(jobs: Sequence[Prepare], *, keep_memory: Sequence[bool], threads: int, repeat: int) -> list[float]:
    """Median CPU seconds of each job, each in a process of its own, the jobs taking turns.

    Args:
        keep_memory: whether a job's process keeps freed memory, as the workers of ``bench run`` do.
    """
    context = multiprocessing.get_context("spawn")
    times: list[list[float]] = [[] for _ in jobs]
    with ExitStack() as stack:
        ends = []
        for job, keep in zip(jobs, keep_memory, strict=True):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, job, keep, threads), daemon=True)
            process.start()
            stack.callback(process.join)
            stack.callback(ours.send, False)
            theirs.close()
            ends.append(ours)
        for turn in range(repeat + 1):
            for end, record in zip(ends, times, strict=True):
                end.send(True)
                seconds: float = end.recv()
                if turn:
                    record.append(seconds)
    return [statistics.median(record) for record in times]


def _serve(end: Connection, prepare: Prepare, keep: bool, threads: int) -> None:
    import torch

    from bench.core.memory import keep_freed_memory

    if keep:
        keep_freed_memory()
    torch.set_num_threads(threads)
    job = prepare()
    while end.recv():
        start = process_time()
        job()
        end.send(process_time() - start)
