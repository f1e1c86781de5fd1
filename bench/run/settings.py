"""What one run is asked to do, checked: every mistake found here costs no computing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from bench.core.errors import UserError, did_you_mean

LABEL = re.compile(r"[A-Za-z0-9_.+-]+")

Rescore = bool | Literal["outdated"]


@dataclass(frozen=True)
class Spec:
    """One entry of ``methods``, ``datasets`` or ``metrics``.

    Attributes:
        name: in the registry.
        label: what rows call it; None: the name, or for a dataset the name it gives itself.
        options: keyword arguments for the factory.
    """

    name: str
    label: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(key: str, entry: Any) -> Spec:
        """The spec of a configuration's entry: a name, or a mapping with ``name``."""
        if isinstance(entry, str):
            return Spec(entry)
        if not isinstance(entry, Mapping):
            raise UserError(f"{key}: an entry is a name or a mapping with a name, not {entry!r}")
        options = {str(option): value for option, value in entry.items()}
        name, label = options.pop("name", None), options.pop("label", None)
        if not isinstance(name, str):
            raise UserError(f"{key}: the entry {dict(entry)} needs a name, as in {{name: ..., option: ...}}")
        if label is not None:
            check_label(key, str(label))
        return Spec(name, None if label is None else str(label), options)


def check_label(key: str, label: str) -> None:
    """Labels become file names and table heads."""
    if not LABEL.fullmatch(label) or set(label) == {"."}:
        raise UserError(f"{key}: '{label}' may hold letters, digits and _ . + - only")


@dataclass(frozen=True)
class Settings:
    """The composed configuration of ``bench run``; the keys are explained in ``conf/run.yaml``."""

    run: str
    methods: tuple[Spec, ...]
    datasets: tuple[Spec, ...]
    metrics: tuple[Spec, ...]
    steps: tuple[int, ...]
    seeds: tuple[int, ...]
    checkpoint: str | None = None
    runs_dir: Path = Path("results/runs")
    limit: int | None = None
    workers: int | None = None
    threads: int = 1
    device: str = "auto"
    ray_address: str | None = None
    save_audio: bool = True
    rescore: Rescore = False

    @property
    def folder(self) -> Path:
        """Where this run is stored."""
        return self.runs_dir / self.run

    @staticmethod
    def of(config: Mapping[str, Any]) -> Settings:
        """Check a composed configuration.

        Raises:
            UserError: a key is unknown or missing, or its value makes no sense.
        """
        known = [f.name for f in fields(Settings)]
        for key in config:
            if key not in known:
                raise did_you_mean("key", key, known)
        for key in known:
            if key not in config:
                raise UserError(f"the key '{key}' cannot be removed")
        check_label("run", str(config["run"]))
        if config["device"] not in ("auto", "cpu", "cuda"):
            raise UserError(f"device: one of auto, cpu, cuda; got {config['device']!r}")
        return Settings(
            run=str(config["run"]),
            methods=_specs("methods", config["methods"]),
            datasets=tuple(dataset_spec(spec) for spec in _specs("datasets", config["datasets"])),
            metrics=_specs("metrics", config["metrics"]),
            steps=_integers("steps", config["steps"], minimum=1),
            seeds=_integers("seeds", config["seeds"], minimum=0),
            checkpoint=None if config["checkpoint"] is None else str(config["checkpoint"]),
            runs_dir=Path(str(config["runs_dir"])).expanduser().absolute(),
            limit=_optional_integer("limit", config["limit"], minimum=1),
            workers=_optional_integer("workers", config["workers"], minimum=0),
            threads=_integer("threads", config["threads"], minimum=1),
            device=config["device"],
            ray_address=None if config["ray_address"] is None else str(config["ray_address"]),
            save_audio=_boolean("save_audio", config["save_audio"]),
            rescore=_rescore(config["rescore"]),
        )


def _entries(key: str, value: Any) -> list[Any]:
    """A list, or the one thing that stands for a list of one."""
    entries = value if isinstance(value, list) else [value]
    if value is None or not entries:
        raise UserError(f"{key}: needs at least one entry")
    return entries


def _specs(key: str, value: Any) -> tuple[Spec, ...]:
    return tuple(Spec.of(key, entry) for entry in _entries(key, value))


def _integers(key: str, value: Any, minimum: int) -> tuple[int, ...]:
    return tuple(dict.fromkeys(_integer(key, entry, minimum) for entry in _entries(key, value)))


def _integer(key: str, value: Any, minimum: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        raise UserError(f"{key}: whole numbers from {minimum} up; got {value!r}")
    return value


def _optional_integer(key: str, value: Any, minimum: int) -> int | None:
    return None if value is None else _integer(key, value, minimum)


def _boolean(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise UserError(f"{key}: true or false; got {value!r}")
    return value


def _rescore(value: Any) -> Rescore:
    if value is True or value is False or value == "outdated":
        return value  # type: ignore[no-any-return]
    raise UserError(f"rescore: false, outdated or true; got {value!r}")


def dataset_spec(spec: Spec) -> Spec:
    """A folder or a manifest in place of a dataset's name is a ``paired_folder``."""
    from bench.datasets.base import DATASETS

    if spec.name in DATASETS.names():
        return spec
    path = Path(spec.name).expanduser()
    if path.is_dir() or (path.is_file() and path.suffix == ".csv"):
        return Spec(
            "paired_folder", spec.label, {"dir" if path.is_dir() else "manifest": str(path.absolute()), **spec.options}
        )
    if "/" in spec.name or path.suffix == ".csv" or path.exists():
        raise UserError(f"datasets: {spec.name} is neither a folder nor a .csv manifest")
    raise did_you_mean("dataset", spec.name, DATASETS.names())
