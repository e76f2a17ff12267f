"""The rows of the third project: conditional GANs."""

from tools.studies.systems.row import (
  Do,
  Figures,
  Row,
  Target,
  at_least,
  measured,
)

_SMALL = (
  '--set data.size=32 --set algorithm.generator.size=32 '
  '--set algorithm.discriminator.width=32 --set train.batch_size=32 '
  '--set algorithm.stabilizers.ema_decay=0.995'
)
_WIDTH = '--set algorithm.generator.width=32'
_RATES = (
  '--set algorithm.generator_optimizer.learning_rate={0} '
  '--set algorithm.discriminator_optimizer.learning_rate={0}'
)
_DIGITS = f'{_SMALL} {_RATES.format("1e-3")}'
_DECAY = '--set train.rescale=false ' + ' '.join(
  f'--set "algorithm.{name}_optimizer.schedule='
  'LinearDecay(start=1875,end=15000)"'
  for name in ('generator', 'discriminator')
)
CLASSES = (
  ('classifier', r'classifier: ([\d.]+)%'),
  ('agreement', r'^all: agreement ([\d.]+)%'),
  ('classes present', r'^all:.* classes present (\d+)'),
  ('diversity', r'^all:.* diversity ([\d.]+) features'),
  ('diversity in pixels', r'^all:.* ([\d.]+) pixels'),
  ('share (least)', r'share +([\d.]+)%'),
)
_STABILIZERS = 12


def _sample(study: str, more: str = '', run: str = '{work}/run') -> Do:
  return Do(
    f'art_jax sample {run} --study={study} --output={{work}}/{study} '
    f'--overwrite{more}',
    minutes=3,
  )


def _agreement(prefix: str = '', more: str = '', run: str = 'run') -> Do:
  return Do(
    f'tools.studies.class_agreement {{work}}/{run}{more}',
    CLASSES,
    prefix=prefix,
  )


def _effects(f: Figures) -> tuple[str, bool]:
  column = 'kid against the baseline'
  names = [
    name.partition('/')[0]
    for name in f
    if name.endswith(f'{column} +-') and f[name] == f[name]
  ]
  if not names:
    raise KeyError(column)
  sure = [n for n in names if abs(f[f'{n}/{column}']) > f[f'{n}/{column} +-']]
  better = [n for n in sure if f[f'{n}/{column}'] < 0]
  worse = [n for n in sure if n not in better]
  text = f'{len(names)} of {_STABILIZERS}'
  for word, chosen in (('lower', better), ('higher', worse)):
    text += f'; {word} KID: {", ".join(chosen) or "none"}'
  return text, len(names) == _STABILIZERS


_GENRES = (
  at_least('classifier of the genres', 'genres classifier', 95, ' %'),
  at_least('the genre asked for is drawn', 'genres agreement', 90, ' %'),
  at_least('diversity within a genre', 'genres diversity', 0.7),
)

ROWS = (
  Row(
    'S2.1',
    'DCGAN on digits',
    'An unconditional DCGAN on MNIST, CIFAR-10 and 8,189 flowers.',
    'On CIFAR-10 some classes collapsed.',
    (
      Do(
        'art_jax train dcgan_mnist --data={mnist} --workdir={work}/run '
        f"{_DIGITS} {_WIDTH} --set 'train.duration=Epochs(3)'"
      ),
      _agreement(more=' --data={mnist}'),
    ),
    (
      at_least('digits present in 1,000 samples', 'classes present', 10),
      at_least('share of the rarest digit', 'share (least)', 4, ' %'),
      at_least('diversity, over that of the digits', 'diversity', 0.7),
    ),
    budget=30,
    takes=12,
    figure=('S2.1/run/images/samples/*.png',),
    caption='Samples after three epochs.',
    needs=('mnist',),
    note='32 px, width 32; 64 px and width 64 take seconds per epoch on a GPU.',
  ),
  Row(
    'S2.2',
    'Conditional DCGAN',
    'The label enters both networks as planes of pixels; on MNIST, CIFAR-10 '
    'and five genres of WikiArt, grown from one genre to four.',
    'Digits were good after one epoch and converged within 20; four genres '
    'were passable, but training on all at once failed.',
    (
      Do(
        'art_jax train cdcgan_mnist --data={mnist} --workdir={work}/run '
        f'{_SMALL} {_RATES.format("5e-4")} {_WIDTH} {_DECAY} '
        "--set 'train.duration=Epochs(8)' --set train.keep_every=1875"
      ),
      _agreement('epoch 1 ', ' --checkpoint=1875'),
      _agreement('epoch 8 '),
      _sample('classes'),
      Do(
        'art_jax train cdcgan_wikiart --workdir={work}/genres '
        f'{_SMALL} {_WIDTH} --set train.duration=4000'
      ),
      _agreement('genres ', run='genres'),
      Do(
        'art_jax sample {work}/genres --study=classes '
        '--output={work}/genre_samples --overwrite'
      ),
    ),
    (
      at_least(
        'the digit asked for is drawn after epoch 1, named by a classifier '
        'that never saw samples',
        'epoch 1 agreement',
        90,
        ' %',
      ),
      at_least('the same after epoch 8', 'epoch 8 agreement', 97, ' %'),
      at_least(
        'diversity within a digit, over that of the data, after epoch 1',
        'epoch 1 diversity',
        0.7,
      ),
      at_least('the same after epoch 8', 'epoch 8 diversity', 0.7),
      *_GENRES,
    ),
    budget=75,
    takes=40,
    figure=('S2.2/classes/*.png', 'S2.2/genre_samples/*.png'),
    caption='Columns: the digit asked for; landscape, portrait, flower, '
    'cityscape, abstract. Each row is one latent.',
    needs=('mnist',),
    note='32 px, width 32, batch 32. At a constant learning rate of 1e-3 the '
    'digits collapse in the fifth epoch; the alarm reports it then, and '
    'advises a lower rate. WikiArt was not at hand: the genres are '
    'those of 2,000 built-in pictures. With it: `art_jax train cdcgan_wikiart '
    '--data=FOLDER`, whose sub-folders are the genres.',
  ),
  Row(
    'S2.3',
    'ACGAN',
    'D has a second head that predicts the class of real and of generated '
    'pictures; on MNIST and on genres of WikiArt.',
    'It never worked for more than three classes.',
    (
      Do(
        'art_jax train acgan_mnist --data={mnist} --workdir={work}/run '
        f"{_DIGITS} --set 'train.duration=Epochs(4)'"
      ),
      _agreement(),
      _sample('classes'),
      Do(
        'art_jax train acgan_wikiart --workdir={work}/genres '
        f'{_SMALL} {_RATES.format("5e-4")} --set train.duration=6000 '
        '--set algorithm.fake_class_weight=0'
      ),
      _agreement('genres ', run='genres'),
      Do(
        'art_jax sample {work}/genres --study=classes '
        '--output={work}/genre_samples --overwrite'
      ),
    ),
    (
      at_least('ten classes: the digit asked for', 'agreement', 95, ' %'),
      at_least('diversity within a digit', 'diversity', 0.7),
      *_GENRES,
    ),
    budget=60,
    takes=24,
    figure=('S2.3/classes/*.png', 'S2.3/genre_samples/*.png'),
    caption='Columns: the digit asked for; landscape, portrait, flower, '
    'cityscape, abstract.',
    needs=('mnist',),
    note='32 px, width 32, batch 32; the genres are those of 2,000 built-in '
    'pictures. What helps is that D sees augmented pictures: without that, '
    '77.4 % of samples had the genre asked for after 12,000 steps, and 73.6 % '
    'after 6,000 with the class loss on fakes too, as in the paper. With '
    'WikiArt: `art_jax train acgan_wikiart --data=FOLDER`.',
  ),
  Row(
    'S2.4',
    'Preparing the pictures',
    'Five sets of WikiArt, cut and resized to 64x64.',
    'Corrupted files were found and removed by hand, and pictures were dropped '
    'to make their number a multiple of the batch size, 100.',
    (
      Do('tools.studies.originals --broken={work}/pictures', minutes=1),
      Do(
        'art_jax train dcgan_paintings --data={work}/pictures '
        '--workdir={work}/run --set data.size=32 '
        '--set algorithm.generator.size=32 --set algorithm.generator.width=16 '
        '--set algorithm.discriminator.width=16 --set train.batch_size=32 '
        '--set train.duration=600 --set data.max_bad=0.2',
        (
          ('learned', r'(\d+) train, \d+ held out'),
          ('held out', r'\d+ train, (\d+) held out'),
          ('unreadable', r'held out; (\d+) (?:unreadable )?skipped'),
        ),
      ),
    ),
    (
      Target(
        'of 40 pictures, two of them corrupted: skipped, counted, and no other '
        'picture dropped',
        lambda f: (
          f'{f["learned"]:.0f} learned, {f["held out"]:.0f} held out, '
          f'{f["unreadable"]:.0f} skipped',
          f['unreadable'] == 2 and f['learned'] + f['held out'] == 38,
        ),
      ),
    ),
    budget=10,
    takes=0.5,
    figure=('S2.4/run/examples.png',),
    caption='What the run learns from.',
    note='This row is only about the pictures: 600 steps at 32 px. Batches of '
    '32 run across the ends of epochs of 37 pictures.',
  ),
  Row(
    'S2.5',
    'Stabilizers of a GAN',
    'Step schedules, label smoothing and swapping, dropout in D, replay of '
    'earlier fakes, and others.',
    'It took up to eight hours of training to see whether one of them helps.',
    (
      Do(
        'tools.studies.tables stabilizer --workdir={work}/table '
        '--data={paintings} --size=32 --width=16 --batch=32 --num=500 '
        '--steps=1500 --seeds=3',
        tables=True,
      ),
    ),
    (
      Target(
        'the effect of every stabilizer on KID with its 95 % interval over '
        'three seeds; those whose interval does not hold 0',
        _effects,
      ),
    ),
    budget=150,
    takes=85,
    needs=('paintings',),
    note='32 px, width 16, 1,500 steps of batch 32 on the paintings of van '
    'Gogh, 39 runs. What holds for so small a network may not hold for a large '
    'one.',
  ),
  Row(
    'S2.6',
    'Looking at a generator',
    'Interpolations between two latents, the same latent in every class, the '
    "ten best of a class by D's probability, pictures that D rejects.",
    'They existed only as cells of a notebook.',
    tuple(
      _sample(study, more, '{shared}/S2.2/run')
      for study, more in (
        ('interpolate', ' --labels=3'),
        ('classes', ''),
        ('top', ' --labels=3'),
      )
    )
    + (
      Do(
        'tools.studies.over_run {shared}/S2.2/run',
        (('probes', r'(\d+) probes'),),
      ),
    ),
    (
      measured(
        'one verb for every model: interpolation, classes, best and worst by '
        'D, each from one command; moments of the run with pictures',
        'probes',
        text='{:.0f}',
      ),
    ),
    budget=10,
    takes=3,
    figure=(
      'S2.6/interpolate/*.png',
      'S2.6/classes/*.png',
      'S2.6/top/*.png',
    ),
    caption='Interpolation of a 3; one latent in every class; best and worst 3 '
    "by D's probability.",
    needs=('mnist',),
    after=('S2.2',),
    note='This row uses the run of S2.2.',
  ),
)
