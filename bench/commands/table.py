"""Every command: how it is used, what it says of itself, and what it calls."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bench.commands import calls
from bench.commands.arguments import RULE
from bench.commands.calls import Does
from bench.commands.data_keys import CARD, PLACE, PREPARE
from bench.conf import compose as config


@dataclass(frozen=True)
class Command:
    """A sub-command: its usage line, one line of help, and what it does with its arguments."""

    usage: str
    summary: str
    does: Does
    job: str | None = None
    """The configuration whose keys are its arguments."""
    details: str = ""
    """What its help says after the summary, where it has no configuration."""

    def call(self, arguments: Sequence[str]) -> int:
        """Do it; the exit status."""
        return self.does(arguments, self.usage)

    @property
    def names(self) -> bool:
        """Whether its arguments name something, too, as its usage says in capitals before the keys."""
        return re.match(r"[a-z ]+ [A-Z]+(\||\.| |$)", self.usage) is not None

    def help(self) -> str:
        """Usage, what the command does, and every key with its default."""
        told = config.explained(self.job) if self.job else "\n\n".join(filter(None, [self.summary, self.details]))
        return "\n".join([f"usage: bench {self.usage}", "", told, *(["", RULE] if self.job else [])])


COMMANDS = {
    "run": Command(
        "run [STUDY.yaml] [KEY=VALUE ...] [--cfg]",
        "Enhance and score whatever of a run is missing; --cfg only prints the composed configuration.",
        calls.run,
        "run",
    ),
    "train": Command(
        "train [STUDY.yaml] [KEY=VALUE ...] [--cfg]",
        "Train a method's networks; --cfg only prints the composed configuration.",
        calls.train,
        "train",
    ),
    "enhance": Command(
        "enhance FOLDER|FILE... out=FOLDER [KEY=VALUE ...]",
        "Enhance recordings into a folder, by one method; nothing is scored, nothing overwritten.",
        calls.enhance,
        "enhance",
    ),
    "check": Command(
        "check checkpoint=FILE [data=DATASET] | method=NAME",
        "Say what a checkpoint is and what is wrong with it, or try whether a method keeps the protocol.",
        calls.check,
        "check",
    ),
    "convert": Command(
        "convert checkpoint=FILE [out=FILE]",
        "Turn a checkpoint of StoRM or SGMSE into safetensors, which are read without unpickling.",
        calls.convert,
        "convert",
    ),
    "list": Command(
        "list methods|datasets|metrics|recipes|paths|samplers|predictors|correctors|parametrizations|backbones",
        "What can be named in a run, with options and their defaults.",
        calls.list_,
    ),
    "leaderboard": Command(
        "leaderboard RUN... [KEY=VALUE ...]",
        "Summarise stored runs (their names or folders), merged where they are several; nothing is computed anew.",
        calls.leaderboard,
        "leaderboard",
    ),
    "compare": Command(
        "compare A B [KEY=VALUE ...]",
        "Say what changed between two runs, and whether the second is better or worse.",
        calls.compare,
        "compare",
    ),
    "reproduce": Command(
        "reproduce NAME [RUN...] [KEY=VALUE ...]",
        "Set published figures (storm, vbdmd_noisy) beside those of stored runs.",
        calls.reproduce,
        "reproduce",
    ),
    "figure": Command(
        "figure NAME RUN... [KEY=VALUE ...]",
        "Draw a figure of StoRM's paper (fig1, 2, 3, 6, 7, 8, 9, 10) from stored runs.",
        calls.figure,
        "figure",
    ),
    "table": Command(
        "table NUMBER RUN... [KEY=VALUE ...]",
        "Fill a table of StoRM's paper (I to VII) from stored runs, with a critical-difference diagram.",
        calls.table,
        "table",
    ),
    "publish": Command(
        "publish RUN... out=FOLDER [KEY=VALUE ...]",
        "Make a static site of many runs: systems ranked, each linking to its report.",
        calls.publish,
        "publish",
    ),
    "verify": Command(
        "verify RUN [KEY=VALUE ...]",
        "Check a submission: digests, names, counts, lengths, and some of its scores from its audio.",
        calls.verify,
        "verify",
    ),
    "report": Command(
        "report RUN... [KEY=VALUE ...]",
        "Make a page of stored runs, to look at and to listen to in a browser.",
        calls.report,
        "report",
    ),
    "show": Command(
        "show RUN [KEY=VALUE ...]",
        "Show one recording of a run: audio, waveform, spectrogram and scores of every method.",
        calls.show,
        "show",
    ),
    "listen": Command(
        "listen FILE... [KEY=VALUE ...]",
        "Listen to recordings of your own as several methods enhance them; FILE mic: record with the microphone.",
        calls.listen,
        "listen",
    ),
    "card": Command(
        "card WEIGHTS [RUN...] [KEY=VALUE ...]",
        "Write a weights file's model card, with the scores that stored runs hold of it.",
        calls.card,
        "card",
    ),
    "mushra export": Command(
        "mushra export RUN [KEY=VALUE ...]",
        "Make a listening test of a stored run: MUSHRA, or MOS, AB, ABX, CCR.",
        calls.mushra("export"),
        "mushra_export",
    ),
    "mushra serve": Command(
        "mushra serve DIR [KEY=VALUE ...]", "Hold an exported listening test.", calls.mushra("serve"), "mushra_serve"
    ),
    "mushra import": Command(
        "mushra import FILE... [KEY=VALUE ...]", "Read listeners' answers.", calls.mushra("import"), "mushra_import"
    ),
    "mushra analyse": Command(
        "mushra analyse DIR [KEY=VALUE ...]",
        "Screen listeners, test differences, draw the ratings.",
        calls.mushra("analyse"),
        "mushra_analyse",
    ),
    "weights list": Command(
        "weights list", "Other people's weights: what, from where, under which licence.", calls.weights("list")
    ),
    "weights get": Command(
        "weights get [NAME ...]",
        "Fetch weights of the catalogue into the user's cache, checked; without names, those of `known`'s systems.",
        calls.weights("get"),
    ),
    "weights verify": Command(
        "weights verify [NAME ...]", "Check the copies of the catalogue's weights.", calls.weights("verify")
    ),
    "data list": Command("data list", "Datasets that can be prepared, and whether they are.", calls.data("list")),
    "data info": Command(
        "data info NAME [dir=FOLDER]",
        "A dataset's card: what it is, how to get it, its keys; and what is prepared of it.",
        calls.data("info"),
        details="\n".join(PLACE.values()),
    ),
    "data prepare": Command(
        "data prepare NAME [KEY=VALUE ...]",
        "Make a dataset from its corpora, once; interrupted, the same command continues.",
        calls.data("prepare"),
        details="\n".join([*PREPARE.values(), CARD]),
    ),
    "data verify": Command(
        "data verify NAME [dir=FOLDER]",
        "Check a prepared dataset, file by file.",
        calls.data("verify"),
        details="\n".join(PLACE.values()),
    ),
    "data compare": Command(
        "data compare A B",
        "Say whether two datasets are the same, and how they differ.",
        calls.data("compare"),
        details="A and B are named as datasets of bench run are: demo, a folder, {name: ..., option: ...}.",
    ),
    "data demo": Command(
        "data demo FOLDER STYLES",
        "Make the demo benchmark anew in a new FOLDER.",
        calls.demo,
        details="STYLES: the tarball with the voices' style vectors that `npm pack kokoro-js@1.2.1` fetches.",
    ),
}
