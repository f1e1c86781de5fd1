"""What the steps of `bench mushra` can be asked for: their schemas, light enough for help."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge, Le
from pydantic import Strict

from bench.commands.settings import Names, TextMapping
from bench.conf.schema import Count, Folder, Positive, Reads, RunsFolder, Schema, Text, Truth, key
from bench.conf.values import Plain, settled


class _Condition(Reads):
    """A method's name, or a mapping whose method and label are names."""

    words = "a method's name or {method: ..., steps: ..., seed: ..., label: ...}"

    def typed(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: str(v) if name in ("method", "label") and isinstance(v, Plain) else settled(v)
                for name, v in value.items()
            }
        return str(value) if isinstance(value, Plain) else value


class _Reasons(TextMapping):
    """Names with reasons."""

    words = "a mapping of a listener to a reason: {L07: had a cold}"


Reasons = Annotated[dict[str, Text], _Reasons()]
ConditionEntry = Annotated[Any, _Condition()]


class Export(Schema):
    """Make a listening test of a stored run (its name or folder): MUSHRA, or MOS, AB, ABX, CCR.

    A condition is a method's name, or {method: storm, steps: 10, seed: 0, label: StoRM}.
    Where balance, once, per and spread say auto, they take the tags that all recordings have; null takes none.
    """

    kind: Literal["mushra", "mos", "ab", "abx", "ccr"] = key("mushra", "the kind of test; all kinds use the same clips")
    out: Folder | None = key(None, "folder to write; null: listening/KIND in the run's own")
    runs_dir: RunsFolder = key("results/runs", "where runs are stored: a folder, or a URL")

    conditions: tuple[ConditionEntry, ...] | None = key(
        None, "what is heard; null: every method of the run but the unprocessed recording"
    )
    steps: Positive | None = key(None, "reverse steps N, for methods that the run has with several")
    enhanced_with_seed: Count | None = key(None, "seed of the noise, for methods that the run has with several")
    anchors: Names | None = key(
        ["mixture", "mixture_10db"],
        "added to each page; also lowpass_3500 and lowpass_7000, BS.1534-3's low and mid-range anchors",
    )

    clips: Positive | Names = key(10, "how many clips are drawn, or which: [denoise-01, demo/denoise-02]")
    training: Count | Names = key(1, "clips for practice, apart from those: how many, or which")
    datasets: Names | None = key(None, "datasets of the run to draw from; null: all")
    balance: Literal["auto"] | Names | None = key("auto", "tags whose values come equally often; auto: [sex, task]")
    once: Literal["auto"] | Names | None = key(
        "auto", "a tag whose values come at most once within each value of the tags in per; auto: speaker"
    )
    per: Literal["auto"] | Names | None = key("auto", "see once; auto: [task]")
    spread: Literal["auto"] | Names | None = key(
        "auto", "numbers (tags or metrics) over whose range the clips are spread; auto: [snr, t60]"
    )
    per_listener: Positive | None = key(
        None, "most clips for one listener; with more, groups of listeners get different ones; null: everyone hears all"
    )
    seed: Count = key(0, "of the draw of clips")

    longest: Annotated[float, Strict(), Ge(1), Le(12)] = key(
        12.0, "seconds; longer recordings are cut at a pause before that"
    )
    fade: Annotated[float, Strict(), Ge(0), Le(1)] = key(0.02, "seconds of fading at both ends")
    loudness: Annotated[float, Strict(), Ge(-70), Le(0)] = key(
        -26.0, "LUFS of every recording; less where a peak would clip"
    )
    title: Text = key("Listening test", "what listeners read first")
    instructions: Folder | None = key(None, "a file with the first page's HTML; null: ours, in English")
    texts: Folder | None = key(None, "a YAML file of texts in place of ours, as texts.yaml in an exported test")
    consent: Folder | None = key(None, "a file with the HTML of a page that asks for consent; null: no such page")
    questions: Folder | None = key(
        None, "a YAML file of questions for the last page: [{name: ..., label: ..., answers: {stored: shown}}]"
    )

    repeats: Count = key(0, "clips of each group that are rated twice, for each listener's reliability")
    headphones_check: Truth = key(
        False, "true: ask which of three tones is quietest, which is hard to tell without headphones"
    )
    play_all: Truth = key(False, "true: the next page opens only after everything on a page was played")
    least_seconds: Annotated[float, Strict(), Ge(0)] = key(
        0.0, "seconds of listening on a page before the next one opens"
    )


class Serve(Schema):
    """Hold the listening test that was exported to DIR."""

    webmushra: Folder | None = key(None, "folder of a webMUSHRA checkout; null: fetch the pinned revision into a cache")
    host: Text = key("127.0.0.1", "the address to listen on; 0.0.0.0 lets other machines in")
    port: Positive = key(5000, "port of the address that listeners open")
    completion_code: Text | None = key(
        None, "shown to listeners who have finished; auto: a different one for each, in sessions.csv; null: none"
    )
    results: Folder | None = key(None, "where answers are stored; null: DIR/results")
    admin: Truth = key(False, "true: pymushra's pages to look at and delete answers, for this machine only")


class Import(Schema):
    """Decode answers into ratings.csv and sessions.csv.

    A FILE is a folder of results, pymushra's database or its CSV or JSON download, webMUSHRA's own CSV, or a backup.
    """

    test: Folder | None = key(None, "the folder that the test was exported to; null: the one that FILE lies in")


class Analyse(Schema):
    """Screen listeners, test differences, draw the ratings that were imported into DIR."""

    sessions: Names | None = key(["complete"], "the sessions to analyse; also unfinished, or duplicate")
    mid_anchor: Text | None = key(
        "auto", "the condition of BS.1534-3's rule for mid-range anchors; auto: lowpass_7000; null: none"
    )
    rule: Literal["fitted", "bs1534"] = key(
        "fitted",
        "how many bad items exclude a listener; bs1534: more than 15 %; fitted: the same, but not one slip where few",
    )
    exclude: Reasons | None = key(None, "listeners to leave out, each with a reason: {L07: had a cold}")
    include: Reasons | None = key(None, "listeners to keep against the rules, each with a reason")
    by: Text | None = key(None, "a tag: a panel of the box plot for each of its values")
    unit: Literal["listener", "trial"] = key(
        "listener", "one observation of the Friedman and Wilcoxon tests: a listener's mean, or each page (trial)"
    )
    run: Folder | None = key(None, "the run's folder, for its metrics; null: where it was exported from")
    power: tuple[Annotated[float, Strict(), Ge(0.1), Le(100)], ...] | None = key(
        [5, 10, 15, 20], "differences in points, for the table of listeners needed"
    )
    seed: Count = key(0, "of the bootstrap")
