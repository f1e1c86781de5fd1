"""Networks: outputs, every module on the way, sizes, the names of weights, and how they are initialised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from methods.backbones import NCSNpp
from methods.backbones.blocks import ResBlock
from methods.backbones.convert import _order, from_reference, pairs, reference_shapes
from methods.backbones.fir import downsample, upsample
from tests.reference.golden import Comparison, Golden, reproduces

SEVEN_LEVELS: dict[str, Any] = {"multipliers": (1, 1, 2, 2, 2, 2, 2), "blocks": 2, "attention_heights": (16,)}
V2: dict[str, Any] = {"scale_by_time": False, "centered": True}
AT_48K: dict[str, Any] = {**SEVEN_LEVELS, "attention_heights": (), "pyramids": False, "centered": True}

NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "storm_m_score4_nf16": ("storm_m_score4_nf16", {"width": 16}),
    "storm_m_score6_nf16": ("storm_m_score6_nf16", {"width": 16, "inputs": 3}),
    "storm_m_disc_nf16": ("storm_m_disc_nf16", {"width": 16, "inputs": 1, "conditional": False}),
    "m_score4_nf8": ("m_score4_nf8", {"width": 8, "centered": True}),
    "ncsnpp7_nf8": ("ncsnpp7_nf8", {"width": 8, **SEVEN_LEVELS}),
    "sgmse_ncsnpp_nf8": ("ncsnpp7_nf8", {"width": 8, "centered": True, **SEVEN_LEVELS}),
    "sgmse_ncsnpp_asM_nf8": ("m_score4_nf8", {"width": 8, "centered": True}),
    "sgmse_ncsnpp_v2_nf8": ("ncsnpp7_nf8", {"width": 8, **SEVEN_LEVELS, **V2}),
    "sgmse_ncsnpp_48k_nf4": ("sgmse_ncsnpp_48k_nf4", {"width": 4, **AT_48K}),
}
"""The weights and the sizes of each tag."""


def network(golden: Golden, tag: str) -> NCSNpp:
    """The reference's network of that name."""
    weights, size = NETWORKS[tag]
    built = NCSNpp(**size).eval()
    built.load_state_dict(from_reference(golden.beside(f"nets/{weights}.safetensors").weights(), built))
    return built


def given(arrays: dict[str, Tensor], built: NCSNpp) -> tuple[Tensor, Tensor | None]:
    """What the reference's network was given."""
    x = arrays["input"] if "input" in arrays else torch.cat((arrays["x"], arrays["y"]), dim=1)
    return x, arrays["t"] if built.conditional else None


@reproduces("nets/*.io.npz", tolerance=1e-5)
def outputs(golden: Golden) -> Iterator[Comparison]:
    """With gradients and without, which are computed by other code."""
    built = network(golden, golden.tag)
    for grad in (True, False):
        with torch.set_grad_enabled(grad):
            yield from golden.compare(output=built(*given(golden.arrays(), built)).detach())


@reproduces("nets/*.trace.json", tolerance=1e-4)
def modules(golden: Golden) -> Iterator[Comparison]:
    """Every module's output for the first item of the batch; what joins the pyramid is added elsewhere here."""
    built = network(golden, golden.tag)
    seen: dict[str, Tensor] = {}
    for index, name in enumerate(_order(built)):
        built.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, key=f"all_modules.{index}": seen.setdefault(key, output.detach())
        )
    x, t = given(golden.beside(f"nets/{golden.tag}.io.npz").arrays(), built)
    with torch.enable_grad():  # without, modules reuse each other's memory
        built(x[:1], None if t is None else t[:1])
    for entry in golden.json():
        if entry["cls"] in ("Combine", "Downsample", "Upsample") or entry["module"] == "output_layer":
            continue
        output = seen[entry["module"]]
        yield entry["module"], list(output.shape), entry["out_shape"]
        yield entry["module"], float(output.norm()), entry["l2"]
        flat, largest = output.flatten(), output.abs().max()
        yield entry["module"], flat[:4] / largest, torch.tensor(entry["first"]) / largest
        yield entry["module"], flat[-4:] / largest, torch.tensor(entry["last"]) / largest


@reproduces("nets/*_nets.json", tolerance=0, uses=("nets/*.safetensors",))
def parameters(golden: Golden) -> Iterator[Comparison]:
    for tag, facts in golden.json().items():
        yield tag, sum(p.numel() for p in network(golden, tag).parameters()), facts["n_params"]


def full_size(**size: Any) -> NCSNpp:
    """A network without memory for its weights."""
    with torch.device("meta"):
        return NCSNpp(**size)


def shapes(rows: list[list[Any]], prefix: str = "") -> list[tuple[str, list[int]]]:
    """The names that begin with ``prefix``, in their order."""
    return [(row[0].removeprefix(prefix), row[1]) for row in rows if row[0].startswith(prefix)]


def our_shapes(built: NCSNpp) -> list[tuple[str, list[int]]]:
    return [(name, list(shape)) for name, shape in reference_shapes(built).items()]


@reproduces("keys/storm_*_*.json", tolerance=0)
def names_of_storm(golden: Golden) -> Iterator[Comparison]:
    """Also in the module table, the initial statistics and the counts, which are not only names."""
    special = {
        "storm_m_module_table": module_table,
        "storm_m_score4_full_init_stats": initial_weights,
        "storm_param_counts": counts_of_storm,
    }
    if golden.tag in special:
        yield from special[golden.tag](golden)
        return
    facts = golden.json()
    denoiser, score = full_size(inputs=1, conditional=False), full_size(inputs=3 if golden.tag.endswith("both") else 2)
    networks = {
        "dnn.": denoiser if golden.tag == "storm_denoiser_only" else score,
        "denoiser_net.": denoiser,
        "score_net.": score,
    }
    there = {prefix: built for prefix, built in networks.items() if shapes(facts["rows"], prefix)}
    for prefix, built in there.items():
        yield prefix, our_shapes(built), shapes(facts["rows"], prefix)
    yield "parameters", sum(p.numel() for built in there.values() for p in built.parameters()), facts["n_params"]


def module_table(golden: Golden) -> Iterator[Comparison]:
    """Channels, groups and resampling of every module of the paper's networks."""
    sizes = {"score6": {"inputs": 3}, "score4": {}, "disc": {"inputs": 1, "conditional": False}}
    for tag, rows in golden.json().items():
        built = full_size(**next(size for name, size in sizes.items() if tag.startswith(name)))
        for row, name in zip(rows, _order(built), strict=True):
            module = built.get_submodule(name)
            yield name, sum(p.numel() for p in module.parameters()), row["n_params"]
            if isinstance(module, ResBlock):
                out, channels = module.conv0.weight.shape[:2]
                yield name, {"in_ch": channels, "out_ch": out}, {key: row[key] for key in ("in_ch", "out_ch")}
                groups = {"groups_0": module.norm0.num_groups, "groups_1": module.norm1.num_groups}
                yield name, groups, {key: row[key] for key in groups}
                resampling = {upsample: "up", downsample: "down", None: None}[module.resample]
                yield name, resampling, next((way for way in ("up", "down") if row[way]), None)


def counts_of_storm(golden: Golden) -> Iterator[Comparison]:
    counts = golden.json()
    score = {"inputs": 2}
    denoiser = {"inputs": 1, "conditional": False}
    light = {"ncsnpp": {}, "ncsnpplarge": SEVEN_LEVELS}
    light |= {f"ncsnpp{name}": {"width": 96, "multipliers": m} for name, m in (("12M", (1, 2, 2, 1)), ("6M", (1,) * 4))}

    def count(**size: Any) -> int:
        return sum(p.numel() for p in full_size(**size).parameters())

    for name, theirs in counts.items():
        backbone, _, options = name.partition(" ")
        if name.startswith("regen"):
            ours = {"denoiser": count(**denoiser), "score": count(inputs=3 if name.endswith("both") else 2)}
            yield name, {"total": sum(ours.values()), **ours}, theirs
        elif backbone in light and options:
            kind = denoiser if "discriminative" in options else {"inputs": int(options.rstrip("}").split()[-1]) // 2}
            yield name, count(**light[backbone], **kind), theirs
        elif name in ("score_only", "denoiser_only"):
            yield name, count(**(score if name == "score_only" else denoiser)), theirs
        else:
            # What a predictive network carries along unused: its Fourier features and every block's time layer.
            built = full_size(**denoiser)
            unused = sum(
                p.numel() for key, p in built.named_parameters() if key.startswith("fourier") or ".time." in key
            )
            ours_left = count(**denoiser) - unused
            yield name, ours_left if name.endswith("effective") else unused, theirs


def initial_weights(golden: Golden) -> Iterator[Comparison]:
    """Mean, spread and bounds of every freshly made weight, as near as its number of values allows."""
    torch.manual_seed(0)
    built = NCSNpp()
    rows = {row[0]: row for row in golden.json()["rows"]}
    ours_of = {theirs: ours for theirs, ours, _ in pairs(built)}
    values = dict(built.named_parameters())
    yield "names", sorted(ours_of), sorted(rows)
    for theirs, (_, _, trained, mean, std, low, high) in rows.items():
        parameter = values[ours_of[theirs]]
        yield theirs, parameter.requires_grad, trained
        if parameter.numel() < 64 or not trained:
            continue  # too few draws, or draws without bounds
        yield theirs, abs(parameter.mean().item() - mean) <= 8 * std / parameter.numel() ** 0.5 + 1e-12, True
        scale = max(abs(low), abs(high))
        near = torch.tensor(
            [parameter.std().item() / std if std else 1.0, parameter.abs().max().item() / scale if scale else 1.0]
        )
        yield theirs, bool(((near - 1).abs() < 8 / parameter.numel() ** 0.5).all()), True


@reproduces("keys/sgmse_*.json", tolerance=0)
def names_of_sgmse(golden: Golden) -> Iterator[Comparison]:
    sizes = {"ncsnpp": SEVEN_LEVELS, "ncsnpp_v2": {**SEVEN_LEVELS, **V2}, "ncsnpp_48k": AT_48K}
    if golden.tag == "sgmse_param_counts":
        ours = {name: sum(p.numel() for p in full_size(**size).parameters()) for name, size in sizes.items()}
        yield "parameters", ours, golden.json()
    else:
        name = golden.tag.removeprefix("sgmse_").removesuffix("_full")
        yield name, our_shapes(full_size(**sizes[name])), shapes(golden.json())
