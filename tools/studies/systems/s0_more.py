"""More rows of the first project: translation, style, attributes."""

from tools.studies.systems.row import (
  Do,
  Figures,
  Row,
  Target,
  at_least,
  at_most,
  measured,
  not_above,
)

_FACADES = (
  'art_jax train pix2pix_facades {data} --workdir={{work}}/{name} '
  '--set algorithm.direction={direction} --set data.size=128 '
  '--set data.load_size=143 '
  '--set algorithm.generator.levels=7 --set algorithm.generator.width=32 '
  '--set algorithm.discriminator.width=32 --set train.render_every=1500 '
  '--set train.checkpoint_every=1500 --set train.duration={steps}{more}'
)
_WEAK_D = ' --set algorithm.discriminator_optimizer.learning_rate=2e-5'
_ACCURACY = (
  ('accuracy', r'translation: accuracy ([\d.]+)%'),
  ('IoU', r'translation: accuracy [\d.]+%, mean IoU ([\d.]+)'),
  ('commonest', r'commonest class: accuracy ([\d.]+)%'),
)


def _facades(name: str, more: str = '') -> tuple[Do, Do]:
  line = _FACADES.format(
    data='--data={facades}', name=name, direction='ab', steps=9000, more=more
  )
  score = Do(
    f'tools.studies.facades {{work}}/{name}', _ACCURACY, prefix=f'{name} '
  )
  return Do(line), score


def _above_commonest(f: Figures) -> tuple[str, bool]:
  values = {name: f[f'{name} accuracy'] for name in ('recipe', 'l1', 'weak_d')}
  common = f['recipe commonest']
  text = ', '.join(f'{name} {value:.1f} %' for name, value in values.items())
  return f'{text}; commonest {common:.1f} %', max(values.values()) > common


ROWS = (
  Row(
    'S0.4',
    'CycleGAN, paintings and photos',
    'CycleGAN on monet2photo: Monet to photo and back.',
    'Nothing failed; colors came out less vivid.',
    (
      Do('art_jax train cyclegan_demo --workdir={work}/run --devices=1'),
      Do(
        'art_jax evaluate {work}/run --num=100 --metrics=colourfulness',
        tuple(
          (f'{way} {what}', rf'{way}/colourfulness@\d+ +{pattern}')
          for way in ('ab', 'ba')
          for what, pattern in (
            ('made', r'([\d.]+)'),
            ('real', r'[\d.]+ +([\d.]+)'),
          )
        ),
      ),
      Do(
        'tools.studies.score_builtin {work}/run',
        (
          ('ab distance', r'^photo -> painting +[\d.]+ +([\d.]+)'),
          ('ba distance', r'^painting -> photo +[\d.]+ +([\d.]+)'),
        ),
      ),
    ),
    (
      Target(
        'colorfulness both ways: falls from painting to photo, as the project '
        'saw',
        lambda f: (
          f'paintings {f["ab real"]:.3g} to photos {f["ba made"]:.3g}',
          f['ba made'] < f['ab real'],
        ),
      ),
      Target(
        'and rises from photo to painting',
        lambda f: (
          f'photos {f["ba real"]:.3g} to paintings {f["ab made"]:.3g}',
          f['ab made'] > f['ba real'],
        ),
      ),
      at_most('distance to the true painting', 'ab distance', 0.23),
      at_most('distance to the true photo', 'ba distance', 0.22),
    ),
    budget=30,
    takes=3,
    figure=('S0.4/run/images/ab/*.png', 'S0.4/run/images/ba/*.png'),
    caption='Photo, painting, photo; painting, photo, painting. Scenes kept '
    'aside.',
    note='Built-in photos and paintings at 64 px, 3,000 steps of the small '
    'experiment. The canonical experiment, `art_jax train cyclegan '
    '--data=FOLDER`, takes 256 px and 200 epochs: days on a GPU.',
  ),
  Row(
    'S0.5',
    'Facades: photos to label maps',
    'pix2pix and CycleGAN on the CMP facades, from photos of buildings to '
    'label maps (the project calls it object detection).',
    'The project reported no score.',
    (
      *_facades('recipe'),
      *_facades('l1', ' --set algorithm.l1_weight=10000'),
      *_facades('weak_d', _WEAK_D),
      Do(
        _FACADES.format(
          data='--set \'data.source=Builtin(layout="labels",count=400)\'',
          name='scenes',
          direction='ba',
          steps=4000,
          more=f'{_WEAK_D} --set algorithm.generator.upsample=resize',
        )
      ),
    ),
    (
      at_least('accuracy of the recipe', 'recipe accuracy', 36.7, ' %'),
      at_least('mean IoU of the recipe', 'recipe IoU', 0.121),
      Target('one of them above the commonest class', _above_commonest),
      measured(
        'mean IoU with L1 alone, and with a tenth of the rate in D',
        'l1 IoU',
        'weak_d IoU',
      ),
    ),
    budget=180,
    takes=60,
    figure=('S0.5/scenes/images/*/*.png',),
    caption='The same task on built-in scenes kept aside, after 4,000 steps '
    'with a tenth of the rate in D and without transposed convolutions: '
    'painting, label map made, true label map. The facades are for research '
    'only and are not shown.',
    needs=('facades',),
    note='128 px, width 32, 9,000 steps of one pair (75 epochs of the 120 '
    'pairs of `train`), scored on the 15 pairs of `val` after snapping pixels '
    'to the nearest of 12 colors. After 4,560 of these steps, this program '
    'once reached an accuracy of 37.6 % and a mean IoU of 0.125, and the '
    'PyTorch pix2pix 36.7 % and 0.121. The paper trains for 200 epochs of 400 '
    'pairs at 256 px, on a GPU.',
    unreached='120 pairs are few, and D wins early.',
  ),
  Row(
    'S0.6',
    'Style transfer with SqueezeNet 1.1',
    'Content layer 3 with weight 0.03; style layers 1, 4, 6, 7 with weights '
    '200000, 800, 12, 1 against 1, 1, 1, 1.',
    'Nothing failed.',
    (
      *(
        Do(
          f'art_jax stylize style_transfer_squeezenet --content={{{content}}} '
          f'--style={{scream}} --output={{work}}/{name}.png --overwrite '
          '--versus "algorithm.style_weights=(1, 1, 1, 1)"',
          minutes=3,
        )
        for content, name in (('tubingen', 'tubingen'), ('content', 'result'))
      ),
      Do(
        'tools.studies.style_distance {work}/tubingen_1.png '
        '{work}/tubingen_2.png --style={scream}',
        tuple(
          (name, rf'tubingen_{i}.png: style distance ([\d.e+-]+)')
          for i, name in ((1, 'weighted'), (2, 'equal'))
        ),
      ),
    ),
    (
      not_above(
        'style distance to The Scream on tubingen: the weighting of the recipe '
        'not above equal weights',
        'weighted',
        'equal',
      ),
    ),
    budget=10,
    takes=1,
    figure=('S0.6/result.png',),
    caption='astronaut as The Scream: weights 200000, 800, 12, 1; equal '
    'weights.',
    needs=('content', 'tubingen', 'scream'),
    note='Both weightings by one command, 200 steps.',
  ),
  Row(
    'S0.7',
    'Art with attributes that are asked for',
    'The goal of the project: to render artwork with a given year, artist, '
    'color content and style.',
    'Never reached.',
    (
      Do(
        'art_jax train cdcgan_attributes --workdir={work}/run '
        '--set data.size=32 --set algorithm.generator.size=32 '
        '--set algorithm.generator.width=32 '
        '--set algorithm.discriminator.width=32 --set train.duration=6000'
      ),
      Do(
        'tools.studies.attributes {work}/run',
        (
          *(
            (f'{name} {way}', rf'{way}:.* {name} ([\d.-]+)')
            for way in ('data', 'shuffled')
            for name in 'Lab'
          ),
          *(
            (f'genre {way}', rf'{way}:.* named ([\d.]+) %')
            for way in ('data', 'shuffled')
          ),
        ),
      ),
    ),
    (
      *(
        at_least(f'mean {name}* of 500 samples follows: r', f'{name} data', 0.8)
        for name in 'Lab'
      ),
      at_least('genre named by a classifier', 'genre data', 80, ' %'),
      not_above(
        'genre and palette vary independently: named as often when shuffled '
        '(at least nine tenths)',
        'genre data',
        'genre shuffled',
        1 / 0.9,
      ),
    ),
    budget=60,
    takes=28,
    figure=('S0.7/run/images/samples/*.png', 'S0.7/run/images/asked/*.png'),
    caption='Left: samples. Right: pictures kept aside whose genre and palette '
    'were asked for.',
    note='The built-in pictures at 32 px, width 32, 6,000 steps of batch 64. '
    'Artist and year come from a `labels.csv` of your own pictures.',
  ),
)
