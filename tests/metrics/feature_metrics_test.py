"""FID, KID, precision and recall, inception score: numbers of others."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import linalg

from art_jax import core
from art_jax.metrics import (
  distances,
  fid,
  inception_score,
  kid,
  mifid,
  precision_recall,
)


@pytest.fixture(scope='module')
def sets():
  rng = np.random.default_rng(3)
  mix = rng.standard_normal((24, 24)) / np.sqrt(24)
  real = rng.standard_normal((300, 24)) @ mix + 0.1
  fake = rng.standard_normal((260, 24)) * np.linspace(0.5, 1.2, 24) + 0.3
  return real.astype(np.float32), fake.astype(np.float32)


@pytest.mark.parametrize('count', [300, 20], ids=['regular', 'singular'])
def test_statistics_are_mean_and_covariance(sets, count):
  result = fid.statistics(sets[0][:count])
  whole = sets[0][:count].astype(np.float64)
  np.testing.assert_allclose(result.mean, whole.mean(axis=0), rtol=1e-12)
  np.testing.assert_allclose(
    result.factor @ result.factor.T, np.cov(whole, rowvar=False), atol=1e-12
  )


def test_fid_is_that_of_others(sets):
  # calculate_frechet_distance of pytorch-fid 0.3.0 (scipy 1.17.1's sqrtm) on
  # these features in float64; torch-fidelity 0.4.0 gives 9.849645482850377.
  result = fid.frechet_distance(*map(fid.statistics, sets))
  assert result == pytest.approx(9.849645482850434, rel=1e-9)
  a, b = (np.cov(x.astype(np.float64), rowvar=False) for x in sets)
  shift = sets[0].mean(0, np.float64) - sets[1].mean(0, np.float64)
  root = linalg.sqrtm(a @ b).real
  formula = shift @ shift + np.trace(a) + np.trace(b) - 2 * np.trace(root)
  assert result == pytest.approx(formula, rel=1e-9)


def test_fid_of_singular_covariances(sets):
  # 10 pictures of 24 features. Equal sets have distance 0; a shift by v alone
  # |v|^2.
  few = sets[0][:10]
  one = fid.statistics(few)
  assert abs(fid.frechet_distance(one, one)) < 1e-9
  moved = fid.statistics(few + 0.5)
  assert fid.frechet_distance(one, moved) == pytest.approx(24 * 0.25, rel=1e-6)


def test_fid_infinity():
  # One distribution, so the limit is 0; plain FID of 400 is about D^2 / 400.
  rng = np.random.default_rng(0)
  real = fid.statistics(rng.standard_normal((200_000, 8)))
  fake = rng.standard_normal((4000, 8))
  plain = fid.frechet_distance(real, fid.statistics(fake[:400]))
  result = fid.infinity(real, fake, points=6, smallest=400)
  assert plain > 0.03 and abs(result) < 0.01
  with pytest.raises(core.UserError, match='at least 10000'):
    fid.infinity(real, fake)


def test_kid_is_that_of_torch_fidelity(sets):
  # kid_features_to_metric of torch-fidelity 0.4.0 on the float64 features,
  # fakes first, kid_subsets=20, kid_subset_size=100, its default seed.
  mean, deviation = kid.kid(sets[1], sets[0], 20, 100)
  assert mean == pytest.approx(0.29718518367075, rel=1e-5)
  assert deviation == pytest.approx(0.04398885765839636, rel=1e-5)


def test_kid_of_one_distribution_is_nothing(sets):
  mean, deviation = kid.kid(sets[0][:150], sets[0][150:])
  assert abs(mean) < 2 * deviation


def _mmd_by_hand(x, y, of_x=None, of_y=None):
  """The U-statistic as a sum over pairs, each picture drawn so many times."""
  of_x = np.ones(len(x)) if of_x is None else of_x
  of_y = np.ones(len(y)) if of_y is None else of_y

  def mean(a, b, of_a, of_b, same):
    kernel = (a.astype(float) @ b.astype(float).T / a.shape[1] + 1) ** 3
    weights = np.outer(of_a, of_b) * (1 - np.eye(len(a)) if same else 1)
    return (kernel * weights).sum() / weights.sum()

  return (
    mean(x, x, of_x, of_x, True)
    + mean(y, y, of_y, of_y, True)
    - 2 * mean(x, y, of_x, of_y, False)
  )


def test_kid_of_all_pairs_is_the_u_statistic(sets):
  x, y = sets[0][:40], sets[1][:25]
  value, (low, high) = kid.kid_of_all_pairs(x, y, draws=400, seed=5)
  assert value == pytest.approx(_mmd_by_hand(x, y), rel=1e-9)
  rng = np.random.default_rng(5)
  drawn = [rng.multinomial(n, np.full(n, 1 / n), 400) for n in (40, 25)]
  values = [_mmd_by_hand(x, y, *pair) for pair in zip(*drawn, strict=True)]
  quantiles = np.quantile(values, (0.025, 0.975))
  np.testing.assert_allclose((low, high), quantiles, rtol=1e-9)
  assert low < value < high


def test_kid_of_all_pairs_has_no_bias_and_its_interval_holds():
  # Of N(0, I) and N(1/2, I) in 8 dimensions: 1.375 + 2.6796875 - 2 * 1.46875,
  # the three E (x.y / 8 + 1)^3, by the moments of normal numbers.
  truth, rng = 1.1171875, np.random.default_rng(0)
  values, inside = [], 0
  for _ in range(100):
    x, y = (rng.standard_normal((n, 8)).astype(np.float32) for n in (60, 30))
    value, (low, high) = kid.kid_of_all_pairs(x, y + 0.5, draws=200)
    values.append(value)
    inside += low < truth < high
  error = np.std(values) / np.sqrt(len(values))
  assert abs(np.mean(values) - truth) < 3 * error
  assert inside >= 85


def test_kid_of_all_pairs_of_bad_sets(sets):
  with pytest.raises(core.UserError, match='of 3 and 260 .*4 to 10,000'):
    kid.kid_of_all_pairs(sets[0][:3], sets[1])
  with pytest.raises(core.UserError, match='10001 and 260'):
    kid.kid_of_all_pairs(np.zeros((10_001, 1), np.float32), sets[1])


def test_precision_recall_is_that_of_torch_fidelity(sets):
  # prc_features_to_metric, prc_neighborhood=3; compute_prdc (prdc 0.2) with
  # nearest_k=3 gives the same.
  precision, recall = precision_recall.precision_recall(*sets)
  assert precision == pytest.approx(0.32692307692307693)
  assert recall == pytest.approx(0.31666666666666665)


@pytest.mark.parametrize(
  'k, density, coverage',
  [
    # compute_prdc of prdc 0.2, by the authors of the paper.
    (5, 0.2876923076923077, 0.5266666666666666),
    (3, 0.20897435897435895, 0.31666666666666665),
  ],
)
def test_density_coverage_is_that_of_its_authors(sets, k, density, coverage):
  result = precision_recall.density_coverage(*sets, k)
  assert result == pytest.approx((density, coverage))


def test_precision_recall_by_hand():
  # On a line, k = 1: the balls of the real points reach 1, 1 and 4.
  real = np.asarray([[0.0], [1.0], [5.0]], np.float32)
  fake = np.asarray([[0.5], [0.6], [8.9], [10.0]], np.float32)
  precision, recall = precision_recall.precision_recall(real, fake, k=1)
  # 0.5 and 0.6 lie in two balls, 8.9 in the last, 10 in none. The balls of
  # the fakes reach 0.1, 0.1, 1.1 and 1.1: no real point is inside.
  assert (precision, recall) == (0.75, 0.0)
  result = precision_recall.density_coverage(real, fake, k=1)
  # 2 + 2 + 1 + 0 balls over 4 points; every ball has a point: 0.5, 0.6, 8.9.
  assert result == (5 / 4, 1.0)


def test_distances_of_far_points_are_exact():
  x = np.asarray([[1e4, 1e4], [1e4 + 3, 1e4 + 4]], np.float32)
  assert float(distances.pairwise(jnp.asarray(x), jnp.asarray(x))[0, 1]) == 5
  assert distances.mean_pairwise(x) == 5


def test_inception_score_is_that_of_torch_fidelity(sets):
  # isc_features_to_metric of torch-fidelity 0.4.0, 10 splits.
  mean, deviation = inception_score.inception_score(3 * sets[0])
  assert mean == pytest.approx(4.981225429518149, rel=1e-6)
  assert deviation == pytest.approx(0.4289974205158136, rel=1e-6)


@pytest.mark.parametrize(
  'call, message',
  [
    (lambda x: fid.frechet_distance(*[fid.statistics(x[:1])] * 2), 'least 2'),
    (lambda x: kid.kid(x[:3], x), 'at least 4'),
    (lambda x: kid.kid(x, x, subset_size=500), 'subsets of 500'),
    (lambda x: precision_recall.precision_recall(x, x[:3]), 'at least 4'),
    (lambda x: inception_score.inception_score(x[:9]), '10 splits'),
    (lambda x: fid.statistics(x * [np.nan] * 24), '300 of 300'),
  ],
)
def test_bad_input(sets, call, message):
  with pytest.raises(core.UserError, match=message):
    call(sets[0])


def test_mifid_is_that_of_the_competition():
  rng = np.random.default_rng(0)
  real = np.abs(rng.normal(size=(60, 8))).astype(np.float32)
  far = rng.normal(size=(50, 8)).astype(np.float32)
  near = real[:50] + rng.normal(0, 0.05, (50, 8)).astype(np.float32)
  near[3] = 0  # has no angle: left out
  for fake, copies in ((far, False), (near, True)):
    # As written out in Kaggle's "Demo MiFID metric", in float64 numpy.
    difference = real.mean(axis=0) - fake.mean(axis=0)
    a, b = (
      np.cov(rows.astype(np.float64), rowvar=False) for rows in (real, fake)
    )
    root = linalg.sqrtm(a @ b).real
    value = difference @ difference + np.trace(a + b - 2 * root)
    kept = fake[np.abs(fake).sum(axis=1) > 0].astype(np.float64)
    cosine = [
      max(abs(x @ y) / np.linalg.norm(x) / np.linalg.norm(y) for y in real)
      for x in kept
    ]
    distance = np.mean(1 - np.array(cosine))
    assert (distance < 0.1) == copies
    expected = value / (distance if copies else 1)
    np.testing.assert_allclose(mifid.mifid(real, fake), expected, rtol=1e-5)
    measured = mifid.memorization_distance(real, fake)
    np.testing.assert_allclose(measured, distance, rtol=1e-5)
