"""The picture shows the right images in the right colours with joints at the right places."""
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmpose.codecs import MSRAHeatmap
from mmpose.models import PoseDataPreprocessor
from mmpose.structures import PoseDataSample
from torch import nn

from udapose.engine import PseudoLabelVisualizationHook
from udapose.engine.hooks.pseudo_label_visualization_hook import to_rgb
from udapose.models.pose_estimators.adaptation_batch import (
    AdaptationBatch,
    DomainPass,
    PseudoLabels,
    TeacherPass,
)
from udapose.models.pose_estimators.run_state import RunState
from udapose.models.readouts import HeatmapReadout

SIZE, SCALE = 32, 3  # inputs are twice as large as heatmaps


@pytest.mark.parametrize('kwargs', [
    dict(bgr_to_rgb=True, mean=[123., 116., 103.], std=[58., 57., 56.]), dict(bgr_to_rgb=True),
    dict(mean=[100., 110., 120.], std=[50., 40., 30.]), {}])
def test_to_rgb_undoes_the_preprocessor(kwargs):
    bgr = np.random.default_rng(0).integers(0, 256, (2, 8, 6, 3), np.uint8)
    preprocessor = PoseDataPreprocessor(**kwargs)
    tensors = [torch.from_numpy(i).permute(2, 0, 1) for i in bgr]
    inputs = preprocessor(
        dict(inputs=tensors, data_samples=[PoseDataSample() for _ in tensors]))['inputs']
    assert np.array_equal(to_rgb(inputs, preprocessor), bgr[..., ::-1])


def heatmaps(*points):
    maps = torch.zeros(len(points), SIZE // 2, SIZE // 2)
    for heatmap, point in zip(maps, points, strict=True):
        if point is not None:
            heatmap[point[1], point[0]] = 1
    return maps


def grey(count, level):
    return torch.full((count, 3, SIZE, SIZE), float(level))


def model_with_batch(sources=3, targets=2):
    model = nn.Module()
    model.data_preprocessor = PoseDataPreprocessor()
    head = SimpleNamespace(decoder=MSRAHeatmap((SIZE, SIZE), (SIZE // 2,) * 2, sigma=2))
    sample = SimpleNamespace(gt_fields=PixelData(heatmaps=heatmaps((4, 8), None)))
    model.run_state = RunState(batch_wanted=True, last_batch=AdaptationBatch(
        student=None, readout=HeatmapReadout(head),
        source=DomainPass(grey(sources, 50), [sample] * sources, (), {}, None),
        target=DomainPass(grey(targets, 150), [], (), {}, None),
        teacher=TeacherPass(grey(targets, 100),
                            heatmaps((3, 3), (10, 12)).expand(targets, -1, -1, -1)),
        pseudo=PseudoLabels(
            points=2 * torch.tensor([[[4., 4.], [11., 5.]]]).expand(targets, -1, -1),
            confidence=None, weights=torch.tensor([[1., 0.]]).expand(targets, -1),
            frame_targets=None, frame_weights=None, frame_mask=None)))
    return model


def at(sheet, row, column, x, y):
    """The pixel at heatmap position (x, y) of a tile."""
    return sheet[row * SIZE * SCALE + round((2 * y + 0.5) * SCALE - 0.5),
                 column * SIZE * SCALE + round((2 * x + 0.5) * SCALE - 0.5)].tolist()


def test_rows_positions_and_filled_or_hollow():
    sheet = PseudoLabelVisualizationHook(scale=SCALE).draw(model_with_batch())
    assert sheet.shape == (3 * SIZE * SCALE, 3 * SIZE * SCALE, 3) and sheet.dtype == np.uint8
    first, second = at(sheet, 0, 0, 4, 8), at(sheet, 1, 0, 10, 12)  # colours of the two joints
    assert first != second and max(first) == max(second) == 255
    assert at(sheet, 1, 0, 3, 3) == first
    assert at(sheet, 2, 1, 4, 4) == first  # accepted: filled
    assert at(sheet, 2, 1, 11, 5) == [150] * 3  # rejected: hollow, but there is a ring
    ring = sheet[2 * SIZE * SCALE:, :SIZE * SCALE].astype(int)  # thin, hence blended with 150
    towards = np.sign(np.array(second) - 150)
    assert ((ring - 150) * towards > 40).all(-1).any()
    # the unlabelled joint is not drawn, not even in the corner where a zero heatmap "peaks"
    row = sheet[:SIZE * SCALE].reshape(-1, 3).tolist()
    assert second not in row and at(sheet, 0, 0, 0, 0) == [50] * 3
    # two target images beside three source images leave room
    assert at(sheet, 1, 2, 5, 5) == [0] * 3 and at(sheet, 0, 2, 4, 8) == first


def test_limit_on_samples():
    sheet = PseudoLabelVisualizationHook(max_samples=1).draw(model_with_batch())
    assert sheet.shape[1] == SIZE * SCALE


def test_only_due_iterations_cost_anything(tmp_path):
    added = []
    runner = SimpleNamespace(
        model=model_with_batch(), iter=0, work_dir=str(tmp_path), visualizer=SimpleNamespace(
            add_image=lambda name, image, step: added.append((name, image.shape, step))))
    state, hook = runner.model.run_state, PseudoLabelVisualizationHook(interval=2)
    batch, state.batch_wanted, kept = state.last_batch, False, []
    hook.before_train(runner)
    for runner.iter in range(4):
        hook.before_train_iter(runner, runner.iter)
        kept.append(state.batch_wanted)
        state.keep(batch)  # as the model does
        assert (state.last_batch is batch) == kept[-1] and not state.batch_wanted
        hook.after_train_iter(runner, runner.iter)
    assert kept == [False, True, False, True]
    assert [(name, step) for name, _, step in added] == [('pseudo_labels', 2), ('pseudo_labels', 4)]
    assert sorted(p.name for p in (tmp_path / 'vis_data/pseudo_labels').iterdir()) == [
        'iter_000002.png', 'iter_000004.png']


def test_other_ranks_draw_nothing(tmp_path, monkeypatch):
    module = 'udapose.engine.hooks.pseudo_label_visualization_hook.is_main_process'
    monkeypatch.setattr(module, lambda: False)
    model = model_with_batch()
    model.run_state.batch_wanted = False
    runner = SimpleNamespace(model=model, iter=0, work_dir=str(tmp_path))
    hook = PseudoLabelVisualizationHook(interval=1)
    hook.before_train_iter(runner, 0)
    hook.after_train_iter(runner, 0)
    assert not model.run_state.batch_wanted and not list(tmp_path.iterdir())


def test_models_without_pseudo_labels():
    with pytest.raises(TypeError, match='MeanTeacherPoseEstimator; got Linear'):
        PseudoLabelVisualizationHook().before_train(SimpleNamespace(model=nn.Linear(1, 1)))
