"""The confusion matrix's picture: its size, its words, its colours."""

from __future__ import annotations

import io

import numpy as np
import pytest

from zoo_track.confusion import MOST_CLASSES, confusion_figure, confusion_png


def drawn(matrix, classes=None, title="val images"):
    """The figure's axes, drawn once, so that every word has its place."""
    figure = confusion_figure(matrix, classes or [f"class {i}" for i in range(len(matrix))], title)
    figure.canvas.draw()
    return figure, figure.axes[0]


@pytest.mark.parametrize("classes", [1, 2, 10, 37, 40, 102])
def test_every_word_lies_in_the_picture_and_no_two_counts_touch(classes):
    rng = np.random.default_rng(classes)
    matrix = rng.integers(100, 1000, (classes, classes)) * (rng.random((classes, classes)) < 4 / classes)
    np.fill_diagonal(matrix, 999)
    figure, axes = drawn(matrix.tolist())
    page = figure.bbox
    words = [*axes.get_xticklabels(), *axes.get_yticklabels(), axes.title, axes.xaxis.label, axes.yaxis.label]
    assert all(page.contains(x, y) for word in words for x, y in word.get_window_extent().corners())
    cell = axes.bbox.width / min(classes, MOST_CLASSES)
    assert max(text.get_window_extent().width for text in axes.texts) < cell
    if classes <= MOST_CLASSES:
        assert len(axes.texts) == np.count_nonzero(matrix)
    assert max(figure.get_size_inches()) < 18


def test_of_many_classes_those_with_the_most_mistakes_are_drawn_and_that_is_said():
    matrix = np.eye(60, dtype=int) * 9
    matrix[50, 55] = matrix[7, 59] = 3
    _, axes = drawn(matrix.tolist())
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert len(names) == MOST_CLASSES
    assert {"class 7", "class 50", "class 55", "class 59"} <= set(names)
    assert names == sorted(names, key=lambda name: int(name.split()[1]))
    assert "40 of 60" in axes.get_title()
    assert [t.get_text() for t in axes.texts].count("3") == 2


def test_rows_are_what_it_was_and_right_is_green_wrong_is_red():
    _, axes = drawn([[8, 2], [0, 0]], ["cats", "dogs"])
    assert axes.get_ylabel() == "is"
    pixels = np.asarray(axes.images[0].get_array())
    assert pixels[0, 0].argmax() == 1
    assert pixels[0, 1].argmax() == 0
    assert (pixels[1] == 1).all(), "a class without images is white"
    assert {(t.get_position(), t.get_text()) for t in axes.texts} == {((0, 0), "8"), ((1, 0), "2")}


def test_names_are_shown_as_they_are_and_cut_in_the_middle():
    _, axes = drawn([[1, 0], [0, 1]], ["$x_1$ 100%", "german shorthaired pointer, young"])
    first, second = (label.get_text() for label in axes.get_xticklabels())
    assert first == "$x_1$ 100%"
    assert len(second) == 24
    assert second.startswith("german")
    assert second.endswith("young")


def test_a_png_comes_out():
    from PIL import Image

    image = Image.open(io.BytesIO(confusion_png([[3, 1], [0, 4]], ["a", "b"], "test images")))
    assert image.format == "PNG"
    assert min(image.size) > 400
