// A composition on a canvas, and the painting that becomes of it.
import {byId, keys, make, post, problem, save} from './studio.js';
import {chooseModel, dropPlace, doJob, fileOf, model, upload} from './model.js';
import * as favorites from './favorites.js';

const canvas = byId('canvas'), pen = canvas.getContext('2d', {willReadFrequently: true});
const LONGEST = 384, UNDO = 20;
const history = [];
let id = '', about = null, sources = [], made = null, working = false;

function remember() {
  history.push(pen.getImageData(0, 0, canvas.width, canvas.height));
  if (history.length > UNDO) history.shift();
}

function undo() {
  const last = history.pop();
  if (!last) return;
  canvas.width = last.width;
  canvas.height = last.height;
  pen.putImageData(last, 0, 0);
}

// Takes an aspect (width over height) for the canvas; what is there is stretched.
function shape(aspect) {
  const old = make('canvas');
  [old.width, old.height] = [canvas.width, canvas.height];
  old.getContext('2d').drawImage(canvas, 0, 0);
  canvas.width = Math.round(aspect >= 1 ? LONGEST : LONGEST * aspect);
  canvas.height = Math.round(aspect >= 1 ? LONGEST / aspect : LONGEST);
  pen.drawImage(old, 0, 0, canvas.width, canvas.height);
}

function fill(color) {
  pen.fillStyle = color;
  pen.fillRect(0, 0, canvas.width, canvas.height);
}

async function place(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  remember();
  shape(Math.min(3, Math.max(1 / 3, image.naturalWidth / image.naturalHeight)));
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
}

function point(event) {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) * canvas.width / box.width, (event.clientY - box.top) * canvas.height / box.height];
}

canvas.addEventListener('pointerdown', (event) => {
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  remember();
  pen.strokeStyle = byId('color').value;
  pen.lineWidth = Number(byId('brush').value);
  pen.lineCap = pen.lineJoin = 'round';
  pen.beginPath();
  pen.moveTo(...point(event));
  pen.lineTo(...point(event));
  pen.stroke();
});
canvas.addEventListener('pointermove', (event) => {
  if (!canvas.hasPointerCapture(event.pointerId)) return;
  pen.lineTo(...point(event));
  pen.stroke();
});

function showSources() {
  byId('style-name').textContent = sources.map((one) => `${one.name}, ${one.width} x ${one.height} px`).join('; ');
  byId('forget').hidden = !sources.length;
  ready();
}

function ready() { byId('go').disabled = working || !(about || sources.length); }

async function addSource(file) {
  try {
    sources = [...sources, {...await upload(file), name: file.name}].slice(-4);
    problem('');
    showSources();
  } catch (error) { problem(error.message); }
}

async function go() {
  working = true;
  ready();
  await doJob(async () => {
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
    const picture = await upload(blob);
    return post(`/api/runs/${id}/paint`, {
      ...model(), uploads: [picture.id, ...sources.map((one) => one.id)],
      size: Number(byId('size').value), quality: byId('quality').value,
      num_sources: Number(byId('num-sources').value), variation: Number(byId('variation').value) || 0,
    });
  }, async (job) => {
    byId('told').textContent = `${job.result.width} x ${job.result.height} px; ${job.result.message}`;
    made = await fileOf(job, job.files[0]);
    show(made);
    byId('download').disabled = false;
  }, show);
  working = false;
  ready();
}

function show(blob) {
  byId('result').hidden = false;
  const image = byId('painting');
  if (image.src) URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(blob);
}

async function sample() {
  const seed = Number(byId('sample-seed').value) || 0;
  const button = byId('take-sample');
  button.disabled = true;
  try {
    const told = await post(`/api/runs/${id}/sample`, {...model(), seed, count: 1, slot: 'paint'});
    await place(`data:image/png;base64,${told.pictures[0]}`);
    byId('sample-seed').value = seed + 1;
    problem('');
  } catch (error) { problem(error.message); }
  button.disabled = false;
}

byId('shape').addEventListener('change', () => { remember(); shape(Number(byId('shape').value)); });
byId('fill').addEventListener('click', () => { remember(); fill(byId('color').value); });
byId('undo').addEventListener('click', undo);
byId('go').addEventListener('click', go);
byId('take-sample').addEventListener('click', sample);
byId('forget').addEventListener('click', () => { sources = []; showSources(); });
byId('download').addEventListener('click', () => save(made, 'painted.png'));
dropPlace(byId('photo-drop'), byId('photo'), (file) => place(URL.createObjectURL(file)).catch(() => problem('This file is no picture that a browser shows.')));
dropPlace(byId('style-drop'), byId('style'), addSource);
const kept = favorites.all();
byId('favorites').replaceChildren(...(kept.length ? kept.map((one) => {
  const address = `data:image/png;base64,${one.png}`;
  const button = make('button', {type: 'button', 'aria-label': `${one.name}, seed ${one.made.seed}`}, make('img', {src: address, alt: ''}));
  button.addEventListener('click', () => place(address));
  return make('figure', {}, button);
}) : [make('p', {class: 'soft', text: 'None yet: keep pictures on the page Sample.'})]));
keys({u: undo});

fill('#8fb3d9');
pen.fillStyle = '#5d7a3a';
pen.fillRect(0, 240, 384, 144);
pen.fillStyle = '#e8c95a';
pen.beginPath();
pen.arc(285, 90, 42, 0, 7);
pen.fill();
chooseModel((can) => Boolean(can.model), (name) => `${name} cannot be read; its pictures are not known.`, (told, chosen) => {
  about = told; id = chosen;
  byId('take-sample').disabled = !about || !about.can.sample || about.can.attributes.length > 0;
  ready();
}).catch((error) => problem(error.message));
