import pytest
import torch
from matplotlib.colors import to_rgb
from PIL import Image

from autoreg import plots
from autoreg.plots.style import ACCENT, LINES, faded, plain, sheet

GENERATOR = torch.Generator().manual_seed(0)
IMAGES = torch.randint(17, (3, 4, 4, 5), generator=GENERATOR, dtype=torch.uint8)


def test_figure_is_saved_as_wide_as_the_others(tmp_path):
    plots.save(plots.drawn(IMAGES, "abc", title="Draws"), tmp_path / "draws.png")
    with Image.open(tmp_path / "draws.png") as picture:
        assert picture.size[0] == round(plots.WIDTH * plots.RESOLUTION)


def test_picture_is_written_whole_or_not_at_all(tmp_path):
    figure = plots.drawn(IMAGES, "abc", title="Draws")
    plots.save(figure, tmp_path / "bare")
    assert [path.name for path in tmp_path.iterdir()] == ["bare.png"]
    (tmp_path / "old.wav").write_bytes(b"there")
    with pytest.raises(ValueError, match="wav"):
        plots.save(figure, tmp_path / "old.wav")
    assert (tmp_path / "old.wav").read_bytes() == b"there"
    assert len(list(tmp_path.iterdir())) == 2


def luminance(colour):
    red, green, blue = to_rgb(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_lines_differ_in_dashes_and_stand_out_from_white():
    assert len({str(dashes) for _, dashes in LINES}) == len(LINES)
    assert all(luminance(colour) < 0.6 for colour, _ in LINES)


def test_sheet_has_its_title_at_the_left_and_room_for_it():
    figure = sheet("A title", 3.0)
    axes = plain(figure.add_subplot(), across="time", up="nats")
    figure.draw_without_rendering()
    title = figure.texts[0] if figure.texts else figure._suptitle
    below = axes.get_window_extent().y1
    assert title.get_window_extent().y0 > below
    assert figure.get_size_inches().tolist() == [plots.WIDTH, 3.0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time", "nats")
    assert [side for side, spine in axes.spines.items() if spine.get_visible()] == [
        "left",
        "bottom",
    ]


def test_faded_goes_from_white_to_the_accent():
    assert faded(0) == (1, 1, 1)
    assert faded(1) == pytest.approx(to_rgb(ACCENT))
    assert luminance(faded(0.3)) > luminance(faded(0.6))
