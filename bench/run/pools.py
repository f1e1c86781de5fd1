"""Pools of worker processes: each a crew of Ray actors that a flow's calls are given to.

Plain actors, not Ray Data: a cell must be stored as a row the moment it is finished, a cell whose process dies must
become a row of its own while the others go on, and the next cell must be chosen by what is free. Ray Data works on
blocks of a dataset, retries whole blocks, and ends with the first one that fails for good. What Ray has is used: actors
hold the models and are placed by their resources (fractions of GPUs too), audio passes from one to another through the
object store, which spills what does not fit, and the autoscaler sees what waits for a machine. Retries are the
exception: Ray would try a call again on the same actor, which may wait for a machine that never comes back, while
others are free.

Memory is bounded by the number of flows under way: no item is read before another one is finished.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, Generic, TypeVar

from bench.core.errors import Unfinished, UserError
from bench.run.cluster import CHECK_SECONDS, Cluster, Pool, first_line
from bench.run.flows import Call, Crew, Flow, Reply, WorkerDied, limit_threads_of_process

T = TypeVar("T")
R = TypeVar("R")

UNDER_WAY = 4
"""Flows under way for each worker: enough that a device has its next call before it has answered the last."""

LOST = "the machine that held its audio is gone"

FAILED_STARTS = 3
"""So many workers in a row that die while they start end the run."""

GROW_SECONDS = 10.0
"""The interval at which machines that came to a joined cluster are noticed."""


class _Actor:
    """One worker process. Its factory is unpickled last, when the modules that it needs can be imported."""

    def prepare(self, path: list[str], folder: str, threads: int | None, build: bytes) -> None:
        """Use the driver's module path and, where it exists, its working directory; then build the worker.

        Args:
            threads: None: without a limit.
        """
        sys.path.extend(entry for entry in path if entry not in sys.path)
        if Path(folder).is_dir():
            os.chdir(folder)
        if threads is not None:
            limit_threads_of_process(threads)
        self._worker = pickle.loads(build)()

    def work(self, method: str, *arguments: Any) -> Any:
        return getattr(self._worker, method)(*arguments)


@dataclass(eq=False)
class _Task(Generic[T, R]):
    """A call of an item's flow."""

    item: T
    flow: Flow[R]
    call: Call
    tries: int = 0
    alone: bool = False


@dataclass(frozen=True, eq=False)
class _Given:
    """Calls that were given to a worker together, with the references of their answers and of their signals."""

    tasks: list[_Task[Any, Any]]
    answers: list[Any]
    signals: list[tuple[Any, ...]]

    @property
    def seconds(self) -> float | None:
        """What all of them may take."""
        limits = [task.call.seconds for task in self.tasks]
        return None if None in limits else sum(filter(None, limits))


@dataclass(eq=False)
class _Member:
    """A worker process and what it was given, the first of which it is working on."""

    actor: Any
    ready: Any
    given: deque[_Given] = field(default_factory=deque)
    since: float = 0.0
    near: Hashable = None
    overdue: bool = False


class _Workers:
    """The members of a crew, and the calls that wait for one."""

    def __init__(self, found: Cluster, crew: Crew) -> None:
        self._found, self._crew = found, crew
        self.otherwise = crew.otherwise
        self._build = found.ray.cloudpickle.dumps(crew.build)
        self.members: list[_Member] = []
        self.waiting: deque[_Task[Any, Any]] = deque()
        self.failed_starts = 0
        self.resize(found.pool)

    def resize(self, pool: Pool) -> None:
        sizes = {None: pool.workers or 1, "scorers": pool.scorers or 0}
        size = self._crew.size
        self.size = size if isinstance(size, int) else sizes[size]
        self.under_way = self.size * (UNDER_WAY if self._crew.together == 1 else 3 * self._crew.together)

    def _new(self) -> _Member:
        found, crew = self._found, self._crew
        threads = found.pool.threads if crew.size is None else 1
        options: dict[str, Any] = {"num_cpus": threads, "num_gpus": found.gpus if crew.size is None else 0}
        if crew.beside:
            options = {"num_cpus": 0, "scheduling_strategy": found.here()}
        limit = None if crew.beside else threads
        actor = found.ray.remote(_Actor).options(**options).remote()
        return _Member(actor, actor.prepare.remote(list(found.path), str(Path.cwd()), limit, self._build))

    def dispatch(self) -> None:
        """Give waiting calls to free members, and start members while calls wait."""
        starting = sum(member.ready is not None for member in self.members)
        for _ in range(min(self.size - len(self.members), len(self.waiting) - starting)):
            self.members.append(self._new())
        for depth in range(self._crew.ahead if self._found.gpus else 1):
            for member in self.members:
                if self.waiting and member.ready is None and len(member.given) <= depth and not member.overdue:
                    self._give(member)

    def _give(self, member: _Member) -> None:
        tasks = self._chosen(member)
        call, each = tasks[0].call, 1 + tasks[0].call.signals
        work = member.actor.work.options(num_returns=each * len(tasks))
        if len(tasks) == 1:
            references = work.remote(call.method, *call.arguments)
        else:
            references = work.remote(call.many, [task.call.arguments for task in tasks])
        found = references if isinstance(references, list) else [references]
        if not member.given:
            member.since = monotonic()
        member.near = call.near
        signals = [tuple(found[at + 1 : at + each]) for at in range(0, len(found), each)]
        member.given.append(_Given(tasks, found[::each], signals))

    def _chosen(self, member: _Member) -> list[_Task[Any, Any]]:
        """The next call for a member, with those that can go together with it."""
        first = self.waiting[0]
        if first.call.group is None:
            first = next((task for task in self.waiting if task.call.near == member.near), first)
        chosen = [first]
        if first.call.group is not None and not first.alone:
            alike = (task for task in self.waiting if task.call.group == first.call.group and not task.alone)
            chosen = list(islice(alike, self._crew.together))
        for task in chosen:
            self.waiting.remove(task)
        return chosen

    def end_overdue(self) -> None:
        """Kill members that have worked on a call for longer than it may take."""
        for member in self.members:
            if member.given and not member.overdue:
                seconds = member.given[0].seconds
                if seconds is not None and monotonic() - member.since > seconds:
                    member.overdue = True
                    self._found.ray.kill(member.actor)


class Pools:
    """The crews of a run on a running Ray."""

    def __init__(self, found: Cluster, crews: Mapping[str, Crew]) -> None:
        self._found = found
        self._together = not found.pool.scorers
        self._crews = {name: _Workers(found, crew) for name, crew in crews.items()}
        self._grown = self._looked = monotonic()
        self._under_way = 0

    def run(
        self, items: Iterable[T], flow: Callable[[T, bool], Flow[R]], most: int | None = None
    ) -> Generator[tuple[T, R], None, None]:
        """``(item, result of its flow)`` in the order of completion.

        Args:
            most: flows under way at the same time; with 1 nothing runs beside them.
        """
        left = iter(items)
        while True:
            while self._under_way < (most or sum(crew.under_way for crew in self._crews.values())):
                try:
                    item = next(left)
                except StopIteration:
                    break
                self._under_way += 1
                yield from self._advance(_Task(item, flow(item, self._together), Call("", "", ())), None)
            if not self._under_way:
                return
            with self._found.watched():
                for crew in self._crews.values():
                    crew.dispatch()
            yield from self._finish(*self._first_done())

    def _advance(self, task: _Task[T, R], reply: Any) -> Iterator[tuple[T, R]]:
        """Send the reply to the task's flow; queue its next call, or yield its result."""
        try:
            call = task.flow.send(reply)
        except StopIteration as end:
            self._under_way -= 1
            yield task.item, end.value
            return
        self._crew(call).waiting.append(_Task(task.item, task.flow, call, call.died))

    def _crew(self, call: Call) -> _Workers:
        """The crew of a call; whoever enhances also scores where there are no scorers."""
        crew = self._crews[call.crew]
        return crew if crew.size or not crew.otherwise else self._crews[crew.otherwise]

    def _first_done(self) -> tuple[_Workers, _Member, Any]:
        """The first answer, or end of a start; waits without limit while Ray is running."""
        while True:
            wanted = {}
            for crew in self._crews.values():
                for member in crew.members:
                    starting = member.ready is not None
                    references = [member.ready] if starting else [given.answers[0] for given in member.given]
                    wanted.update(dict.fromkeys(references, (crew, member)))
            with self._found.watched():
                done, _ = self._found.ray.wait(list(wanted), timeout=CHECK_SECONDS, fetch_local=False)
            self._look_around()
            if done:
                return *wanted[done[0]], done[0]

    def _look_around(self) -> None:
        """From time to time: end calls that take too long, use machines that came."""
        if monotonic() - self._looked < CHECK_SECONDS:
            return
        self._looked = monotonic()
        for crew in self._crews.values():
            crew.end_overdue()
        if self._found.asked.address is not None and monotonic() - self._grown > GROW_SECONDS:
            self._grown = monotonic()
            now = self._found.now()
            for crew in self._crews.values():
                crew.resize(now)
                crew.dispatch()

    def _finish(self, crew: _Workers, member: _Member, reference: Any) -> Iterator[tuple[Any, Any]]:
        errors = self._found.ray.exceptions
        try:
            with self._found.watched():
                answers = self._found.ray.get(_answers(member, reference))
        except errors.ObjectLostError as error:  # a machine that is gone held an argument
            for task in _taken(member, reference).tasks:
                yield from self._advance(task, Reply(WorkerDied(LOST, str(error), lost=True)))
            return
        except (errors.RayActorError, errors.OutOfMemoryError) as error:
            yield from self._bury(crew, member, error)
            return
        except errors.RayTaskError as error:
            if member.ready is None:
                raise
            raise UserError(f"workers: they cannot start ({first_line(error.cause)})") from error
        if member.ready is not None:
            member.ready, crew.failed_starts = None, 0
            return
        given = _taken(member, reference)
        for task, answer, signals in zip(given.tasks, answers, given.signals, strict=True):
            yield from self._advance(task, Reply(answer, signals))

    def _bury(self, crew: _Workers, member: _Member, error: Exception) -> Iterator[tuple[Any, Any]]:
        """Replace a dead member. The call it was working on has had a try; those behind it have not."""
        crew.members.remove(member)
        self._found.ray.kill(member.actor)
        if member.ready is not None:
            crew.failed_starts += 1
            if crew.failed_starts >= FAILED_STARTS:
                raise Unfinished(
                    f"workers: {FAILED_STARTS} processes in a row died while they started ({first_line(error)}); what "
                    "was finished is stored, the same command continues"
                ) from error
            return
        first, *behind = member.given
        crew.waiting.extendleft(task for given in reversed(behind) for task in reversed(given.tasks))
        if len(first.tasks) > 1:  # one of them is to blame: which?
            for task in first.tasks:
                task.alone = True
            crew.waiting.extend(first.tasks)
            return
        (task,) = first.tasks
        if member.overdue:
            reason = f"no answer within {first.seconds:g} s: the worker process was ended"
            yield from self._advance(task, Reply(WorkerDied(reason, str(error))))
            return
        task.tries += 1
        if task.tries < task.call.tries:
            crew.waiting.append(task)
            return
        often = f"{task.tries} times" if task.tries > 1 else "once"
        reason = f"the worker process died {often}: a crash in native code, or out of memory"
        yield from self._advance(task, Reply(WorkerDied(reason, str(error))))


def _answers(member: _Member, reference: Any) -> list[Any]:
    """The references of all answers that come with this one."""
    return next((given.answers for given in member.given if given.answers[0] == reference), [reference])


def _taken(member: _Member, reference: Any) -> _Given:
    """Take what has this answer from its member."""
    (given,) = (given for given in member.given if given.answers[0] == reference)
    member.given.remove(given)
    member.since = monotonic()
    return given
