"""What the commands on several runs can be asked for: compare, reproduce, figure, table, publish, verify."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge
from pydantic import Strict

from bench.commands.settings import Analysed, Merged, Names, TextMapping
from bench.conf.schema import Count, Folder, RunsFolder, Schema, Share, Text, Truth, key
from bench.conf.values import Plain
from bench.run.entries import Named


class _Renamed(TextMapping):
    """Names with the names that they have elsewhere."""

    words = "a mapping of names to names: {theirs: mine}"


class _Entries(Named):
    """Entries by names."""

    words = "a mapping of names to entries: {theirs: {name: ..., option: ...}}"

    def typed(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {str(name): super(_Entries, self).typed(entry) for name, entry in value.items()}
        return str(value) if isinstance(value, Plain) else value


Renamed = Annotated[dict[str, Text], _Renamed()]
DataEntries = Annotated[dict[str, Any], _Entries("datasets")]


class Compare(Analysed):
    """What changed from run A to run B, and by how much each method's scores differ on the same recordings.

    bench compare before after
    bench compare main mine 'fail_if_worse=[pesq,estoi]'      # for CI: status 1 where a method is worse
    Differences are B minus A, tested pairwise and corrected by Holm's method over the methods of a dataset.
    """

    fail_if_worse: Names | None = key(
        [], "metrics: status 1 if a method is significantly worse by one of them, or lost scores of it"
    )
    pairs: Renamed | None = key(None, "methods of A and what they are called in B, where that differs: {old: new}")
    mix: Truth = key(False, "true: compare recordings of one name, though the datasets' recordings differ")
    out: Folder | None = key(None, "folder for differences.csv and changes.csv; null: results/comparisons/A+B")


class Reproduce(Analysed):
    """Published figures beside those of stored runs: PASS, DIFFERS (by which setting), CANNOT RUN (what is missing).

    bench reproduce storm                                     # what every figure of StoRM's paper would need
    bench reproduce storm mine 'tables=[V,VI]'
    bench reproduce vbdmd_noisy mine 'datasets={voicebank_demand: vbdmd}'
    """

    tables: Names | None = key([], "of the publication; []: all")
    datasets: Renamed | None = key(None, "published datasets and what the runs call them")
    systems: Renamed | None = key(None, 'published systems ("TABLE: system", or the label) and what the runs call them')
    out: Folder | None = key(None, "the CSV file; null: results/reproduced/NAME.csv")


class Figure(Merged):
    """A figure of StoRM's paper from stored runs, at the width of a column: PDF, PNG and SVG.

    bench figure fig1 demo            # forward and reverse process: mean, standard deviation, trajectories
    bench figure fig2 demo            # artefacts of a predictive method
    bench figure fig3 demo            # residues: what the predictor takes away and leaves over
    bench figure fig6 steps           # metrics over N
    bench figure fig7 demo            # spectrograms, denoising; fig8: dereverberation
    bench figure fig9 demo            # word error rates
    bench figure fig10 listening/mushra   # MUSHRA box plot; the folder of a listening test
    """

    dataset: Text | None = key(None, "of the runs; null: the first")
    clip: Text | None = key(None, "the recording of fig2, fig3, fig7, fig8; null: the first whose audio was kept")
    methods: Names | None = key(None, "that are drawn; null: all, or in spectrograms the first of each paradigm")
    metrics: Names | None = key(None, "of fig6 (null: pesq, estoi, si_sdr) and fig9 (null: wer)")
    width: Literal["column", "page"] = key("column", "3.5 or 7.16 inches")
    out: Folder | None = key(None, "folder; null: figures in the run's own, or in results/leaderboards/A+B")


class PaperTable(Merged):
    """A table of StoRM's paper, I to VII, from stored runs: CSV, Markdown, LaTeX, and a critical-difference diagram.

    bench table I mine                            # of wsj0_chime3
    bench table I demo dataset=demo               # the same table of another dataset
    bench table VI ablations 'systems={table6_noisy: noisy_only}'
    The diagram shows mean ranks (Friedman) and joins systems that Nemenyi's test does not tell apart.
    """

    dataset: Text | None = key(None, "as the runs call it; null: the paper's")
    systems: Renamed | None = key(None, 'lines of V to VII ("TABLE: system", or the label) and what the runs call them')
    out: Folder | None = key(None, "folder to write; null: tables in the first run's own")


class Publish(Merged):
    """A static site from many runs: systems ranked over datasets and metrics, each linking to its report.

    bench publish submissions/* out=site
    Beside index.html: leaderboard.csv and .json, every_eval_ever/ (evaleval/every_eval_ever's schema), eval_results/
    (Hugging Face's .eval_results files). Check what others send first: bench verify.
    """

    title: Text = key("Speech enhancement", "of the site")
    hub: Renamed | None = key(None, "datasets' names on the Hugging Face Hub: {demo: organisation/name}")
    out: Folder | None = key(None, "folder to write; needed")


class Verify(Schema):
    """Check a submission: its files by their digests, names, counts and lengths, and some scores from its audio.

    bench verify mine seal=true                      # before sending a run of keep_audio=all: writes submission.json
    bench verify submissions/theirs seed=7
    bench verify submissions/theirs 'data={vb: {name: voicebank_demand, dir: /data/vb}}'
    Status 1 if anything is not as it says. No method of a submission is ever run.
    """

    seal: Truth = key(False, "true: write the digests instead of checking them")
    share: Share = key(0.05, "of the scores that are computed again")
    least: Count = key(20, "scores that are computed again, if there are as many")
    seed: Count = key(0, "of their draw; one that the submitter cannot know")
    tolerance: Annotated[float, Strict(), Ge(0)] = key(1e-3, "of a score, relative to it where it is above 1")
    partial: Truth = key(False, "true: recordings may be missing")
    data: DataEntries | None = key(None, "datasets as they are here, by the submission's names for them")
    runs_dir: RunsFolder = key("results/runs", "where runs are stored: a folder, or a URL")
