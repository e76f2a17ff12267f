// Pictures of seeds: the newest position of a slider wins.
import {byId, keys, make, post, problem, save} from './studio.js';
import {chooseModel, doJob, fileOf, model} from './model.js';
import * as favorites from './favorites.js';
import {zip} from './zip.js';

const slot = crypto.randomUUID();
let about = null, id = '', busy = false, again = false, shown = [];

const runName = () => byId('run').selectedOptions[0].textContent.replace(/ \([^)]*\)$/, '');

function asked() {
  const attributes = {};
  for (const input of document.querySelectorAll('[data-attribute]')) {
    if (input.value === '') attributes[input.dataset.attribute] = null;
    else attributes[input.dataset.attribute] = input.type === 'color' ? input.value : Number(input.value);
  }
  return {
    ...model(), attributes,
    seed: Number(byId('seed-number').value) || 0,
    label: byId('class-label').hidden ? null : byId('class').value,
    truncation: Number(byId('truncation').value),
  };
}

async function refresh() {
  if (!about) return;
  if (busy) { again = true; return; }
  busy = true;
  const slow = setTimeout(() => { byId('made').hidden = false; byId('told').textContent = 'working: the first pictures of a model take longest'; }, 700);
  const value = asked(), began = performance.now(), of = id;
  try {
    const told = await post(`/api/runs/${id}/sample`, {...value, count: Number(byId('count').value), slot});
    problem('');
    if (of === id) {
      shown = told.pictures.map((png, i) => ({id: of, name: runName(), png, made: {...value, seed: value.seed + i, checkpoint: String(told.step)}}));
      const passed = performance.now() - began;
      byId('told').textContent = `step ${told.step}, made in ${passed < 2000 ? `${Math.round(passed)} ms` : `${(passed / 1000).toFixed(1)} s`}`;
      showPictures();
    }
  } catch (error) {
    if (error.status !== 409) problem(error.message);
    byId('told').textContent = '';
    byId('made').hidden = !shown.length;
  }
  clearTimeout(slow);
  busy = false;
  if (again) { again = false; refresh(); }
}

function figure(one, kept) {
  const title = `seed ${one.made.seed}${one.made.label ? ', ' + one.made.label : ''}`;
  const image = make('img', {alt: title, src: `data:image/png;base64,${one.png}`});
  const button = make('button', {type: 'button', 'aria-pressed': kept, 'aria-label': `${kept ? 'Do not keep' : 'Keep'} ${title}`}, image);
  button.addEventListener('click', () => {
    try { favorites.turn(one); } catch { problem('This browser keeps no more favorites; download and remove some.'); }
    showPictures();
    showFavorites();
  });
  const load = make('a', {href: image.src, download: favorites.fileName(one), text: 'PNG'});
  return make('figure', {class: kept ? 'kept' : null}, button, make('figcaption', {}, make('span', {text: title}), load));
}

function showPictures() {
  const list = favorites.all();
  byId('made').hidden = !shown.length;
  byId('pictures').replaceChildren(...shown.map((one) => figure(one, list.some((other) => favorites.same(one, other)))));
}

function showFavorites() {
  const list = favorites.all();
  byId('favorites').replaceChildren(...(list.length
    ? list.map((one) => { const f = figure(one, true); f.querySelector('span').textContent = `${one.name} ${one.made.seed}`; return f; })
    : [make('p', {class: 'soft', text: 'None yet.'})]));
  byId('favorites-zip').disabled = !list.length;
}

function download(list, name) {
  const names = new Map();
  const files = list.map((one) => {
    const plain = favorites.fileName(one), count = names.get(plain) || 0;
    names.set(plain, count + 1);
    return [count ? plain.replace('.png', `_${count}.png`) : plain, favorites.bytesOf(one.png)];
  });
  const told = list.map(({name, made}) => ({run: name, ...made}));
  files.push(['seeds.json', new TextEncoder().encode(JSON.stringify(told, null, 1))]);
  save(zip(files), name);
}

async function film(study, button) {
  button.disabled = true;
  const count = study === 'classes' ? 4 : Number(byId('walk-count').value);
  const labels = byId('class-label').hidden ? [] : study === 'classes' ? ['all'] : [byId('class').value];
  await doJob(() => post(`/api/runs/${id}/show`, {
    ...model(), study, labels, count, seed: asked().seed, frames: Number(byId('walk-frames').value),
  }), async (job) => {
    byId('job').textContent = '';
    const shown = job.files.find((name) => name.endsWith('.gif')) || job.files[0];
    const blobs = await Promise.all(job.files.map(async (name) => [name, await fileOf(job, name)]));
    const image = make('img', {alt: job.text, src: URL.createObjectURL(Object.fromEntries(blobs)[shown])});
    const links = blobs.map(([name, blob]) => make('a', {href: URL.createObjectURL(blob), download: `${runName()}_${name}`.replaceAll('/', '_'), text: name.endsWith('.png') && blobs.length > 1 ? 'PNG of its frames' : name.split('.').pop().toUpperCase()}));
    byId('results').prepend(make('figure', {class: 'sheet'}, image, make('figcaption', {}, job.text + ' ', ...links.flatMap((link) => [link, ' ']))));
  });
  button.disabled = false;
}

function take(told, chosen) {
  about = told; id = chosen;
  byId('films').hidden = !about;
  shown = [];
  if (!about) { showPictures(); return; }
  const {classes, attributes, truncation} = about.can;
  byId('class-label').hidden = byId('classes').hidden = !classes.length;
  byId('class').replaceChildren(...classes.map((name) => make('option', {value: name, text: name})));
  byId('truncation-label').hidden = !truncation;
  byId('attributes').replaceChildren(...attributes.map(control));
  byId('films').hidden = Boolean(attributes.length);
  refresh();
}

function control({kind, name, values, low, high}) {
  const input = kind === 'category'
    ? make('select', {'data-attribute': name}, ...values.map((text, i) => make('option', {value: i, text})))
    : kind === 'palette' ? make('input', {type: 'color', value: '#808080', 'data-attribute': name})
    : make('input', {type: 'number', step: 'any', min: low, max: high, value: (low + high) / 2, 'data-attribute': name});
  return make('label', {text: name}, input);
}

byId('seed').addEventListener('input', () => { byId('seed-number').value = byId('seed').value; refresh(); });
byId('seed-number').addEventListener('input', () => { byId('seed').value = byId('seed-number').value; refresh(); });
byId('truncation').addEventListener('input', () => { byId('truncation-value').textContent = byId('truncation').value; refresh(); });
for (const name of ['count', 'class', 'checkpoint']) byId(name).addEventListener('change', refresh);
byId('attributes').addEventListener('input', refresh);
byId('fields').addEventListener('change', refresh); // each value is another program
byId('zip').addEventListener('click', () => download(shown, 'samples.zip'));
byId('favorites-zip').addEventListener('click', () => download(favorites.all(), 'favorites.zip'));
byId('walk').addEventListener('click', () => film('interpolate', byId('walk')));
byId('classes').addEventListener('click', () => film('classes', byId('classes')));
function step(by) {
  const input = byId('seed-number');
  input.value = Math.max(0, Number(input.value) + by);
  byId('seed').value = input.value;
  refresh();
}
keys({ArrowRight: () => step(1), ArrowLeft: () => step(-1)});
showFavorites();
chooseModel((can) => can.sample, (name) => `${name} makes no pictures of seeds. Choose a run of a GAN, a VAE, an autoencoder or a diffusion model.`, take)
  .catch((error) => problem(error.message));
