"""Human3.6M -> SURREAL in 3D: both domains and the test set (docs/data_bodies_3d.md)."""
_base_ = ['./public_3d_256x256.py', '../metrics/surreal3d.py']

num_keypoints = 17
codec = dict(type='RootRelativeHeatmap3D', input_size=(256, 256), heatmap_size=(64, 64, 64),
             depth_range=(-1200, 1200))  # mm
source = dict(
    type='Human36m3DDataset', data_root='data/h36m/', split='train')
target = dict(
    type='Surreal3DDataset', data_root='data/surreal_processed/', split='train')

labeled_source_train = dict(source, pipeline=[
    *_base_.load_crop, *_base_.body_view, dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPose3DInputs')])
labeled_target_train = dict(target, pipeline=labeled_source_train['pipeline'])  # the oracle's
source_images = dict(source, labels=False, pipeline=[
    *_base_.load_with_mask, *_base_.body_view,
    dict(type='PackReconstructionInputs', domain='source')])
target_images = dict(target, labels=False, pipeline=[
    *_base_.load_with_mask, *_base_.body_view,
    dict(type='PackReconstructionInputs', domain='target')])
eval_dataloader = dict(
    batch_size=64, num_workers=8, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(target, split='test', test_mode=True, pipeline=_base_.test_view))
