"""Vectorised z-buffer rasteriser and shadow map in NumPy."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Fragments:
    """Visible surface points of a rendered mesh.

    Attributes:
        pixel (ndarray): Flat pixel indices, shape (P,).
        face (ndarray): Triangle seen there, shape (P,).
        bary (ndarray): Perspective-correct barycentric weights, shape (P, 3), float32.
        depth (ndarray): Depth per pixel, infinite where empty, shape (H, W), float32.
    """
    pixel: np.ndarray
    face: np.ndarray
    bary: np.ndarray
    depth: np.ndarray

    def interpolate(self, faces, values):
        """Interpolate vertex values (V, C) at the fragments, giving (P, C) float32."""
        corner = faces[self.face]
        out = self.bary[:, :1] * values[corner[:, 0]]
        out += self.bary[:, 1:2] * values[corner[:, 1]]
        out += self.bary[:, 2:] * values[corner[:, 2]]
        return out


def _scan(points, priority, faces, height, width, side):
    """Cover pixels with triangles; the highest priority wins.

    ``priority`` must be affine in the image plane (inverse depth of a perspective view,
    height of an orthographic one). Only triangles whose doubled signed area has the sign
    ``side`` take part.

    Returns:
        tuple: pixel, face, weights (P, 3) in the image plane, priority buffer (H * W,)
        that holds ``-inf`` where empty.
    """
    points = points.astype(np.float32)
    priority = priority.astype(np.float32)
    x, y = points[:, 0][faces], points[:, 1][faces]
    e1x, e1y, e2x, e2y = x[:, 1] - x[:, 0], y[:, 1] - y[:, 0], x[:, 2] - x[:, 0], y[:, 2] - y[:, 0]
    area = e1x * e2y - e1y * e2x
    usable = np.nonzero(area * side > 1e-9)[0]
    x, y = x[usable], y[usable]
    left = np.maximum(np.ceil(x.min(1)), 0).astype(np.int32)
    top = np.maximum(np.ceil(y.min(1)), 0).astype(np.int32)
    columns = np.minimum(np.floor(x.max(1)), width - 1).astype(np.int32) - left + 1
    rows = np.minimum(np.floor(y.max(1)), height - 1).astype(np.int32) - top + 1
    count = np.maximum(columns, 0) * np.maximum(rows, 0)
    some = np.nonzero(count)[0]
    usable, count = usable[some], count[some]
    buffer = np.full(height * width, -np.inf, np.float32)
    if len(usable) == 0:
        return np.empty(0, np.int32), np.empty(0, np.int32), np.empty((0, 3), np.float32), buffer
    # One row of coefficients per triangle: both inner weights are affine in the offset from
    # the first corner.
    inverse = 1 / area[usable]
    table = np.stack([x[some, 0], y[some, 0], e2y[usable] * inverse, -e2x[usable] * inverse,
                      -e1y[usable] * inverse, e1x[usable] * inverse], 1)
    which = np.repeat(np.arange(len(usable), dtype=np.int32), count)
    k = np.arange(len(which), dtype=np.int32)
    k -= np.repeat((np.cumsum(count) - count).astype(np.int32), count)
    column_count = columns[some][which]
    py = k // column_count
    px = k - py * column_count + left[some][which]
    py += top[some][which]
    row = table[which]
    dx, dy = px.astype(np.float32) - row[:, 0], py.astype(np.float32) - row[:, 1]
    w1 = dx * row[:, 2] + dy * row[:, 3]
    w2 = dx * row[:, 4] + dy * row[:, 5]
    inside = np.nonzero((w1 >= -1e-4) & (w2 >= -1e-4) & (w1 + w2 <= 1.0001))[0]
    which, w1, w2 = which[inside], w1[inside], w2[inside]
    pixel = py[inside] * np.int32(width) + px[inside]
    face = usable[which]
    corner = priority[faces[face]]
    value = corner[:, 0] + w1 * (corner[:, 1] - corner[:, 0]) + w2 * (corner[:, 2] - corner[:, 0])
    np.maximum.at(buffer, pixel, value)
    best = np.nonzero(value == buffer[pixel])[0]
    winner = np.full(height * width, -1, np.int32)
    winner[pixel[best]] = best
    filled = np.nonzero(winner >= 0)[0]
    best = winner[filled]
    w1, w2 = w1[best], w2[best]
    return filled, face[best], np.stack([1 - w1 - w2, w1, w2], 1), buffer


def rasterize(pixels, depth, faces, height, width):
    """Render a mesh with back faces removed.

    Args:
        pixels (ndarray): Projected vertices, shape (V, 2); integers are pixel centres.
        depth (ndarray): Depth of the vertices in metres, shape (V,); triangles that reach
            behind 5 cm are left out.
        faces (ndarray): Triangles, counter-clockwise seen from outside, shape (F, 3).
        height (int): Image height in pixels.
        width (int): Image width in pixels.

    Returns:
        Fragments: The visible surface.
    """
    near = 0.05
    kept = np.nonzero((depth[faces] > near).all(1))[0]
    inverse = (1 / np.maximum(depth, near)).astype(np.float32)
    pixel, face, weights, buffer = _scan(pixels, inverse, faces[kept], height, width, -1)
    face = kept[face]
    weights = weights * inverse[faces[face]]
    weights /= weights.sum(1, keepdims=True)
    with np.errstate(divide='ignore'):
        depth_map = np.where(np.isfinite(buffer), 1 / buffer, np.float32(np.inf))
    return Fragments(pixel, face, weights, depth_map.reshape(height, width))


class ShadowMap:
    """Which points the sun reaches (orthographic depth map).

    Args:
        vertices (ndarray): Mesh vertices in the world, shape (V, 3).
        faces (ndarray): Triangles, shape (F, 3).
        sun (ndarray): Unit direction towards the sun, shape (3,).
        resolution (int): Side of the map in texels.
        bias (float): Tolerance in metres against self-shadowing.
    """

    def __init__(self, vertices, faces, sun, resolution=128, bias=0.02):
        helper = np.eye(3)[int(np.argmin(np.abs(sun)))]
        side = np.cross(sun, helper)
        side /= np.linalg.norm(side)
        axes = np.stack([side, np.cross(sun, side), sun])
        local = vertices @ axes.T
        low, high = local[:, :2].min(0), local[:, :2].max(0)
        scale = (resolution - 5) / float((high - low).max())
        self._axes = axes.astype(np.float32)
        self._matrix = (axes * [[scale], [scale], [1]]).astype(np.float32)
        self._offset = np.array([2 - scale * low[0], 2 - scale * low[1], 0], np.float32)
        self._resolution, self._bias = resolution, bias
        points = local[:, :2] * scale + self._offset[:2]
        # Faces turned away from the sun hold the shadow: their height is well below the lit
        # surface, so that a small bias suffices.
        buffer = _scan(points, local[:, 2], faces, resolution, resolution, -1)[3]
        self._height = buffer.reshape(resolution, resolution)

    def lit(self, points):
        """Share of sun light that arrives, bilinearly filtered.

        Args:
            points (ndarray): World points in metres, shape (P, 3).

        Returns:
            ndarray: 0 (shadow) to 1 (lit), shape (P,), float32.
        """
        points = points.astype(np.float32, copy=False)
        x, y, height = (points @ row + offset for row, offset in zip(
            self._matrix, self._offset, strict=True))
        result = np.ones(len(points), np.float32)
        last = self._resolution - 1
        hit = np.nonzero((x > 0) & (y > 0) & (x < last) & (y < last))[0]
        x, y, height = x[hit], y[hit], height[hit] + np.float32(self._bias)
        column, row = x.astype(np.int32), y.astype(np.int32)
        fx, fy = x - column, y - row
        index = row * np.int32(self._resolution) + column
        flat = self._height.ravel()
        above = (height > flat[index]) * (1 - fx) + (height > flat[index + 1]) * fx
        index += self._resolution
        below = (height > flat[index]) * (1 - fx) + (height > flat[index + 1]) * fx
        result[hit] = above * (1 - fy) + below * fy
        return result


def vertex_normals(vertices, faces):
    """Area-weighted unit normals of a mesh.

    Args:
        vertices (ndarray): Shape (V, 3).
        faces (ndarray): Shape (F, 3).

    Returns:
        ndarray: Shape (V, 3), pointing outwards.
    """
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    u, v = b - a, c - a
    index = faces.T.ravel()
    normals = np.empty_like(vertices)
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        component = u[:, i] * v[:, j] - u[:, j] * v[:, i]
        normals[:, k] = np.bincount(index, np.tile(component, 3), len(vertices))
    length = np.sqrt((normals * normals).sum(1, keepdims=True))
    return normals / np.maximum(length, 1e-12)
