"""Adversarial losses: what discriminators and generators minimize.

`least_squares` is the function that patch discriminators use with targets of
their own; the classes are whole losses of a GAN, as values of a config. All
take logits, f32[B, ...]: a discriminator ends without a sigmoid.
"""

import dataclasses
from typing import Any, ClassVar, Protocol

import jax
import jax.numpy as jnp

from art_jax import core

Target = jax.Array | float  # for all logits, or one for each


def least_squares(logits: jax.Array, target: Target) -> jax.Array:
  """Return the least-squares GAN loss.

  L = E[(D(x) - target)^2], with target 1 for real and, in the generator's
  loss, for fake pictures, and 0 for fake ones in the discriminator's.

  Args:
    logits: f32[B, ...], outputs of the discriminator without a sigmoid.
    target: b or a or c in eq. 2 of the paper; CycleGAN uses 1, 0 and 1. A
      number, or one for each logit.

  Returns:
    f32[], mean over everything; without the paper's factor 1/2.

  Reference: Mao et al. 2017, arXiv:1611.04076, eq. 2.
  """
  return jnp.mean(jnp.square(logits - target))


def binary_cross_entropy(logits: jax.Array, target: Target) -> jax.Array:
  """Return the GAN loss of the original paper, computed from logits.

  L = -E[t log s(D(x)) + (1 - t) log(1 - s(D(x)))], s the sigmoid. With target 1
  for fake pictures it is the generator's non-saturating loss.

  Args:
    logits: f32[B, ...], outputs of the discriminator without a sigmoid.
    target: t in [0, 1]: 1 for real, 0 for fake, between them when smoothed.

  Returns:
    f32[], mean over everything.

  Reference: Goodfellow et al. 2014, arXiv:1406.2661, eq. 1 and section 3.
  """
  return jnp.mean(jax.nn.softplus(logits) - target * logits)


def verdict(
  probability: Any, real: jax.Array, fake: jax.Array, domain: str = ''
) -> dict[str, jax.Array]:
  """Return how often D is right, and the probability of being real it gives.

  `probability/real` and `probability/fake` are what the DCGAN tutorial calls
  D(x) and D(G(z)).

  Args:
    probability: logits -> probability of being real, in [0, 1]; None: the
      logits have no such meaning, and the result is empty.
    real: f32[B, ...], logits of real pictures.
    fake: f32[B, ...], logits of fakes.
    domain: what is judged, where D judges several: '_a'.

  Returns:
    verdict/real, verdict/fake, probability/real, probability/fake: f32[].
  """
  if probability is None:
    return {}
  p, q = probability(real), probability(fake)
  return {
    f'verdict/real{domain}': jnp.mean((p > 0.5).astype(jnp.float32)),
    f'verdict/fake{domain}': jnp.mean((q < 0.5).astype(jnp.float32)),
    f'probability/real{domain}': jnp.mean(p),
    f'probability/fake{domain}': jnp.mean(q),
  }


def unit(logits: jax.Array) -> jax.Array:
  """Return the probability that least-squares logits stand for."""
  return jnp.clip(logits, 0.0, 1.0)


def class_cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
  """Return the class loss of the ACGAN, -E[log P(C = c | x)], from logits.

  Args:
    logits: f32[B, K], outputs of the class head without a softmax.
    labels: i32[B], c in [0, K).

  Returns:
    f32[], the mean over the batch.

  Reference: Odena et al. 2017, arXiv:1610.09585, eq. 3.
  """
  return -jnp.mean(
    jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)
  )


class AdversarialLoss(Protocol):
  """The loss of a GAN; larger logits mean more real.

  Attributes:
    has_targets: the targets of `real` and `fake` mean something, so labels
      can be smoothed and flipped.
    probability: logits -> probability of being real; None where the logits
      have no such meaning.
  """

  has_targets: ClassVar[bool]
  probability: ClassVar[Any]

  def real(self, logits: jax.Array, target: Target = 1.0) -> jax.Array:
    """Return D's loss on real pictures, f32[]."""
    ...

  def fake(self, logits: jax.Array, target: Target = 0.0) -> jax.Array:
    """Return D's loss on fakes, f32[]; D minimizes real + fake."""
    ...

  def generator(self, logits: jax.Array) -> jax.Array:
    """Return G's loss, f32[], from D's logits on its fakes."""
    ...


@dataclasses.dataclass(frozen=True)
class NonSaturating:
  """The loss of the first GAN, with the generator's loss used in practice.

  With D = sigmoid(logits):
    L_D = -E[log D(x)] - E[log(1 - D(G(z)))]
    L_G = -E[log D(G(z))]

  Reference: Goodfellow et al. 2014, arXiv:1406.2661, eq. 1 and the end of
  section 3.
  """

  has_targets: ClassVar[bool] = True
  probability: ClassVar[Any] = staticmethod(jax.nn.sigmoid)

  def real(self, logits: jax.Array, target: Target = 1.0) -> jax.Array:
    """Return the cross entropy to `target`, 1 unless labels are smoothed."""
    return binary_cross_entropy(logits, target)

  def fake(self, logits: jax.Array, target: Target = 0.0) -> jax.Array:
    """Return the cross entropy to `target`, 0 unless labels are smoothed."""
    return binary_cross_entropy(logits, target)

  def generator(self, logits: jax.Array) -> jax.Array:
    """Return -E[log D(G(z))]."""
    return binary_cross_entropy(logits, 1.0)


@dataclasses.dataclass(frozen=True)
class LeastSquares:
  """The least-squares GAN, with a = 0 and b = c = 1.

    L_D = 1/2 E[(D(x) - b)^2] + 1/2 E[(D(G(z)) - a)^2]
    L_G = 1/2 E[(D(G(z)) - c)^2]

  Reference: Mao et al. 2017, arXiv:1611.04076, eq. 2 and 9.
  """

  has_targets: ClassVar[bool] = True
  probability: ClassVar[Any] = staticmethod(unit)

  def real(self, logits: jax.Array, target: Target = 1.0) -> jax.Array:
    """Return 1/2 E[(D(x) - target)^2]."""
    return 0.5 * least_squares(logits, target)

  def fake(self, logits: jax.Array, target: Target = 0.0) -> jax.Array:
    """Return 1/2 E[(D(G(z)) - target)^2]."""
    return 0.5 * least_squares(logits, target)

  def generator(self, logits: jax.Array) -> jax.Array:
    """Return 1/2 E[(D(G(z)) - 1)^2]."""
    return 0.5 * least_squares(logits, 1.0)


@dataclasses.dataclass(frozen=True)
class Hinge:
  """The hinge loss of the geometric GAN.

    L_D = E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))]
    L_G = -E[D(G(z))]

  Reference: Lim & Ye 2017, arXiv:1705.02894, eq. 14-15.
  """

  has_targets: ClassVar[bool] = False
  probability: ClassVar[Any] = None

  def real(self, logits: jax.Array, target: Target = 1.0) -> jax.Array:
    """Return E[max(0, 1 - D(x))]; the target is not used."""
    return jnp.mean(jax.nn.relu(1 - logits))

  def fake(self, logits: jax.Array, target: Target = 0.0) -> jax.Array:
    """Return E[max(0, 1 + D(G(z)))]; the target is not used."""
    return jnp.mean(jax.nn.relu(1 + logits))

  def generator(self, logits: jax.Array) -> jax.Array:
    """Return -E[D(G(z))]."""
    return -jnp.mean(logits)


@dataclasses.dataclass(frozen=True)
class Wasserstein:
  """The Wasserstein GAN: the critic estimates a distance.

    L_D = E[D(G(z))] - E[D(x)] + lambda E[(|grad D(x')|_2 - 1)^2]
    L_G = -E[D(G(z))]

  Without a penalty the critic is kept Lipschitz by its optimizer's
  `clip_weights` (Algorithm 1: 0.01), and its loss near 0 is normal.

  Attributes:
    penalty_weight: lambda, 10 in WGAN-GP; 0: no penalty (WGAN).

  Reference: Arjovsky et al. 2017, arXiv:1701.07875, eq. 2-3 and Algorithm 1;
  Gulrajani et al. 2017, arXiv:1704.00028, eq. 3.
  """

  has_targets: ClassVar[bool] = False
  probability: ClassVar[Any] = None

  penalty_weight: float = 0.0

  def __post_init__(self):
    core.require(
      self.penalty_weight >= 0,
      f'Wasserstein(penalty_weight={self.penalty_weight}): it is >= 0; pass '
      '10 for the gradient penalty of WGAN-GP, 0 for none',
    )

  def real(self, logits: jax.Array, target: Target = 1.0) -> jax.Array:
    """Return -E[D(x)]; the target is not used."""
    return -jnp.mean(logits)

  def fake(self, logits: jax.Array, target: Target = 0.0) -> jax.Array:
    """Return E[D(G(z))]; the target is not used."""
    return jnp.mean(logits)

  def generator(self, logits: jax.Array) -> jax.Array:
    """Return -E[D(G(z))]."""
    return -jnp.mean(logits)


@dataclasses.dataclass(frozen=True)
class Relativistic:
  """The relativistic pairing loss of R3GAN, with its two penalties.

    L_D = E[softplus(-(D(x) - D(G(z))))] + gamma/2 (R1 + R2)
    L_G = E[softplus(-(D(G(z)) - D(x)))]

  R1 = E|grad D(x)|^2 and R2 = E|grad D(G(z))|^2. Each real picture is judged
  beside a fake, so a fake is good when D tells it from no picture of the data:
  G cannot please D by one kind of picture. Without the penalties it does not
  converge.

  Attributes:
    gamma: weight of both; in the paper 0.05 for CIFAR-10, 2 at 64 px, 150 at
      256 px; 0: none.

  Reference: Jolicoeur-Martineau 2018, arXiv:1807.00734; Huang et al. 2024
  (R3GAN), arXiv:2501.05441, sections 2 and 3.
  # Differs from the paper: gamma is constant, where the authors lower it to a
  # tenth over the first millions of pictures.
  """

  has_targets: ClassVar[bool] = False
  probability: ClassVar[Any] = None

  gamma: float = 2.0

  def __post_init__(self):
    core.require(
      self.gamma >= 0,
      f'Relativistic(gamma={self.gamma}): it is >= 0; pass 2, as the paper '
      'begins with at 64 px, 0 for no penalties',
    )

  def discriminator(self, real: jax.Array, fake: jax.Array) -> jax.Array:
    """Return E[softplus(-(D(x) - D(G(z))))], f32[], without penalties."""
    return jnp.mean(jax.nn.softplus(fake - real))

  def generator(self, fake: jax.Array, real: jax.Array) -> jax.Array:
    """Return E[softplus(-(D(G(z)) - D(x)))], f32[]."""
    return jnp.mean(jax.nn.softplus(real - fake))
