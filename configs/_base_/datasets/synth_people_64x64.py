"""Embedded people at 64x64: labelled source, unlabelled target, target and source test sets.

The whole image is the crop, as in the literature's protocols for unlabelled images.
Generate the data with `udapose synth --kind people --out data/synthpose/people`.
"""
data_root = 'data/synthpose/people/'
codec = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(32, 32), sigma=1.5,
             unbiased=True, blur_kernel_size=7)
num_keypoints = 22
source_metainfo = dict(from_file='{{ fileDirname }}/metainfo/synth_people_source.py')
target_metainfo = dict(from_file='{{ fileDirname }}/metainfo/synth_people_target.py')

# ---- pipelines: the same augmentation for every method
load_whole_image = [
    dict(type='LoadPoseImage'),
    dict(type='WholeImageBBox'),
    dict(type='GetBBoxCenterScale', padding=1.0)]
augment_view = [
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='QuickRandomBBoxTransform', shift_factor=0.06, scale_factor=(0.75, 1.25),
         rotate_factor=60, rotate_prob=1.0, shift_prob=1.0),
    dict(type='RecordedTopdownAffine', input_size=codec['input_size']),
    dict(type='ColorJitter', brightness=0.5, contrast=0.5, saturation=0.5)]
source_pipeline = [
    *load_whole_image, *augment_view,
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackBranches', branch='source')]
labeled_pipeline = [
    *load_whole_image, *augment_view,
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs')]
target_pipeline = [  # the data set gives the whole image as box, or yours from `bbox_file`
    dict(type='LoadPoseImage'),
    dict(type='GetBBoxCenterScale', padding=1.0),
    dict(type='ForkViews', teacher=augment_view, student=augment_view)]
test_pipeline = [
    *load_whole_image,
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs')]

# ---- data sets
source_train = dict(
    type='CocoDataset', data_root=data_root + 'source/', metainfo=source_metainfo,
    ann_file='annotations/train.json', data_prefix=dict(img='images/train/'),
    pipeline=source_pipeline)
target_train = dict(  # labels are not read
    type='UnlabeledPoseDataset', data_root=data_root + 'target/images/train/',
    metainfo=target_metainfo, pipeline=target_pipeline)
labeled_source_train = dict(source_train, pipeline=labeled_pipeline)
labeled_target_train = dict(  # for the oracle only
    type='CocoDataset', data_root=data_root + 'target/', metainfo=target_metainfo,
    ann_file='annotations/train.json', data_prefix=dict(img='images/train/'),
    pipeline=labeled_pipeline)

# ---- evaluation (test: both domains; validation: a small labelled target set, for curves only)
target_val = dict(
    type='CocoDataset', data_root=data_root + 'target/', metainfo=target_metainfo,
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
val_evaluator = dict(type='GroupedPCK', groups='people', prefix='target')
test_evaluator = val_evaluator
val_cfg = dict(type='TeacherStudentValLoop')
test_cfg = dict(type='TeacherStudentTestLoop')
