"""``zoo.show_batch``: a grid of training images."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.errors import RequestError
from zoo_data_check.sheet import Cell, make_sheet

SMALL = {"image_size": 24, "recipe": "none"}


def test_it_shows_labelled_images_in_rows(colours):
    batch = zoo.show_batch("simple_cnn", colours, count=6, columns=3, **SMALL)
    assert sorted(batch.labels) == ["blue", "blue", "green", "green", "red", "red"]
    assert [Path(name).parent.name for name in batch.names] == batch.labels
    assert repr(batch) == "<BatchPicture colours · train · 24 px: 6 images>"
    one_row = zoo.show_batch("simple_cnn", colours, count=6, columns=6, **SMALL)
    assert one_row.picture.height < batch.picture.height
    assert one_row.picture.width > batch.picture.width


def test_each_image_has_its_label_below_it(colours):
    """The cells hold the class's own colour, at the place that its label says."""
    batch = zoo.show_batch("simple_cnn", colours, count=3, columns=3, **SMALL)
    pixels = np.asarray(batch.picture.convert("RGB")).astype(int)
    coloured = pixels.max(-1) - pixels.min(-1) > 40
    columns = np.nonzero(coloured.any(0))[0]
    starts = [columns[0], *(columns[i + 1] for i in np.nonzero(np.diff(columns) > 5)[0])]
    rows = np.nonzero(coloured.any(1))[0]
    assert len(starts) == 3
    shown = [tuple(pixels[rows[0] + 20 : rows[0] + 60, x + 20 : x + 60].mean((0, 1))) for x in starts]
    for label, mean in zip(batch.labels, shown, strict=True):
        with Image.open(batch.names[batch.labels.index(label)]) as picture:
            own = np.asarray(picture.convert("RGB")).mean((0, 1))
        assert np.abs(np.array(mean) - own).max() < 25


def test_what_is_shown_is_augmented_as_the_job_says(colours):
    plain, again, turned = (
        zoo.show_batch("simple_cnn", colours, count=3, **SMALL, augment=augment) for augment in ([], [], ["affine"])
    )
    assert plain.picture.tobytes() == again.picture.tobytes()
    assert plain.picture.tobytes() != turned.picture.tobytes()


def test_a_dataset_alone_is_shown_as_decoded(colours):
    alone = zoo.show_batch(colours, count=3, image_size=24)
    assert alone.picture.tobytes() == zoo.show_batch("simple_cnn", colours, count=3, **SMALL).picture.tobytes()


def test_a_job_file_says_what_is_shown(colours):
    Path("job.yaml").write_text(f"architecture: simple_cnn\ndataset: {colours}\ntrain: {{image_size: 24}}\n")
    assert zoo.show_batch(job="job.yaml", count=2).title == "colours · train · 24 px"
    assert zoo.show_batch(job="job.yaml", count=2, image_size=16).title == "colours · train · 16 px"


def test_a_notebook_gets_a_jpeg_and_save_writes_a_png(colours):
    batch = zoo.show_batch(colours, count=3)
    with Image.open(io.BytesIO(batch._repr_jpeg_())) as picture:
        assert (picture.format, picture.size) == ("JPEG", batch.picture.size)
    batch.save("batch.png")
    with Image.open("batch.png") as picture:
        assert (picture.format, picture.size) == ("PNG", batch.picture.size)
    Path("mine.png").write_bytes(b"mine")
    with pytest.raises(RequestError, match=r"mine\.png"):
        batch.save("mine.png")


def test_what_is_wrong_is_said(colours):
    with pytest.raises(RequestError, match="There is no split 'other'"):
        zoo.show_batch(colours, split="other")
    with pytest.raises(RequestError, match="There is no run 'nothing'"):
        zoo.show_batch(job="nothing")
    with pytest.raises(RequestError, match="There is no option 'sizes'"):
        zoo.show_batch("simple_cnn", colours, sizes=3)


def test_a_plain_grid_has_no_headings_and_may_end_early():
    cells = [Cell(Image.new("RGB", (120, 120), colour), ["cat"]) for colour in ("#ff0000", "#00ff00", "#0000ff")]
    grid = make_sheet("t", [], [cells[:2], cells[2:]], [])
    pixels = np.asarray(grid)
    places = [np.nonzero((pixels == rgb).all(-1)) for rgb in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    assert [len(rows) for rows, _ in places] == [120 * 120] * 3
    (red, green, blue) = ((columns.min(), rows.min()) for rows, columns in places)
    assert red[0] == blue[0] < green[0]
    assert red[1] == green[1] < blue[1]
    with_heads = make_sheet("t", ["a", "b"], [cells[:2]], [])
    assert with_heads.height > make_sheet("t", [], [cells[:2]], []).height
