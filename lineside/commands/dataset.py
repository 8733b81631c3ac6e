"""`lineside dataset`: bring labelled images in, look at them, divide them, hand them on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

from lineside.dataset_options import class_names, group_of, part_shares
from lineside.dataset_reports import check_report, class_counts, split_report, summary

if TYPE_CHECKING:
    from inspection.datasets import Dataset

_FORMS = ("coco", "labelme", "yolo-seg", "mask-pairs")
_Decorator = Callable[[Callable[..., None]], Callable[..., None]]


class _BadInputError(click.ClickException):
    """What was given cannot be used as it is."""

    exit_code = 2


def _source(function: Callable[..., None]) -> Callable[..., None]:
    """The options that say what to open."""
    for decorate in (
        click.option(
            "--classes",
            help="All class names in the order wanted, comma-separated; any other is an error. "
            "For masks with several values: 1=crack,2=spot or 128-255=crack.",
        ),
        click.option("--format", "form", type=click.Choice(_FORMS), help="Recognised if left out."),
        click.argument("source", type=click.Path(path_type=Path)),
    ):
        function = decorate(function)
    return function


_out = click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="A new or empty folder."
)
_link = click.option("--link", is_flag=True, help="Hard-link the images instead of copying them.")
_json = click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")


@click.group()
def command() -> None:
    """Labelled images: COCO, labelme, YOLO segmentation and mask pairs."""


@command.command("import")
@_source
@_out
@_link
@click.option("--group-regex", help="Note for each image what this finds in its name as its group.")
def import_(
    source: Path,
    form: str | None,
    classes: str | None,
    out: Path,
    link: bool,
    group_regex: str | None,
) -> None:
    """Write the labelled images of SOURCE as COCO, the form that Lineside keeps them in.

    Every label and every pixel is read before anything is written; the first thing that is wrong
    ends it (`lineside dataset check` lists all).
    """
    from inspection.datasets import DatasetError, read_rgb, save_coco

    try:
        dataset = _open(source, form, classes)
        for file in _bar(dataset.files, "reading"):
            read_rgb(file)
        if group_regex is not None:
            find = group_of("regex", group_regex)
            files = tuple(replace(f, group=find(f) or "") for f in dataset.files)
            dataset = replace(dataset, files=files)
        path = save_coco(dataset, out, link=link)
    except (DatasetError, OSError) as error:
        raise _BadInputError(str(error)) from error
    click.echo(f"{summary(dataset)}\n{path}\nsha256 {dataset.sha256}")


@command.command()
@_source
@_out
@_link
@click.option(
    "--for",
    "tool",
    required=True,
    type=click.Choice(["cvat", "label-studio", "fiftyone"]),
    help="The tool that shall open it.",
)
@click.option(
    "--tolerance",
    "tolerance_px",
    default=0.5,
    show_default=True,
    type=click.FloatRange(0.0),
    help="Pixels by which outlines of masks may be smoothed (label-studio).",
)
def export(
    source: Path,
    form: str | None,
    classes: str | None,
    out: Path,
    link: bool,
    tool: str,
    tolerance_px: float,
) -> None:
    """Write SOURCE as the COCO that a labelling tool opens."""
    from inspection.datasets import DatasetError, save_coco
    from inspection.datasets.writing import TOOLS

    try:
        dataset = _open(source, form, classes)
        path = save_coco(dataset, out, link=link, layout=TOOLS[tool], tolerance_px=tolerance_px)
    except (DatasetError, OSError) as error:
        raise _BadInputError(str(error)) from error
    click.echo(f"{summary(dataset)}\n{path}")


@command.command()
@_source
@click.option(
    "--against",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Another set, such as the validation part, that may hold no copy. May be repeated.",
)
@click.option("--strict", is_flag=True, help="Exit status 1 for warnings too.")
@_json
def check(
    source: Path,
    form: str | None,
    classes: str | None,
    against: tuple[Path, ...],
    strict: bool,
    as_json: bool,
) -> None:
    """List what is wrong with the labels or images of SOURCE, with the file to open.

    Exit status: 0 nothing wrong, 1 errors, 2 no data set at all.
    """
    from inspection.datasets import DatasetError
    from inspection.datasets.checking import check_dataset

    try:
        with tqdm(desc="checking", unit="image", disable=None) as bar:
            dataset, problems = check_dataset(
                source,
                form,
                class_names(classes),
                against,
                lambda done, total: _show(bar, done, total),
            )
    except (DatasetError, OSError) as error:
        raise _BadInputError(str(error)) from error
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    if as_json:
        click.echo(json.dumps(check_report(dataset, problems), ensure_ascii=False))
    else:
        for each in problems:
            click.echo(f"{each.severity:7}  {each.kind:18}  {each.path}: {each.detail}")
        click.echo(f"{summary(dataset)}: {errors} errors, {warnings} warnings")
    if errors or (strict and warnings):
        raise SystemExit(1)


@command.command()
@_source
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page too.")
@_json
def stats(
    source: Path, form: str | None, classes: str | None, html: Path | None, as_json: bool
) -> None:
    """Count what is in SOURCE: images, classes, sizes, groups; its content hash."""
    from inspection.datasets import DatasetError
    from inspection.datasets.statistics import describe
    from lineside import dataset_page

    try:
        dataset = _open(source, form, classes)
        with tqdm(desc="measuring", total=len(dataset.files), unit="image", disable=None) as bar:
            report = describe(dataset, lambda _: bar.update())
        if html is not None:
            html.write_text(dataset_page.render(report, dataset), encoding="utf-8")
    except (DatasetError, OSError) as error:
        raise _BadInputError(str(error)) from error
    click.echo(json.dumps(report, ensure_ascii=False) if as_json else dataset_page.table(report))
    if html is not None:
        click.echo(f"{html}", err=as_json)


@command.command()
@_source
@_out
@_link
@click.option(
    "--by",
    type=click.Choice(["image", "group", "folder", "regex"]),
    help="What stays together: nothing but copies; the group that COCO notes; the folder an image "
    "lies in; what --group-regex finds in its name.  [default: regex with --group-regex, or image]",
)
@click.option("--group-regex", help="Its first group, or all it matches, is the image's group.")
@click.option("--parts", default="train=0.8,validation=0.2", show_default=True, help="NAME=SHARE,…")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@_json
def split(
    source: Path,
    form: str | None,
    classes: str | None,
    out: Path,
    link: bool,
    by: str | None,
    group_regex: str | None,
    parts: str,
    seed: int,
    as_json: bool,
) -> None:
    """Divide SOURCE into OUT/train and OUT/validation, seeded and with its share of each class.

    Images of one group never part, nor do copies: files of the same bytes, and pictures that show
    the same. The same seed gives the same parts.
    """
    from inspection.datasets import DatasetError, save_coco
    from inspection.datasets.splitting import find_copies, split_dataset

    find_group = group_of(by or ("regex" if group_regex else "image"), group_regex)
    shares = part_shares(parts)
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise _BadInputError(f"{out} exists, expected a new or empty folder")
        dataset = _open(source, form, classes)
        with tqdm(desc="comparing", total=len(dataset.files), unit="image", disable=None) as bar:
            copies = find_copies(dataset, lambda _: bar.update())
        found = split_dataset(dataset, shares, find_group, copies, seed)
        for name, part in found.parts.items():
            save_coco(part, out / name, link=link)
    except (DatasetError, OSError) as error:
        raise _BadInputError(str(error)) from error
    report = split_report(dataset, found, shares, len(copies), seed)
    text = json.dumps(report, ensure_ascii=False, indent=None if as_json else 1)
    (out / "split.json").write_text(text + "\n", encoding="utf-8")
    if as_json:
        click.echo(text)
        return
    for name, part in found.parts.items():
        counts = ", ".join(f"{key} {count}" for key, count in class_counts(part).items())
        click.echo(f"{name}: {len(part.files)} images; {counts}")
    click.echo(
        f"{found.groups} groups, {len(copies)} pairs of copies kept together"
        f" ({len(found.joined)} of them joined two groups); {out / 'split.json'}"
    )


def _open(source: Path, form: str | None, classes: str | None) -> Dataset:
    from inspection.datasets import open_dataset

    return open_dataset(source, form, class_names(classes))


def _bar(files: Any, what: str) -> Any:
    return tqdm(files, desc=what, unit="image", disable=None)


def _show(bar: tqdm[Any], done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)
