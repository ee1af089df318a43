"""FreiHAND -> CMU Panoptic hands in 3D: both domains and the test set (docs/data_hands.md)."""
_base_ = ['./public_3d_256x256.py', '../metrics/panoptic.py']

num_keypoints = 21
codec = dict(type='RootRelativeHeatmap3D', input_size=(256, 256), heatmap_size=(64, 64, 64),
             depth_range=(-250, 250))  # mm
source = dict(
    type='FreiHANDDataset', data_root='data/FreiHAND_pub_v2/', split='train')
target = dict(
    type='PanopticHandsDataset', data_root='data/panoptic/', split='train')

labeled_source_train = dict(source, pipeline=[
    *_base_.load_crop, *_base_.hand_view, dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPose3DInputs')])
labeled_target_train = dict(target, pipeline=labeled_source_train['pipeline'])  # the oracle's
source_images = dict(source, labels=False, pipeline=[
    *_base_.load_with_mask, *_base_.hand_view,
    dict(type='PackReconstructionInputs', domain='source')])
target_images = dict(target, labels=False, pipeline=[
    *_base_.load_with_mask, *_base_.hand_view,
    dict(type='PackReconstructionInputs', domain='target')])
eval_dataloader = dict(
    batch_size=64, num_workers=8, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(target, split='test', test_mode=True, pipeline=_base_.test_view))
