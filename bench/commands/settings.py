"""What commands other than run, train and mushra can be asked for: their schemas, light enough for help."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, Lt
from pydantic import Strict

from bench.conf.schema import Count, Folder, Positive, Reads, RunsFolder, Schema, Text, Truth, key
from bench.conf.values import Plain
from bench.run.entries import Named, Spec, registry
from bench.run.settings import LONGEST_PIECE, Batch, Device, MethodEntries, MetricEntries, Piece, Precision

Names = tuple[Text, ...]


class TextMapping(Reads):
    """A mapping of texts to texts, however they look: 3 and yes are texts, too."""

    def typed(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {str(name): str(other) if isinstance(other, Plain) else other for name, other in value.items()}
        return str(value) if isinstance(value, Plain) else value


MethodEntry = Annotated[Any, Named("methods")]
DataEntry = Annotated[Any, Named("datasets")]


def check_entry(entry: Any) -> None:
    """That a method is there, and has the options given.

    Raises:
        UserError: a name or option is unknown; the nearest is named.
    """
    if entry is not None:
        spec = Spec.of("method", entry)
        registry("methods").check(spec.name, spec.options)


class Analysed(Schema):
    """How rows of stored runs are analysed."""

    runs_dir: RunsFolder = key("results/runs", "where runs are stored: a folder, or a URL")
    cluster: Text | None = key(
        "speaker", "the tag whose recordings depend on each other; null: all recordings are independent"
    )
    confidence: Annotated[float, Strict(), Ge(0.5), Lt(1)] = key(
        0.95, "of intervals; tests are at the level that is left of 1"
    )
    resamples: Annotated[int, Strict(), Ge(1000)] = key(10000, "of the bootstrap, 1000 or more")


class Merged(Analysed):
    """Rows of one or several stored runs, taken together."""

    mix: Truth = key(False, "true: take datasets of one name for one, though their recordings differ")


class Split(Merged):
    """The parts that recordings are split into."""

    strata: Literal["auto"] | Names | None = key(
        "auto", "tags to split the recordings by; auto: every tag with more than one value; []: none"
    )
    bins: Annotated[int, Strict(), Ge(2)] = key(
        4, "parts of equal size that numbers of more than 8 values (T60) are split into"
    )


class Leaderboard(Split):
    """Summarise stored runs, named or given by their folders, merged where they are several; no score is computed.

    bench leaderboard mine theirs 'strata=[snr,sex]' 'mixed=[pesq]'
    """

    out: Folder | None = key(
        None, "folder to write to; null: one run's own folder, several runs' results/leaderboards/A+B"
    )
    mixed: Names | None = key([], 'metrics to fit a mixed-effects model to; needs the extra "statistics"')
    content: Literal["auto"] | Names | None = key("auto", "metrics of what is said, as [wer, lps], and")
    quality: Literal["auto"] | Names | None = key(
        "auto",
        "of how it sounds without a reference, as [dnsmos], between which hallucinations show; auto: every metric that "
        "says that it is one",
    )
    plots: Truth = key(True, "draw them")


class Report(Split):
    """Stored runs as one page to look at and listen to, in a browser and without a network; nothing is computed anew.

    bench report demo
    bench report mine theirs out=both             # a folder, with the audio of every recording beside the page
    """

    out: Folder | None = key(
        None,
        "NAME.html: the page alone; another name: a folder, with every recording's audio; null: report.html in the "
        "run's own folder",
    )
    title: Text | None = key(None, "of the page; null: the runs' names")
    audio: Truth = key(True, "false: a page without audio")
    megabytes: Annotated[float, Strict(), Ge(0)] = key(
        10.0, "most MB of audio in a page of one file; the recordings first that methods differ on most"
    )


class Show(Schema):
    """What a run's methods made of one recording: where the audio is, its scores, a page with players, a picture.

    bench show demo clip=denoise-01
    bench show demo clip=denoise-01 method=storm steps=5
    """

    clip: Text | None = key(None, "the recording's id; must be given")
    dataset: Text | None = key(None, "the recording's dataset, where several have a recording with this id")
    method: Text | None = key(None, "its name in the run; null: all methods")
    steps: Positive | None = key(None, "reverse steps N; null: all that the run has")
    seed: Count | None = key(None, "of the noise; null: the lowest that the run has")
    runs_dir: RunsFolder = key("results/runs", "where runs are stored: a folder, or a URL")
    out: Folder | None = key(None, "folder to write; null: show/DATASET-CLIP in the run's own folder")


class Listen(Schema):
    """Recordings of your own as several methods enhance them: one page with players that switch without a gap.

    bench listen me.wav
    bench listen mic                               # only what the microphone button of the page records
    bench listen a.wav 'methods=[known,storm]' steps=10 serve=false
    The page is written to a file; it is also served, to this machine alone, with the microphone, until Ctrl-C.
    """

    methods: MethodEntries = key(
        ["logmmse", "ncsnpp_m", "sgmse_m", "refinement", "storm"],
        "what enhances: bench list methods; known: every known system whose weights are here",
    )
    steps: Positive | None = key(None, "reverse steps N, for methods that take steps; null: each method's own number")
    seed: Count = key(0, "of the noise, for methods that draw some")
    metrics: MetricEntries = key(["dnsmos"], "what is scored, without a reference: dnsmos, nisqa, utmos, srmr")
    channel: Count | None = key(None, "the channel to take of a recording with several, from 0")
    mixdown: Truth = key(False, "true: take the average of the channels")
    out: Folder | None = key(None, "the page; null: listen.html here")
    serve: Truth = key(True, "false: only write the page")
    port: Annotated[int, Strict(), Ge(0), Le(65535)] = key(0, "of the page's address; 0: any that is free")
    threads: Positive = key(1, "CPU threads")
    device: Device = key("auto", "auto: a GPU where there is one; cpu; cuda")

    def check_names(self) -> None:
        for kind, specs in (("methods", self.methods), ("metrics", self.metrics)):
            for spec in specs:
                registry(kind).check(spec.name, spec.options)


class Card(Analysed):
    """Write a weights file's model card, with the scores that stored runs hold of it.

    bench card checkpoints/storm/weights.safetensors mine steps
    Methods of the runs that used this very file are in it, beside the same recordings' noisy row where there is one.
    """

    note: Text | None = key(None, "Markdown to end the card with")
    out: Folder | None = key(None, "the file to write, NAME.md; null: beside the weights, but for the embedded ones")


class Check(Schema):
    """Say what a checkpoint is and what is wrong with it, or try whether a method keeps the protocol.

    bench check checkpoint=epoch.ckpt data=/data/my_recordings
    bench check method=my_method
    bench check 'method={name: storm, checkpoint: epoch.ckpt}'
    """

    checkpoint: Text | None = key(None, "a .ckpt of StoRM or SGMSE, or a safetensors file of ours")
    weights: Literal["ema", "raw"] | None = key(
        None, "of a checkpoint with both: ema (the averages) or raw; null: the averages where there are any"
    )
    method: MethodEntry | None = key(
        None, "a name (bench list methods), or a mapping with options: {name: ..., option: ...}"
    )
    data: DataEntry | None = key(
        None,
        "a dataset (bench list datasets) or folder: whether its rate is the checkpoint's; to run the method on",
    )
    recordings: Positive = key(3, "the number of recordings of data that are enhanced, instead of generated noise")
    steps: Positive = key(2, "reverse steps N, for methods that take steps")
    device: Text = key("cpu", "auto: a GPU where there is one; cpu; cuda; cuda:1")

    def check_names(self) -> None:
        check_entry(self.method)


class Convert(Schema):
    """Turn a checkpoint of StoRM or SGMSE into safetensors, which are read without unpickling; nothing is lost.

    bench convert checkpoint=epoch.ckpt out=storm.safetensors
    """

    checkpoint: Text | None = key(
        None, "a .ckpt of StoRM or SGMSE: a file, a URL, hub:OWNER/NAME/FILE, or a name of bench weights list"
    )
    out: Folder | None = key(None, "the file to write; null: beside the checkpoint, or here, under its name")
    weights: Literal["ema", "raw"] | None = key(
        None, "of a checkpoint with both: ema (the averages) or raw; null: the averages where there are any"
    )


class Enhance(Schema):
    """Enhance a folder of recordings, or some files, into a folder by one method; nothing is scored.

    bench enhance /data/noisy out=/data/enhanced method=storm steps=10
    bench enhance a.wav b.flac out=enhanced 'method={name: sgmse_m, checkpoint: epoch.ckpt}' rate=model
    Names and sub-folders are kept; every file is written as WAV, 32-bit float. The same command continues.
    """

    out: Folder | None = key(None, "the folder to write; nothing in it is ever overwritten")
    method: MethodEntry = key(
        "storm", "a name (bench list methods), or a mapping with options: {name: ..., option: ...}"
    )
    checkpoint: Text | None = key(None, "weights for the method")
    steps: Positive | None = key(None, "reverse steps N, for methods that take steps; null: the method's own number")
    seed: Count = key(0, "of the noise, for methods that draw some; it also depends on the file's name")
    rate: Literal["input", "model"] = key(
        "input", "of what is written: input: each file's own; model: the one that the method works at"
    )
    channel: Count | None = key(None, "the channel to take of a recording with several, from 0")
    mixdown: Truth = key(False, "true: take the average of the channels")
    workers: Count | None = key(
        None, "processes; null: as many as cores allow (or GPUs, where used); 0: none, all in this one"
    )
    threads: Positive = key(1, "CPU threads of each worker")
    device: Device = key("auto", "auto: a GPU where there is one; cpu; cuda")
    precision: Precision = key(
        "float32", "of the networks, where it names none: float32; bfloat16; tf32, on NVIDIA GPUs"
    )
    compile: Truth = key(False, "true: compile the networks (torch.compile, CUDA graphs)")
    batch: Batch = key("auto", "at most so many clips share a network call; auto: 1 on a CPU, what fits on a GPU")
    piece: Piece | None = key(
        LONGEST_PIECE,
        "seconds: networks enhance longer recordings in overlapping pieces; null: whole, whatever the memory",
    )

    def check_names(self) -> None:
        check_entry(self.method)
