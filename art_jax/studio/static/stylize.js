// A photo in the style of a painting, by optimizing its pixels: watched.
import {askJson, byId, post, problem, save} from './studio.js';
import {dropPlace, doJob, fileOf, upload} from './model.js';

let photo = null, style = null, made = null, working = false;

function ready() { byId('go').disabled = working || !photo || !style; }

async function take(file, kind) {
  const place = byId(`${kind}-name`);
  place.textContent = `${file.name}: sending`;
  try {
    const told = {...await upload(file), name: file.name};
    problem('');
    place.textContent = `${file.name}, ${told.width} x ${told.height} px`;
    if (kind === 'style') style = told; else photo = told;
    showPicture(byId(`${kind}-shown`), file);
  } catch (error) {
    place.textContent = '';
    problem(error.message);
  }
  ready();
}

function showPicture(image, blob) {
  if (image.src) URL.revokeObjectURL(image.src);
  image.hidden = false;
  image.src = URL.createObjectURL(blob);
}

function show(blob) {
  byId('result').hidden = false;
  showPicture(byId('painting'), blob);
}

async function go() {
  working = true;
  ready();
  byId('told').textContent = '';
  const name = photo.name.replace(/\.\w+$/, '');
  const soFar = (blob) => {
    byId('heading').textContent = 'So far';
    byId('told').textContent = 'at most 512 px wide or high until it is done';
    made = {blob, name: name + '_so_far.png'};
    show(blob);
  };
  await doJob(() => post('/api/stylize', {
    uploads: [photo.id, style.id], experiment: byId('experiment').value,
    size: Number(byId('size').value), content: Number(byId('content').value),
    steps: Number(byId('steps').value) || 0,
  }), async (job) => {
    byId('heading').textContent = 'Stylized';
    byId('told').textContent = `${job.result.width} x ${job.result.height} px; ${job.result.message}`;
    made = {blob: await fileOf(job, job.files[0]), name: name + '_stylized.png'};
    show(made.blob);
  }, soFar);
  working = false;
  ready();
}

async function showUsual() {
  const name = byId('experiment').value;
  const {fields} = await askJson(`/api/experiments/${name}`);
  const usual = fields.find(({path}) => path === 'train.duration');
  if (name === byId('experiment').value) byId('steps').placeholder = usual.text;
}

byId('experiment').addEventListener('change', () => showUsual().catch(() => {}));
showUsual().catch(() => {});
byId('go').addEventListener('click', go);
byId('download').addEventListener('click', () => save(made.blob, made.name));
dropPlace(byId('photo-drop'), byId('photo'), (file) => take(file, 'photo'));
dropPlace(byId('style-drop'), byId('style'), (file) => take(file, 'style'));
addEventListener('paste', (event) => {
  const file = [...event.clipboardData.files][0];
  if (file) take(file, photo && !style ? 'style' : 'photo');
});
