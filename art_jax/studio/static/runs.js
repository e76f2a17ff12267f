// The list of runs: live, searched and sorted.
import {byId, follow, keys, make, number, problem, show} from './studio.js';

const lines = new Map(); // by id
const cards = new Map();
const STATES = ['running', 'crashed', 'stopped', 'new', 'finished'];
const ORDERS = {
  changed: (a, b) => b.changed - a.changed,
  name: (a, b) => a.name.localeCompare(b.name, 'en', {numeric: true}),
  state: (a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state),
  step: (a, b) => b.step - a.step,
  rate: (a, b) => (b.rate || 0) - (a.rate || 0),
  alarm: (a, b) => Boolean(b.alarm) - Boolean(a.alarm) || a.alarm_over - b.alarm_over,
};
const search = byId('search'), sort = byId('sort'), place = byId('runs');
let folder = '';

function card(line) {
  const thumb = make('img', {class: 'thumb', alt: '', loading: 'lazy', width: 88, height: 88});
  const parts = {
    name: make('b'), state: make('span', {class: 'badge'}), model: make('small'),
    step: make('small'), bar: make('i'), alarm: make('small'),
  };
  const element = make('a', {class: 'card run', href: `/run?id=${line.id}`}, thumb,
    make('div', {}, make('div', {class: 'row'}, parts.name, parts.state), parts.model,
      make('div', {class: 'meter'}, parts.bar), make('div', {}, parts.step), parts.alarm));
  return {element, thumb, parts, picture: ''};
}

function fill(line) {
  if (!cards.has(line.id)) cards.set(line.id, card(line));
  const {thumb, parts} = cards.get(line.id);
  parts.name.textContent = line.name;
  parts.state.textContent = line.state;
  parts.state.className = 'badge ' + line.state;
  parts.model.textContent = line.model;
  parts.bar.style.width = `${line.duration ? Math.min(100 * line.step / line.duration, 100) : 0}%`;
  const speed = line.loading ? ' · loading, compiling' : line.rate ? ` · ${number(line.rate)} pictures/s` : '';
  const whole = line.duration ? ` of ${number(line.duration)}` : '';
  parts.step.textContent = `step ${number(line.step)}${whole}${speed}`;
  parts.alarm.textContent = line.alarm ? `${line.alarm}${line.alarm_over ? ' (over)' : ''}` : '';
  parts.alarm.className = line.alarm_over ? 'over' : 'alarmed';
  const picture = line.picture && `/api/runs/${line.id}/picture?name=${encodeURIComponent(line.picture.name)}&step=${line.picture.step}&side=160`;
  const one = cards.get(line.id);
  if (picture && picture !== one.picture) {
    one.picture = picture;
    show(thumb, picture).catch(() => {});
  }
}

function arrange() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = [...lines.values()].filter((line) => {
    const text = `${line.name} ${line.model} ${line.state} ${line.alarm}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  shown.sort((a, b) => ORDERS[sort.value](a, b) || ORDERS.name(a, b));
  const elements = shown.map((line) => cards.get(line.id).element);
  if (elements.length !== place.children.length || elements.some((e, i) => e !== place.children[i])) {
    const held = document.activeElement;
    place.replaceChildren(...elements);
    if (elements.includes(held)) held.focus();
  }
  const running = shown.filter((line) => line.state === 'running').length;
  byId('count').textContent = lines.size
    ? `${shown.length} of ${lines.size} in ${folder}, ${running} running`
    : `There is no run in ${folder} yet. Train one, on the page Start or by: art_jax train cyclegan_demo`;
}

follow('/api/runs/events', {
  snapshot({folder: name, runs}) {
    problem('');
    folder = name;
    lines.clear();
    for (const line of runs) { lines.set(line.id, line); fill(line); }
    arrange();
  },
  changed(changed) {
    for (const line of changed) { lines.set(line.id, line); fill(line); }
    arrange();
  },
  removed(ids) {
    for (const id of ids) { lines.delete(id); cards.delete(id); }
    arrange();
  },
  full() { problem('Too many pages watch this studio; close some.'); },
});

search.addEventListener('input', arrange);
try { sort.value = localStorage.getItem('studio_sort') || 'changed'; } catch {}
sort.addEventListener('change', () => {
  try { localStorage.setItem('studio_sort', sort.value); } catch {}
  arrange();
});
function move(by) {
  const all = [...place.children];
  const at = all.indexOf(document.activeElement);
  (all[Math.max(0, Math.min(all.length - 1, at + by))] || place).focus();
}
keys({'/': () => search.focus(), j: () => move(1), k: () => move(-1), Escape: () => { search.value = ''; arrange(); search.blur(); }});
