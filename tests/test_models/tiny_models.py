"""One tiny plain model for each family of heads, and batches without labels."""
import numpy as np
import torch
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

FLIP = [0, 2, 1]
_SIMCC = dict(type='SimCCLabel', input_size=(64, 64), sigma=(3., 3.), simcc_split_ratio=2.0)
_MSRA = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(32, 32), sigma=1.5)
_RESNET = dict(type='ResNet', depth=18, base_channels=4, stem_channels=4)
_POOL = dict(type='GlobalAveragePooling')
_KL = dict(type='KLDiscretLoss', use_target_weight=True)
_MSE = dict(type='KeypointMSELoss', use_target_weight=True)
_MEGVII = dict(type='MegviiHeatmap', input_size=(64, 64), heatmap_size=(16, 16), kernel_size=5)
_INTEGRAL = dict(type='IntegralRegressionLabel', input_size=(64, 64), heatmap_size=(8, 8),
                 sigma=2.0)

FAMILIES = dict(
    heatmap=dict(backbone=_RESNET, head=dict(
        type='HeatmapHead', in_channels=32, out_channels=3, deconv_out_channels=(8,) * 4,
        deconv_kernel_sizes=(4,) * 4, decoder=_MSRA, loss=_MSE)),
    simcc=dict(backbone=_RESNET, head=dict(
        type='SimCCHead', in_channels=32, out_channels=3, input_size=(64, 64),
        in_featuremap_size=(2, 2), simcc_split_ratio=2.0, deconv_out_channels=None, loss=_KL,
        decoder=_SIMCC)),
    rtmpose=dict(
        backbone=dict(type='CSPNeXt', arch='P5', deepen_factor=0.167, widen_factor=0.125,
                      out_indices=(4,)),
        head=dict(
            type='RTMCCHead', in_channels=128, out_channels=3, input_size=(64, 64),
            in_featuremap_size=(2, 2), simcc_split_ratio=2.0, final_layer_kernel_size=3,
            gau_cfg=dict(hidden_dims=16, s=16, expansion_factor=2, dropout_rate=0., drop_path=0.,
                         act_fn='SiLU', use_rel_bias=False, pos_enc=False),
            loss=dict(_KL, beta=10., label_softmax=True), decoder=_SIMCC)),
    regression=dict(backbone=_RESNET, neck=_POOL, head=dict(
        type='RegressionHead', in_channels=32, num_joints=3,
        loss=dict(type='SmoothL1Loss', use_target_weight=True),
        decoder=dict(type='RegressionLabel', input_size=(64, 64)))),
    rle=dict(backbone=_RESNET, neck=_POOL, head=dict(
        type='RLEHead', in_channels=32, num_joints=3,
        loss=dict(type='RLELoss', use_target_weight=True),
        decoder=dict(type='RegressionLabel', input_size=(64, 64)))),
    integral=dict(backbone=_RESNET, head=dict(
        type='IntegralRegressionHead', in_channels=32, num_joints=3, in_featuremap_size=(2, 2),
        deconv_out_channels=(8, 8), deconv_kernel_sizes=(4, 4),
        loss=dict(type='SmoothL1Loss', use_target_weight=True), decoder=_INTEGRAL)),
    cpm=dict(
        backbone=dict(type='CPM', in_channels=3, out_channels=3, feat_channels=8, num_stages=2),
        head=dict(type='CPMHead', in_channels=3, out_channels=3, num_stages=2,
                  deconv_out_channels=None, final_layer=dict(kernel_size=1), loss=_MSE,
                  decoder=dict(_MSRA, heatmap_size=(8, 8)))),
    mspn=dict(
        backbone=dict(type='MSPN', unit_channels=16, num_stages=2, num_units=2, num_blocks=[1, 1],
                      norm_cfg=dict(type='BN')),
        head=dict(type='MSPNHead', out_shape=(16, 16), unit_channels=16, out_channels=3,
                  num_stages=2, num_units=2, norm_cfg=dict(type='BN'), level_indices=[0, 1] * 2,
                  loss=[_MSE] * 4, decoder=_MEGVII)))


def plain_config(family):
    """Config of a plain model with three joints for 64x64 inputs."""
    return dict(dict(type='TopdownPoseEstimator'), **FAMILIES[family])


def loaded_checkpoint(family, seed=0):
    """A state dict of the plain model that is not what ``init_weights`` gives."""
    torch.manual_seed(seed)
    model = MODELS.build(plain_config(family))
    for p in model.parameters():
        p.data += 0.05 * torch.randn_like(p)
    return {k: v.clone() for k, v in model.state_dict().items()}


def source_free(family='heatmap', train_cfg=None, load=True, **kwargs):
    """A source-free mean teacher, filled from a checkpoint."""
    model = MODELS.build(dict(
        type='MeanTeacherPoseEstimator', pose_estimator=plain_config(family),
        train_cfg=dict(dict(source_free=True, confidence_quantile=0.), **(train_cfg or {})),
        **kwargs))
    if load:
        model.load_state_dict(loaded_checkpoint(family), strict=False)
    return model.train()


def target_batch(n=3, matrices=None, seed=1):
    """Two views of n images; the student's view moved by ``matrices`` of (matrix, flip)."""
    generator = torch.Generator().manual_seed(seed)
    inputs = {k: torch.randn(n, 3, 64, 64, generator=generator)
              for k in ('target_teacher', 'target_student')}

    def sample(matrix=np.eye(3), flip=False):  # noqa: B008
        return PoseDataSample(metainfo=dict(
            flip_indices=FLIP, flip=flip, input_size=(64, 64),
            input_matrix=np.asarray(matrix, np.float32), base_matrix=np.eye(3, dtype=np.float32)))

    return inputs, dict(target_teacher=[sample() for _ in range(n)],
                        target_student=[sample(*(x or ())) for x in (matrices or [None] * n)])


def rotated(degrees, flip=False):
    """A rotation about the centre of a 64x64 input, after a flip."""
    a, c = np.deg2rad(degrees), 31.5
    lin = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    if flip:
        lin = lin @ np.diag([-1, 1])
    m = np.eye(3, dtype=np.float32)
    m[:2, :2], m[:2, 2] = lin, [c, c] - lin @ [c, c]
    return m
