"""Findings of the check of the audio: the names in ``Row.findings``, each with unit, threshold and a sentence.

A finding in the recording itself, the same for every method, is prefixed by its signal: ``noisy_clipped``,
``clean_band``. Without a prefix it is in the enhanced speech and belongs to the method. ``metrics.checks`` computes
them; ``explain`` describes them in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.core.types import Tag

SIGNALS: Mapping[str, str] = {
    "noisy_": "the noisy recording",
    "clean_": "the clean recording",
    "": "the enhanced speech",
}
"""Prefixes of findings' names, and the signals that they denote."""


@dataclass(frozen=True)
class Finding:
    """One kind of finding.

    Attributes:
        unit: of the value.
        threshold: the value from which it is reported; ``meaning`` says how it is compared.
        meaning: what the value is, and when it is reported.
        sentence: a template with ``{who}``, the signal, and ``{value}``.
    """

    unit: str
    threshold: float
    meaning: str
    sentence: str


FINDINGS: Mapping[str, Finding] = {
    "silent": Finding(
        "s",
        0.0,
        "length of a signal that is one constant, such as 0, from end to end",
        "{who} is silent: nothing but one constant for {value:.1f} s",
    ),
    "digital_silence": Finding(
        "%",
        30.0,
        "share in stretches of one constant, 20 ms or longer; told from 30 % on",
        "{value:.0f} % of {who} are digital silence; spectral distances leave it out, other metrics see it",
    ),
    "integer_range": Finding(
        "",
        10.0,
        "peak in full scales, from 10 on, where clipping to full scale would remove most of the energy",
        "{who} peaks at {value:.0f} times full scale: looks like 16-bit integers stored as floats; divide it by 32768",
    ),
    "beyond_full_scale": Finding(
        "%",
        1.0,
        "energy that clipping to full scale removes; told from 1 % on",
        "{who} goes beyond full scale: clipping, as for DNSMOS and recognisers, removes {value:.0f} % of its energy",
    ),
    "clipped": Finding(
        "%",
        0.1,
        "share of samples in flat stretches at the highest or lowest value; told from 0.1 % on",
        "{who} is clipped: {value:.1f} % of its samples lie flat at the peak",
    ),
    "few_levels": Finding(
        "",
        64.0,
        "how many values its samples have, where there are fewer than 64",
        "{who} has only {value:.0f} sample values: a square wave or a few bits; no metric without reference knows such",
    ),
    "quiet": Finding(
        "dB",
        -60.0,
        "root mean square in dB of full scale, digital silence left out; told below -60 dB",
        "{who} is very quiet, {value:.0f} dB of full scale; DNSMOS, NISQA and recognisers depend on the level",
    ),
    "dc": Finding(
        "%",
        0.5,
        "mean in % of full scale; told from 0.5 % on where it exceeds a tenth of the root mean square",
        "{who} has an offset of {value:.1f} % of full scale, which counts as an error in SI-SDR and segmental SNR",
    ),
    "band": Finding(
        *(
            "Hz",
            0.85,
            "upper end of its band, told below 85 % of half the rate; or half of a rate below 14 kHz",
        ),
        "{who} holds nothing above {value:.0f} Hz: scores of metrics that listen higher are not those of wider speech",
    ),
    "level": Finding(
        "dB",
        20.0,
        "level relative to the clean speech; told from 20 dB on, up or down",
        "{who} is {value:+.0f} dB off the level of the clean speech, which SSNR, fwSSNR and LSD count as an error",
    ),
    "delay": Finding(
        "ms",
        3.0,
        "lag behind the clean, else the noisy speech, if the two correlate; told where SI-SDR would gain 3 dB without",
        "{who} is {value:.1f} ms late: SI-SDR, SSNR and spectral distances compare sounds that do not belong together; "
        "a method's option delay: auto compensates",
    ),
    "inverted": Finding(
        "",
        0.65,  # a room's reflection, inverted and stronger than the direct sound, reaches 0.58
        "correlation with the clean, else the noisy speech, at its delay; told from -0.65 down",
        "{who} has inverted polarity (correlation {value:.2f}), which SSNR counts as an error and SI-SDR does not; a "
        "method's option invert: true undoes it",
    ),
}
"""Every kind, by its name without a prefix. NaN and infinity are not findings but errors: they are never scored."""

SEEN: Mapping[str, str] = {
    "seen_clip": "its speech is in the training of these weights: {value}",
    "seen_speaker": "its speaker is in the training of these weights: {value}",
    "seen_noise": "its noise is in the training of these weights: {value}",
    "seen_room": "its room is in the training of these weights: {value}",
    "seen_corpus": "it is of a corpus that these weights are declared to be trained on: {value}",
}
"""What of a recording is in the training of a method's weights; the value is its name there."""

DEGENERATE = frozenset({"few_levels", "silent"})
"""Kinds that speech never has. A method whose output has one, where the recording does not, is not marked best by any
metric: some non-intrusive metrics give such signals high scores."""


def kind(name: str) -> tuple[str, str]:
    """The prefix of a finding's name, as in ``SIGNALS``, and its kind, as in ``FINDINGS``."""
    prefix = next(prefix for prefix in SIGNALS if name.startswith(prefix))
    return prefix, name.removeprefix(prefix)


def explain(name: str, value: Tag) -> str:
    """A row's finding as a sentence; name and value for a kind that this version does not know."""
    if name in SEEN:
        return SEEN[name].format(value=value)
    prefix, what = kind(name)
    if what not in FINDINGS or isinstance(value, str):
        return f"{name}: {value}"
    text = FINDINGS[what].sentence.format(who=SIGNALS[prefix], value=value)
    return text[0].upper() + text[1:]
