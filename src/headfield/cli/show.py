"""``headfield show``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from headfield.cli.progress import progress
from headfield.data.pictures import write_image
from headfield.data.sheet import contact_sheet
from headfield.data.store import Dataset
from headfield.errors import InputError
from headfield.files import new_file


def run(
    dataset: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")],
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("sheet.png"),
    views: int = 4,
    subjects: int = 20,
) -> None:
    """Draw a contact sheet of a data set's subjects: images, normals, depth, scan or true surface.

    Args:
        dataset: The data set's folder.
        output: The PNG file to write.
        views: How many images of each subject to show, spread over its views.
        subjects: How many subjects to show, the first ones by name.
    """
    if output.suffix.lower() != ".png":
        raise InputError(f"{output} is no PNG file; give it a name that ends in .png.")
    if views < 0 or subjects < 1:
        raise InputError(f"{subjects} subjects with {views} views cannot be shown; ask for at least one subject.")
    found = Dataset(dataset)
    shown = min(subjects, len(found))
    with progress() as bar:
        task = bar.add_task("Drawing subjects", total=shown)
        sheet = contact_sheet(found, subjects=subjects, views=views, done=lambda: bar.advance(task))
    with new_file(output) as temporary:
        write_image(temporary, sheet)
    print(f"Wrote {output} with {shown} of {len(found)} subjects of {found.name}.")
