"""Predictions for boxes, from several views."""
import cv2
import numpy as np
import pytest

from udapose.adaptation.predictor import VIEWS, Predictor, View, look


def test_looking_moves_points_as_the_matrix_says():
    """A bright dot in the image is found in each canvas where the matrix puts it."""
    image = np.zeros((200, 300, 3), np.uint8)
    dot = np.array([120., 90.])
    cv2.circle(image, (120, 90), 3, (255, 255, 255), -1)
    box = np.array([100, 50, 160, 150], np.float32)
    for view in (View(), *VIEWS):
        canvas, inner, matrix = look(image, box, view)
        ys, xs = np.nonzero(canvas[..., 0] > 100)
        expected = matrix @ np.array([*dot, 1])
        np.testing.assert_allclose([xs.mean(), ys.mean()], expected, atol=0.6)
        assert (inner[:2] <= expected).all() and (expected <= inner[2:]).all()


def test_views_of_a_model_that_sees_the_dots(synth_like_model):
    """The wrapper maps points back and exchanges sides: every view of a perfect model agrees."""
    config, checkpoint = synth_like_model
    predictor = Predictor(config, checkpoint)
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (120, 160, 3), np.uint8)
    boxes = np.array([[20, 10, 90, 110], [60, 20, 150, 100]], np.float32)
    joints = len(predictor.names)

    def perfect(asked):
        # each canvas is told apart by its size; a marker colour is searched in it
        found = []
        for canvas, _ in asked:
            points = []
            for joint in range(joints):
                mask = (np.abs(canvas.astype(int) - colours[joint]).sum(-1) < 60)
                ys, xs = np.nonzero(mask)
                points.append([xs.mean(), ys.mean()] if len(xs) else [np.nan] * 2)
            found.append(points)
        return np.array(found, np.float32), np.ones((len(found), joints), np.float32), None

    image[:] = 0
    colours = np.zeros((joints, 3), int)
    left, right = 5, 6  # a pair of sides
    colours[left], colours[right] = (255, 0, 0), (0, 255, 0)
    colours[[j for j in range(joints) if j not in (left, right)]] = (0, 0, 255)
    cv2.circle(image, (50, 40), 4, (255, 0, 0), -1)
    cv2.circle(image, (70, 60), 4, (0, 255, 0), -1)
    predictor._predict = perfect
    flips = [View(rotation=10), View(flip=True, rotation=-10)]
    points, _ = predictor.views(image, boxes[:1], flips)
    np.testing.assert_allclose(points[0, 0, [left, right]], [[50, 40], [70, 60]], atol=0.5)
    np.testing.assert_allclose(points[1, 0, [left, right]], points[0, 0, [left, right]], atol=1.)
    # in a mirror a perfect model names the sides of what it sees; here the colours stay, so
    # exchanging them back must show
    np.testing.assert_allclose(points[2, 0, [right, left]], points[0, 0, [left, right]], atol=1.)


def test_same_as_mmpose(synth_like_model):
    from udapose.apis import inference_topdown
    predictor = Predictor(*synth_like_model)
    image = np.random.default_rng(0).integers(0, 255, (90, 70, 3), np.uint8)
    boxes = np.array([[5, 5, 60, 80], [0, 0, 70, 90]], np.float32)
    points, confidence = predictor(image, boxes)
    expected = inference_topdown(predictor.model, image, boxes)
    np.testing.assert_allclose(
        points, np.concatenate([e.pred_instances.keypoints for e in expected]), atol=1e-3)
    np.testing.assert_allclose(
        confidence, np.concatenate([e.pred_instances.keypoint_scores for e in expected]),
        atol=1e-5)
    assert predictor(image, np.zeros((0, 4)))[0].shape == (0, len(predictor.names), 2)


def test_a_config_without_pipeline(tmp_path, synth_like_model):
    config, checkpoint = synth_like_model
    from mmengine.config import Config
    cfg = Config.fromfile(config)
    cfg.pop('test_dataloader')
    cfg.dump(str(tmp_path / 'c.py'))
    with pytest.raises(ValueError, match='no test_dataloader.dataset.pipeline'):
        Predictor(tmp_path / 'c.py', checkpoint)
