"""The model card: what a folder is, how it was made, what it can do. Figures from model.json."""

from __future__ import annotations

from typing import Any

from inspection.model_folder import ModelFolder
from inspection.model_manifest import Manifest, Training

CARD = "README.md"
# What stands below this line was written by a person and survives the next training.
KEPT_FROM = "<!-- written by hand below -->"


def write_card(folder: ModelFolder) -> None:
    """Write README.md, keeping what a person wrote below the mark."""
    path = folder.path / CARD
    kept = ""
    if path.is_file():
        _, mark, below = path.read_text(encoding="utf-8").partition(KEPT_FROM)
        kept = below if mark else ""
    path.write_text(_card(folder) + f"\n{KEPT_FROM}\n{kept}", encoding="utf-8")


def _card(folder: ModelFolder) -> str:
    manifest = folder.manifest
    validation = manifest.metrics.get("validation", {})
    lines = [f"# {folder.name}", "", _what(manifest), ""]
    if manifest.training is not None:
        lines += _training(manifest.training)
    if validation:
        graph = manifest.engines.openvino
        lines += [
            f"On {validation['images']} validation images of the same kind, with the shipped "
            f"graph ({graph.precision if graph else 'no graph'}):",
            "",
            *(_instances if manifest.semantic is None else _pixels)(folder, validation),
        ]
    return "\n".join(lines)


def _what(manifest: Manifest) -> str:
    engine = manifest.engines.torch
    network = engine.network if engine else "no network"
    names = ", ".join(f"`{name}`" for name in manifest.classes)
    if manifest.semantic is None:
        masks = ", masks of 112×112" if network == "mask-rcnn-light" else ""
        kind = f"Mask R-CNN (`{network}`, {manifest.input_px} px letterboxed{masks})"
    else:
        encoder = engine.config.get("encoder", "") if engine else ""
        kind = (
            f"A semantic network (`{network}`, encoder `{encoder}`, images of any size at "
            f"{manifest.semantic.scale:g} of their own)"
        )
    return f"{kind} for {names}. Licence: {manifest.licence}."


def _training(training: Training) -> list[str]:
    seen = ", ".join(f"{d.name} ({d.images} images; {d.licence})" for d in training.data)
    return [
        "Command:",
        "",
        f"    {training.command}",
        "",
        f"Trained on: {seen}. {training.steps} steps, {training.images_seen} augmented "
        f"images, {training.training_s / 60:.0f} minutes.",
        "",
    ]


def _instances(folder: ModelFolder, validation: dict[str, Any]) -> list[str]:
    manifest = folder.manifest
    lines = [
        "| class | mask AP | mask AP50 | score from | mask from |",
        "|---|---|---|---|---|",
    ]
    for name in folder.classes:
        figures, level = validation["per_class"].get(name, {}), manifest.thresholds[name]
        lines.append(
            f"| {name} | {_figure(figures.get('mask_ap'))} | "
            f"{_figure(figures.get('mask_ap50'))} | {level.score:.2f} | {level.mask:.2f} |"
        )
    tried = ", ".join(
        f"{name} {_figure(manifest.metrics[key])}"
        for name in ("fp32", "int8")
        if (key := f"validation_mask_ap_{name}") in manifest.metrics
    )
    return [
        *lines,
        f"| all | {_figure(validation['mask_ap'])} | {_figure(validation['mask_ap50'])} | | |",
        "",
        f"Mask AP by precision of the graph: {tried}. "
        f"Pixels: F1 {_figure(validation['pixel']['f1'])}.",
        "",
    ]


def _pixels(folder: ModelFolder, validation: dict[str, Any]) -> list[str]:
    manifest = folder.manifest
    lines = [
        "| class | F1 of pixels | IoU | pixel from | score from | least area, px |",
        "|---|---|---|---|---|---|",
    ]
    for name, figures in manifest.metrics.get("pixels_by_class", {}).items():
        level = manifest.thresholds[name]
        lines.append(
            f"| {name} | {_figure(figures['f1'])} | {_figure(figures['iou'])} | "
            f"{level.mask:.2f} | {level.score:.2f} | {level.area_px} |"
        )
    tried = ", ".join(
        f"{name} {_figure(manifest.metrics[key])}"
        for name in ("fp32", "int8")
        if (key := f"validation_pixel_f1_{name}") in manifest.metrics
    )
    return [
        *lines,
        "",
        f"Mean F1 by precision of the graph, each class at its best threshold: {tried}. All "
        f"classes as one, as findings: F1 {_figure(validation['pixel']['f1'])}.",
        "",
    ]


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
