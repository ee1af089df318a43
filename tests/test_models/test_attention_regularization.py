"""The loss, the estimator around a plain model, and the term of a mean teacher."""
import copy
import math

import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmengine.runner.checkpoint import _load_checkpoint_to_model
from mmengine.structures import InstanceData, PixelData
from mmpose.codecs import MSRAHeatmap
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from udapose.export import plain_state_dict
from udapose.models.losses import AttentionRegularizationLoss
from udapose.models.pose_estimators import attention_regularized

ARCH = dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32)
CODEC = dict(type='MSRAHeatmap', input_size=(32, 32), heatmap_size=(16, 16), sigma=1.5)
BACKBONE = dict(type='AttentionViT', arch=ARCH, img_size=32, patch_size=8)


# ---------------------------------------------------------------- loss
def maps(*rows, heads=1):
    """(1, heads, queries, keys) of written-out rows."""
    return torch.tensor(rows).reshape(1, heads, -1, len(rows[0]))


def test_analytic_values():
    a = maps([0.75, 0.25], [0.5, 0.5])
    b = maps([0.25, 0.75], [0.5, 0.5])
    value = {d: AttentionRegularizationLoss(d)([a], [b]).item() for d in ('mse', 'kl', 'cosine')}
    assert value['mse'] == pytest.approx((0.5**2 + 0.5**2) / 4)
    assert value['kl'] == pytest.approx(0.5 * math.log(3) / 2)  # 1/4 ln 1/3 + 3/4 ln 3, one of two
    assert value['cosine'] == pytest.approx((1 - 0.375 / 0.625) / 2)
    for distance in value:
        loss = AttentionRegularizationLoss(distance, tokens='class_token', loss_weight=3.)
        assert loss([a], [b]).item() == pytest.approx(3 * 2 * value[distance])
        row = loss([a[:, :, :1]], [b[:, :, :1]])  # only this row was computed
        assert row.item() == pytest.approx(3 * 2 * value[distance])
        assert loss([a], [a]).item() == pytest.approx(0., abs=1e-6)


def test_kl_is_from_the_auxiliary_to_the_student():
    a, b = maps([0.9, 0.1]), maps([0.5, 0.5])
    expected = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    assert AttentionRegularizationLoss('kl')([a], [b]).item() == pytest.approx(expected)


@pytest.mark.parametrize('distance', ['mse', 'kl', 'cosine'])
def test_against_loops(distance):
    torch.manual_seed(0)
    a, b = torch.randn(2, 2, 3, 4, 5, 5).softmax(-1)  # layers, images, heads, queries... and twice
    a, b = a[:, :, 0], b[:, :, 0]  # (2, 3, 5, 5): two layers' maps are made below
    layers_a, layers_b = [a, a.flip(1)], [b, b.flip(0)]

    def row(p, q):
        p, q = p.tolist(), q.tolist()
        if distance == 'mse':
            return sum((x - y)**2 for x, y in zip(p, q)) / len(p)
        if distance == 'kl':
            return sum(y * math.log(y / x) for x, y in zip(p, q))
        norm = math.sqrt(sum(x * x for x in p) * sum(y * y for y in q))
        return 1 - sum(x * y for x, y in zip(p, q)) / norm

    def mean(pairs):
        values = [row(p, q) for p, q in pairs]
        return sum(values) / len(values)

    matched = mean((x[n, h, i], y[n, h, i]) for x, y in zip(layers_a, layers_b)
                   for n in range(2) for h in range(3) for i in range(5))
    averaged = mean((x[n].mean(0)[i], y[n].mean(0)[i]) for x, y in zip(layers_a, layers_b)
                    for n in range(2) for i in range(5))
    both_a, both_b = (sum(layers) / 2 for layers in (layers_a, layers_b))
    layer_mean = mean((both_a[n].mean(0)[i], both_b[n].mean(0)[i])
                      for n in range(2) for i in range(5))
    for kwargs, expected in ((dict(heads='match'), matched), ({}, averaged),
                             (dict(layer_maps='average'), layer_mean)):
        found = AttentionRegularizationLoss(distance, **kwargs)(layers_a, layers_b)
        assert found.item() == pytest.approx(expected, rel=1e-4), kwargs
    assert abs(matched - averaged) > 1e-4 and abs(averaged - layer_mean) > 1e-4


@pytest.mark.parametrize('distance', ['mse', 'kl', 'cosine'])
def test_gradient_leads_to_the_auxiliary_map(distance):
    torch.manual_seed(0)
    logits = torch.zeros(1, 1, 4, 4, requires_grad=True)
    target = (2 * torch.randn(1, 1, 4, 4)).softmax(-1).requires_grad_()
    loss = AttentionRegularizationLoss(distance)
    optimizer = torch.optim.Adam([logits], lr=0.05)
    first = None
    for _ in range(300):
        optimizer.zero_grad()
        value = loss([logits.softmax(-1)], [target])
        value.backward()
        if first is None:
            first = value.item()
            gradient = logits.grad.clone()
        optimizer.step()
    # down the gradient is up where the auxiliary encoder looks most in its row, and the reverse
    most, least = target.argmax(-1, keepdim=True), target.argmin(-1, keepdim=True)
    assert (gradient.gather(-1, most) < 0).all() and (gradient.gather(-1, least) > 0).all()
    assert target.grad is None
    assert value.item() < 0.01 * first
    assert (logits.softmax(-1) - target).abs().max() < 0.05


def test_an_underflown_probability_gives_finite_gradients():
    a = maps([1., 0.]).requires_grad_()
    loss = AttentionRegularizationLoss('kl')([a], [maps([0.5, 0.5])])
    loss.backward()
    assert loss.isfinite() and a.grad.isfinite().all()


def test_loss_messages():
    with pytest.raises(ValueError, match="distance must be one of .*'kl'"):
        AttentionRegularizationLoss('l1')
    with pytest.raises(ValueError, match='heads must be'):
        AttentionRegularizationLoss(heads='max')
    with pytest.raises(ValueError, match=r'\(1, 1, 1, 1, 2\) and \(1, 1, 1, 1, 3\)'):
        AttentionRegularizationLoss()([maps([0.5, 0.5])], [maps([0.5, 0.25, 0.25])])
    two = maps([0.5, 0.5], [0.5, 0.5], heads=2)
    AttentionRegularizationLoss()([two], [two[:, :1]])  # averaged: may differ
    with pytest.raises(ValueError, match='same number of heads'):
        AttentionRegularizationLoss(heads='match')([two], [two[:, :1]])


# ---------------------------------------------------------------- estimator
def plain_config(**backbone):
    return dict(
        type='TopdownPoseEstimator', backbone={**BACKBONE, **backbone},
        head=dict(type='HeatmapHead', in_channels=16, out_channels=3, deconv_out_channels=(8, 8),
                  deconv_kernel_sizes=(4, 4), decoder=CODEC,
                  loss=dict(type='KeypointMSELoss', use_target_weight=True)))


def randomized(module, seed=0):
    torch.manual_seed(seed)
    for p in module.parameters():
        torch.nn.init.normal_(p, std=0.3)


def build(backbone=None, **kwargs):
    model = MODELS.build(dict(type='AttentionRegularizedPoseEstimator',
                              pose_model=plain_config(**(backbone or {})), **kwargs))
    randomized(model)
    model.auxiliary.load_state_dict(model.pose_model.backbone.state_dict())
    return model


def sample():
    keypoints = np.array([[[8., 8.], [20., 10.], [12., 24.]]], np.float32)
    codec = {k: v for k, v in CODEC.items() if k != 'type'}
    encoded = MSRAHeatmap(**codec).encode(keypoints, np.ones((1, 3), np.float32))
    s = PoseDataSample(metainfo=dict(
        flip_indices=[0, 2, 1], flip=False, input_size=(32, 32), input_center=np.array([16., 16.]),
        input_scale=np.array([32., 32.]), input_matrix=np.eye(3, dtype=np.float32)))
    s.gt_instances = InstanceData(bboxes=np.array([[0., 0, 32, 32]]),
                                  bbox_scores=np.ones(1, np.float32))
    s.gt_fields = PixelData(heatmaps=torch.from_numpy(encoded['heatmaps']))
    s.gt_instance_labels = InstanceData(
        keypoint_weights=torch.from_numpy(encoded['keypoint_weights']))
    return s


def batch(n=2, target=True):
    g = torch.Generator().manual_seed(1)
    inputs = dict(source=torch.randn(n, 3, 32, 32, generator=g))
    samples = dict(source=[sample() for _ in range(n)])
    for branch in ('target_student', 'target_teacher') if target else ():
        inputs[branch] = torch.randn(n, 3, 32, 32, generator=g)
        samples[branch] = [sample() for _ in range(n)]
    return inputs, samples


def perturb(model, size=0.1):
    torch.manual_seed(3)
    with torch.no_grad():
        for p in model.pose_model.backbone.parameters():
            p.add_(size * torch.randn_like(p))


@pytest.mark.parametrize('tokens', ['all', 'class_token'])
@pytest.mark.parametrize('kind', ['AttentionViT', 'mmpretrain.VisionTransformer'])
def test_losses_are_the_plain_models_and_the_distance_of_the_maps(tokens, kind):
    loss = dict(type='AttentionRegularizationLoss', distance='kl', tokens=tokens, loss_weight=2.,
                layers=(0, -1))
    backbone = dict(type=kind, out_type='featmap')
    model = build(backbone, loss=loss, on=('source', 'target')).train()
    perturb(model)
    inputs, samples = batch()
    losses = model(inputs, samples, mode='loss')
    assert set(losses) == {'loss_kpt', 'loss_attention_source', 'loss_attention_target'}
    plain = copy.deepcopy(model.pose_model)
    torch.testing.assert_close(losses['loss_kpt'],
                               plain.loss(inputs['source'], samples['source'])['loss_kpt'])
    distance = AttentionRegularizationLoss('kl', tokens=tokens)
    for name, branch in (('source', 'source'), ('target', 'target_student')):
        found = []
        for encoder in (model.pose_model.backbone, model.auxiliary):
            ours = MODELS.build({**BACKBONE, 'attention_layers': (0, 1)})
            ours.load_state_dict(encoder.state_dict())
            found.append(ours(inputs[branch], return_attention=True)[1])
        expected = distance(*found)  # weight 2, half of it per domain
        torch.testing.assert_close(losses[f'loss_attention_{name}'], expected)
        assert expected > 1e-4


def test_equal_encoders_cost_nothing_and_a_plain_batch_works():
    model = build().train()
    inputs, samples = batch(target=False)
    losses = model(inputs['source'], samples['source'], mode='loss')
    assert set(losses) == {'loss_kpt', 'loss_attention_source'}
    assert losses['loss_attention_source'].item() == 0.


def test_source_alone_does_not_look_at_the_target():
    model = build(on='target').train()
    assert set(model(*batch(), mode='loss')) == {'loss_kpt', 'loss_attention_target'}
    model = build().train()
    perturb(model)
    inputs, samples = batch()
    first = model(inputs, samples, mode='loss')
    inputs['target_student'] = torch.full_like(inputs['target_student'], float('nan'))
    second = model(inputs, samples, mode='loss')
    assert set(first) == {'loss_kpt', 'loss_attention_source'} and first == second


@pytest.mark.parametrize('amp', [False, True])
def test_every_parameter_has_a_gradient_and_the_auxiliary_has_none(amp):
    """DDP needs the former; weight decay must not touch the auxiliary encoder."""
    model = build(on=('source', 'target')).train()
    assert not model.auxiliary.training and model.pose_model.backbone.training
    perturb(model)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with DefaultScope.overwrite_default_scope('mmpose'):
        optim = build_optim_wrapper(model, dict(
            type='OptimWrapper', optimizer=dict(type='AdamW', lr=0.01, weight_decay=0.5)))
    with torch.autocast('cpu', torch.bfloat16, enabled=amp):
        total, _ = model.parse_losses(model(*batch(), mode='loss'))
    optim.zero_grad()
    total.backward()
    assert all(p.grad is not None and p.grad.isfinite().all()
               for p in model.pose_model.parameters())
    assert all(p.grad is None and not p.requires_grad for p in model.auxiliary.parameters())
    optim.step()
    for key, value in model.state_dict().items():
        if key.startswith('auxiliary.'):
            assert torch.equal(value, before[key]), key
    assert not torch.equal(model.pose_model.backbone.pos_embed,
                           before['pose_model.backbone.pos_embed'])


def test_training_keeps_the_attention():
    """With a large weight, fine-tuning leaves the attention where it was; without, it moves."""
    drift = {}
    for weight in (0., 300.):
        model = build(loss=dict(type='AttentionRegularizationLoss', loss_weight=weight)).train()
        optimizer = torch.optim.Adam(model.pose_model.parameters(), lr=3e-3)
        inputs, samples = batch(target=False)
        for _ in range(25):
            optimizer.zero_grad()
            total, log = model.parse_losses(model(inputs, samples, mode='loss'))
            total.backward()
            optimizer.step()
        model.attention_loss.loss_weight = 1.
        drift[weight] = model(inputs, samples, mode='loss')['loss_attention_source'].item()
    assert drift[300.] < 0.2 * drift[0.]


def test_layer_decay_under_the_prefix():
    def rates(model, constructor):
        with DefaultScope.overwrite_default_scope('mmpose'):
            optim = build_optim_wrapper(model, dict(
                type='OptimWrapper', constructor=constructor,
                optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.1),
                paramwise_cfg=dict(num_layers=2, layer_decay_rate=0.5)))
        return {name: (g['lr'], g['weight_decay']) for g in optim.optimizer.param_groups
                for name in g['param_names']}

    model = build()
    found = rates(model, 'PrefixedLayerDecayOptimWrapperConstructor')
    stock = rates(model.pose_model, 'LayerDecayOptimWrapperConstructor')
    assert found == {f'pose_model.{k}': v for k, v in stock.items()}
    assert len({lr for lr, _ in found.values()}) == 4


def test_prediction_is_the_pose_models():
    model = build().eval()
    inputs, samples = batch(target=False)
    with torch.no_grad():
        assert torch.equal(model(inputs['source'], None, mode='tensor'),
                           model.pose_model(inputs['source'], None, mode='tensor'))
        ours = model(inputs['source'], samples['source'], mode='predict')
    assert ours[0].pred_instances.keypoints.shape == (1, 3, 2)


# ---------------------------------------------------------------- weights
def same(a, b):
    return all(torch.equal(v, b[k]) for k, v in a.items())


def test_the_auxiliary_is_the_encoder_as_initialised(tmp_path):
    pretrained = MODELS.build(BACKBONE)
    randomized(pretrained, 5)
    torch.save(pretrained.state_dict(), tmp_path / 'mae.pth')
    init = dict(type='PretrainedViT', checkpoint=str(tmp_path / 'mae.pth'))
    model = MODELS.build(dict(type='AttentionRegularizedPoseEstimator',
                              pose_model=plain_config(init_cfg=init)))
    model.init_weights()
    assert same(pretrained.state_dict(), model.auxiliary.state_dict())
    assert same(pretrained.state_dict(), model.pose_model.backbone.state_dict())
    # its own file, the pose model from scratch
    model = MODELS.build(dict(type='AttentionRegularizedPoseEstimator', pose_model=plain_config(),
                              auxiliary=dict(checkpoint=str(tmp_path / 'mae.pth'))))
    model.init_weights()
    assert same(pretrained.state_dict(), model.auxiliary.state_dict())
    assert not same(pretrained.state_dict(), model.pose_model.backbone.state_dict())


@pytest.mark.parametrize('strict', [True, False])
def test_resuming_restores_the_auxiliary(strict):
    trained = build()
    perturb(trained)
    other = build()
    randomized(other, 9)
    _load_checkpoint_to_model(other, dict(state_dict=trained.state_dict()), strict=strict)
    assert same(trained.state_dict(), other.state_dict())
    assert not same(trained.auxiliary.state_dict(), trained.pose_model.backbone.state_dict())


@pytest.mark.parametrize('strict', [True, False])
def test_a_plain_models_checkpoint_fills_both(strict):
    plain = MODELS.build(plain_config())
    randomized(plain, 7)
    model = build()
    _load_checkpoint_to_model(model, dict(state_dict=plain.state_dict()), strict=strict)
    assert same(plain.state_dict(), model.pose_model.state_dict())
    assert same(plain.backbone.state_dict(), model.auxiliary.state_dict())


def test_a_plain_models_checkpoint_leaves_an_auxiliary_with_a_file(tmp_path):
    pretrained = MODELS.build(BACKBONE)
    randomized(pretrained, 5)
    torch.save(pretrained.state_dict(), tmp_path / 'mae.pth')
    model = build(auxiliary=dict(checkpoint=str(tmp_path / 'mae.pth')))
    model.init_weights()
    plain = MODELS.build(plain_config())
    randomized(plain, 7)
    _load_checkpoint_to_model(model, dict(state_dict=plain.state_dict()), strict=True)
    assert same(plain.state_dict(), model.pose_model.state_dict())
    assert same(pretrained.state_dict(), model.auxiliary.state_dict())


@pytest.fixture
def said(monkeypatch):
    texts = []
    monkeypatch.setattr(attention_regularized, 'print_log', lambda text, **_: texts.append(text))
    return texts


def test_another_auxiliary_in_the_checkpoint_is_said(tmp_path, said):
    pretrained = MODELS.build(BACKBONE)
    randomized(pretrained, 5)
    torch.save(pretrained.state_dict(), tmp_path / 'mae.pth')
    model = build(auxiliary=dict(checkpoint=str(tmp_path / 'mae.pth')))
    model.init_weights()
    _load_checkpoint_to_model(model, dict(state_dict=model.state_dict()), strict=True)
    assert not said  # a resumed run
    other = build()
    randomized(other, 9)
    _load_checkpoint_to_model(model, dict(state_dict=other.state_dict()), strict=True)
    assert 'the one kept in this checkpoint, and not that of' in said.pop() and not said
    assert same(other.auxiliary.state_dict(), model.auxiliary.state_dict())


def test_a_random_encoder_is_said_once(tmp_path, said):
    def first_loss(load=None, **kwargs):
        model = MODELS.build(dict(type='AttentionRegularizedPoseEstimator', **kwargs))
        model.init_weights()
        if load:
            _load_checkpoint_to_model(model, dict(state_dict=load), strict=False)
        found = []
        for _ in range(2):
            said.clear()
            model.loss(*batch(target=False))
            found += [text for text in said if 'no pre-trained weights were given' in text]
        return len(found)

    torch.save(MODELS.build(BACKBONE).state_dict(), tmp_path / 'mae.pth')
    init = dict(type='PretrainedViT', checkpoint=str(tmp_path / 'mae.pth'))
    assert first_loss(pose_model=plain_config()) == 1
    assert first_loss(pose_model=plain_config(init_cfg=init)) == 0
    assert first_loss(pose_model=plain_config(),
                      auxiliary=dict(checkpoint=init['checkpoint'])) == 0
    plain = MODELS.build(plain_config()).state_dict()
    assert first_loss(pose_model=plain_config(), load=plain) == 0


def test_export_is_the_plain_model():
    model = build()
    perturb(model)
    state = plain_state_dict(model.state_dict())
    plain = MODELS.build(plain_config())
    plain.load_state_dict(state, strict=True)
    assert same(model.pose_model.state_dict(), plain.state_dict())


def test_estimator_messages():
    resnet = plain_config()
    resnet['backbone'] = dict(type='ResNet', depth=18, base_channels=4, stem_channels=4)
    for kwargs, error, words in (
            (dict(on=('sources',)), ValueError, "some of 'source' and 'target'"),
            (dict(on=()), ValueError, "some of 'source' and 'target'"),
            (dict(auxiliary=dict(file='x')), ValueError, "'checkpoint'"),
            (dict(pose_model=resnet), TypeError, 'ResNet has no self-attention'),
            (dict(loss=dict(type='AttentionRegularizationLoss', layers=[5])), ValueError, '-2, 1'),
            (dict(pose_model=plain_config(with_cls_token=False),
                  loss=dict(type='AttentionRegularizationLoss', tokens='class_token')), ValueError,
             'with_cls_token=True')):
        with pytest.raises(error, match=words):
            MODELS.build({**dict(type='AttentionRegularizedPoseEstimator',
                                 pose_model=plain_config()), **kwargs})
    model, (inputs, samples) = build(on=('source', 'target')), batch(target=False)
    with pytest.raises(ValueError, match="target_student.*batch without branches.*on=..source"):
        model(inputs['source'], samples['source'], mode='loss')
    with pytest.raises(ValueError, match=r"got \['source'\]"):
        model(inputs, samples, mode='loss')
    with pytest.raises(RuntimeError, match='student.backbone.*udapose export'):
        model.load_state_dict({'student.backbone.pos_embed': torch.ones(1)})
    other = MODELS.build(plain_config(arch={**ARCH, 'feedforward_channels': 64}))
    with pytest.raises(RuntimeError, match=r'\(64, 16\) instead of \(32, 16\)'):
        model.load_state_dict(other.state_dict())


# ---------------------------------------------------------------- term of a mean teacher
@pytest.mark.parametrize('joint', [True, False])
def test_the_term_in_a_mean_teacher(joint, tmp_path):
    pretrained = MODELS.build(BACKBONE)
    randomized(pretrained, 5)
    torch.save(pretrained.state_dict(), tmp_path / 'mae.pth')
    init = dict(type='PretrainedViT', checkpoint=str(tmp_path / 'mae.pth'))
    term = dict(type='AttentionRegularization', encoder={**BACKBONE, 'init_cfg': init},
                loss=dict(type='AttentionRegularizationLoss', distance='kl', layers=(0, 1)))
    model = MODELS.build(dict(
        type='MeanTeacherPoseEstimator', pose_estimator=plain_config(init_cfg=init),
        alignments=dict(attention=term),
        train_cfg=dict(joint_forward=joint, frozen_teacher=True)))
    model.init_weights()
    model.train()
    assert not model.alignments['attention'].encoder.training
    inputs, samples = batch()
    losses = model(inputs, samples, mode='loss')
    assert losses['loss_attention_source'].item() == pytest.approx(0., abs=1e-6)
    randomized(model.student.backbone, 6)
    losses = model(inputs, samples, mode='loss')
    for name, branch in (('source', 'source'), ('target', 'target_student')):
        found = []
        for encoder in (model.student.backbone, pretrained):
            ours = MODELS.build({**BACKBONE, 'attention_layers': (0, 1)})
            ours.load_state_dict(encoder.state_dict())
            found.append(ours(inputs[branch], return_attention=True)[1])
        expected = AttentionRegularizationLoss('kl')(*found) / 2
        torch.testing.assert_close(losses[f'loss_attention_{name}'], expected)
    sum(losses[f'loss_attention_{d}'] for d in ('source', 'target')).backward()
    assert model.student.backbone.layers[1].attn.qkv.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in model.alignments['attention'].parameters())


def test_a_random_auxiliary_encoder_is_refused():
    with pytest.raises(ValueError, match='no init_cfg.*PretrainedViT'):
        MODELS.build(dict(type='AttentionRegularization', encoder=BACKBONE))
