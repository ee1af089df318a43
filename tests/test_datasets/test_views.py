"""Forking and packing."""
import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmpose.datasets.transforms.formatting import image_to_tensor
from mmpose.registry import DATASETS, TRANSFORMS
from tiny_data import VIEW, WHOLE

from udapose.datasets.transforms import PackBranches

BRANCHES = ('source', 'target_teacher', 'target_student')


class Vandal(BaseTransform):
    """Writes into everything that it is given."""

    def __init__(self, seen):
        self.seen = seen

    def transform(self, results):
        self.seen.append({k: (v.copy() if isinstance(v, np.ndarray) else v)
                          for k, v in results.items()})
        self.seen[-1]['flip_indices'] = list(results['flip_indices'])
        for value in results.values():
            if isinstance(value, np.ndarray) and value.ndim:
                value[:] = 0
        results['flip_indices'].clear()
        results['flip_indices'].extend([9])
        results['bbox_center'] = np.array([[48., 36.]], np.float32)
        results['bbox_scale'] = np.array([[96., 72.]], np.float32)
        return results


def test_source_sample(tiny, pipelines):
    item = DATASETS.build(dict(tiny.source, pipeline=pipelines.source))[0]
    assert tuple(item['inputs']) == tuple(item['data_samples']) == BRANCHES
    assert item['inputs']['source'].shape == (3, 64, 64)
    assert item['inputs']['source'].dtype == torch.uint8
    assert item['inputs']['target_teacher'] is item['data_samples']['target_student'] is None
    sample = item['data_samples']['source']
    assert sample.gt_fields.heatmaps.shape == (6, 16, 16)
    assert sample.metainfo['input_matrix'].shape == (3, 3)
    assert isinstance(sample.metainfo['flip'], bool)
    assert sample.metainfo['flip_indices'] == [0, 2, 1, 4, 3, 5]
    assert 'raw_ann_info' not in sample.metainfo


def test_target_views_differ_and_carry_no_labels(tiny, pipelines):
    np.random.seed(0)
    item = DATASETS.build(dict(tiny.target, pipeline=pipelines.target))[1]
    assert tuple(item['inputs']) == BRANCHES and item['inputs']['source'] is None
    teacher, student = (item['data_samples'][b] for b in BRANCHES[1:])
    assert not np.allclose(teacher.metainfo['input_matrix'], student.metainfo['input_matrix'])
    for sample in (teacher, student):
        assert 'keypoints' not in sample.gt_instances
        assert 'keypoints_visible' not in sample.gt_instances
        assert sample.metainfo['dataset_name'] == 'tiny_target'
        for key in ('input_size', 'input_center', 'input_scale', 'img_path', 'id', 'flip_indices'):
            assert key in sample.metainfo


def test_labels_of_a_labelled_target_are_removed(tiny, pipelines):
    item = DATASETS.build(dict(tiny.source, pipeline=pipelines.target))[0]
    for branch in BRANCHES[1:]:
        sample = item['data_samples'][branch]
        assert set(sample.gt_instances.keys()) == {'bboxes', 'bbox_scores', 'bbox_scales'}
        assert 'gt_fields' not in sample and not sample.gt_instance_labels.keys()


def test_views_share_no_buffers_but_the_data_set(tiny):
    seen = []
    view = [Vandal(seen), VIEW[-1]]
    fork = dict(type='ForkViews', teacher=view, student=view)
    dataset = DATASETS.build(dict(tiny.target, pipeline=[*WHOLE, fork]))
    item = dataset[0]
    first, second = seen
    assert first.keys() == second.keys() and first['img'].any()
    for key, value in first.items():
        if isinstance(value, np.ndarray):
            assert np.array_equal(value, second[key]), key
    assert first['flip_indices'] == second['flip_indices'] == [0, 2, 1, 4, 3, 5]
    assert first['dataset'] is second['dataset'] is dataset
    pair = [item['data_samples'][b] for b in BRANCHES[1:]]
    assert not np.shares_memory(pair[0].input_matrix, pair[1].input_matrix)
    assert not np.shares_memory(pair[0].gt_instances.bboxes, pair[1].gt_instances.bboxes)
    assert item['inputs'][BRANCHES[1]].data_ptr() != item['inputs'][BRANCHES[2]].data_ptr()


def test_load_happens_once(tiny, monkeypatch):
    import mmcv
    calls = []
    decode = mmcv.imfrombytes
    monkeypatch.setattr(mmcv, 'imfrombytes', lambda *a, **k: calls.append(1) or decode(*a, **k))
    DATASETS.build(dict(tiny.target, pipeline=[
        *WHOLE, dict(type='ForkViews', teacher=VIEW, student=VIEW)]))[0]
    assert len(calls) == 1


def test_flip_after_the_crop_is_refused(tiny):
    late = dict(type='RandomFlip', prob=1.)
    dataset = DATASETS.build(dict(tiny.source, pipeline=[
        *WHOLE, VIEW[-1], late, dict(type='PackBranches')]))
    with pytest.raises(ValueError, match='put RandomFlip before RecordedTopdownAffine'):
        dataset[0]


def test_messages(tiny):
    with pytest.raises(ValueError, match="branch='teacher' is not one of"):
        TRANSFORMS.build(dict(type='PackBranches', branch='teacher'))
    plain = dict(type='TopdownAffine', input_size=(64, 64))
    dataset = DATASETS.build(dict(tiny.target, pipeline=[
        *WHOLE, dict(type='ForkViews', teacher=VIEW, student=[plain])]))
    with pytest.raises(ValueError, match='target_student view has no input_matrix'):
        dataset[0]


def test_mmpose_transforms_on_unlabelled_samples(tiny):
    """Those without keypoints in their contract work; the others fail (docs/data.md says so)."""
    teacher, student = (
        [dict(type='RandomFlip', prob=1.), dict(type='RandomBBoxTransform'), VIEW[-1],
         dict(type=colour)] for colour in ('PhotometricDistortion', 'YOLOXHSVRandomAug'))
    dataset = DATASETS.build(dict(tiny.target, pipeline=[
        *WHOLE, dict(type='ForkViews', teacher=teacher, student=student)]))
    assert dataset[0]['data_samples']['target_teacher'].metainfo['flip'] is True
    for bad in (dict(type='RandomHalfBody'),
                dict(type='GenerateTarget', encoder=dict(
                    type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=1.))):
        dataset = DATASETS.build(dict(tiny.target, pipeline=[
            *WHOLE, dict(type='ForkViews', teacher=VIEW, student=[*VIEW, bad])]))
        with pytest.raises((KeyError, ValueError)):
            dataset[0]


def test_the_base_matrix_is_the_crop_without_augmentation(tiny):
    """The same for both views, whatever they draw, and MMPose's own crop of the box."""
    before = [dict(type='LoadPoseImage'), dict(type='GetBBoxCenterScale', padding=1.25)]
    still = [VIEW[-1]]
    dataset = DATASETS.build(dict(tiny.source, pipeline=[
        *before, dict(type='ForkViews', teacher=still, student=VIEW)]))
    plain = DATASETS.build(dict(tiny.source, pipeline=[
        *before, VIEW[-1], dict(type='PackPoseInputs', meta_keys=('input_matrix',))]))
    np.random.seed(1)
    for i in range(4):
        teacher, student = (dataset[i]['data_samples'][b].metainfo for b in BRANCHES[1:])
        expected = plain[i]['data_samples'].metainfo['input_matrix']
        assert teacher['base_matrix'].dtype == np.float32
        for matrix in (teacher['base_matrix'], student['base_matrix'], teacher['input_matrix']):
            np.testing.assert_allclose(matrix, expected, atol=1e-4)
        assert not np.allclose(student['input_matrix'], expected, atol=0.5)


def test_the_base_is_not_mirrored_by_a_flip_before_the_fork(tiny):
    box = [dict(type='LoadPoseImage'), dict(type='GetBBoxCenterScale', padding=1.)]
    fork = dict(type='ForkViews', teacher=[VIEW[-1]], student=[VIEW[-1]])
    straight, flipped = (
        DATASETS.build(dict(tiny.source, pipeline=[*box, *flip, fork]))[0]['data_samples'][
            BRANCHES[1]].metainfo for flip in ([], [dict(type='RandomFlip', prob=1.)]))
    assert flipped['flip'] and np.linalg.det(flipped['input_matrix'][:2, :2]) < 0
    # get_warp_matrix turns about half the image's width, a flip about half of (width - 1)
    np.testing.assert_allclose(flipped['base_matrix'], straight['base_matrix'], atol=1.5)
    assert np.linalg.det(flipped['base_matrix'][:2, :2]) > 0


@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_the_packed_image_is_mmposes(dtype):
    """Also of a view of a larger image, which is not contiguous."""
    img = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(dtype)[2:17, ::2]
    packed = PackBranches('source')(dict(img=img))['inputs']['source']
    assert torch.equal(packed, image_to_tensor(img))
    assert packed.is_contiguous() and packed.dtype == image_to_tensor(img).dtype
    grey = img[..., 0]
    assert torch.equal(PackBranches('source')(dict(img=grey))['inputs']['source'],
                       image_to_tensor(grey))


def test_two_flips_of_which_one_would_be_forgotten(tiny):
    flip = dict(type='RandomFlip', prob=1.)
    fork = dict(type='ForkViews', teacher=[flip, VIEW[-1]], student=[VIEW[-1]])
    dataset = DATASETS.build(dict(tiny.target, pipeline=[*WHOLE, flip, fork]))
    with pytest.raises(ValueError, match='Keep RandomFlip in the views alone'):
        dataset[0]


def test_a_diagonal_flip_exchanges_no_joints(tiny):
    """As MMPose's RandomFlip, which leaves them as they are then."""
    from udapose.models.utils.view_geometry import view_geometry
    swaps = {}
    for direction in ('horizontal', 'diagonal'):
        flip = dict(type='RandomFlip', prob=1., direction=direction)
        item = DATASETS.build(dict(tiny.target, pipeline=[*WHOLE, dict(
            type='ForkViews', teacher=[flip, VIEW[-1]], student=[VIEW[-1]])]))[0]
        samples = [[item['data_samples'][b]] for b in BRANCHES[1:]]
        swaps[direction] = view_geometry(*samples, (4., 4.), 'cpu').teacher_swap.tolist()
    assert swaps == dict(horizontal=[True], diagonal=[False])
