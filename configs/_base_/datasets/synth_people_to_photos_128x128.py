"""Rendered people (both domains, labelled) -> real photographs, 14 joints, at 128x128.

Two versions of the generator: people of version 1 stand, mostly with their face to the camera;
those of version 2 are in any attitude and turned anywhere. From version 2 alone the network does
not learn left from right (docs/real_photos.md).

    udapose synth --kind people --out data/synthpose/people
    udapose synth --kind people --version 2 --size 128 --source-train 4000 --target-train 8000 \\
        --out data/synthpose/people2

The photographs are LSP-extended crops in COCO style: `train/`, `test/`, `train.json`, `test.json`
in `lspet_photos/` below the folder that the variable UDAPOSE_TEST_DATA names, or below `data/`
(docs/real_photos.md). Labels of `train` are for the oracle and for curves only.
"""
import os

rendered_roots = ['data/synthpose/people/', 'data/synthpose/people2/']
# not by MMEngine's placeholder, which would read the path's quotes and backslashes as Python
photos_root = os.path.join(os.environ.get('UDAPOSE_TEST_DATA') or 'data', 'lspet_photos', '')
codec = dict(type='MSRAHeatmap', input_size=(128, 128), heatmap_size=(32, 32), sigma=1.5,
             unbiased=True, blur_kernel_size=7)
num_keypoints = 14
lsp14 = dict(from_file='{{ fileDirname }}/metainfo/lsp14.py')
source_metainfo = dict(from_file='{{ fileDirname }}/metainfo/synth_people_source.py')
target_metainfo = dict(from_file='{{ fileDirname }}/metainfo/synth_people_target.py')
to_lsp14 = dict(  # see docs/synthetic_data.md
    type='KeypointConverter', num_keypoints=14,
    mapping=[(16, 0), (14, 1), (12, 2), (11, 3), (13, 4), (15, 5), (10, 6), (8, 7), (6, 8), (5, 9),
             (7, 10), (9, 11), (17, 12), (18, 13)])

# ---- pipelines: the same augmentation for every method
load_whole_image = [
    dict(type='LoadPoseImage'),
    dict(type='WholeImageBBox'),
    dict(type='GetBBoxCenterScale', padding=1.0)]
augment_view = [
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='QuickRandomBBoxTransform', shift_factor=0.06, scale_factor=(0.75, 1.25),
         rotate_factor=45, rotate_prob=1.0, shift_prob=1.0),
    dict(type='RecordedTopdownAffine', input_size=codec['input_size']),
    dict(type='ColorJitter', brightness=0.5, contrast=0.5, saturation=0.5)]
closer_view = [  # for the teacher of the configs *_close.py
    augment_view[0], dict(augment_view[1], scale_factor=(0.7, 1.0)), *augment_view[2:]]
labeled_pipeline = [
    *load_whole_image, *augment_view,
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs')]
source_pipeline = [*labeled_pipeline[:-1], dict(type='PackBranches', branch='source')]
target_pipeline = [
    dict(type='LoadPoseImage'),
    dict(type='GetBBoxCenterScale', padding=1.0),
    dict(type='ForkViews', teacher=augment_view, student=augment_view)]
closer_target_pipeline = [
    *target_pipeline[:-1], dict(type='ForkViews', teacher=closer_view, student=augment_view)]
test_pipeline = [
    *load_whole_image,
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs')]

# ---- data sets
people = [
    dict(type='CocoDataset', data_root=root + domain + '/', metainfo=metainfo,
         ann_file='annotations/train.json', data_prefix=dict(img='images/train/'),
         pipeline=[to_lsp14])
    for root in rendered_roots
    for domain, metainfo in (('source', source_metainfo), ('target', target_metainfo))]
source_train = dict(
    type='CombinedDataset', metainfo=lsp14, datasets=people, pipeline=source_pipeline)
labeled_source_train = dict(source_train, pipeline=labeled_pipeline)
target_train = dict(  # labels are not read
    type='UnlabeledPoseDataset', data_root=photos_root + 'train/', metainfo=lsp14,
    pipeline=target_pipeline)
labeled_photos = dict(
    type='CocoDataset', data_root=photos_root, metainfo=lsp14, ann_file='train.json',
    data_prefix=dict(img='train/'))

# ---- evaluation
# rendered people: no photograph is needed to see a source model converge
source_val = dict(
    type='CombinedDataset', metainfo=lsp14, test_mode=True, pipeline=test_pipeline, datasets=[
        dict(part, ann_file='annotations/val.json', data_prefix=dict(img='images/val/'),
             test_mode=True) for part in people])
# 300 photographs of `train`, for curves only: nothing is chosen by them
target_val = dict(labeled_photos, test_mode=True, pipeline=test_pipeline, indices=300)
target_test = dict(
    labeled_photos, ann_file='test.json', data_prefix=dict(img='test/'), test_mode=True,
    pipeline=test_pipeline)

val_dataloader = dict(
    batch_size=100, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=target_val)
test_dataloader = dict(val_dataloader, dataset=target_test)
val_evaluator = dict(type='GroupedPCK', groups='lsp14', prefix='target')
in_torsos = dict(type='GroupedPCK', groups='lsp14_body', unit='torso', thresholds=(0.2,))
flags = ('lr_suspect', 'gross_suspect', 'suspicious')
test_evaluator = [
    val_evaluator, dict(in_torsos, prefix='target'),
    dict(val_evaluator, prefix='unflagged', leave_out=flags),
    dict(in_torsos, prefix='unflagged', leave_out=flags)]
val_cfg = dict(type='TeacherStudentValLoop')
test_cfg = dict(type='TeacherStudentTestLoop')
