"""Embedded people in 3D at 64x64: labelled source, unlabelled target, source and target test sets.

The whole image is the crop. Depths are relative to the pelvis.
Generate the data with `udapose synth --kind people --out data/synthpose/people`.
"""
data_root = 'data/synthpose/people/'
codec = dict(type='RootRelativeHeatmap3D', input_size=(64, 64), heatmap_size=(16, 16, 16),
             depth_range=(-1200, 1200))  # mm; the data reach 1150
num_keypoints = 22
source_metainfo = dict(from_file='{{ fileDirname }}/metainfo/synth_people_source.py')
target_metainfo = dict(from_file='{{ fileDirname }}/metainfo/synth_people_target.py')

# ---- pipelines: the same augmentation for every method (weaker than in 2D: the budget is small)
load_whole_image = [
    dict(type='LoadPoseImage'),
    dict(type='WholeImageBBox'),
    dict(type='GetBBoxCenterScale', padding=1.0)]
augment_view = [
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='QuickRandomBBoxTransform', shift_factor=0.06, scale_factor=(0.85, 1.2),
         rotate_factor=30, rotate_prob=1.0, shift_prob=1.0),
    dict(type='RecordedTopdownAffine', input_size=codec['input_size']),
    dict(type='ColorJitter', brightness=0.5, contrast=0.5, saturation=0.5)]
source_pipeline = [
    *load_whole_image, *augment_view,
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackBranches', branch='source', extra_meta_keys=('intrinsics', 'root_index'))]
labeled_pipeline = [
    *load_whole_image, *augment_view,
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPose3DInputs')]
# half of the source images before another background, mostly that of a target image
load_mask = dict(type='LoadForegroundMask', folder='../../masks/train')
change_background = dict(
    type='SegmentationGuidedAugmentation', prob=0.5, mask_loader=load_mask,
    sources=dict(folder=4., dataset=1., noise=1., color=1.),
    folder=data_root + 'target/images/train/', folder_masks=True)
augmented_pipeline = [
    *load_whole_image[:2], load_mask, change_background, *load_whole_image[2:], *augment_view,
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPose3DInputs')]
target_pipeline = [
    dict(type='LoadPoseImage'),
    dict(type='GetBBoxCenterScale', padding=1.0),
    dict(type='ForkViews', teacher=augment_view, student=augment_view)]
test_pipeline = [
    *load_whole_image,
    dict(type='RecordedTopdownAffine', input_size=codec['input_size']),
    dict(type='PackPose3DInputs')]

# ---- data sets
source_train = dict(
    type='CameraSpaceCocoDataset', data_root=data_root + 'source/', metainfo=source_metainfo,
    ann_file='annotations/train.json', data_prefix=dict(img='images/train/'),
    pipeline=source_pipeline)
target_train = dict(  # labels are not read
    type='UnlabeledPoseDataset', data_root=data_root + 'target/images/train/',
    metainfo=target_metainfo, pipeline=target_pipeline)
labeled_source_train = dict(source_train, pipeline=labeled_pipeline)
augmented_source_train = dict(source_train, pipeline=augmented_pipeline)
labeled_target_train = dict(  # for the oracle only
    labeled_source_train, data_root=data_root + 'target/', metainfo=target_metainfo)

# ---- evaluation (test: both domains; validation: a small labelled target set, for curves only)
target_val = dict(
    type='CameraSpaceCocoDataset', data_root=data_root + 'target/', metainfo=target_metainfo,
    ann_file='annotations/val.json', data_prefix=dict(img='images/val/'), test_mode=True,
    pipeline=test_pipeline)
target_test = dict(
    target_val, ann_file='annotations/test.json', data_prefix=dict(img='images/test/'))
source_test = dict(
    target_test, data_root=data_root + 'source/', metainfo=source_metainfo)

val_dataloader = dict(
    batch_size=100, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=target_val)
test_dataloader = dict(val_dataloader, dataset=target_test)
val_evaluator = [
    dict(type='CameraSpaceMPJPE', mode=['mpjpe', 'pa-mpjpe'], prefix='target'),
    dict(type='CameraSpaceAUC', prefix='target')]
test_evaluator = val_evaluator
val_cfg = dict(type='TeacherStudentValLoop')
test_cfg = dict(type='TeacherStudentTestLoop')
