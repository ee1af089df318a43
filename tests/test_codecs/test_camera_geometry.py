"""Projection and its inverse."""
import numpy as np
import pytest
import torch

from udapose.codecs import apply_matrix, backproject, project

K = np.array([[400., 2., 60.], [0., 380., 50.], [0., 0., 1.]])


@pytest.fixture
def points():
    return np.random.default_rng(0).uniform([-500, -500, 2000], [500, 500, 4000], (3, 5, 3))


def test_projection_by_hand():
    x, y, z = 100., -200., 2000.
    expected = [400 * x / z + 2 * y / z + 60, 380 * y / z + 50]
    np.testing.assert_allclose(project(np.array([[x, y, z]]), K), [expected])


def test_backprojection_is_the_inverse(points):
    pixels = project(points, K)
    np.testing.assert_allclose(backproject(pixels, points[..., 2], K), points, rtol=1e-9)


def test_one_camera_per_sample_and_tensors(points):
    cameras = np.stack([K, K * [[2], [2], [1]], K * [[1], [3], [1]]])
    pixels = project(points, cameras)
    for i in range(3):
        np.testing.assert_allclose(pixels[i], project(points[i], cameras[i]))
    tensors = [torch.from_numpy(a) for a in (points, cameras)]
    np.testing.assert_allclose(project(*tensors).numpy(), pixels)
    back = backproject(project(*tensors), tensors[0][..., 2], tensors[1])
    np.testing.assert_allclose(back.numpy(), points, rtol=1e-9)


def test_a_matrix_and_its_inverse():
    matrix = np.array([[0., -2., 30.], [1.5, .2, -7.], [0., 0., 1.]])
    points = np.array([[3., 4.], [-1., 0.]])
    np.testing.assert_allclose(apply_matrix(matrix, points), [[22., -1.7], [30., -8.5]])
    np.testing.assert_allclose(
        apply_matrix(np.linalg.inv(matrix), apply_matrix(matrix, points)), points)
