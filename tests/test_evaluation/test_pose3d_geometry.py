"""Camera, alignment and error functions against analytic values and independent references."""
import numpy as np
import pytest
import torch
from mmpose.evaluation.functional import keypoint_mpjpe
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from udapose.evaluation.pose3d import (
    area_under_curve,
    back_project,
    joint_errors,
    mean_of_joints,
    pck_per_joint,
    procrustes_align,
    project,
    root_align,
    scale_align,
)

K = np.array([[400., 3., 60.], [0, 380., 50.], [0, 0, 1]])


def random_poses(count=5, joints=8, seed=0):
    return np.random.default_rng(seed).normal(0, 100, (count, joints, 3))


# ---- camera
def test_projection_is_the_matrix_product():
    points = random_poses() + [0, 0, 2000]
    homogeneous = np.einsum('ij,nkj->nki', K, points)
    np.testing.assert_allclose(project(points, K), homogeneous[..., :2] / homogeneous[..., 2:])


def test_back_projection_inverts_projection_for_each_samples_camera():
    points = torch.from_numpy(random_poses(3) + [0, 0, 1500])
    cameras = torch.from_numpy(K) * torch.tensor([1., 2., 0.5])[:, None, None].double()
    cameras[:, 2, 2] = 1
    pixels = project(points, cameras)
    assert not torch.allclose(pixels[0], project(points, cameras[1])[0])
    torch.testing.assert_close(back_project(pixels, points[..., 2], cameras), points)


def test_camera_keeps_type_and_gradient():
    points = torch.tensor([[[10., 20., 1000.]]], requires_grad=True)
    project(points, K).sum().backward()  # float64 array beside a float32 tensor
    np.testing.assert_allclose(points.grad[0, 0, 0], 0.4, rtol=1e-6)
    assert isinstance(project(random_poses() + 1e4, K), np.ndarray)
    assert project(points, K).dtype == torch.float32


def test_points_behind_the_camera_have_no_picture():
    points = torch.tensor([[[1., 1., -5.], [1., 1., 0.], [1., 1., 5.]]], requires_grad=True)
    pixels = project(points, torch.from_numpy(K))
    assert pixels.isnan().all(-1).tolist() == [[True, True, False]]
    pixels.nansum().backward()
    assert points.grad.isfinite().all()


@pytest.mark.parametrize('call,message', [
    (lambda: project(np.ones((4, 2)), K), r'points must be \(\.\.\., K, 3\), got \(4, 2\)'),
    (lambda: project(np.ones((4, 3)), np.ones((3, 4))), 'intrinsics must be'),
    (lambda: back_project(np.ones((4, 2)), np.ones(3), K), '4 pixels but 3 depths'),
    (lambda: procrustes_align(np.ones((4, 3)), np.ones((5, 3))), r'\(4, 3\) and \(5, 3\)'),
    (lambda: procrustes_align(np.ones((2, 4, 3)), np.ones((2, 4, 3)), np.ones(4)),
     r'weights must be \(2, 4\)'),
    (lambda: joint_errors(np.ones((4, 3)), np.ones((4, 2))), r'\(4, 3\), true ones \(4, 2\)')])
def test_shapes_are_checked(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---- alignment
@pytest.mark.parametrize('dtype,tolerance', [(torch.float64, 1e-9), (torch.float32, 2e-3)])
def test_procrustes_recovers_a_random_similarity(dtype, tolerance):
    truth = random_poses(20)
    rng = np.random.default_rng(1)
    turned = Rotation.random(20, random_state=2).as_matrix()
    predicted = rng.uniform(0.2, 5, (20, 1, 1)) * truth @ turned + rng.normal(0, 500, (20, 1, 3))
    aligned = procrustes_align(torch.from_numpy(predicted).to(dtype),
                               torch.from_numpy(truth).to(dtype))
    assert (aligned - torch.from_numpy(truth)).norm(dim=-1).max() < tolerance


def test_procrustes_is_the_weighted_optimum():
    """No similarity that a general optimiser finds is better, and it finds the same value."""
    rng = np.random.default_rng(3)
    predicted, truth = random_poses(2)[0], random_poses(2)[1] + [5, 6, 700]
    weights = np.array([1, 0, 2, .5, 0, 1, 1, 3])
    aligned = procrustes_align(predicted[None], truth[None], weights[None])[0]

    def cost(parameters):
        turned = predicted @ Rotation.from_rotvec(parameters[:3]).as_matrix().T
        moved = np.exp(parameters[3]) * turned + 100 * parameters[4:]
        return (weights * np.square(moved - truth).sum(-1)).sum() / 1e4

    start = np.r_[0, 0, 0, 0, truth.mean(0) / 100]
    best = min(minimize(cost, start + rng.normal(0, 1, 7)).fun for _ in range(12))
    ours = (weights * np.square(aligned - truth).sum(-1)).sum() / 1e4
    assert ours == pytest.approx(best, rel=1e-4)


def test_procrustes_ignores_joints_without_weight_but_moves_them():
    predicted, truth = random_poses(2, 6), 2 * random_poses(2, 6) + 30
    truth[:, 5] = 1e6
    weights = np.ones((2, 6))
    weights[:, 5] = 0
    aligned = procrustes_align(predicted, truth, weights)
    np.testing.assert_allclose(aligned, 2 * predicted + 30, atol=1e-8)


def test_procrustes_never_mirrors():
    truth = random_poses(4)
    mirrored = truth * [-1, 1, 1]
    aligned = procrustes_align(mirrored, truth)
    assert joint_errors(aligned, truth).mean() > 10
    # An affine map of the same poses: its determinant keeps the sign of the coordinates'.
    maps = np.linalg.lstsq(mirrored[0] - mirrored[0].mean(0), aligned[0] - aligned[0].mean(0),
                           rcond=None)[0]
    assert np.linalg.det(maps) > 0


@pytest.mark.parametrize('axes', [[1, 0, 0], [1, 1, 0]])
def test_procrustes_aligns_collinear_and_planar_poses(axes):
    truth = random_poses(6) * axes
    predicted = 3 * truth @ Rotation.random(6, random_state=1).as_matrix() + 7
    np.testing.assert_allclose(procrustes_align(predicted, truth), truth, atol=1e-8)


def test_procrustes_of_degenerate_poses_is_finite_and_as_documented():
    truth = random_poses(1, 4) + 2000
    collapsed = np.full_like(truth, 1234.567)
    for dtype in (np.float32, np.float64):
        aligned = procrustes_align(collapsed.astype(dtype), truth.astype(dtype))
        np.testing.assert_allclose(aligned, np.broadcast_to(truth.mean(1, keepdims=True),
                                                            truth.shape), rtol=1e-5)
    one = np.array([[0., 1, 0, 0]])
    predicted = random_poses(1, 4, 5)
    np.testing.assert_allclose(procrustes_align(predicted, truth, one),
                               predicted - predicted[:, 1:2] + truth[:, 1:2])
    np.testing.assert_array_equal(procrustes_align(predicted, truth, 0 * one), predicted)


@pytest.mark.parametrize('mode', ['mpjpe', 'n-mpjpe', 'p-mpjpe'])
def test_alignments_agree_with_mmpose(mode):
    predicted, truth = random_poses(9, seed=1), random_poses(9, seed=2)
    predicted = predicted * 0.3 + truth
    visible = np.ones(truth.shape[:2], bool)
    if mode == 'p-mpjpe':
        ours = procrustes_align(predicted, truth)
    else:
        predicted, truth = root_align(predicted, 2), root_align(truth, 2)
        ours = scale_align(predicted, truth) if mode == 'n-mpjpe' else predicted
    align = {'mpjpe': 'none', 'n-mpjpe': 'scale', 'p-mpjpe': 'procrustes'}[mode]
    assert joint_errors(ours, truth).mean() == pytest.approx(
        keypoint_mpjpe(predicted, truth, visible, align), rel=1e-6)


def test_scale_is_the_weighted_optimum():
    predicted, truth = random_poses(3, seed=1), random_poses(3, seed=1) * 1.7
    truth[:, 0] *= -9
    weights = np.ones((3, 8))
    weights[:, 0] = 0
    np.testing.assert_allclose(scale_align(predicted, truth, weights), 1.7 * predicted)
    zero = np.zeros((1, 4, 3))
    np.testing.assert_array_equal(scale_align(zero, zero + 1), zero)


def test_root_of_each_pose():
    poses = torch.from_numpy(random_poses(3, 4))
    aligned = root_align(poses, torch.tensor([0, 3, 1]))
    assert aligned[0, 0].abs().sum() == aligned[1, 3].abs().sum() == aligned[2, 1].abs().sum() == 0
    torch.testing.assert_close(aligned[1], poses[1] - poses[1, 3])
    torch.testing.assert_close(root_align(poses, -1), poses - poses[:, 3:])


# ---- errors
def test_percentages_of_labelled_joints_only():
    errors = np.array([[1., 10.], [2., np.nan], [3., 30.], [9., 1.]])
    labeled = np.array([[1, 1], [1, 0], [1, 0], [0, 0]], bool)
    got = pck_per_joint(errors, labeled, np.array([0.5, 1., 2.5, np.inf]))
    np.testing.assert_allclose(got, [[0, 0], [100 / 3, 0], [200 / 3, 0], [100, 100]])
    np.testing.assert_allclose(mean_of_joints(errors, labeled), [2, 10])
    assert np.isnan(mean_of_joints(errors, 0 * labeled > 0)).all()


def test_area_of_a_known_curve():
    """Errors spread evenly over 0 to 60 mm: PCK(t) = t / 60, so the mean over 20..50 is 35 / 60."""
    errors = ((np.arange(6000) + 0.5) / 100)[:, None]
    thresholds = np.linspace(20, 50, 31)
    pck = pck_per_joint(errors, errors >= 0, thresholds)
    assert area_under_curve(pck, thresholds)[0] == pytest.approx(100 * 35 / 60, abs=0.02)
    # One step at 10: the trapezoid counts half of the interval before the threshold.
    assert area_under_curve(np.array([0., 0., 100., 100.]), np.array([0., 5, 10, 20])) == 62.5
