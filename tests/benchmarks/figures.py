"""Pictures and sounds of what was hidden, of what was there, and of what was drawn."""

import torch
from torchvision.utils import save_image

GREY = 0.5


def grid(path, lines):
    """Write one row of pictures for each line: seen, truth | draws | draws ignoring what follows.

    Hidden pixels are grey, and a column of grey stands between the kinds.

    Args:
        path: A .png file.
        lines: (picture (H, W), hidden (H, W), draws (N, H, W), draws that ignore (N, H, W)), of
            pixels 0..255.
    """
    rows = []
    for picture, hidden, drawn, ignoring in lines:
        truth = picture.double() / 255
        seen, gap = truth.masked_fill(hidden, GREY), _grey(len(truth), 4)
        tiles = [seen, truth, gap, *(drawn.double() / 255), gap, *(ignoring.double() / 255)]
        edge = _grey(len(truth), 2)
        rows.append(torch.cat([part for tile in tiles for part in (tile, edge)][:-1], 1))
        rows.append(_grey(2, rows[0].shape[1]))
    picture = torch.cat(rows[:-1])[None].repeat_interleave(2, 1).repeat_interleave(2, 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_image(picture, str(path))


def sounds(signal, folder, name, **kinds):
    """Write each kind, symbols (T,) or (N, T), to a sound file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, symbols in kinds.items():
        signal.write(folder / f"{name}-{kind}.wav", symbols)


def _grey(height, width):
    return torch.full((height, width), GREY, dtype=torch.float64)
