// What a hand, a pen or the arrow keys do on the picture with each tool.
import * as masks from "./label-masks.js";
import { round } from "./label-state.js";
import { rgb } from "./label-view.js";

const CLOSE_PX = 12;
const BOX_PX = 4;

export class Tools {
  constructor(view, labels, { say, segment }) {
    Object.assign(this, { view, labels, say, segment, name: "select", radius: 8, points: [], hover: null, cursor: null, held: false });
    this.clicks = { on: [], beside: [], box: null };
    this.found = null; // what the clicks gave, until it is taken
    this.pointers = new Map();
    this.spread = null;
    view.overlay = (context, pixel) => this.overlay(context, pixel);
    const { canvas } = view;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.up(event, end === "pointercancel"));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("dblclick", () => { if (this.name === "polygon") this.finish(); });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      view.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), view.where(event));
    }, { passive: false });
  }

  get busy() { return this.points.length > 0 || this.found !== null || this.drag !== undefined || this.clicks.on.length > 0; }

  use(name) {
    this.cancel();
    this.name = name;
    if (this.cursor === null && name !== "select") this.cursor = [this.labels.width / 2, this.labels.height / 2];
    this.view.draw();
  }

  cancel() {
    const was = this.busy;
    if (this.drag?.list) { this.labels.list = this.drag.list; this.labels.tell(); }
    this.drag = undefined;
    this.points = [];
    this.found = null;
    this.clicks = { on: [], beside: [], box: null };
    this.view.draw();
    return was;
  }

  down(event) {
    const { view } = this;
    view.canvas.focus({ preventScroll: true });
    view.canvas.setPointerCapture(event.pointerId);
    const at = view.where(event);
    this.pointers.set(event.pointerId, at);
    if (this.pointers.size === 2) {
      this.cancel();
      const [one, other] = [...this.pointers.values()];
      this.spread = { apart: Math.hypot(one[0] - other[0], one[1] - other[1]), middle: [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2] };
      return;
    }
    if (event.button === 1 || this.held) { this.drag = { pan: at }; return; }
    this.fine = event.pointerType === "touch" ? 22 : 10;
    this.press(view.inPicture(at), { beside: event.button === 2 || event.shiftKey, at });
  }

  move(event) {
    const { view } = this;
    const at = view.where(event), before = this.pointers.get(event.pointerId);
    this.hover = view.inPicture(at);
    if (before) this.pointers.set(event.pointerId, at);
    if (this.spread && this.pointers.size === 2) {
      const [one, other] = [...this.pointers.values()];
      const apart = Math.hypot(one[0] - other[0], one[1] - other[1]), middle = [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2];
      view.pan(middle[0] - this.spread.middle[0], middle[1] - this.spread.middle[1]);
      view.zoom(apart / (this.spread.apart || 1), middle);
      this.spread = { apart, middle };
      return;
    }
    if (this.drag?.pan && before) view.pan(at[0] - before[0], at[1] - before[1]);
    else if (this.drag) this.pull(view.inPicture(at));
    else view.draw();
  }

  up(event, lost) {
    const moved = this.drag;
    this.pointers.delete(event.pointerId);
    if (this.spread) { if (!this.pointers.size) this.spread = null; return; }
    if (!moved) return;
    if (lost) this.cancel(); else this.release();
  }

  // The same three steps for a pointer and for the keys.
  press(point, { beside = false, at = null } = {}) {
    const { labels, view } = this;
    const inside = view.clamped(point);
    if (this.name === "polygon") return this.corner(inside);
    if (this.name === "box" || this.name === "click") {
      this.drag = { from: inside, to: inside, beside };
      return view.draw();
    }
    if (this.name === "brush" || this.name === "eraser") return this.paint(inside);
    const corner = at && view.cornerAt(at, this.fine);
    if (corner) {
      labels.choose(labels.chosen, corner);
      this.drag = { corner, list: labels.list };
      return undefined;
    }
    const found = labels.at(inside);
    labels.choose(found?.key ?? null);
    if (found) this.drag = { label: found, from: point, list: labels.list };
    else this.drag = { pan: at };
    return undefined;
  }

  pull(point) {
    const { labels, drag } = this;
    if (drag.from && !drag.label) drag.to = this.view.clamped(point);
    else if (drag.bits) {
      masks.stroke(drag.bits, labels.width, labels.height, drag.last, point, this.radius, drag.value);
      drag.last = point;
    } else if (drag.corner) labels.preview(labels.chosen, labels.withCorner(labels.current, drag.corner, point));
    else if (drag.label) labels.preview(drag.label.key, labels.moved(drag.label, point[0] - drag.from[0], point[1] - drag.from[1]));
    this.view.draw();
  }

  release() {
    const { labels, drag } = this;
    this.drag = undefined;
    if (drag.bits) return this.painted(drag);
    if (drag.list) {
      const list = labels.list;
      labels.list = drag.list;
      if (list !== drag.list) labels.put(list);
      return undefined;
    }
    if (!drag.from) return undefined;
    const [x0, x1] = [drag.from[0], drag.to[0]].sort((a, b) => a - b), [y0, y1] = [drag.from[1], drag.to[1]].sort((a, b) => a - b);
    const large = (x1 - x0) * this.view.scale >= BOX_PX && (y1 - y0) * this.view.scale >= BOX_PX;
    if (this.name === "click") {
      if (large) this.clicks.box = [x0, y0, x1, y1];
      else this.clicks[drag.beside ? "beside" : "on"].push(drag.from);
      this.ask();
    } else if (large) {
      const ring = [x0, y0, x1, y0, x1, y1, x0, y1].map(round);
      labels.add({ name: this.className, segmentation: [ring], origin: "box" });
    }
    return this.view.draw();
  }

  corner(point) {
    const first = this.points[0];
    if (this.points.length > 2 && Math.hypot(point[0] - first[0], point[1] - first[1]) * this.view.scale < CLOSE_PX) return this.finish();
    const last = this.points.at(-1);
    if (!last || Math.hypot(point[0] - last[0], point[1] - last[1]) > 0.3) this.points.push(point.map(round));
    return this.view.draw();
  }

  // Close the polygon, or take what the clicks gave.
  finish() {
    if (this.found) {
      this.labels.add({ name: this.className, segmentation: this.found.segmentation, origin: "segment" });
      this.cancel();
      return true;
    }
    if (this.name !== "polygon" || this.points.length < 3) return false;
    const ring = this.points.flat();
    this.points = [];
    this.labels.add({ name: this.className, segmentation: [ring], origin: "polygon" });
    return true;
  }

  paint(point) {
    const { labels } = this;
    const erase = this.name === "eraser";
    const target = labels.current ?? (erase ? labels.at(point) : null);
    if (erase && !target) return this.say("nothingToErase");
    const bits = target ? labels.bits(target).slice() : new Uint8Array(labels.width * labels.height);
    this.drag = { bits, last: point, value: erase ? 0 : 1, target };
    masks.stroke(bits, labels.width, labels.height, point, point, this.radius, this.drag.value);
    return this.view.draw();
  }

  painted({ bits, target }) {
    const { labels } = this;
    if (!masks.boxOf(bits, labels.width, labels.height)) {
      if (target) labels.remove(target.key);
      return;
    }
    const segmentation = masks.encode(bits, labels.width, labels.height);
    if (target) labels.change(target.key, { segmentation, origin: "brush", drawn: bits });
    else labels.add({ name: this.className, segmentation, origin: "brush" });
  }

  async ask() {
    const { clicks } = this;
    const answer = await this.segment(clicks);
    if (clicks !== this.clicks) return; // given up, or another one by now
    this.found = answer ? { segmentation: answer, tint: null } : null;
    if (!answer) this.say("nothingFound");
    this.view.draw();
  }

  // Keys: the arrows move a cross, Space presses there.
  nudge(dx, dy) {
    this.cursor = this.view.clamped([this.cursor[0] + dx, this.cursor[1] + dy]);
    if (this.drag && !this.drag.pan) this.pull(this.cursor);
    this.view.draw();
    this.say("at", { x: Math.round(this.cursor[0]), y: Math.round(this.cursor[1]) });
  }

  pressHere(beside) {
    if (this.drag) this.release(); else this.press(this.cursor, { beside });
    if (this.name === "click" && this.drag && !this.boxing) this.release();
  }

  overlay(context, pixel) {
    const { labels, drag } = this;
    const colour = labels.colour(this.className);
    context.lineWidth = 2 * pixel;
    context.strokeStyle = "#fff";
    if (this.points.length) {
      context.beginPath();
      for (const [x, y] of [...this.points, this.hover ?? this.cursor]) context.lineTo(x, y);
      context.stroke();
      this.points.forEach((point, at) => this.view.spot(point, at ? "#fff" : "#ff5a1f"));
    }
    if (drag?.from && !drag.label) context.strokeRect(drag.from[0], drag.from[1], drag.to[0] - drag.from[0], drag.to[1] - drag.from[1]);
    if (drag?.bits) {
      const tint = masks.tinted(drag.bits, labels.width, labels.height, rgb(drag.target ? labels.colour(drag.target.name) : colour));
      if (tint) context.drawImage(tint.canvas, tint.x, tint.y);
    }
    if (this.found) {
      const tint = this.found.tint ??= masks.tinted(masks.decode(this.found.segmentation), labels.width, labels.height, [255, 255, 255]);
      if (tint) context.drawImage(tint.canvas, tint.x, tint.y);
    }
    for (const each of this.clicks.on) this.view.spot(each, "#2ad39a");
    for (const each of this.clicks.beside) this.view.spot(each, "#ff5a1f");
    if (this.clicks.box) context.strokeRect(this.clicks.box[0], this.clicks.box[1], this.clicks.box[2] - this.clicks.box[0], this.clicks.box[3] - this.clicks.box[1]);
    const place = this.byKeys ? this.cursor : this.hover;
    if (place && (this.name === "brush" || this.name === "eraser")) {
      context.beginPath();
      context.arc(place[0], place[1], this.radius, 0, 2 * Math.PI);
      context.stroke();
    }
    if (this.byKeys && this.cursor && this.name !== "select") {
      const [x, y] = this.cursor, arm = 12 * pixel;
      for (const [stroke, wide] of [["#000", 4], ["#fff", 2]]) {
        context.strokeStyle = stroke;
        context.lineWidth = wide * pixel;
        context.beginPath();
        context.moveTo(x - arm, y); context.lineTo(x + arm, y); context.moveTo(x, y - arm); context.lineTo(x, y + arm);
        context.stroke();
      }
    }
  }
}
