"""`udapose adapt --demo`, as small as it gets: everything runs, nothing is downloaded."""
import json

from udapose.cli import main


def test_smoke(tmp_path, capfd):
    assert main(['adapt', '--demo', '--smoke', '--out', str(tmp_path)]) == 0
    shown = capfd.readouterr().out
    assert 'By the labels of the clips' in shown
    truth = json.loads((tmp_path / 'truth.json').read_text())
    assert truth['by'] == 'labels' and truth['labelled'] > 0
    run = tmp_path / 'run'
    assert json.loads((run / 'verdict.json').read_text())['by'] == 'no labels'
    assert (run / 'report.html').exists() and (run / 'model/model.pth').exists()
    # both people of the second clip keep their numbers
    people = json.loads((run / 'held_back.json').read_text())
    clips = {i['id']: i['clip'] for i in people['images']}
    tracks = {(clips[a['image_id']], a['track_id']) for a in people['annotations']}
    assert len(tracks) >= 2
    assert main(['adapt', '--demo', '--smoke', '--out', str(tmp_path)]) == 0
    assert capfd.readouterr().out.count('done before') == 9
