"""The benchmark's orchestration: who calls whom, at a glance.

dataset -> ``Utterance`` -> ``method.enhance`` -> enhanced speech + counted network calls
-> ``metric(reference, degraded)`` -> one row -> leaderboard, plots

* ``bench.core``      small things everyone may import; imports nothing of ours
* ``bench.datasets``  what is enhanced: ``demo``, ``paired_folder``
* ``bench.run``       one page: plan -> execute -> collect -> summarise
  * ``config``, ``settings``   Hydra overrides, and what they ask for, checked
  * ``parts``                  methods, datasets and metrics by the label that rows carry
  * ``plan``                   the cells asked for, minus what is stored
  * ``parallel``, ``worker``   Ray or its serial twin; the work of one cell
  * ``manifest``               what a run was made of, and whether it may be continued
* ``bench.summary``   what rows come to: tables, views, plots; ``bench.leaderboard`` merges stored runs first
* ``bench.train``     wires datasets to ``methods.training``
* ``methods``, ``metrics``, ``results``, ``listening_test``   stand beside this package

Nothing heavy is imported here, so that ``bench --help`` answers at once.
"""

__version__ = "0.1.0"
