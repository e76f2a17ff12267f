"""The systems of five earlier projects, each with what we run for it.

A row is (claim, commands, figure, lines): what its report says, in one
sentence; commands, words in braces being filled in; the files below the row's
folder that its figure is made of (the newest of each pattern); and a pattern of
the lines of what the commands print that are its numbers.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
  """One system.

  Attributes:
    name: 'S0.1'.
    claim: of the report.
    commands: 'art_jax ...' or 'tools.studies.NAME ...'; training runs are
      stopped after --minutes.
    figure: patterns of files below the folder of the row.
    lines: regular expression of the lines to quote.
    needs: flags of tools.studies.originals that must be given.
    shows_given: its figure shows pictures that were given: not for the page.
  """

  name: str
  claim: str
  commands: tuple[str, ...]
  figure: tuple[str, ...] = ()
  lines: str = r'^\|'
  needs: tuple[str, ...] = ()
  shows_given: bool = False


def _sample(study: str, run: str = '{work}/run', more: str = '') -> str:
  return (
    f'art_jax sample {run} --study={study} '
    f'--output={{work}}/{study} --overwrite {more}'.strip()
  )


def _gan(experiment: str, more: str = '') -> str:
  return (
    f'art_jax train {experiment} --workdir={{work}}/run '
    f'{{gan}} {{train}} {more}'.strip()
  )


_BESIDE = (
  'tools.studies.side_by_side {work}/run --num={num} '
  '--output={work}/samples.png'
)
_DIGITS = r'agree|accura|class|divers'
_STYLE = '--content={content} --style={style} --output={work}/result.png'

ROWS = (
  Row(
    'S0.1',
    'A convolutional autoencoder on Monet reconstructs well, but its random '
    'latents give images far from the data.',
    (
      'tools.studies.tables latent --workdir={work}/table {table}',
      _sample('reconstruct', '{work}/table/autoencoder_64_0'),
    ),
    ('reconstruct/*.png',),
  ),
  Row(
    'S0.2',
    'A convolutional VAE reconstructs better than the autoencoder; its samples '
    'are smooth and blurry.',
    (
      'tools.studies.tables latent --workdir={shared}/S0.1/table {table}',
      _sample('reconstruct', '{shared}/S0.1/table/vae_64_0'),
      _sample('interpolate', '{shared}/S0.1/table/vae_64_0'),
    ),
    ('reconstruct/*.png', 'interpolate/*.png'),
  ),
  Row(
    'S0.3',
    'A plain convolutional GAN on pictures cropped to 150x150 collapsed to '
    'the most common textures.',
    (
      'art_jax train dcgan_art150 --workdir={work}/run {width} {train}',
      _BESIDE,
    ),
    ('run/images/samples/*.png', 'run/losses.png'),
  ),
  Row(
    'S0.4',
    'CycleGAN turned Monet into photos and back; colors came out less vivid.',
    (
      'art_jax train {cyclegan} --workdir={work}/run --devices=1 {train}',
      'art_jax evaluate {work}/run --num={num} --metrics=colourfulness',
    ),
    ('run/images/ab/*.png', 'run/images/ba/*.png'),
    r'colourfulness',
  ),
  Row(
    'S0.5',
    'Facades: photos of buildings were mapped to their label maps.',
    (
      'art_jax train pix2pix_facades --data={facades} '
      '--workdir={work}/run {facade} {train} --set algorithm.direction=ab',
      'tools.studies.facades {work}/run',
    ),
    ('run/facades_ab.png',),
    r'accuracy|pictures',
    ('facades',),
    shows_given=True,
  ),
  Row(
    'S0.6',
    'Style transfer with SqueezeNet 1.1: equal style weights against 200000, '
    '800, 12, 1.',
    (
      'art_jax stylize style_transfer_squeezenet '
      f'{_STYLE} --overwrite --versus "algorithm.style_weights=(1, 1, 1, 1)"',
    ),
    ('result.png',),
    r'pixels|style_weights',
  ),
  Row(
    'S0.7',
    'Goal, not reached: art with given attributes (year, artist, color, '
    'style).',
    (_gan('cdcgan_attributes'), 'tools.studies.attributes {work}/run'),
    ('run/images/samples/*.png', 'run/images/asked/*.png'),
    r'L\*|a\*|b\*|L,|genre|together|shuffled',
  ),
  Row(
    'S1.1',
    "A DCGAN at 128x128 collapsed: D's loss went to 0.",
    (_gan('dcgan_art128'), _BESIDE),
    ('run/losses.png', 'run/images/samples/*.png'),
  ),
  Row(
    'S1.2',
    'A WGAN with clipped gradients also collapsed; losses near 0 were taken '
    'for failure.',
    ('tools.studies.tables wgan --workdir={work}/table {table}',),
    ('table/*/losses.png',),
  ),
  Row(
    'S2.1',
    'DCGAN on MNIST, CIFAR-10 and flowers; some classes of CIFAR-10 collapsed.',
    (
      _gan('dcgan_mnist', '{mnist}'),
      'tools.studies.class_agreement {work}/run {mnist}',
    ),
    ('run/images/samples/*.png',),
    _DIGITS,
    ('mnist',),
  ),
  Row(
    'S2.2',
    'A conditional DCGAN: good digits after one epoch, converged within 20; '
    'four classes of paintings worked, all classes together failed.',
    (
      _gan('cdcgan_mnist', '{mnist}'),
      _sample('classes'),
      'tools.studies.class_agreement {work}/run',
    ),
    ('classes/*.png',),
    _DIGITS,
    ('mnist',),
  ),
  Row(
    'S2.3',
    'An ACGAN did not work for more than three classes.',
    (
      _gan('acgan_mnist', '{mnist}'),
      _sample('classes'),
      'tools.studies.class_agreement {work}/run',
    ),
    ('classes/*.png',),
    _DIGITS,
    ('mnist',),
  ),
  Row(
    'S2.4',
    'Corrupted files were removed by hand, and pictures dropped to make their '
    'number a multiple of the batch size.',
    (
      'tools.studies.originals --broken={work}/pictures',
      'art_jax train dcgan_paintings --tiny --data={work}/pictures '
      '--set train.duration=4 --set data.max_bad=0.2 --workdir={work}/run',
    ),
    ('run/examples.png',),
    r'skipped|pictures',
  ),
  Row(
    'S2.5',
    'Label smoothing, label flipping, dropout, replay: hours of training to '
    'find out whether one of them helps.',
    ('tools.studies.tables stabilizer --workdir={work}/table {table}',),
  ),
  Row(
    'S2.6',
    'Interpolations, the same latent in every class, the ten best samples by '
    "D's probability: cells of a notebook.",
    (
      _gan('cdcgan_mnist', '{mnist}'),
      _sample('interpolate', more='--labels=3'),
      _sample('classes'),
      _sample('top', more='--labels=3'),
    ),
    ('interpolate/*.png', 'top/*.png'),
    r'^(?!.*/).*(latent|class|logit|probab)',
    ('mnist',),
  ),
  Row(
    'S3.1',
    'Gatys with VGG-16, and a second picture with a lower content weight; '
    'portraits suffer.',
    (
      f'art_jax stylize style_transfer {_STYLE} '
      '--overwrite --size={side} --steps={iterations} '
      '--versus algorithm.content_weight=5',
    ),
    ('result.png',),
    r'pixels|content_weight',
  ),
  Row(
    'S3.2',
    'An MRF patch loss was proposed for portraits, but not tried.',
    (
      'tools.studies.face_kept --content={content} --style={style} '
      '--size={side} --steps={iterations} --output={work}/faces.png',
    ),
    ('faces.png',),
    r'^style_|^at ',
    ('content', 'style'),
    shows_given=True,
  ),
  Row(
    'S3.3',
    'Fast style transfer as in the paper left a white blob; it was trained '
    'too briefly.',
    ('art_jax train fast_style_squeezenet --workdir={work}/run {train}',),
    ('run/images/*/*.png',),
    r'steps/s',
  ),
  Row(
    'S3.4',
    'Video was proposed as the use of fast style transfer.',
    (
      'tools.studies.pan_clip --picture={content} --output={work}/pan.mp4 '
      '--size={clip} --frames=16 --step=3,1',
      # The network of the row before.
      'art_jax stylize --run={shared}/S3.3/run --content={work}/pan.mp4 '
      '--output={work}/painted.mp4 --overwrite',
    ),
    lines=r'frames|flicker',
  ),
  Row(
    'S4.1',
    'DCGAN on Japanese art, version 1: losses diverge after 2,000 iterations.',
    (_gan('dcgan_japanese_v1'), _BESIDE),
    ('run/losses.png', 'run/images/samples/*.png'),
  ),
  Row(
    'S4.2',
    'Version 2 (smoothed labels and leaky ReLU in G together) diverged after '
    '500 iterations, with checkerboards.',
    ('tools.studies.tables smoothing --workdir={work}/table {table}',),
    ('table/*/losses.png',),
  ),
  Row(
    'S4.3',
    'Version 3 (smoothed labels) was the best; structure disappears and '
    'returns during training.',
    (_gan('dcgan_japanese_v3'), _BESIDE),
    ('run/losses.png', 'run/images/samples/*.png'),
  ),
  Row(
    'S4.4',
    'Proposed next step: diffusion, more stable and better than GANs.',
    (
      'art_jax train diffusion_paintings --workdir={work}/run '
      '{denoiser} {train}',
      _BESIDE,
    ),
    ('samples.png',),
  ),
  Row(
    'GANGogh',
    'A conditional WGAN-GP with a classifier over 14 genres.',
    (
      'art_jax train gangogh --workdir={work}/run {gangogh} {train}',
      _sample('classes'),
    ),
    ('classes/*.png',),
    r'class',
  ),
)
