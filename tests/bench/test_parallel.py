"""The parallel map and its serial twin give the same; a process that dies costs its item alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

import pytest
import torch

from bench.run.cluster import Pool, gpu_share
from bench.run.machine import local_cores
from bench.run.parallel import WorkerDied, map_unordered
from tests.bench.crews import Count


class Square:
    def __call__(self, item: int) -> tuple[int, int]:
        if item == 3:
            os.abort()
        return item * item, torch.get_num_threads()


def test_serial_twin_keeps_order_and_limits_threads_while_it_works() -> None:
    before = torch.get_num_threads()
    results = list(map_unordered([1, 2], Square, Pool(workers=0, threads=1)))
    assert results == [(1, (1, 1)), (2, (4, 1))]
    assert torch.get_num_threads() == before


def test_items_are_read_as_workers_become_free() -> None:
    read = []

    def items() -> Iterator[int]:
        for item in range(10):
            read.append(item)
            yield item

    with closing(map_unordered(items(), Count, Pool(workers=0))) as results:
        assert next(results) == (0, 1)
    assert read == [0]


@pytest.mark.usefixtures("ray")
def test_workers_are_built_once_each_and_share_the_items() -> None:
    results = list(map_unordered(range(20), Count, Pool(workers=2)))
    assert sorted(item for item, _ in results) == list(range(20))
    counts = sorted(count for _, count in results)
    longest = counts[-1]
    assert counts == sorted([*range(1, longest + 1), *range(1, 20 - longest + 1)])


@pytest.mark.usefixtures("ray")
def test_a_process_that_dies_costs_its_item_alone() -> None:
    results = dict(map_unordered([1, 2, 3, 4, 5], Square, Pool(workers=2, threads=1)))
    assert isinstance(results.pop(3), WorkerDied)
    assert results == {n: (n * n, 1) for n in (1, 2, 4, 5)}


@pytest.mark.usefixtures("ray")
def test_no_items_need_no_workers() -> None:
    assert list(map_unordered([], Count, Pool(workers=2))) == []


@pytest.mark.parametrize(
    ("workers", "gpus", "share"),
    [(2, 0, 0), (1, 1, 1), (2, 1, 0.5), (3, 2, 0.5), (4, 2, 0.5), (2, 4, 1), (5, 2, 1 / 3)],
)
def test_every_worker_finds_a_gpu_with_room(workers: int, gpus: int, share: float) -> None:
    assert gpu_share(workers, gpus) == pytest.approx(share)
    if gpus:
        per_gpu = int(1 / share + 1e-9)
        assert per_gpu * gpus >= workers


@pytest.mark.parametrize(
    ("pool", "cpus", "gpus", "workers", "scorers"),
    [
        (Pool(gpu=True, scorers=None), 16, 1, 1, 15),  # the cores that are left score
        (Pool(workers=4, gpu=True, scorers=None), 16, 1, 4, 12),  # four share a GPU
        (Pool(gpu=True, scorers=None), 2, 0, 2, 0),  # without a GPU whoever enhances also scores
        (Pool(threads=2), 8, 2, 4, 0),
        (Pool(workers=3, scorers=2), 4, 0, 2, 2),
        (Pool(gpu=True, scorers=None), 1, 1, 1, 0),
    ],
)
def test_the_cores_are_divided_among_the_pools_and_none_twice(
    pool: Pool, cpus: int, gpus: int, workers: int, scorers: int
) -> None:
    decided = pool.on(cpus, gpus)
    assert (decided.workers, decided.scorers) == (workers, scorers)
    assert workers * pool.threads + scorers <= cpus


def test_what_does_not_fit_into_a_joined_cluster_yet_waits_for_machines() -> None:
    decided = Pool(workers=3, scorers=2, address="auto").on(1, 0, bounded=False)
    assert (decided.workers, decided.scorers) == (3, 2)


def test_there_is_a_core_to_work_on() -> None:
    assert 1 <= local_cores() <= (os.cpu_count() or 1)
