"""Images and their derived masks side by side: `udapose make-masks --sheet`."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

TILE, PER_ROW = 160, 8


def contact_sheet(images: Path, out: Path, names: list[str]) -> Path:
    """Images, and below each its foreground with the outline."""
    tiles = []
    for name in names:
        image, mask = cv2.imread(str(images / name)), cv2.imread(
            str((out / name).with_suffix('.png')), cv2.IMREAD_GRAYSCALE)
        if image is None or mask is None:
            continue
        scale = TILE / max(image.shape[:2])
        size = tuple(max(1, round(n * scale)) for n in image.shape[1::-1])
        image, mask = cv2.resize(image, size), cv2.resize(mask, size)
        cut = np.where(mask[..., None] > 127, image, image // 4 + 20)
        outline, _ = cv2.findContours(np.uint8(mask > 127), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(cut, outline, -1, (0, 255, 255), 1)
        tile = np.full((2 * TILE, TILE, 3), 255, np.uint8)
        tile[:size[1], :size[0]], tile[TILE:TILE + size[1], :size[0]] = image, cut
        tiles.append(tile)
    columns = max(1, min(PER_ROW, len(tiles)))
    tiles += [np.full((2 * TILE, TILE, 3), 255, np.uint8)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i:i + columns]) for i in range(0, len(tiles), columns)]
    path = out / 'contact_sheet.png'
    if rows:
        cv2.imwrite(str(path), np.vstack(rows))
    return path
