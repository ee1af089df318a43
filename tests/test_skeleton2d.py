"""Poses drawn on pictures."""
import numpy as np

from udapose.visualization import draw_pose, draw_text, person_color
from udapose.visualization.skeleton2d import line_width

META = dict(skeleton_links=[(0, 1), (1, 2)], skeleton_link_colors=np.array([[255, 0, 0]] * 2),
            keypoint_colors=np.array([[0, 255, 0], [0, 255, 0], [0, 0, 255]]))
POINTS = np.array([[20, 20], [20, 100], [100, 100]], float)


def canvas(size=120):
    return np.zeros((size, size, 3), np.uint8)


def is_red(pixel):
    """A line of one pixel is not quite as bright as its colour."""
    return pixel[:2].tolist() == [0, 0] and pixel[2] > 200


def test_dots_and_limbs_have_the_colours_of_the_meta():
    image = draw_pose(canvas(), POINTS, np.ones(3), META)
    assert image[20, 20].tolist() == [0, 255, 0]
    assert image[100, 100].tolist() == [255, 0, 0]  # BGR of a blue dot
    assert is_red(image[60, 20]) and is_red(image[100, 60])


def test_an_unsure_joint_is_a_grey_ring_with_grey_limbs():
    image = draw_pose(canvas(), POINTS, np.array([1, 1, 0.1]), META, threshold=0.3)
    assert is_red(image[60, 20])
    limb = image[100, 60].astype(int)
    assert limb.min() > 0 and np.ptp(limb) == 0
    surroundings = image[95:106, 95:106].astype(int)
    assert surroundings.any() and (np.ptp(surroundings, axis=2) == 0).all()


def test_points_that_are_not_finite_or_far_away_are_left_out():
    points = np.array([[20, 20], [np.nan, 100], [1e12, 100]])
    image = draw_pose(canvas(), points, np.ones(3), META)
    assert image[20, 20].any() and not image[40:].any()
    nothing = draw_pose(canvas(), np.full((3, 2), np.inf), np.ones(3), META, label='gone')
    assert nothing.any()  # the label


def test_lines_scale_with_the_person():
    assert line_width(POINTS) == 1 and line_width(10 * POINTS) == 7
    assert line_width(POINTS, np.array([0, 0, 500, 100])) == 4 and line_width(POINTS[:0]) == 1
    small, large = (draw_pose(canvas(), POINTS, None, META, box=box)
                    for box in (None, np.array([1, 1, 500, 500])))
    assert (large[60] > 0).sum() > (small[60] > 0).sum()


def test_one_colour_for_a_person_and_no_meta():
    image = draw_pose(canvas(), POINTS, color=person_color(3))
    assert image[20, 20].tolist() == list(person_color(3)) and not image[60, 20].any()
    assert person_color(3) == person_color(11) and person_color(None) == person_color(0)


def test_text_stays_in_the_image():
    for position in ((-50, -50), (500, 500), (60, 60)):
        image = draw_text(canvas(), 'before', position)
        assert (image.max(2) > 200).sum() > 20
    assert np.array_equal(draw_text(canvas(), 'ä', (5, 60)), draw_text(canvas(), '?', (5, 60)))
