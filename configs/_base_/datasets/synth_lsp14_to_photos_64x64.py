"""Synthetic people with LSP's 14 joints -> a folder of real photographs, at 64x64.

Labels of the photographs, if there are any, are only for the score: `udapose convert lsp
SRC --out data/lspet` writes them from LSP's or LSP-extended's mat file.
"""
_base_ = ['./synth_people_64x64.py']

photos_root = 'data/lspet/'
num_keypoints = 14
lsp14 = dict(from_file='{{ fileDirname }}/metainfo/lsp14.py')
to_lsp14 = dict(  # see docs/synthetic_data.md
    type='KeypointConverter', num_keypoints=14,
    mapping=[(16, 0), (14, 1), (12, 2), (11, 3), (13, 4), (15, 5), (10, 6), (8, 7), (6, 8), (5, 9),
             (7, 10), (9, 11), (17, 12), (18, 13)])

_people = dict(
    type='CocoDataset', data_root=_base_.data_root + 'source/', metainfo=_base_.source_metainfo,
    ann_file='annotations/train.json', data_prefix=dict(img='images/train/'), pipeline=[to_lsp14])
source_train = dict(
    _delete_=True, type='CombinedDataset', metainfo=lsp14, datasets=[_people],
    pipeline=_base_.source_pipeline)
labeled_source_train = dict(
    _delete_=True, type='CombinedDataset', metainfo=lsp14, datasets=[_people],
    pipeline=_base_.labeled_pipeline)
target_train = dict(
    data_root=photos_root + 'images/', metainfo=dict(_delete_=True, **lsp14))

photos_test = dict(
    type='CocoDataset', data_root=photos_root, metainfo=lsp14, ann_file='annotations/test.json',
    data_prefix=dict(img='images/'), test_mode=True, pipeline=_base_.test_pipeline)
val_dataloader = dict(dataset=dict(_delete_=True, **photos_test))
test_dataloader = dict(dataset=dict(_delete_=True, **photos_test))
val_evaluator = dict(groups='lsp14')
test_evaluator = dict(groups='lsp14')
del _people
