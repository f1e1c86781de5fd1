"""The benchmark's orchestration; CONTRIBUTING.md has the picture of all rooms.

dataset -> ``Utterance`` -> ``method.enhance`` -> enhanced speech + counted network calls
-> ``metric(reference, degraded)`` -> one row -> leaderboard, plots

* ``bench.core``      small things everyone may import; imports nothing of ours
* ``bench.datasets``  what is enhanced, and what networks are trained on
* ``bench.run``       plan -> enhance -> score -> collect; ``benchmark`` is the page to begin with
* ``bench.train``     a dataset, a method's objective, Lightning's loop
* ``bench.commands``  the other commands

Nothing heavy is imported here, so that ``bench --help`` answers at once.
"""

__version__ = "0.1.0"
