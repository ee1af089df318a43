"""Train a tiny mean teacher; optionally die by SIGKILL after some iteration.

    python resume_worker.py DATA WORK_DIR ITERS CHECKPOINT_INTERVAL KILL_AFTER [--resume]

With --all-parts: multi-level alignment, the first phase ending at iteration 4. With --hamipose: the
gradient gate, with a metric that has a state, and the kick-drift-kick optimizer.
"""
import json
import os
import signal
import sys
from pathlib import Path

import torch

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).parent)]
torch.set_num_threads(1)
from mmengine.hooks import Hook  # noqa: E402
from mmengine.runner import Runner  # noqa: E402
from parts import all_parts  # noqa: E402
from runs import PEOPLE, tiny_config  # noqa: E402

import udapose  # noqa: E402, F401


class Record(Hook):
    """Write each iteration's losses; kill the process without warning when told to."""

    priority = 'VERY_LOW'

    def __init__(self, path, kill_after):
        self.path, self.kill_after = path, kill_after

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        with open(self.path, 'a') as f:
            f.write(json.dumps(dict(iter=batch_idx, lr=runner.optim_wrapper.get_lr()['lr'][0], **{
                k: float(v) for k, v in outputs.items()})) + '\n')
        if batch_idx + 1 == self.kill_after:
            os.kill(os.getpid(), signal.SIGKILL)


data, work_dir, iters, interval, kill_after = sys.argv[1:6]
if '--all-parts' in sys.argv:
    cfg = all_parts(data, work_dir, int(iters), pretrain=4)
elif '--hamipose' in sys.argv:
    cfg = tiny_config(f'hamipose/hamipose_{PEOPLE}.py', data, work_dir, int(iters))
    cfg.model.gradient_rule.metric = dict(kind='element')
else:
    cfg = tiny_config(f'mean_teacher/mean-teacher_{PEOPLE}.py', data, work_dir, int(iters))
    cfg.custom_hooks = [h for h in cfg.custom_hooks if h.type == 'EMATeacherHook']
cfg.default_hooks.checkpoint.interval = int(interval)
cfg.train_cfg.val_interval = int(interval)  # validation must not disturb the random state
cfg.param_scheduler = [dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=6)]
cfg.resume = '--resume' in sys.argv
runner = Runner.from_cfg(cfg)
runner.register_hook(Record(os.path.join(work_dir, 'losses.jsonl'), int(kill_after)))
model = runner.train()
torch.save({k: v for k, v in model.state_dict().items()}, os.path.join(work_dir, 'final.pth'))
