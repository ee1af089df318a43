"""Pictures of the miniature animal data sets: smooth colours and a dot of its own at each joint."""
import colorsys

import cv2
import numpy as np


def colour(joint):
    """BGR colour of a joint's dot."""
    rgb = colorsys.hsv_to_rgb(joint * 0.382 % 1, 1., 1. - 0.3 * (joint % 2))
    return tuple(int(255 * c) for c in rgb[::-1])


def spread(rng, count, size, columns=6):
    """(count, 2) whole pixels in random cells of a grid, so that no two dots touch."""
    cells = rng.permutation(24)[:count]
    cell = np.array(size) / (columns, 24 // columns)
    grid = np.stack([cells % columns, cells // columns], -1)
    return np.floor((grid + rng.uniform(0.3, 0.7, (count, 2))) * cell)


def picture(rng, size, points, labelled):
    """(H, W, 3) uint8 BGR."""
    # equal along a row: PNG files are then written in half the time
    coarse = rng.integers(60, 180, (4, 1, 3)).astype(np.uint8)
    image = cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)
    for joint in np.flatnonzero(labelled):
        cv2.circle(image, tuple(int(c) for c in points[joint]), 4, colour(joint), -1)
    return image


def dots_found(image, points, labelled):
    """Whether each labelled joint's own dot is where it should be."""
    return all(np.abs(image[int(points[j][1]), int(points[j][0])].astype(int) - colour(j)).max()
               < 60 for j in np.flatnonzero(labelled))
