"""The registry of methods, usable without importing torch, which the methods themselves need."""

from __future__ import annotations

from typing import Any

from bench.core.registry import Registry

METHODS: Registry[Any] = Registry(  # of methods.base.Method
    "method",
    "sebench.methods",
    {
        "noisy": "methods.noisy:Noisy",
        "precomputed": "methods.precomputed:Precomputed",
        "command": "methods.command:Command",
        "recipe": "methods.recipe:RecipeCommand",
        "ncsnpp_m": "methods.predictive:NCSNppM",
        "sgmse_m": "methods.sgmse:SGMSE",
        "convtasnet": "methods.convtasnet:ConvTasNetMethod",
        "gagnet": "methods.gagnet:GaGNetMethod",
        "crp": "methods.crp:CRP",
        "sips": "methods.sips:SIPS",
        "vae_nmf": "methods.vae_nmf:VAENMF",
        "udiffse": "methods.udiffse:UDiffSE",
        "refinement": "methods.refinement:StochasticRefinement",
        "storm": "methods.storm:StoRM",
        "clean": "methods.known.oracles:Clean",
        "ideal_ratio_mask": "methods.known.oracles:IdealRatioMask",
        "phase_sensitive_mask": "methods.known.oracles:PhaseSensitiveMask",
        "logmmse": "methods.known.classical:LogMMSE",
        "wiener": "methods.known.classical:Wiener",
        "gtcrn": "methods.known.gtcrn:GTCRN",
        "dtln": "methods.known.dtln:DTLN",
        "dfn3": "methods.known.native:DeepFilterNet3",
        "rnnoise": "methods.known.native:RNNoise",
        "webrtc_ns": "methods.known.native:WebRTCNoiseSuppression",
    },
    common={"delay": 0, "invert": False, "align": None},
)
