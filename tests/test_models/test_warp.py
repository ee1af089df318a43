"""Batched warps against an independent per-sample reference, and their inverses."""
import cv2
import numpy as np
import pytest
import torch

from udapose.models.utils.pseudo_label import render_gaussians
from udapose.models.utils.warp import (
    covered_mask,
    heatmap_matrices,
    swap_channels,
    transform_points,
    warp_affine,
)


def random_matrices(count, size, seed=0, flip=False):
    """Rotation, scale, shear and translation about the centre, as 3x3 arrays."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(count):
        angle, shear = np.deg2rad(rng.uniform(-60, 60)), np.deg2rad(rng.uniform(-20, 20))
        linear = rng.uniform(0.7, 1.3) * np.array(
            [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        linear = linear @ np.array([[1, np.tan(shear)], [0, 1]])
        if flip and rng.random() < 0.5:
            linear = linear @ np.diag([-1, 1])
        centre = (np.array(size[::-1]) - 1) / 2
        matrix = np.eye(3)
        matrix[:2, :2] = linear
        matrix[:2, 2] = centre - linear @ centre + rng.uniform(-3, 3, 2)
        out.append(matrix)
    return np.stack(out).astype(np.float32)


def slow_bilinear(image, matrix, size):
    """Sample ``image`` at the inverse image of each output pixel, one by one, zeros outside."""
    height, width = image.shape
    inverse, out = np.linalg.inv(matrix.astype(np.float64)), np.zeros(size)
    for row in range(size[0]):
        for col in range(size[1]):
            x, y, _ = inverse @ (col, row, 1)
            x0, y0 = int(np.floor(x)), int(np.floor(y))
            for yy, xx in ((y0, x0), (y0, x0 + 1), (y0 + 1, x0), (y0 + 1, x0 + 1)):
                if 0 <= yy < height and 0 <= xx < width:
                    out[row, col] += (1 - abs(x - xx)) * (1 - abs(y - yy)) * image[yy, xx]
    return out


@pytest.mark.parametrize('size,out_size', [((16, 16), (16, 16)), ((12, 20), (20, 12))])
def test_warp_equals_slow_reference(size, out_size):
    maps = torch.rand(3, 2, *size, generator=torch.Generator().manual_seed(0))
    matrices = random_matrices(3, size, flip=True)
    warped = warp_affine(maps, torch.from_numpy(matrices), out_size)
    assert warped.shape == (3, 2, *out_size)
    for b in range(3):
        for c in range(2):
            expected = slow_bilinear(maps[b, c].numpy(), matrices[b], out_size)
            np.testing.assert_allclose(warped[b, c], expected, atol=2e-4)


def test_warp_agrees_with_opencv():
    """The matrix convention is cv2.warpAffine's, i.e. that of MMPose's TopdownAffine."""
    noise = np.random.default_rng(1).random((32, 32)).astype(np.float32)
    image = cv2.GaussianBlur(noise, (0, 0), 2)
    matrix = random_matrices(1, (32, 32), seed=3)
    expected = cv2.warpAffine(image, matrix[0, :2], (32, 32), flags=cv2.INTER_LINEAR)
    warped = warp_affine(torch.from_numpy(image)[None, None], torch.from_numpy(matrix))[0, 0]
    assert np.abs(warped.numpy() - expected)[4:-4, 4:-4].max() < 0.02  # OpenCV: 5 fractional bits


def test_warp_then_inverse_restores_a_smooth_map():
    points = torch.tensor([[[15., 17.], [20., 12.]]])
    maps = render_gaussians(points, (32, 32), sigma=2.5)
    matrix = torch.from_numpy(random_matrices(1, (32, 32), seed=5))
    back = warp_affine(warp_affine(maps, matrix), torch.linalg.inv(matrix))
    assert (back - maps).abs().max() < 0.06
    assert (back - maps).abs().max() > 0  # it was resampled at all


def test_identity_is_exact_and_covers_everything():
    maps = torch.rand(2, 3, 7, 5)
    eye = torch.eye(3).expand(2, 3, 3)
    torch.testing.assert_close(warp_affine(maps, eye), maps, atol=1e-5, rtol=0)
    assert covered_mask(eye, (7, 5)).eq(1).all()


def test_covered_mask_is_the_shifted_frame():
    shift = torch.eye(3).repeat(1, 1, 1)
    shift[0, 0, 2] = 2  # the source lies two pixels to the right in the output
    mask = covered_mask(shift, (4, 6))[0, 0]
    assert mask[:, :2].eq(0).all() and mask[:, 2:].eq(1).all()


def test_peak_follows_the_point():
    """A Gaussian warped by M has its peak where M maps its centre."""
    points = torch.tensor([[[10., 14.]], [[18., 16.]]])
    maps = render_gaussians(points, (32, 32), sigma=2.)
    matrices = torch.from_numpy(random_matrices(2, (32, 32), seed=2, flip=True))
    warped = warp_affine(maps, matrices)
    expected = transform_points(points, matrices)
    index = warped.flatten(2).argmax(-1)
    peak = torch.stack([index % 32, index // 32], -1)
    assert (peak - expected).abs().max() <= 0.75


def test_heatmap_matrices_pivot_on_the_codec():
    """Input-pixel maps and heatmap-pixel maps move the same physical point."""
    matrices = torch.from_numpy(random_matrices(4, (64, 48), seed=7))
    scale = torch.tensor([4., 3.])
    points = torch.rand(4, 5, 2) * 40
    through_input = transform_points(points * scale, matrices) / scale
    torch.testing.assert_close(transform_points(points, heatmap_matrices(matrices, scale)),
                               through_input, atol=1e-3, rtol=1e-4)


def test_swap_channels_only_where_asked():
    maps = torch.rand(2, 4, 3, 3)
    out = swap_channels(maps, torch.tensor([0, 2, 1, 3]), torch.tensor([True, False]))
    assert torch.equal(out[0], maps[0, [0, 2, 1, 3]]) and torch.equal(out[1], maps[1])


def test_gradient_flows_through_the_warp():
    maps = torch.rand(1, 1, 8, 8, requires_grad=True)
    warp_affine(maps, torch.from_numpy(random_matrices(1, (8, 8)))).sum().backward()
    assert torch.isfinite(maps.grad).all() and maps.grad.abs().sum() > 0
