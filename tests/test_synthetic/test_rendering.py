"""Rasteriser, camera, shadows and textures against analytic values and slow references."""

import numpy as np
import pytest

from udapose.synthetic.backgrounds import plain_background
from udapose.synthetic.camera import Camera, frame_points
from udapose.synthetic.photometric import motion_kernel, photograph
from udapose.synthetic.rasterizer import ShadowMap, rasterize, vertex_normals
from udapose.synthetic.scene import _BOX_FACES, _CORNERS, _SIDES, Scene, View
from udapose.synthetic.textures import hsv_colour, load_photos, sample_photo


def cube(center, size):
    """Vertices and outward triangles of an axis-aligned box."""
    vertices = (_CORNERS * size + center)[_SIDES].reshape(-1, 3)
    return vertices, _BOX_FACES


def front_camera(focal=100.0, size=64):
    """Looks along the world's +Y with Z up, from the origin."""
    R = np.array([[1., 0, 0], [0, 0, -1], [0, 1, 0]])
    K = np.array([[focal, 0, (size - 1) / 2], [0, focal, (size - 1) / 2], [0, 0, 1]])
    return Camera(K, R, np.zeros(3))


def test_square_covers_exactly_its_pixels():
    """Integers are pixel centres: 9.5 to 19.5 are the ten pixels 10 to 19."""
    pixels = np.array([[9.5, 4.5], [9.5, 14.5], [19.5, 14.5], [19.5, 4.5]])
    depth = np.full(4, 2.0)
    # Counter-clockwise seen from outside with y up is clockwise on an image with y down.
    fragments = rasterize(pixels, depth, np.array([[0, 1, 2], [0, 2, 3]]), 32, 32)
    mask = np.zeros(32 * 32, bool)
    mask[fragments.pixel] = True
    expected = np.zeros((32, 32), bool)
    expected[5:15, 10:20] = True
    np.testing.assert_array_equal(mask.reshape(32, 32), expected)
    np.testing.assert_allclose(fragments.depth[expected], 2, rtol=1e-6)
    assert np.isinf(fragments.depth[~expected]).all()
    back = rasterize(pixels, depth, np.array([[0, 2, 1], [0, 3, 2]]), 32, 32)
    assert len(back.pixel) == 0, 'back faces must not be drawn'


def test_rasterizer_matches_ray_casting():
    """A slow reference: intersect every pixel's ray with every triangle."""
    rng = np.random.default_rng(0)
    camera = front_camera(40., 24)
    vertices = rng.uniform([-1, 2, -1], [1, 5, 1], (30, 3))
    faces = rng.permutation(30).reshape(10, 3)
    local = camera.to_camera(vertices)
    fragments = rasterize(camera.project(local), local[:, 2], faces, 24, 24)
    rays = camera.rays(24) @ camera.R.T
    best, which = np.full(24 * 24, np.inf), np.full(24 * 24, -1)
    for number, face in enumerate(faces):
        a, b, c = local[face]
        if np.cross(b - a, c - a) @ a >= 0:
            continue
        for pixel, ray in enumerate(rays):
            u, v, t = np.linalg.solve(np.stack([b - a, c - a, -ray], 1), -a)
            if u >= 0 and v >= 0 and u + v <= 1 and t < best[pixel]:
                best[pixel], which[pixel] = t, number
    assert (which >= 0).sum() > 40
    found = np.full(24 * 24, -1)
    found[fragments.pixel] = fragments.face
    agree = found == which
    assert agree.mean() > 0.995, 'only pixels on an edge may differ'
    hit = agree & (which >= 0)
    np.testing.assert_allclose(fragments.depth.ravel()[hit], best[hit], rtol=1e-4)
    position = fragments.interpolate(faces, vertices.astype(np.float32))
    expected = rays[fragments.pixel] * fragments.depth.ravel()[fragments.pixel, None] @ camera.R
    np.testing.assert_allclose(position, expected, atol=2e-3)


@pytest.mark.parametrize('supersample', [1, 2, 3])
def test_coverage_is_centred_on_the_projection(supersample):
    """An error of half a pixel anywhere between camera and mask would show."""
    camera = front_camera()
    vertices, faces = cube([.1373, 4, .0719], [1, .001, 1])
    surface = Scene(vertices, faces, vertices).render(View(camera, 64, supersample))
    background = np.zeros((64, 64, 3), np.float32)
    _, coverage = surface.composite(np.ones((len(surface.pixel), 3)), background)
    y, x = np.mgrid[:64, :64]
    centroid = np.array([(coverage * x).sum(), (coverage * y).sum()]) / coverage.sum()
    expected = camera.project(camera.to_camera(np.array([[.1373, 4, .0719]])))[0]
    assert np.abs(centroid - expected).max() <= .5 / supersample
    side = 100 / 3.9995
    assert coverage.sum() == pytest.approx(side * side, rel=.1)


def test_supersampled_coverage_averages_to_the_projection():
    """Over many positions the rounding of single images cancels out."""
    camera, errors = front_camera(), []
    y, x = np.mgrid[:64, :64]
    for offset in np.random.default_rng(0).uniform(-.3, .3, (40, 2)):
        center = np.array([offset[0], 4, offset[1]])
        vertices, faces = cube(center, [1, .001, 1])
        surface = Scene(vertices, faces, vertices).render(View(camera, 64))
        _, coverage = surface.composite(np.ones((len(surface.pixel), 3)),
                                        np.zeros((64, 64, 3), np.float32))
        centroid = np.array([(coverage * x).sum(), (coverage * y).sum()]) / coverage.sum()
        errors.append(centroid - camera.project(camera.to_camera(center[None]))[0])
    assert np.abs(np.mean(errors, 0)).max() < .08


def test_frame_points_fills_and_centres():
    points = np.random.default_rng(1).uniform([-1, -1, 3], [1, 1, 5], (50, 3))
    K = frame_points(points, .8, 128, np.array([3., -2.]))
    pixels = points[:, :2] / points[:, 2:] * K[0, 0] + K[:2, 2]
    low, high = pixels.min(0), pixels.max(0)
    assert (high - low).max() == pytest.approx(.8 * 128)
    np.testing.assert_allclose((low + high) / 2, [63.5 + 3, 63.5 - 2])


def test_camera_rays_hit_the_points_of_their_pixels():
    camera = front_camera(77., 16)
    points = camera.center + 3 * camera.rays(16)
    pixels = camera.project(camera.to_camera(points))
    y, x = np.divmod(np.arange(256), 16)
    np.testing.assert_allclose(pixels, np.stack([x, y], 1), atol=1e-4)


def test_shadow_of_a_box():
    vertices, faces = cube([0, 0, 1], [1, 1, .2])
    shadow = ShadowMap(vertices, faces, np.array([0., 0, 1]))
    points = np.array([[0, 0, 0], [.3, -.3, .5], [.8, 0, 0], [5, 5, 0], [0, 0, 1.1]])
    np.testing.assert_allclose(shadow.lit(points), [0, 0, 1, 1, 1])
    slanted = ShadowMap(vertices, faces, np.array([1., 0, 1]) / np.sqrt(2))
    # The sun is at +X: the shadow falls to -X by the height.
    np.testing.assert_allclose(slanted.lit(np.array([[-1., 0, 0], [.5, 0, 0]])), [0, 1])


def test_vertex_normals_point_outwards():
    vertices, faces = cube([1, 2, 3], [1, 2, 3])
    normals = vertex_normals(vertices, faces)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)
    assert (np.einsum('vc,vc->v', normals, vertices - [1, 2, 3]) > 0).all()


def test_photos_repeat_by_mirroring():
    u = np.linspace(0, 1, 50, dtype=np.float32)
    v = np.full(50, .3, np.float32)
    once = sample_photo('coffee', u, v)
    np.testing.assert_allclose(sample_photo('coffee', 2 - u, v), once, atol=2e-2)
    np.testing.assert_allclose(sample_photo('coffee', u + 4, v - 2), once, atol=2e-2)
    assert once.std() > .05
    far = sample_photo('grass', u * 40, v, footprint=.5)
    assert far.std() < .5 * sample_photo('grass', u * 40, v).std(), 'must be averaged from afar'


def test_photos_are_complete():
    photos = load_photos()
    assert len(photos) == 8
    for levels in photos.values():
        assert min(levels[0].shape[:2]) == 320 and levels[0].min() >= 0 and levels[0].max() <= 1


@pytest.mark.parametrize('hsv, rgb', [
    ((0, 1, 1), (1, 0, 0)), ((1 / 3, 1, .5), (0, .5, 0)), ((2 / 3, .5, 1), (.5, .5, 1)),
    ((.7, 0, .4), (.4, .4, .4))])
def test_hsv(hsv, rgb):
    np.testing.assert_allclose(hsv_colour(*hsv), rgb, atol=1e-6)


@pytest.mark.parametrize('length, angle', [(1.5, 0), (4, .7), (9.3, 2.5)])
def test_motion_kernel_is_centred_and_as_long_as_asked(length, angle):
    kernel = motion_kernel(length, angle)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    half = len(kernel) // 2
    y, x = np.mgrid[-half:half + 1, -half:half + 1]
    assert abs((kernel * x).sum()) < 1e-4 and abs((kernel * y).sum()) < 1e-4
    along = x * np.cos(angle) + y * np.sin(angle)
    across = -x * np.sin(angle) + y * np.cos(angle)
    # Variance of a uniform segment, plus bilinear spread of at most a quarter.
    assert length**2 / 12 <= (kernel * along**2).sum() <= (length + 1)**2 / 12 + .3
    assert (kernel * across**2).sum() < .3


def test_photograph_changes_but_keeps_the_range():
    rng = np.random.default_rng(0)
    image = plain_background(rng, 64).astype(np.float32)
    out, quality = photograph(rng, np.ascontiguousarray(image), np.zeros((64, 64), np.float32))
    assert out.dtype == np.uint8 and out.shape == (64, 64, 3) and out.std() > 1
    assert 35 <= quality < 92
