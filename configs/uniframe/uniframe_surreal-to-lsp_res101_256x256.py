"""SURREAL -> LSP: UniFrame (ECCV 2022), the predecessor: styles in both directions and
keypoint occlusion around a mean teacher; no adversarial features, no information term.

    udapose train configs/style_only/style-only_surreal-to-lsp_res101_256x256.py   # phase 1
    udapose train configs/uniframe/uniframe_surreal-to-lsp_res101_256x256.py

Data (docs/data_bodies.md): data/surreal_processed/{train,test}/run{0,1,2},
data/lsp/{joints.mat,images/}.
Published PCK@0.05, mean over the joints, in %: 82.0 (secondary source; the paper itself was
  not read).
Estimated for one 80 GB GPU, not run (docs/recipes.md): 9 GB, 0.6 hours.
"""
_base_ = ['../multilevel_alignment/multilevel_surreal-to-lsp_res101_256x256.py']

model = dict(alignments=dict(feature=None, pose=None))
custom_hooks = _base_.custom_hooks
custom_hooks[0].update(target_to_source=0.5)
custom_hooks[:] = [h for h in custom_hooks
                   if h['type'] not in ('ConstantLRHook', 'DomainMapVisualizationHook')]
