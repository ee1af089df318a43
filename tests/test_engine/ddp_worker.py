"""One rank of a two-process training on CPU; started by torchrun.

    ddp_worker.py DATA WORK_DIR [--all-parts | --masked-reconstruction | --attention |
                                 --source-free]
"""
import json
import os
import sys
from pathlib import Path

import torch

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).parent)]
torch.set_num_threads(1)
from mmengine.dist import all_gather_object, get_rank  # noqa: E402
from mmengine.hooks import Hook  # noqa: E402
from mmengine.runner import Runner  # noqa: E402
from parts import all_parts  # noqa: E402
from runs import PEOPLE, plain_checkpoint, tiny_config, tiny_pretraining  # noqa: E402

import udapose  # noqa: E402, F401


class Record(Hook):
    """Collect which images this rank sees."""

    def __init__(self):
        self.seen = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        branches = data_batch['data_samples']
        for branch, samples in (branches.items() if isinstance(branches, dict)
                                else [('all', branches)]):
            self.seen += [(batch_idx, branch, s.metainfo['img_path'])
                          for s in samples if s is not None]


data, work_dir = sys.argv[1:3]
if '--all-parts' in sys.argv:  # one iteration of the first phase, two of adaptation
    cfg = all_parts(data, work_dir, iters=3, pretrain=1, interval=3)
elif '--masked-reconstruction' in sys.argv:
    cfg = tiny_pretraining('mae_synth-people_vit-tiny_64x64.py', data, Path(work_dir), iters=3)
elif '--attention' in sys.argv:
    cfg = tiny_config('masked_reconstruction/attention-regularized_synth-people_vit-tiny_64x64.py',
                      data, work_dir, iters=3)
elif '--source-free' in sys.argv:  # a head with two stages, whose first one is not taught
    cfg = tiny_config(f'source_free/source-free_{PEOPLE}.py', data, work_dir, iters=3)
    plain = cfg.model.pose_estimator
    plain.backbone = dict(type='CPM', in_channels=3, out_channels=22, feat_channels=8, num_stages=2)
    plain.head = dict(
        type='CPMHead', in_channels=22, out_channels=22, num_stages=2, deconv_out_channels=None,
        final_layer=dict(kernel_size=1), loss=plain.head.loss,
        decoder=dict(plain.head.decoder, heatmap_size=(8, 8)))
    cfg.model.alignments.update(
        mixup=dict(type='SelfMixupLoss'),
        prior=dict(type='PosePriorLoss', skeleton=[(0, 1), (1, 2)], min_count=2))
    cfg.custom_hooks = [h for h in cfg.custom_hooks
                        if h.type in ('EMATeacherHook', 'AverageBuffersHook')]
    cfg.load_from = plain_checkpoint(cfg, f'{work_dir}/rank{os.environ["RANK"]}')
else:
    cfg = tiny_config(f'mean_teacher/mean-teacher_{PEOPLE}.py', data, work_dir, iters=3)
    cfg.custom_hooks = [h for h in cfg.custom_hooks
                        if h.type in ('EMATeacherHook', 'AverageBuffersHook')]
cfg.launcher = 'pytorch'
cfg.env_cfg.dist_cfg.backend = 'gloo'
runner = Runner.from_cfg(cfg)
record = Record()
runner.register_hook(record)
model = runner.train().module
state = {k: v.clone() for k, v in model.state_dict().items()}
states, seen = all_gather_object(state), all_gather_object(record.seen)
if get_rank() == 0:
    differ = [k for k in states[0] if not torch.equal(states[0][k], states[1][k])]
    saved = torch.load(os.path.join(work_dir, 'iter_3.pth'), weights_only=False)['state_dict']
    unsaved = [k for k in saved if not torch.equal(saved[k], states[1][k])]
    Path(work_dir, 'report.json').write_text(json.dumps(
        dict(differ=differ, unsaved=unsaved, seen=seen, entries=len(state))))
# Nothing but the barrier's own tensors is then left to gloo's threads, see
# udapose.compat.distributed.
torch.distributed.barrier()
torch.distributed.destroy_process_group()
