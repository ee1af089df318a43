"""`udapose doctor`: what it finds, and its answer where udapose does not load."""
import argparse
import json
from importlib import metadata

import pytest

from udapose import __version__, compat
from udapose.cli import doctor


def ask(*argv):
    parser = argparse.ArgumentParser()
    doctor.add_arguments(parser)
    return doctor.run(parser.parse_args(argv))


def test_json_has_versions_fixes_devices_and_what_is_missing(capsys):
    assert ask('--json') == 0
    report = json.loads(capsys.readouterr().out)
    assert report['usable'] and report['error'] == '' and report['udapose'] == __version__
    assert report['packages']['torch'] == [dict(name='torch', version=metadata.version('torch'))]
    assert [m['name'] for m in report['fixes']] == [m.name for m in compat.applied_fixes()]
    assert report['devices']['cpus'] >= 1 and isinstance(report['devices']['cuda'], list)
    fixed = {m['name'] for m in report['fixes']}
    features = ' '.join(m['feature'] for m in report['missing'])
    assert ('EDPoseHead' in features) == ('mmcv.ops' in fixed)
    assert ('RTMOHead' in features) == ('mmdet.*' in features) == ('mmdet' in fixed)
    assert all(m['remedy'] and m['reason'] for m in report['missing'])


def test_text_names_every_package_and_fix(capsys):
    assert ask() == 0
    text = capsys.readouterr().out
    assert all(name in text for name in doctor.PACKAGES)
    assert all(m.name in text and m.reason in text for m in compat.applied_fixes())
    assert text.rstrip().endswith('udapose works here.')


def test_what_does_not_load_is_the_answer_and_the_status(monkeypatch, capsys):
    def refuse(name):
        raise compat.MissingDependencyError("needs the package 'mmpose'. Install it: ...")
    monkeypatch.setattr(doctor, 'import_module', refuse)
    assert ask() == 1
    assert "cannot be used here: MissingDependencyError: needs the package 'mmpose'" in \
        capsys.readouterr().out
    assert ask('--json') == 1
    assert not json.loads(capsys.readouterr().out)['usable']


@pytest.mark.parametrize('module,remedy', [('h5py', 'pip install h5py'),
                                           ('tensorboard', 'pip install tensorboard'),
                                           ('onnxruntime', "pip install 'udapose[onnx]'")])
def test_a_missing_optional_module_has_its_command(monkeypatch, module, remedy):
    monkeypatch.setattr(doctor, 'find_spec', lambda name: None if name == module else object())
    (entry,) = [m for m in doctor.examine()['missing'] if module in m['reason']]
    assert entry['remedy'] == remedy


def test_two_packages_of_one_import_name_are_named(monkeypatch):
    monkeypatch.setattr(doctor.metadata, 'version', lambda name: '1')
    missing = {m['feature']: m for m in doctor.examine()['missing']}
    assert 'mmengine and onedl-mmengine overwrite' in missing['a reliable mmengine']['reason']
    assert 'pip uninstall mmengine onedl-mmengine' in missing['a reliable mmengine']['remedy']
