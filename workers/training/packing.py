"""From trained weights to a model folder: weights, graph, thresholds, figures, model card."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from inspection.model_folder import ModelFolder
from workers.training.instance_packing import finish_instances
from workers.training.model_card import write_card
from workers.training.package import WEIGHTS, Package, Say, report_on, write_manifest
from workers.training.semantic_packing import finish_semantic

# What of the validation's report stands in model.json; its curves would be most of the file.
SHIPPED_FIGURES = ("images", "classes", "mask_ap", "mask_ap50", "pixel", "per_class", "image")


def pack(network: nn.Module, package: Package, out: Path, say: Say) -> ModelFolder:
    """Write the model folder and give it, loaded and checked.

    Weights are rounded to half precision first, so that both engines run the same numbers.
    """
    out.mkdir(parents=True, exist_ok=True)
    save_file(half_precision(network), out / WEIGHTS)
    # safetensors writes for its owner alone, but a model is read by whoever runs a worker.
    (out / WEIGHTS).chmod(0o644)
    for name, text in package.files.items():
        (out / name).write_text(text, encoding="utf-8")
    say("exporting")
    finish = finish_instances if package.semantic is None else finish_semantic
    precision, thresholds, metrics = finish(network, package, out, say)
    folder = write_manifest(out, package, precision, thresholds)
    report = report_on(folder, package)
    metrics |= {"validation": {key: report[key] for key in SHIPPED_FIGURES}}
    folder = write_manifest(out, package, precision, thresholds, metrics)
    write_card(folder)
    return folder


def half_precision(network: nn.Module) -> dict[str, torch.Tensor]:
    """Round the network's weights in place to fp16 and give them as they are stored.

    Batch statistics stay in fp32: a variance may lie outside the range of fp16.
    """
    stored = {}
    with torch.no_grad():
        for name, value in network.state_dict().items():
            statistic = name.endswith(("running_mean", "running_var", "num_batches_tracked"))
            if not statistic and value.is_floating_point():
                value.copy_(value.half().float())
                stored[name] = value.half().detach().clone().cpu().contiguous()
            else:
                stored[name] = value.detach().clone().cpu().contiguous()
    return stored
