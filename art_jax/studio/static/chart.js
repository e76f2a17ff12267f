// Curves over steps on a canvas, with a legend of the newest values.
import {make, number} from './studio.js';

const COLORS = {
  light: ['#0b62bb', '#c2410c', '#15803d', '#a21caf', '#b45309', '#0e7490', '#be123c', '#4d7c0f'],
  dark: ['#6cb2ff', '#ff9d6b', '#5fd38d', '#e79bf5', '#f2c14e', '#5fd3e6', '#ff8fa3', '#b5d86b'],
};
const LEFT = 52, BOTTOM = 22, TOP = 8, RIGHT = 8;

export class Chart {
  // title: of the figure; names: of its curves; short: what a name is called.
  constructor(title, names, short = (name) => name) {
    this.curves = new Map(names.map((name) => [name, null]));
    this.hidden = new Set();
    this.short = short;
    this.marks = [];
    this.at = null;
    this.canvas = make('canvas', {class: 'chart', role: 'img'});
    this.legend = make('div', {class: 'legend'});
    this.element = make('figure', {}, make('h3', {text: title}), this.canvas, this.legend);
    this.title = title;
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    addEventListener('theme', () => this.draw());
    this.canvas.addEventListener('pointermove', (event) => { this.at = event.offsetX; this.draw(); });
    this.canvas.addEventListener('pointerleave', () => { this.at = null; this.draw(); });
  }

  // curve: {steps, values, low?, high?}
  set(name, curve) { this.curves.set(name, curve); }

  add(name, step, value) {
    let curve = this.curves.get(name);
    if (!curve) this.curves.set(name, curve = {steps: [], values: []});
    curve.steps.push(step);
    curve.values.push(value);
    if (curve.low) { curve.low.push(value); curve.high.push(value); }
  }

  // Draws at the next frame, once.
  draw() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => { this.due = false; this.paint(); });
  }

  colors() {
    const scheme = getComputedStyle(document.documentElement).colorScheme;
    return COLORS[scheme.includes('dark') ? 'dark' : 'light'];
  }

  shown() {
    const colors = this.colors();
    return [...this.curves].map(([name, curve], i) => ({name, curve, color: colors[i % colors.length]}));
  }

  paint() {
    const {clientWidth: width, clientHeight: height} = this.canvas;
    if (!width) return;
    const ratio = devicePixelRatio || 1;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    const pen = this.canvas.getContext('2d');
    pen.scale(ratio, ratio);
    pen.font = '11px system-ui, sans-serif';
    const all = this.shown();
    const curves = all.filter(({name, curve}) => curve && !this.hidden.has(name));
    const scale = scales(curves, width, height);
    this.label(all, scale);
    if (!scale) return;
    const style = getComputedStyle(document.documentElement);
    grid(pen, scale, width, height, style.getPropertyValue('--line'), style.getPropertyValue('--soft'));
    for (const mark of this.marks) {
      pen.fillStyle = style.getPropertyValue('--bad');
      pen.globalAlpha = 0.7;
      pen.fillRect(scale.x(mark), TOP, 1, height - TOP - BOTTOM);
    }
    pen.globalAlpha = 1;
    for (const each of curves) trace(pen, scale, each);
    if (this.at !== null) {
      pen.fillStyle = style.getPropertyValue('--soft');
      pen.fillRect(this.at, TOP, 1, height - TOP - BOTTOM);
    }
  }

  label(all, scale) {
    const step = this.at === null || !scale ? null : scale.step(this.at);
    const texts = all.map(({name, curve}) => {
      const i = !curve ? -1 : step === null ? curve.steps.length - 1 : nearest(curve.steps, step);
      return i < 0 ? '' : number(curve.values[i]);
    });
    const key = JSON.stringify([texts, [...this.hidden], all.map(({color}) => color)]);
    if (key === this.labeled) return;
    this.labeled = key;
    this.canvas.setAttribute('aria-label', this.title + ': ' + all.map(({name}, i) => `${this.short(name)} ${texts[i]}`).join(', '));
    while (this.legend.children.length > all.length) this.legend.lastChild.remove();
    all.forEach(({name, color}, i) => {
      let button = this.legend.children[i];
      if (!button) {
        button = make('button', {type: 'button'}, make('i'), make('span'));
        button.addEventListener('click', () => { this.toggle(name); });
        this.legend.append(button);
      }
      button.hidden = !texts[i] && !this.curves.get(name);
      button.setAttribute('aria-pressed', !this.hidden.has(name));
      button.firstChild.style.background = color;
      button.lastChild.textContent = `${this.short(name)} ${texts[i]}`;
    });
  }

  toggle(name) {
    if (!this.hidden.delete(name)) this.hidden.add(name);
    this.draw();
  }
}

function nearest(steps, step) {
  let low = 0, high = steps.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] < step) low = middle + 1; else high = middle;
  }
  return low > 0 && step - steps[low - 1] < steps[low] - step ? low - 1 : low;
}

function scales(curves, width, height) {
  let first = Infinity, last = -Infinity, least = Infinity, most = -Infinity;
  for (const {curve} of curves) {
    if (!curve.steps.length) continue;
    first = Math.min(first, curve.steps[0]);
    last = Math.max(last, curve.steps.at(-1));
    for (const values of [curve.values, curve.low || [], curve.high || []]) {
      for (const value of values) {
        if (value === null) continue;
        least = Math.min(least, value);
        most = Math.max(most, value);
      }
    }
  }
  if (last < first || most < least) return null;
  const log = least > 0 && most / least > 100;
  const to = log ? Math.log10 : (value) => value;
  let low = to(least), high = to(most);
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  low -= room; high += room;
  const wide = width - LEFT - RIGHT, tall = height - TOP - BOTTOM;
  return {
    log, low, high, first, last,
    x: (step) => LEFT + (last > first ? (step - first) / (last - first) : 0.5) * wide,
    y: (value) => TOP + (high - to(value)) / (high - low) * tall,
    step: (x) => first + (x - LEFT) / wide * (last - first),
  };
}

function ticks(low, high, count) {
  const rough = (high - low) / count;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const size = [1, 2, 5, 10].map((k) => k * unit).find((k) => k >= rough);
  const found = [];
  for (let i = Math.ceil(low / size); i * size <= high; i++) found.push(Number((i * size).toPrecision(10)));
  return found;
}

function grid(pen, scale, width, height, line, soft) {
  const values = scale.log
    ? ticks(scale.low, scale.high, 4).map((k) => 10 ** k)
    : ticks(scale.low, scale.high, 4);
  pen.textAlign = 'right';
  pen.textBaseline = 'middle';
  for (const value of values) {
    const y = scale.y(value);
    pen.fillStyle = line;
    pen.fillRect(LEFT, y, width - LEFT - RIGHT, 1);
    pen.fillStyle = soft;
    pen.fillText(number(value), LEFT - 6, y);
  }
  pen.textBaseline = 'top';
  if (scale.last === scale.first) return;
  for (const step of ticks(scale.first, scale.last, Math.max(2, width / 110))) {
    const x = scale.x(step);
    pen.textAlign = x > width - 30 ? 'right' : 'center';
    pen.fillText(step.toLocaleString('en'), x, height - BOTTOM + 6);
  }
}

function trace(pen, scale, {curve, color}) {
  const {steps, values, low, high} = curve;
  pen.strokeStyle = pen.fillStyle = color;
  if (low) {
    pen.globalAlpha = 0.22;
    pen.beginPath();
    steps.forEach((step, i) => { if (high[i] !== null) pen.lineTo(scale.x(step), scale.y(high[i])); });
    for (let i = steps.length - 1; i >= 0; i--) if (low[i] !== null) pen.lineTo(scale.x(steps[i]), scale.y(low[i]));
    pen.fill();
    pen.globalAlpha = 1;
  }
  pen.lineWidth = 1.4;
  pen.beginPath();
  let down = false;
  steps.forEach((step, i) => {
    if (values[i] === null) { down = false; return; }
    const x = scale.x(step), y = scale.y(values[i]);
    if (down) pen.lineTo(x, y); else pen.moveTo(x, y);
    down = true;
  });
  pen.stroke();
  if (steps.length < 40) {
    steps.forEach((step, i) => {
      if (values[i] === null) return;
      pen.beginPath();
      pen.arc(scale.x(step), scale.y(values[i]), 2, 0, 7);
      pen.fill();
    });
  }
}
