"""Discriminator maps in the right colours at the right places, and sheets of pictures."""
from types import SimpleNamespace

import cv2
import numpy as np
import torch
from mmpose.models import PoseDataPreprocessor
from torch import nn

from udapose.engine import DomainMapVisualizationHook
from udapose.engine.hooks.sheets import save_sheet
from udapose.models.pose_estimators.run_state import RunState


def runner(model, folder, iteration=4):
    added = {}
    return SimpleNamespace(
        model=model, work_dir=str(folder), iter=iteration, added=added, visualizer=SimpleNamespace(
            add_image=lambda name, image, step: added.update({name: (image, step)})))


def model_with(**maps):
    model = nn.Module()
    model.data_preprocessor = PoseDataPreprocessor()
    model.alignments = nn.ModuleDict()
    for name, value in maps.items():
        model.alignments[name] = nn.Identity()
        model.alignments[name].last_maps = value
    grey = torch.full((2, 3, 16, 16), 100.)
    model.run_state = RunState(last_batch=SimpleNamespace(
        source=SimpleNamespace(inputs=grey), target=SimpleNamespace(inputs=grey[:1])))
    return model


def draw(model, folder, interval=5):
    run, hook = runner(model, folder), DomainMapVisualizationHook(interval=interval, scale=1)
    hook.before_train(run)
    hook.before_train_iter(run, 4)
    hook.after_train_iter(run, 4)
    return run


def test_colours_and_places(tmp_path):
    logits = torch.full((2, 1, 4, 4), -20.)  # source, certainly
    logits[:, :, :, 2:] = 20.  # the right half taken for target
    model = model_with(feature=(logits, torch.zeros(1, 1, 4, 4)))
    run = draw(model, tmp_path)
    assert model.run_state.batch_wanted
    sheet, step = run.added['domain_maps']
    assert step == 5 and sheet.shape == (32, 32, 3)
    left, right = sheet[8, 2].astype(int), sheet[8, 13].astype(int)
    assert left[2] > left[0] + 80 and right[0] > right[2] + 80  # blue, red
    assert (sheet[16:, :16] == 100).all()  # undecided: the image as it is
    assert (sheet[16:, 16:] == 0).all()  # one target image beside two source images
    saved = cv2.imread(str(tmp_path / 'vis_data/domain_maps/iter_000005.png'))
    assert np.array_equal(saved[..., ::-1], sheet)


def test_two_terms_have_two_folders(tmp_path):
    zeros = torch.zeros(2, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    assert set(draw(model_with(a=zeros, b=zeros), tmp_path).added) == {
        'domain_maps_a', 'domain_maps_b'}


def test_nothing_to_draw(tmp_path):
    """Not due, the first phase, no adversarial term, a plain model."""
    zeros = torch.zeros(2, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    first_phase = model_with(a=zeros)
    first_phase.run_state.last_batch = None
    plain = nn.Linear(1, 1)
    for model, interval in ((model_with(a=zeros), 4), (first_phase, 5), (model_with(), 5),
                            (plain, 5)):
        assert not draw(model, tmp_path, interval).added
    assert not list(tmp_path.rglob('*.png'))


def test_rows_of_unequal_length(tmp_path):
    run, white = runner(None, tmp_path), np.full((3, 2, 3), 255, np.uint8)
    save_sheet(run, 'some', [[white], [white, white]], scale=2)
    sheet, _ = run.added['some']
    assert sheet.shape == (12, 8, 3)
    assert (sheet[:6, 4:] == 0).all() and (sheet[6:] == 255).all() and (sheet[:6, :4] == 255).all()
