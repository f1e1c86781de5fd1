"""A job's configuration: ``JOB.yaml`` in ``bench/conf`` with Hydra overrides, and mistakes in one line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.conf.plugins import folders
from bench.core.errors import UserError, did_you_mean

CONF = Path(__file__).parent


def text(job: str) -> str:
    """The job's defaults with their comments, as they stand in the file."""
    return (_home(job) / f"{job}.yaml").read_text(encoding="utf-8")


def compose(job: str, overrides: Sequence[str]) -> dict[str, Any]:
    """The defaults of ``job`` with ``overrides`` applied, interpolations resolved.

    Raises:
        UserError: an override cannot be read, or names a key that does not exist.
    """
    from hydra import compose, initialize_config_dir
    from hydra.errors import ConfigCompositionException, HydraException, OverrideParseException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    places = folders() if _home(job) == CONF else ()
    elsewhere = [f"hydra.searchpath=[{','.join(repr(f'file://{place}') for place in places)}]"]
    with initialize_config_dir(str(_home(job)), job_name=job, version_base="1.3"):
        try:
            known = OmegaConf.to_container(compose(job, [*elsewhere, *_choices(job, overrides)]))
        except (HydraException, OmegaConfBaseException):  # a choice that does not exist: explained below
            known = OmegaConf.to_container(compose(job))
        try:
            config = OmegaConf.to_container(compose(job, [*elsewhere, *map(_quoted, overrides)]), resolve=True)
        except OverrideParseException as error:
            raise UserError(
                f"cannot read the override {error.override!r}: it must be KEY=VALUE; put values with spaces or "
                "special characters in quotes inside quotes: 'key=\"my value\"'"
            ) from error
        except ConfigCompositionException as error:
            raise _explain(error, known) from error
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            raise UserError(f"cannot apply the overrides {' '.join(overrides)}: {_first_line(error)}") from error
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


def yaml(job: str, overrides: Sequence[str]) -> str:
    """The composed configuration as YAML."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(compose(job, overrides)))


def _quoted(override: str) -> str:
    """The override with quotes around names like ``epoch=12.ckpt``: Lightning gives them, Hydra cannot read them."""
    key, equals, value = override.partition("=")
    if any(mark in value for mark in "'\"()$"):
        return override
    return key + equals + re.sub(r"[^\s,:\[\]{}]*=[^\s,\[\]{}]*", lambda name: f"'{name[0]}'", value)


def _home(job: str) -> Path:
    """Where the job's file lies: in a folder of its own where keys would be taken for the groups in ``conf``."""
    return CONF / job if (CONF / job).is_dir() else CONF


def _choices(job: str, overrides: Sequence[str]) -> list[str]:
    """The overrides that choose a file: ``method=storm`` decides which keys there are."""
    groups = {path.name for path in _home(job).iterdir() if path.is_dir()}
    return [override for override in overrides if override.partition("=")[0] in groups]


def _explain(error: Exception, known: Any) -> UserError:
    """The unknown key, or choice of a file, and its nearest neighbour, where that is what went wrong."""
    choice = re.search(r"Could not (?:find|load) '(\w+)/([^']+)'", str(error))
    if choice is not None:
        files = [path.stem for home in (CONF, *folders()) for path in (home / choice[1]).glob("*.yaml")]
        return did_you_mean(choice[1], choice[2], files)
    match = re.search(r"(?:Could not override|Key|group) '([^'@]+)", str(error))
    if match is None:
        return UserError(_first_line(error))
    *parents, leaf = re.split(r"[./]", match[1])
    for parent in parents:
        known = known.get(parent, {}) if isinstance(known, dict) else {}
    return did_you_mean("key", leaf, known if isinstance(known, dict) else ())


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
