"""Embedded hands at 64x64 without labels: images of both domains for masked reconstruction.

Generate the data with `udapose synth --kind hands --out data/synthpose/hands`.
"""
data_root = 'data/synthpose/hands/'
input_size = (64, 64)
source_metainfo = dict(from_file='{{ fileDirname }}/metainfo/synth_hands_source.py')
target_metainfo = dict(from_file='{{ fileDirname }}/metainfo/synth_hands_target.py')

# masks of both domains: <domain>/masks/train/<name>.png beside <domain>/images/train/<name>
load_mask = [dict(type='LoadForegroundMask', folder='../../masks/train')]
change_background = [dict(type='SegmentationGuidedAugmentation', mask_loader=load_mask[0])]
load_image = [
    dict(type='LoadPoseImage'),
    dict(type='WholeImageBBox'),
    *load_mask, *change_background,
    dict(type='GetBBoxCenterScale', padding=1.0)]
augment_view = [  # as the pose configs' augmentation of the same data
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='QuickRandomBBoxTransform', shift_factor=0.06, scale_factor=(0.85, 1.2),
         rotate_factor=45, rotate_prob=1.0, shift_prob=1.0),
    dict(type='RecordedTopdownAffine', input_size=input_size),
    dict(type='ColorJitter', brightness=0.5, contrast=0.5, saturation=0.5)]
source_pipeline = [
    *load_image, *augment_view, dict(type='PackReconstructionInputs', domain='source')]
target_pipeline = [
    *load_image, *augment_view, dict(type='PackReconstructionInputs', domain='target')]

source_train = dict(
    type='UnlabeledPoseDataset', data_root=data_root + 'source/images/train/',
    metainfo=source_metainfo, pipeline=source_pipeline)
target_train = dict(
    type='UnlabeledPoseDataset', data_root=data_root + 'target/images/train/',
    metainfo=target_metainfo, pipeline=target_pipeline)
