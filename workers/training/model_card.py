"""The model card: what a folder is, how it was made, what it can do. Figures from model.json."""

from __future__ import annotations

from inspection.model_folder import ModelFolder

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
    training = manifest.training
    validation = manifest.metrics.get("validation", {})
    graph = manifest.engines.openvino
    lines = [
        f"# {folder.name}",
        "",
        f"Mask R-CNN (`mask-rcnn-light`, {manifest.input_px} px letterboxed, masks of 112×112) "
        f"for {', '.join(f'`{name}`' for name in folder.classes)}. "
        f"Licence: {manifest.licence}.",
        "",
    ]
    if training is not None:
        seen = ", ".join(f"{d.name} ({d.images} images; {d.licence})" for d in training.data)
        lines += [
            "Command:",
            "",
            f"    {training.command}",
            "",
            f"Trained on: {seen}. {training.steps} steps, {training.images_seen} augmented "
            f"images, {training.training_s / 60:.0f} minutes.",
            "",
        ]
    if validation:
        lines += [
            f"On {validation['images']} validation images of the same kind, with the shipped "
            f"graph ({graph.precision if graph else 'no graph'}):",
            "",
            "| class | mask AP | mask AP50 | score from | mask from |",
            "|---|---|---|---|---|",
        ]
        for name in folder.classes:
            figures, level = validation["per_class"].get(name, {}), manifest.thresholds[name]
            lines.append(
                f"| {name} | {_figure(figures.get('mask_ap'))} | "
                f"{_figure(figures.get('mask_ap50'))} | {level.score:.2f} | {level.mask:.2f} |"
            )
        lines += [
            f"| all | {_figure(validation['mask_ap'])} | {_figure(validation['mask_ap50'])} | | |",
            "",
            "Mask AP by precision of the graph: "
            + ", ".join(
                f"{name} {_figure(manifest.metrics[key])}"
                for name in ("fp32", "int8")
                if (key := f"validation_mask_ap_{name}") in manifest.metrics
            )
            + ". "
            f"Pixels: F1 {_figure(validation['pixel']['f1'])}.",
            "",
        ]
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
