"""What a training step runs: with which parts, in which order, under AMP, without waiting."""
import copy

import pytest
import torch
from mmpose.registry import MODELS
from test_compare_frame import based_batch
from test_mean_teacher import batch, build, fixed


@MODELS.register_module(force=True)
class _SeenTerm(torch.nn.Module):
    """Keeps the batch that an alignment term gets."""

    def forward(self, batch):
        self.seen = batch
        return dict(loss_extra=batch.target.output.mean())


# ------------------------------------------------------------------ what a step needs
ADVERSARIAL = dict(type='DomainAdversarialLoss', feature='backbone.layer4',
                   discriminator=dict(type='PatchDiscriminator', in_channels=32,
                                      hidden_channels=(8,), kernel_size=1))


def refuse(*args):
    raise AssertionError('the teacher was run')


def test_adversarial_training_alone_runs_no_teacher():
    model = build(consistency=None, alignments=dict(feature=ADVERSARIAL)).train()
    model.teacher.backbone.register_forward_pre_hook(refuse)
    assert not model.uses_teacher
    losses = model.loss(*batch())
    assert set(losses) == {'loss_kpt', 'loss_adversarial', 'adversarial_accuracy'}
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    assert model.student.backbone.conv1.weight.grad.abs().sum() > 0
    with_teacher = build(alignments=dict(feature=ADVERSARIAL)).train()
    with_teacher.teacher.backbone.register_forward_pre_hook(refuse)
    with pytest.raises(AssertionError, match='the teacher was run'):
        with_teacher.loss(*batch())


def test_information_maximization_needs_no_teacher_either():
    model = build(consistency=None, alignments=dict(
        pose=dict(type='InformationMaximizationLoss'))).train()
    model.teacher.backbone.register_forward_pre_hook(refuse)
    assert 'entropy_mean' in model.loss(*batch())


def test_a_term_may_ask_for_the_teacher():
    model = build(consistency=None, alignments=dict(extra=dict(type='_SeenTerm'))).train()
    assert not model.uses_teacher
    model.alignments['extra'].needs_teacher = True
    assert model.uses_teacher and 'pseudo_coverage' in model.loss(*batch())


def test_a_term_that_is_none_is_left_out():
    assert len(build(alignments=dict(feature=None)).alignments) == 0


def test_student_augments_see_the_teacher_and_change_only_the_students_input():
    """Masked image consistency: the loss is computed on the masked view."""
    model = build(student_augments=[dict(type='RandomBlockMask', ratio=0.5, block_size=8)],
                  alignments=dict(extra=dict(type='_SeenTerm'))).train()
    inputs, samples = batch()
    before = {k: v.clone() for k, v in inputs.items()}
    given = []
    model.student_augments[0].register_forward_pre_hook(
        lambda m, args: given.append(copy.copy(args[1])))
    model.loss(inputs, samples)
    seen = model.alignments['extra'].seen
    hidden = seen.target.inputs == 0
    assert 0 < hidden.float().mean() < 1
    assert torch.equal(seen.target.inputs, torch.where(hidden, 0, before['target_student']))
    assert torch.equal(seen.source.inputs, before['source'])
    assert torch.equal(seen.teacher.inputs, before['target_teacher'])
    assert all(torch.equal(inputs[k], v) for k, v in before.items())  # the batch itself stays
    assert given[0].pseudo is seen.pseudo and given[0].teacher is seen.teacher
    assert given[0].target is None and given[0].source is None  # the student has not run


def test_occlusion_in_a_whole_step_covers_the_pseudo_label():
    model = build(student_augments=[dict(type='AdaptiveKeypointOcclusion', prob=1., threshold=0.5,
                                         half_size=4)],
                  alignments=dict(extra=dict(type='_SeenTerm')),
                  train_cfg=dict(confidence_quantile=0.)).train()
    heatmaps = torch.zeros(2, 3, 16, 16)
    heatmaps[:, 1, 10, 6] = 1.  # input pixel (12, 20)
    model.teacher.head.forward = fixed(heatmaps)
    inputs, samples = batch()
    model.loss(inputs, samples)
    changed = (model.alignments['extra'].seen.target.inputs != inputs['target_student']).any(1)
    for mask in changed:
        y, x = mask.nonzero().unbind(1)
        assert (x.min(), x.max(), y.min(), y.max()) == (8, 15, 16, 23)


# ------------------------------------------------------------------ source images alone
def test_the_first_phase_trains_on_source_images_alone():
    model = build(alignments=dict(feature=ADVERSARIAL)).train()
    model.run_state.adapting = False
    for module in (model.teacher.backbone, model.alignments['feature'].discriminator):
        module.register_forward_pre_hook(refuse)
    inputs, samples = batch()
    sizes = []
    model.student.backbone.register_forward_hook(lambda m, i, o: sizes.append(len(i[0])))
    losses = model.loss(inputs, samples)
    assert sizes == [2] and losses['loss_unused'] == 0
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    # DDP waits for a gradient of every trainable parameter
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    assert all(p.grad.eq(0).all() for p in model.alignments.parameters())


# ------------------------------------------------------------------ all parts together
def everything():
    return build(
        alignments=dict(feature=ADVERSARIAL, pose=dict(
            type='InformationMaximizationLoss', form='joint', temperature=0.1, normalize='log')),
        student_augments=[dict(type='AdaptiveKeypointOcclusion', threshold=0., half_size=4)],
        train_cfg=dict(compare_frame='base')).train()


def test_all_parts_are_finite_under_autocast():
    model = everything()
    with torch.autocast('cpu', torch.bfloat16):
        losses = model.loss(*based_batch())
    assert {'loss_kpt', 'loss_consistency', 'loss_adversarial', 'loss_information'} <= set(losses)
    assert all(torch.isfinite(v).all() for v in losses.values())
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.requires_grad)


def test_all_parts_read_nothing_back():
    from torch.utils._python_dispatch import TorchDispatchMode

    class Record(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            names.append(func.overloadpacket.__name__)
            return func(*args, **(kwargs or {}))

    names, model, data = [], everything(), based_batch()
    with Record():
        sum(v for k, v in model.loss(*data).items() if 'loss' in k).backward()
    assert 'convolution' in names and 'softplus' in names
    assert not {'_local_scalar_dense', 'nonzero', 'is_nonzero', 'masked_select'} & set(names)
