"""The search behind the recommended settings: one seed, scored on the target's validation split.

    python tools/benchmark/search.py TRIAL [TRIAL ...]   # train (those done are kept), report
    python tools/benchmark/search.py --report   # docs/benchmarks/search.{json,md,png} from logs

The seed (100) and the split are not those of the benchmark's tables. Each trial is the mean
teacher's config with something changed; phase 1 is trained with the same seed.
"""
from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from udapose.cli._experiment import CONFIGS, ROOT, write_json

WORK = ROOT / 'work_dirs/search'
SEED = 100


def style(name: str = 'FourierAmplitudeTransfer', **kwargs) -> str:
    """Style hook, source to target, half of the samples."""
    return (f"dict(type='AdaINStyleHook', stylizer={dict(type=name, **kwargs)}, prob=0.5, "
            'style_images=_base_.target_train)')


def feature(weight: float, name: str = 'backbone.layer4', channels: int = 256, hidden=(64,),
            kernel: int = 1) -> str:
    """Adversarial term."""
    term = dict(
        type='DomainAdversarialLoss', feature=name, loss_weight=weight,
        discriminator=dict(type='PatchDiscriminator', in_channels=channels,
                           hidden_channels=hidden, kernel_size=kernel),
        reversal=dict(schedule='warmup'))
    return f'feature={term}'


def pose(weight: float, temperature: float = 0.1) -> str:
    """Information maximization."""
    return 'pose=' + str(dict(type='InformationMaximizationLoss', form='joint', normalize='log',
                              temperature=temperature, loss_weight=weight))


FOURIER, LAB = style(beta=0.6), style('ChannelStatisticsTransfer')
OCCLUSION = "dict(type='AdaptiveKeypointOcclusion', prob=0.5, threshold=0.4, half_size=4)"

# phase 1: what is stylised; phase 2: what is added to the mean teacher. `x` places a trial in the
# sensitivity plot: parameter and value, all else as in `base` (mt_S)
STRONG = FOURIER.replace('prob=0.5', 'prob=0.9, alpha=(0.3, 1.0)')
SOURCES = dict(
    src=('', 'no style'), src_lab=(LAB, 'Lab statistics, 50 % of the samples'),
    src_fda60=(FOURIER, 'Fourier amplitudes (beta 0.6), 50 % of the samples'),
    src_fda60p9=(STRONG, 'Fourier amplitudes (beta 0.6), 90 % of the samples, alpha 0.3 to 1'))
STRONGLY = dict(init='src_fda60p9', style=STRONG)
STYLED = dict(init='src_fda60', style=FOURIER)
TRIALS: dict[str, dict] = dict(
    mt=dict(init='src', what='mean teacher'),
    mt_c03=dict(init='src', consistency=0.3, what='mean teacher, consistency x 0.3'),
    mt_S=dict(STYLED, what='+ style (Fourier 0.6, both phases)'),
    mt_S9=dict(STRONGLY, what='+ style, 90 % of the samples, stronger'),
    mt_S9A=dict(STRONGLY, align=feature(0.01), x=('lambda_b (feature)', 0.01), base='mt_S9',
                what='+ stronger style, feature (layer4, 1x1, weight 0.01)'),
    mt_S9P=dict(STRONGLY, align=pose(0.002), x=('lambda_c (pose)', 0.002), base='mt_S9',
                what='+ stronger style, pose (temperature 0.1, weight 0.002)'),
    mt_SO=dict(STYLED, augments=OCCLUSION, what='+ style, keypoint occlusion'),
    mt_SA1=dict(STYLED, align=feature(0.001), x=('lambda_b (feature)', 0.001),
                what='+ style, feature (layer4, 1x1, weight 0.001)'),
    mt_SD=dict(STYLED, align=feature(0.001, 'head.deconv_layers', 32, (64, 64), 3),
               what='+ style, feature (last deconvolution, 3x3, weight 0.001)'),
    mt_SP3=dict(STYLED, align=pose(0.0003), x=('lambda_c (pose)', 0.0003),
                what='+ style, pose (temperature 0.1, weight 0.0003)'),
    mt_Sc3=dict(STYLED, consistency=3., x=('lambda_a (consistency)', 3.),
                what='+ style, consistency x 3'),
    mt_Sc03=dict(STYLED, consistency=0.3, x=('lambda_a (consistency)', 0.3),
                 what='+ style, consistency x 0.3'),
    mt_Sq3=dict(STYLED, train='confidence_quantile=0.3', x=('confidence quantile', 0.3),
                what='+ style, confidence quantile 0.3'),
    mt_Sq7=dict(STYLED, train='confidence_quantile=0.7', x=('confidence quantile', 0.7),
                what='+ style, confidence quantile 0.7'))
BASE_VALUES = {'lambda_a (consistency)': 1., 'lambda_b (feature)': 0., 'lambda_c (pose)': 0.,
               'confidence quantile': 0.5}
HANDS: dict[str, dict] = dict(
    h_mt=TRIALS['mt'], h_mt_c03=TRIALS['mt_c03'], h_mt_S=TRIALS['mt_S'], h_mt_S9=TRIALS['mt_S9'],
    h_S9c03=dict(STRONGLY, consistency=0.3, what='+ stronger style, consistency x 0.3'),
    h_S9to5c03=dict(init='src_fda60p9', style=FOURIER, consistency=0.3,
                    what='stronger style in phase 1, style in phase 2, consistency x 0.3'),
    h_S9c01=dict(STRONGLY, consistency=0.1, what='+ stronger style, consistency x 0.1'),
    h_Sc03=dict(STYLED, consistency=0.3, what='+ style (Fourier 0.6, both phases), '
                'consistency x 0.3'),
    h_S9c03q7=dict(STRONGLY, consistency=0.3, train='confidence_quantile=0.7',
                   what='+ stronger style, consistency x 0.3, confidence quantile 0.7'),
    h_S9q7=dict(STRONGLY, train='confidence_quantile=0.7',
                what='+ stronger style, confidence quantile 0.7'),
    h_S9n=dict(init='src_fda60p9', what='stronger style in phase 1 only'),
    h_S9nc03=dict(init='src_fda60p9', consistency=0.3,
                  what='stronger style in phase 1 only, consistency x 0.3'))


# discriminators that only watch (no gradient goes back): how far apart are the domains?
def _watch(feature_name: str, channels: int, name: str) -> str:
    return (f"{name}=dict(type='DomainAdversarialLoss', feature='{feature_name}', name='{name}', "
            f"loss_weight=1., discriminator=dict(type='PatchDiscriminator', "
            f"in_channels={channels}, hidden_channels=(64, 64)), reversal=dict(coefficient=0.))")


_WATCH = ', '.join([
    _watch('backbone.layer1', 32, 'layer1'), _watch('backbone.layer2', 64, 'layer2'),
    _watch('backbone.layer4', 256, 'layer4'), _watch('head.deconv_layers', 32, 'deconv')])
_SHORT = 'train_cfg = dict(max_iters=200, val_interval=200)\n'
PROBES = dict(
    probe=dict(init='src', align=_WATCH, extra=_SHORT, what='mean teacher'),
    probe_S=dict(init='src_fda60p9', style=STRONG, align=_WATCH, extra=_SHORT,
                 what='+ style'))


def write_config(name: str) -> Path:
    """The trial's config file."""
    hands = name.startswith('h_')
    kind, short = ('hands', name[2:]) if hands else ('people', name)
    if short in SOURCES:
        base = f'source_only/source-only_synth-{kind}_res18-w32_64x64.py'
        hook = SOURCES[short][0]
        body = f"custom_hooks = [{hook}{', ' if hook else ''}dict(type='AverageBuffersHook')]\n"
    else:
        trial = {**TRIALS, **HANDS, **PROBES}[name]
        base = f'mean_teacher/mean-teacher_synth-{kind}_res18-w32_64x64.py'
        hooks = [trial['style']] if 'style' in trial else []
        hooks += ["dict(type='AverageBuffersHook')", "dict(type='EMATeacherHook', momentum=0.01)"]
        init = WORK / (('h_' if hands else '') + trial['init']) / 'iter_1200.pth'
        body = (f"load_from = '{init}'\n"
                f"model = dict(alignments=dict({trial.get('align', '')}), "
                f"student_augments=[{trial.get('augments', '')}], "
                f"train_cfg=dict({trial.get('train', '')}), "
                f"consistency=dict(loss_weight={trial.get('consistency', 1.)}))\n"
                f"custom_hooks = [{', '.join(hooks)}]\n{trial.get('extra', '')}")
    path = WORK / 'configs' / f'{name}.py'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"_base_ = ['{CONFIGS / base}']\nrandomness = dict(seed={SEED})\n{body}",
                    encoding='utf-8')
    return path


def curve(name: str) -> list[tuple[int, float, float]]:
    """(iteration, PCK@0.05, PCK@0.1) at each validation."""
    points = {}
    for path in sorted((WORK / name).glob('*/vis_data/scalars.json')):
        for line in path.read_text(encoding='utf-8').splitlines():
            entry = json.loads(line)
            if 'target/PCK@0.05' in entry:
                points[entry['step']] = entry['target/PCK@0.05'], entry['target/PCK@0.1']
    return [(step, *values) for step, values in sorted(points.items())]


def accuracies(name: str) -> dict[str, float]:
    """Domain accuracy at the end of a probe, by feature."""
    found: dict[str, float] = {}
    for path in sorted((WORK / name).glob('*/vis_data/scalars.json')):
        for line in path.read_text(encoding='utf-8').splitlines():
            entry = json.loads(line)
            found.update({k.removesuffix('_accuracy'): 100 * v for k, v in entry.items()
                          if k.endswith('_accuracy')})
    return found


def report() -> None:
    """Collect the logs."""
    lines = ['# Search behind the recommended settings\n',
             f'Made by `python tools/benchmark/search.py --report` from logs; one run each (seed '
             f'{SEED}), scored on the target\'s *validation* split (400 images). Differences below '
             'about half a point are within the noise of such runs.\n']
    results = {}
    for kind, trials in (('people', TRIALS), ('hands', HANDS)):
        lines += [f'## {kind}\n', '| trial | PCK@0.05 | PCK@0.1 | best PCK@0.05 on the way |',
                  '|---|---|---|---|']
        prefix = 'h_' if kind == 'hands' else ''
        named = {prefix + s: f'phase 1, {what}' for s, (_, what) in SOURCES.items()}
        for name, what in {**named, **{n: t['what'] for n, t in trials.items()}}.items():
            points = curve(name)
            if not points or points[-1][0] < 800:
                continue
            results[name] = dict(what=what, curve=points)
            lines.append(f'| {what} | {points[-1][1]:.1f} | {points[-1][2]:.1f} | '
                         f'{max(p[1] for p in points):.1f} |')
        lines.append('')
    probes = {name: accuracies(name) for name in PROBES}
    if all(probes.values()):
        names = list(probes['probe'])
        lines += ['## How far apart are the domains?\n',
                  'Accuracy (percent; 50 is chance) of patch discriminators that watch features '
                  'without any gradient to the pose model, mean of the last 50 of 200 '
                  'iterations, people.\n',
                  '| | ' + ' | '.join(names) + ' |', '|' + '---|' * (len(names) + 1)]
        lines += [f'| {PROBES[name]["what"]} | '
                  + ' | '.join(f'{values[n]:.0f}' for n in names) + ' |'
                  for name, values in probes.items()] + ['']
        results['probes'] = probes
    if sensitivity(results):
        lines.append('One parameter changed at a time, people; grey: noise of such runs.\n\n'
                     '![sensitivity](search.png)\n')
    write_json(ROOT / 'docs/benchmarks/search.json', dict(seed=SEED, trials=results))
    (ROOT / 'docs/benchmarks/search.md').write_text('\n'.join(lines), encoding='utf-8')


def sensitivity(results: dict) -> bool:
    """Plot the people's trials that differ in one parameter."""
    if 'mt_S' not in results:
        return False
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot as plt

    def final(name: str) -> float:
        return results[name]['curve'][-1][1]

    figure, axes = plt.subplots(1, len(BASE_VALUES), figsize=(12, 2.8), sharey=True)
    for axis, (name, value) in zip(axes, BASE_VALUES.items(), strict=True):
        points = [(value, 0.)] + [
            (trial['x'][1], final(key) - final(trial.get('base', 'mt_S')))
            for key, trial in TRIALS.items()
            if trial.get('x', ('',))[0] == name and key in results]
        axis.plot(*zip(*sorted(points), strict=True), 'o-')
        axis.axhspan(-0.5, 0.5, color='k', alpha=0.1, lw=0)
        if value == 0:
            axis.set_xscale('symlog', linthresh=1e-4)
        axis.set_xlabel(name)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel('change of PCK@0.05 (val)')
    figure.tight_layout()
    figure.savefig(ROOT / 'docs/benchmarks/search.png', dpi=110)
    plt.close(figure)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('trials', nargs='*')
    parser.add_argument('--report', action='store_true', help='only collect the logs')
    args = parser.parse_args()
    for name in args.trials:
        trial = {**TRIALS, **HANDS, **PROBES}.get(name, {})
        prefix = 'h_' if name.startswith('h_') else ''
        for part in [prefix + trial['init']] * ('init' in trial) + [name]:
            points = curve(part)
            if not points or points[-1][0] < (200 if part in PROBES else 800):
                subprocess.run([sys.executable, 'tools/train.py', str(write_config(part)),
                                '--work-dir', str(WORK / part)], cwd=ROOT, check=True)
    report()


if __name__ == '__main__':
    main()
