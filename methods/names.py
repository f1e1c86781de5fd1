"""The registry of methods' names: it can be asked without importing torch, which the methods themselves need."""

from __future__ import annotations

from typing import Any

from bench.core.registry import Registry

METHODS: Registry[Any] = Registry(  # of methods.base.Method
    "method",
    "sebench.methods",
    {
        "noisy": "methods.noisy",
        "precomputed": "methods.precomputed",
        "command": "methods.command",
        "recipe": "methods.recipe",
        "ncsnpp_m": "methods.predictive",
        "sgmse_m": "methods.sgmse",
        "refinement": "methods.refinement",
        "storm": "methods.storm",
        "logmmse": "methods.known.classical",
        "wiener": "methods.known.classical",
        "gtcrn": "methods.known.gtcrn",
        "dtln": "methods.known.dtln",
        "dfn3": "methods.known.native",
        "rnnoise": "methods.known.native",
        "webrtc_ns": "methods.known.native",
    },
)
