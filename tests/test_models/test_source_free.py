"""Adaptation without source images: batches, gradients, batch norms, the start model."""
import copy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.model import PretrainedInit
from mmengine.runner.checkpoint import _load_checkpoint_to_model
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import KEYPOINT_CODECS, MODELS

sys.path.insert(0, str(Path(__file__).resolve().parent))
from tiny_models import (  # noqa: E402
    FAMILIES,
    loaded_checkpoint,
    plain_config,
    rotated,
    source_free,
    target_batch,
)

from udapose.export import plain_state_dict  # noqa: E402
from udapose.models.utils.batch_norms import train_norms_alone  # noqa: E402

DISTILL = dict(distillation=dict(type='StartModelDistillation'))


def labelled(batch, family='heatmap'):
    """The same batch with labelled source images."""
    inputs, samples = copy.deepcopy(batch)
    codec = KEYPOINT_CODECS.build(FAMILIES[family]['head']['decoder'])
    inputs['source'] = torch.randn_like(inputs['target_student'])
    samples['source'] = []
    for i, sample in enumerate(copy.deepcopy(samples['target_student'])):
        points = np.array([[[20., 20.], [40., 24.], [30., 50.]]], np.float32) + i
        encoded = codec.encode(points, np.ones((1, 3), np.float32))
        sample.gt_fields = PixelData(heatmaps=torch.from_numpy(encoded['heatmaps']))
        sample.gt_instance_labels = InstanceData(
            keypoint_weights=torch.from_numpy(encoded['keypoint_weights']))
        samples['source'].append(sample)
    return inputs, samples


# ------------------------------------------------------------------ batches
def test_a_two_domain_model_names_the_key_when_there_is_no_source():
    model = source_free(train_cfg=dict(source_free=False))
    with pytest.raises(ValueError, match=r'model.train_cfg.source_free=True'):
        model.loss(*target_batch())


def test_a_source_free_model_refuses_source_images():
    with pytest.raises(ValueError, match='the batch has source images'):
        source_free().loss(*labelled(target_batch()))


@pytest.mark.parametrize('missing', ['target_teacher', 'target_student'])
def test_both_views_are_needed(missing):
    inputs, samples = target_batch()
    del inputs[missing]
    with pytest.raises(ValueError, match='ForkViews'):
        source_free().loss(inputs, samples)
    with pytest.raises(ValueError, match='got Tensor'):
        source_free().loss(torch.zeros(1, 3, 64, 64), [])


@pytest.mark.parametrize('term', [
    dict(type='DomainAdversarialLoss', discriminator=dict(
        type='PatchDiscriminator', in_channels=8, hidden_channels=(8,)))])
def test_terms_that_compare_domains_are_refused(term):
    with pytest.raises(ValueError, match=r'alignments.x: DomainAdversarialLoss needs source '
                                         r'images.*model.alignments.x=None'):
        source_free(alignments=dict(x=term))
    source_free(train_cfg=dict(source_free=False), alignments=dict(x=term))


def test_attention_on_the_source_is_refused_with_the_remedy():
    vit = dict(type='AttentionViT', arch=dict(
        embed_dims=24, num_layers=2, num_heads=3, feedforward_channels=48), img_size=(64, 64),
        patch_size=8, out_type='featmap')
    plain = dict(plain_config('heatmap'), backbone=vit, head=dict(
        FAMILIES['heatmap']['head'], in_channels=24, deconv_out_channels=(8, 8),
        deconv_kernel_sizes=(4, 4)))
    term = dict(type='AttentionRegularization', encoder=dict(vit, init_cfg=dict(
        type='Normal', layer='Linear', std=0.02)))

    def build(**kwargs):
        return MODELS.build(dict(
            type='MeanTeacherPoseEstimator', pose_estimator=plain,
            train_cfg=dict(source_free=True), alignments=dict(a=dict(term, **kwargs))))
    with pytest.raises(ValueError, match=r"on=\('target',\)"):
        build()
    losses = build(on='target').train().loss(*target_batch())
    assert 'loss_attention_target' in losses and 'loss_attention_source' not in losses


def test_unknown_values_are_refused():
    with pytest.raises(ValueError, match='student_norm'):
        source_free(train_cfg=dict(student_norm='ema'))


# ------------------------------------------------------------------ a step
@pytest.mark.parametrize('family', FAMILIES)
def test_every_parameter_of_the_student_gets_a_gradient_and_nothing_else(family):
    """Heads with several stages too: DDP without find_unused_parameters waits for all of them."""
    model = source_free(family, alignments=DISTILL)
    model.readout.points = _middle(model)  # untrained regression points may lie outside
    losses = model(*target_batch(matrices=[(rotated(20), False), None, None]), mode='loss')
    total, _ = model.parse_losses(losses)
    total.backward()
    assert 'loss_kpt' not in losses and losses['loss_consistency'] > 0
    assert ('loss_unused' in losses) == (family in ('cpm', 'mspn'))
    without = [n for n, p in model.student.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []
    for frozen in (model.teacher, model.start):
        assert all(p.grad is None and not p.requires_grad for p in frozen.parameters())


def _middle(model):
    height, width = model.readout.size

    def points(output, subpixel=True):
        output = model.readout.maps(output) if model.readout.kind == 'maps' else output
        first = output[0] if isinstance(output, tuple) else output
        return first.new_tensor([width / 2, height / 2]).expand(len(first), 3, 2), \
            torch.linspace(0.5, 1, 3, device=first.device).expand(len(first), 3)
    return points


def test_the_consistency_is_that_of_a_two_domain_model():
    """One pass per domain: what the source adds is its own loss and nothing else."""
    batch = target_batch(matrices=[(rotated(30, True), True), None, (rotated(-10), False)])
    without = source_free().loss(*batch)
    both = source_free(train_cfg=dict(source_free=False, joint_forward=False)).loss(
        *labelled(batch))
    assert both.keys() - without.keys() == {'loss_kpt'}
    for key in without:
        torch.testing.assert_close(without[key], both[key])


def test_the_last_batch_says_that_there_was_no_source():
    model = source_free(alignments=DISTILL)
    model.run_state.batch_wanted = True
    model.loss(*target_batch())
    batch = model.run_state.last_batch
    assert batch.source is None and batch.domain('source') is None
    assert batch.target.inputs.shape == (3, 3, 64, 64) and batch.start.model is model.start


# ------------------------------------------------------------------ batch norms
@pytest.mark.parametrize('norm', ['batch', 'frozen'])
def test_frozen_batch_norms_keep_their_statistics_and_train_their_weights(norm):
    model = source_free(train_cfg=dict(student_norm=norm))
    bn = model.student.backbone.bn1
    before = {k: v.clone() for k, v in bn.state_dict().items()}
    losses = model.loss(*target_batch())
    losses['loss_consistency'].backward()
    same = all(torch.equal(v, before[k]) for k, v in bn.state_dict().items())
    assert same == (norm == 'frozen')
    assert bn.weight.grad is not None and bn.weight.requires_grad
    assert model.student.training and model.student.head.training
    model.eval()
    model.train()  # as the runner does before every step
    assert bn.training == (norm == 'batch')


def test_frozen_batch_norms_see_each_image_alone():
    model = source_free(train_cfg=dict(student_norm='frozen'))
    (inputs, samples), one = target_batch(), slice(0, 1)
    model.run_state.batch_wanted = True
    model.loss(inputs, samples)
    together = model.run_state.last_batch.target.output[one]
    model.run_state.batch_wanted = True
    model.loss({k: v[one] for k, v in inputs.items()}, {k: v[one] for k, v in samples.items()})
    alone = model.run_state.last_batch.target.output
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)


# ------------------------------------------------------------------ norms alone
@pytest.mark.parametrize('family', ['heatmap', 'simcc'])
def test_norms_alone_are_trained(family):
    model = source_free(family, train_cfg=dict(trained='norm'))
    before = {k: v.clone() for k, v in model.student.named_parameters()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
    model.loss(*target_batch())['loss_consistency'].backward()
    optimizer.step()
    moved = {k for k, v in model.student.named_parameters() if not torch.equal(v, before[k])}
    owners = dict(model.student.named_modules())
    norms = {k for k in before if isinstance(owners[k.rpartition('.')[0]], (
        torch.nn.BatchNorm2d, torch.nn.LayerNorm))}
    assert norms and moved == norms
    model.update_teacher(0.5)
    for name, parameter in model.teacher.named_parameters():
        assert torch.equal(parameter, before[name]) == (name not in norms)


def test_norms_alone_need_norms():
    with pytest.raises(ValueError, match="trained='norm'.*no normalisation layer.*'all'"):
        train_norms_alone(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.Linear(2, 2),
                                              torch.nn.BatchNorm2d(4, affine=False)))


def test_norms_of_other_packages_count():
    from mmpose.models.utils.rtmcc_block import ScaleNorm
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), ScaleNorm(4))
    train_norms_alone(model)
    assert [n for n, p in model.named_parameters() if p.requires_grad] == ['1.g']


# ------------------------------------------------------------------ the start model
def same(module, state):
    return all(torch.equal(v, state[k]) for k, v in module.state_dict().items())


def test_without_terms_that_need_it_there_is_no_start_model():
    model = source_free()
    assert model.start is None
    assert not any(k.startswith('start.') for k in model.state_dict())


def test_random_weights_are_refused():
    model = source_free(load=False, alignments=DISTILL)
    model.init_weights()
    with pytest.raises(ValueError, match='Set load_from'):
        model.loss(*target_batch())
    backbone = {k: v for k, v in loaded_checkpoint('heatmap').items() if k.startswith('backbone')}
    _load_checkpoint_to_model(model, dict(state_dict=dict(backbone)))
    with pytest.raises(ValueError, match='backbone and head'):
        model.train().loss(*target_batch())
    _load_checkpoint_to_model(model, dict(state_dict=loaded_checkpoint('heatmap')))
    assert model.loss(*target_batch())['loss_distillation'] >= 0


@pytest.mark.parametrize('where', ['outer', 'plain'])
@pytest.mark.parametrize('kind', ['Pretrained', PretrainedInit])
def test_init_cfg_fills_it(where, kind, tmp_path):
    state = loaded_checkpoint('heatmap')
    torch.save(dict(state_dict=state), tmp_path / 'plain.pth')
    init = dict(type=kind, checkpoint=str(tmp_path / 'plain.pth'))
    plain = plain_config('heatmap')
    model = MODELS.build(dict(
        type='MeanTeacherPoseEstimator', alignments=DISTILL, train_cfg=dict(source_free=True),
        pose_estimator=dict(plain, init_cfg=init) if where == 'plain' else plain,
        **(dict(init_cfg=init) if where == 'outer' else {})))
    model.init_weights()
    assert same(model.start, state) and same(model.student, state)
    model.train().loss(*target_batch())


def test_a_dotted_path_does_not_count(tmp_path):
    """MMEngine loads by it, and overwrites the weights afterwards."""
    torch.save(dict(state_dict=loaded_checkpoint('heatmap')), tmp_path / 'plain.pth')
    init = dict(type='mmengine.model.PretrainedInit', checkpoint=str(tmp_path / 'plain.pth'))
    model = MODELS.build(dict(
        type='MeanTeacherPoseEstimator', alignments=DISTILL, train_cfg=dict(source_free=True),
        pose_estimator=dict(plain_config('heatmap'), init_cfg=init)))
    model.init_weights()
    assert not same(model.student, loaded_checkpoint('heatmap'))
    with pytest.raises(ValueError, match='weights are random'):
        model.train().loss(*target_batch())


def test_it_stays_while_the_student_moves_and_survives_a_resume():
    model = source_free(alignments=DISTILL)
    start = copy.deepcopy(model.start.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(2):
        optimizer.zero_grad()
        model.parse_losses(model.loss(*target_batch()))[0].backward()
        optimizer.step()
        model.update_teacher(0.1)
    assert same(model.start, start) and not same(model.student, start)
    assert not model.start.training
    saved = copy.deepcopy(model.state_dict())
    resumed = source_free(load=False, alignments=DISTILL)
    _load_checkpoint_to_model(resumed, dict(state_dict=copy.deepcopy(saved)))
    assert same(resumed.start, start) and same(resumed.student, model.student.state_dict())
    assert resumed.start_loaded and resumed.teacher_loaded
    # left out of an export
    for branch in ('teacher', 'student'):
        assert plain_state_dict(saved, branch).keys() == start.keys()


def test_a_student_teacher_checkpoint_starts_from_its_teacher():
    first = source_free()
    first.teacher.backbone.conv1.weight.data.add_(1.)
    model = source_free(load=False, alignments=DISTILL)
    _load_checkpoint_to_model(model, dict(state_dict=first.state_dict()))
    assert same(model.start, first.teacher.state_dict())
    assert not same(model.start, first.student.state_dict())
