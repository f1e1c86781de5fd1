"""A folder of files enhanced by another system, to be scored like a method's output."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from bench.core import audio
from bench.core.errors import UserError
from bench.core.files import digest
from bench.core.folders import recordings_in
from bench.core.names import examples
from bench.core.types import Audio, Utterance
from methods.base import Enhanced, Method
from methods.enhanced_files import FilesById, Pattern
from methods.fitting import check_delay, check_tolerance, fitted

LOOKED_AT = 100
"""The maximum number of files that are compared with their recordings before a run."""


class Precomputed(Method):
    """Finds the enhanced file by the utterance's id: ``anna/01`` is ``dir/anna/01.wav``, or in another format.

    Args:
        dir: the folder. A file whose rate differs from the recording's is resampled.
        pattern: of the file names: ``{id}_enhanced``, ``noisy/{id}``, ``{name}`` (the id without its folders),
            ``{id}_*`` (``*`` is anything). Case and Unicode form may always differ.
        tolerance: by how many samples, at the recording's rate, a file may be shorter (zeros are appended) or longer
            (its end is cut) than the recording.
        mixdown: average the channels of multi-channel files, which are refused otherwise.
        channel: or use this channel of each file, counted from 0.
        delay: the files' delay relative to the recordings, in samples at the recording's rate: 1440 for 30 ms at
            48 kHz. It is compensated, including fractions of a sample.

    Changes to a file are recorded in ``Enhanced.adjusted`` (``methods.fitting``).

    Raises:
        UserError: no such folder, no audio in it, two files of one name, or an invalid option.
    """

    needs_id = True

    def __init__(
        self,
        dir: str | Path,
        mixdown: bool = False,
        pattern: str = "{id}",
        tolerance: int = 0,
        channel: int | None = None,
        delay: float = 0,
    ) -> None:
        audio.check_channels("precomputed", mixdown, channel)
        check_tolerance(tolerance)
        check_delay(delay)
        self._found = recordings_in(Path(dir).expanduser()).required()
        self._files = FilesById(self._found.folder, self._found.files, Pattern(pattern))
        self._tolerance, self._mixdown, self._channel, self._delay = tolerance, mixdown, channel, delay

    def preview(self, utterance_ids: Sequence[str], load: Callable[[str], Utterance]) -> list[str]:
        """Notes on unused files of the folder, and on recordings without a file.

        Raises:
            UserError: no file matches a recording, or no matching file fits its recording.
        """
        matched = self._files.matched(utterance_ids)
        self._check_some(list(matched), load)
        missing = [name for name in utterance_ids if name not in matched]
        used = set(matched.values())
        unused = [name for name in self._found.files if name not in used]
        counts = {
            f"no file for {len(missing)} of {len(utterance_ids)} recordings": missing,
            f"{len(unused)} of {len(self._found.files)} files belong to no recording": unused,
        }
        return self._found.notes() + [
            f"{self._found.folder}: {what} ({examples(names)})" for what, names in counts.items() if names
        ]

    def _check_some(self, utterance_ids: Sequence[str], load: Callable[[str], Utterance]) -> None:
        """Look for a file that fits; if none does, raise one error instead of one per row."""
        looked_at = utterance_ids[:: max(1, -(-len(utterance_ids) // LOOKED_AT))]
        problems = []
        for utterance_id in looked_at:
            try:
                recording = load(utterance_id)
            except UserError:  # its own row will have the reason
                continue
            try:
                self._read(utterance_id, recording.noisy.size, recording.sample_rate)
            except UserError as error:
                problems.append(str(error))
            else:
                return
        if problems:
            raise UserError(problems[0] + (f" (of {len(problems)} files looked at none fits)" if problems[1:] else ""))

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        if utterance_id is None:
            raise UserError("precomputed must be told the utterance's id to find its file")
        return self._read(utterance_id, noisy.size, sample_rate)

    def _read(self, utterance_id: str, samples: int, sample_rate: int) -> Enhanced:
        path = self._files.find(utterance_id)
        speech, rate = audio.read(path, mixdown=self._mixdown, channel=self._channel)
        return fitted(speech, rate, samples, sample_rate, self._tolerance, path, self._delay)

    def provenance(self) -> dict[str, Any]:
        """The folder, the number of files, and one SHA-256 over their names and bytes."""
        content = hashlib.sha256()
        for name, path in self._found.files.items():
            content.update(f"{name}\0{digest(path)}\n".encode())
        return {"dir": str(self._found.folder), "files": len(self._found.files), "sha256": content.hexdigest()}
