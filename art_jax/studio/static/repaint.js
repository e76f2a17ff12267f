// A part of a picture, covered with a brush, that a diffusion model repaints.
import {byId, make, post, problem, save} from './studio.js';
import {chooseModel, dropPlace, doJob, fileOf, model, upload} from './model.js';

const SIDE = 384, COVER = '#e0457b';
const canvas = byId('canvas'), pen = canvas.getContext('2d');
const mask = make('canvas', {width: SIDE, height: SIDE}), cover = mask.getContext('2d');
let about = null, id = '', photo = null, covered = false, made = null, working = false;

function ready() { byId('go').disabled = working || !about || !photo || !covered; }

function draw() {
  pen.clearRect(0, 0, SIDE, SIDE);
  if (photo) pen.drawImage(photo.image, 0, 0, SIDE, SIDE);
  pen.globalAlpha = 0.6;
  pen.drawImage(mask, 0, 0);
  pen.globalAlpha = 1;
  ready();
}

function clear() {
  cover.clearRect(0, 0, SIDE, SIDE);
  covered = false;
  draw();
}

// The model's pictures are square: the middle of the picture is taken.
async function take(file) {
  try {
    const image = await createImageBitmap(file, {imageOrientation: 'from-image'});
    const side = Math.min(image.width, image.height);
    const square = make('canvas', {width: side, height: side});
    square.getContext('2d').drawImage(image, (side - image.width) / 2, (side - image.height) / 2);
    photo = {image: square, name: file.name};
    problem('');
    byId('canvas').hidden = byId('hint').hidden = false;
    clear();
  } catch { problem('This file is no picture that a browser shows.'); }
}

function point(event) {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) * SIDE / box.width, (event.clientY - box.top) * SIDE / box.height];
}

function stroke(event) {
  cover.lineTo(...point(event));
  cover.stroke();
  covered = true;
  draw();
}
canvas.addEventListener('pointerdown', (event) => {
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  cover.strokeStyle = COVER;
  cover.lineWidth = Number(byId('brush').value);
  cover.lineCap = cover.lineJoin = 'round';
  cover.beginPath();
  cover.moveTo(...point(event));
  stroke(event);
});
canvas.addEventListener('pointermove', (event) => { if (canvas.hasPointerCapture(event.pointerId)) stroke(event); });

const blobOf = (one) => new Promise((resolve) => one.toBlob(resolve, 'image/png'));

// White where the model paints, black elsewhere.
function hole() {
  const one = make('canvas', {width: SIDE, height: SIDE}), ink = one.getContext('2d');
  ink.drawImage(mask, 0, 0);
  ink.globalCompositeOperation = 'source-in';
  ink.fillStyle = '#fff';
  ink.fillRect(0, 0, SIDE, SIDE);
  ink.globalCompositeOperation = 'destination-over';
  ink.fillStyle = '#000';
  ink.fillRect(0, 0, SIDE, SIDE);
  return one;
}

async function go() {
  working = true;
  ready();
  await doJob(async () => {
    const uploads = [(await upload(await blobOf(photo.image))).id, (await upload(await blobOf(hole()))).id];
    return post(`/api/runs/${id}/inpaint`, {...model(), uploads, seed: Number(byId('seed').value) || 0});
  }, async (job) => {
    made = await fileOf(job, job.files[0]);
    byId('made').src = URL.createObjectURL(made);
    byId('told').textContent = `step ${job.result.step}, ${job.result.width} x ${job.result.height} px`;
    byId('result').hidden = false;
  });
  working = false;
  ready();
}

byId('go').addEventListener('click', go);
byId('clear').addEventListener('click', clear);
byId('download').addEventListener('click', () => save(made, 'repainted.png'));
dropPlace(byId('photo-drop'), byId('photo'), take);
chooseModel((can) => can.inpaint, (name) => `${name} repaints no parts. Choose a run of a diffusion model.`, (told, chosen) => {
  about = told; id = chosen;
  ready();
}).catch((error) => problem(error.message));
