"""The benchmark's orchestration: who calls whom, at a glance.

dataset -> ``Utterance`` -> ``method.enhance`` -> enhanced speech + counted network calls
-> ``metric(reference, degraded)`` -> one row -> leaderboard, plots

* ``bench.core``      small things everyone may import; imports nothing of ours
* ``bench.datasets``  what is enhanced: ``demo``, ``paired_folder``
* ``bench.plan``, ``bench.run``, ``bench.parallel``   plan -> execute -> collect -> summarise
* ``bench.train``     wires datasets to ``methods.training``
* ``methods``, ``metrics``, ``results``, ``listening_test``   stand beside this package

Nothing heavy is imported here, so that ``bench --help`` answers at once.
"""

__version__ = "0.1.0"
