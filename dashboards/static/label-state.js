// The labels of a picture in the editor. A label is never changed but replaced, so that undoing is
// going back to an older list.
import * as masks from "./label-masks.js";

const COLOURS = ["#56b4e9", "#e69f00", "#f0e442", "#cc79a7", "#2ad39a", "#ff7f5c", "#b9a3ff", "#ffffff"];
const MOST_UNDONE = 100;

export class Labels {
  constructor(width, height, classes) {
    Object.assign(this, { width, height, classes, list: [], chosen: null, vertex: null, dirty: false });
    this.undone = [];
    this.done = [];
    this.listeners = [];
    this.names = 0;
  }

  onChange(listener) { this.listeners.push(listener); }
  tell() { for (const each of this.listeners) each(); }

  // As the server has them: nothing to be undone.
  load(rows) {
    this.list = rows.map((row) => this.made(row));
    this.done = [];
    this.undone = [];
    this.dirty = false;
    this.choose(null);
  }

  made({ id = null, name, segmentation, origin, author = "", hidden = false }) {
    this.names += 1;
    return { key: this.names, id, name, segmentation, origin, author, hidden };
  }

  colour(name) {
    const place = this.classes.indexOf(name);
    return COLOURS[(place < 0 ? 0 : place) % COLOURS.length];
  }

  get current() { return this.list.find((each) => each.key === this.chosen) ?? null; }

  choose(key, vertex = null) {
    this.chosen = key;
    this.vertex = vertex;
    this.tell();
  }

  // Replace the list; what it was can be brought back.
  put(list, chosen = this.chosen) {
    this.done.push(this.list);
    if (this.done.length > MOST_UNDONE) this.done.shift();
    this.undone = [];
    this.list = list;
    this.dirty = true;
    this.chosen = list.some((each) => each.key === chosen) ? chosen : null;
    if (this.chosen === null) this.vertex = null;
    this.tell();
  }

  add(label) {
    const made = this.made(label);
    this.put([...this.list, made], made.key);
    return made;
  }

  // A label is the same one to the eye, and a new one to the server.
  change(key, values) {
    this.put(this.list.map((each) => (each.key === key ? { ...each, tint: undefined, frame: undefined, ...values } : each)));
  }

  // While a hand is still drawing: shown, and not yet a step of its own.
  preview(key, values) {
    this.list = this.list.map((each) => (each.key === key ? { ...each, tint: undefined, frame: undefined, ...values } : each));
    this.tell();
  }

  remove(key) {
    const place = this.list.findIndex((each) => each.key === key);
    const rest = this.list.filter((each) => each.key !== key);
    this.put(rest, rest[Math.min(place, rest.length - 1)]?.key ?? null);
  }

  hide(key) {
    this.list = this.list.map((each) => (each.key === key ? { ...each, hidden: !each.hidden } : each));
    this.tell();
  }

  undo() { return this.step(this.done, this.undone); }
  redo() { return this.step(this.undone, this.done); }

  step(from, to) {
    if (!from.length) return false;
    to.push(this.list);
    this.list = from.pop();
    this.dirty = true;
    if (!this.current) this.choose(null); else this.choose(this.chosen);
    return true;
  }

  // The topmost label under a point.
  at([x, y]) {
    const seen = this.list.filter((each) => !each.hidden).reverse();
    return seen.find((each) => this.bits(each)[Math.floor(y) * this.width + Math.floor(x)]) ?? null;
  }

  bits(label) {
    label.drawn ??= masks.toBits(label.segmentation, this.width, this.height);
    return label.drawn;
  }

  moved(label, dx, dy) {
    if (Array.isArray(label.segmentation)) {
      const xs = label.segmentation.flatMap((ring) => ring.filter((_value, at) => at % 2 === 0));
      const ys = label.segmentation.flatMap((ring) => ring.filter((_value, at) => at % 2 === 1));
      const x = Math.min(Math.max(dx, -Math.min(...xs)), this.width - Math.max(...xs));
      const y = Math.min(Math.max(dy, -Math.min(...ys)), this.height - Math.max(...ys));
      return { segmentation: label.segmentation.map((ring) => ring.map((value, at) => round(value + (at % 2 ? y : x)))), drawn: undefined };
    }
    const bits = masks.shifted(this.bits(label), this.width, this.height, Math.round(dx), Math.round(dy));
    if (!masks.boxOf(bits, this.width, this.height)) return {};
    return { segmentation: masks.encode(bits, this.width, this.height), drawn: bits };
  }

  // Corners of a polygon as [ring, place]; masks have none.
  corners(label) {
    if (!label || !Array.isArray(label.segmentation)) return [];
    return label.segmentation.flatMap((ring, at) => ring.filter((_value, place) => place % 2 === 0).map((_x, place) => [at, place * 2]));
  }

  withCorner(label, [ring, place], [x, y]) {
    const rings = label.segmentation.map((each) => [...each]);
    rings[ring][place] = round(Math.min(this.width, Math.max(0, x)));
    rings[ring][place + 1] = round(Math.min(this.height, Math.max(0, y)));
    return { segmentation: rings, drawn: undefined };
  }

  // A corner more, halfway to the next one.
  withMore(label, [ring, place]) {
    const rings = label.segmentation.map((each) => [...each]);
    const points = rings[ring], next = (place + 2) % points.length;
    points.splice(place + 2, 0, round((points[place] + points[next]) / 2), round((points[place + 1] + points[next + 1]) / 2));
    return { segmentation: rings, drawn: undefined };
  }

  withLess(label, [ring, place]) {
    const rings = label.segmentation.map((each) => [...each]);
    if (rings[ring].length <= 6) return null;
    rings[ring].splice(place, 2);
    return { segmentation: rings, drawn: undefined };
  }
}

export function round(value) { return Math.round(value * 100) / 100; }
