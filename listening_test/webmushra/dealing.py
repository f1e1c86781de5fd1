"""One address for all listeners: each is sent to the group that has the fewest."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from threading import Lock

from listening_test.webmushra.received import Seen

WAITING = 600.0
"""Seconds for which somebody who was sent to a group, and has not begun, is counted there."""

IDLE = 3600.0
"""Seconds after which a session that is not finished is no longer counted: somebody else takes its place."""


class Dealing:
    """Deals groups of listeners out evenly, over sessions that are finished or under way.

    Args:
        clock: the time in seconds since 1970.
    """

    def __init__(self, groups: Iterable[str], clock: Callable[[], float] = time.time) -> None:
        self.groups, self._clock = list(groups), clock
        self._sent: list[tuple[float, str]] = []
        self._lock = Lock()

    def group(self, sessions: Iterable[Seen], listener: str = "") -> str:
        """The group for the next listener; one who has a session already stays in its group.

        Args:
            listener: the participant's id, if known.
        """
        sessions, now = list(sessions), self._clock()
        known = next((one.group for one in sessions if listener and one.listener == listener), None)
        if known in self.groups:
            return known
        counted = Counter(one.group for one in sessions if one.finished or now - one.at < IDLE)
        with self._lock:
            self._sent = [(at, group) for at, group in self._sent if now - at < WAITING]
            waiting = Counter(group for _, group in self._sent)
            for group in self.groups:
                begun = sum(one.group == group and now - one.at < WAITING for one in sessions)
                counted[group] += max(0, waiting[group] - begun)
            chosen = min(self.groups, key=lambda group: counted[group])
            self._sent.append((now, chosen))
        return chosen
