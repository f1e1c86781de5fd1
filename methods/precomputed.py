"""A folder of files enhanced by another system, to be scored like a method's output."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from bench.core import audio
from bench.core.errors import UserError
from bench.core.files import digest
from bench.core.folders import recordings_in
from bench.core.names import examples
from bench.core.types import Audio, Utterance
from methods.alignment import AUTO, RECORDINGS, measure
from methods.base import Enhanced, Method
from methods.enhanced_files import FilesById, Pattern
from methods.fitting import check_tolerance, fitted

LOOKED_AT = 100
"""The maximum number of files that are compared with their recordings before a run."""


class Precomputed(Method):
    """Finds the enhanced file by the utterance's id: ``anna/01`` is ``dir/anna/01.wav``, or in another format.

    Args:
        dir: the folder. A file whose rate differs from the recording's is resampled.
        pattern: of the file names: ``{id}_enhanced``, ``noisy/{id}``, ``{name}`` (the id without its folders),
            ``{id}_*`` (``*`` is anything). Case and Unicode form may always differ.
        tolerance: by how many samples, at the recording's rate, a file may be shorter (zeros are appended) or longer
            (its end is cut) than the recording; null: any number where the option ``align`` says what is done, else 0.
        mixdown: average the channels of multi-channel files, which are refused otherwise.
        channel: or use this channel of each file, counted from 0.

    A delay of the files, and inverted polarity, are undone by the options ``delay`` and ``invert`` of every method;
    ``align`` says which differences of length are mended. Changes to a file are recorded in ``Enhanced.adjusted``
    (``methods.fitting``).

    Raises:
        UserError: no such folder, no audio in it, two files of one name, or an invalid option.
    """

    needs_id = True
    fits_length = True

    def __init__(
        self,
        dir: str | Path,
        mixdown: bool = False,
        pattern: str = "{id}",
        tolerance: int | None = None,
        channel: int | None = None,
    ) -> None:
        audio.check_channels("precomputed", mixdown, channel)
        check_tolerance(tolerance)
        self._found = recordings_in(Path(dir).expanduser()).required()
        self._files = FilesById(self._found.folder, self._found.files, Pattern(pattern))
        self._tolerance, self._mixdown, self._channel = tolerance, mixdown, channel

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
        return [
            *self._found.notes(),
            *(f"{self._found.folder}: {what} ({examples(names)})" for what, names in counts.items() if names),
            *(f"{self._found.folder}: {warning}" for warning in self._misaligned(list(matched), load)),
        ]

    def _check_some(self, utterance_ids: Sequence[str], load: Callable[[str], Utterance]) -> None:
        """Look for a file that fits; if none does, raise one error instead of one per row."""
        looked_at = utterance_ids[:: max(1, -(-len(utterance_ids) // LOOKED_AT))]
        problems = []
        for recording in _readable(looked_at, load):
            try:
                self._read(recording.id, recording.noisy.size, recording.sample_rate)
            except UserError as error:  # noqa: PERF203 (each file's own)
                problems.append(str(error))
            else:
                return
        if problems:
            raise UserError(problems[0] + (f" (of {len(problems)} files looked at none fits)" if problems[1:] else ""))

    def _misaligned(self, utterance_ids: Sequence[str], load: Callable[[str], Utterance]) -> list[str]:
        """What is to be said of the files' delay and polarity, as they are scored."""
        if self.alignment.delay == AUTO:
            return []
        looked_at = utterance_ids[:: max(1, -(-len(utterance_ids) // RECORDINGS))]

        def enhanced(recording: Utterance) -> Audio:
            return self.enhance(recording.noisy, recording.sample_rate, utterance_id=recording.id).audio

        measured = measure(enhanced, _readable(looked_at, load))
        return [] if measured is None else measured.warnings()

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        if utterance_id is None:
            raise UserError("precomputed must be told the utterance's id to find its file")
        return self._read(utterance_id, noisy.size, sample_rate)

    def _read(self, utterance_id: str, samples: int, sample_rate: int) -> Enhanced:
        path = self._files.find(utterance_id)
        speech, rate = audio.read(path, mixdown=self._mixdown, channel=self._channel)
        fit, done = fitted(speech, rate, samples, sample_rate, self._tolerance, self.alignment.align, path)
        return Enhanced(fit, adjusted=done)

    def provenance(self) -> dict[str, Any]:
        """The folder, the number of files, and one SHA-256 over their names and bytes."""
        content = hashlib.sha256()
        for name, path in self._found.files.items():
            content.update(f"{name}\0{digest(path)}\n".encode())
        return {"dir": str(self._found.folder), "files": len(self._found.files), "sha256": content.hexdigest()}


def _readable(utterance_ids: Iterable[str], load: Callable[[str], Utterance]) -> Iterator[Utterance]:
    for utterance_id in utterance_ids:
        with suppress(UserError):  # its own row will have the reason
            yield load(utterance_id)
