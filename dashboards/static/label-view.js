// What is seen of the picture, and how: zoom and pan, labels, corners, and what is being drawn.
import * as masks from "./label-masks.js";

const CORNER_PX = 6;
const MOST_ZOOM = 40;

export class View {
  constructor(canvas, image, labels) {
    Object.assign(this, { canvas, image, labels, scale: 1, x: 0, y: 0, fitted: true });
    this.context = canvas.getContext("2d");
    this.overlay = () => {};
    this.waiting = false;
    new ResizeObserver(() => this.resized()).observe(canvas);
    labels.onChange(() => this.draw());
  }

  resized() {
    const box = this.canvas.getBoundingClientRect();
    this.ratio = devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(box.width * this.ratio));
    this.canvas.height = Math.max(1, Math.round(box.height * this.ratio));
    if (this.fitted) this.fit(); else this.draw();
  }

  fit() {
    const box = this.canvas.getBoundingClientRect();
    const { width, height } = this.labels;
    this.scale = Math.min(box.width / width, box.height / height) * 0.98 || 1;
    this.x = (box.width - width * this.scale) / 2;
    this.y = (box.height - height * this.scale) / 2;
    this.fitted = true;
    this.draw();
  }

  // Around a point of the canvas, which stays where it is.
  zoom(factor, at = null) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = at ?? [box.width / 2, box.height / 2];
    const least = Math.min(box.width / this.labels.width, box.height / this.labels.height) * 0.5;
    const scale = Math.min(MOST_ZOOM, Math.max(least, this.scale * factor));
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.draw();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.draw();
  }

  // From an event to px of the canvas, and on to px of the picture.
  where(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  inPicture([x, y]) { return [(x - this.x) / this.scale, (y - this.y) / this.scale]; }
  clamped([x, y]) { return [Math.min(this.labels.width, Math.max(0, x)), Math.min(this.labels.height, Math.max(0, y))]; }

  // The corner of the chosen polygon under a point of the canvas.
  cornerAt([x, y], reach) {
    const label = this.labels.current;
    return this.labels.corners(label).find(([ring, place]) => {
      const points = label.segmentation[ring];
      return Math.hypot(points[place] * this.scale + this.x - x, points[place + 1] * this.scale + this.y - y) <= reach;
    }) ?? null;
  }

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.paint(); });
  }

  paint() {
    const { context, canvas, labels } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const scale = this.scale * this.ratio;
    context.setTransform(scale, 0, 0, scale, this.x * this.ratio, this.y * this.ratio);
    context.imageSmoothingEnabled = this.scale < 2;
    context.drawImage(this.image, 0, 0, labels.width, labels.height);
    for (const label of labels.list) if (!label.hidden) this.shape(label, label.key === labels.chosen);
    this.overlay(context, 1 / this.scale);
    this.canvas.dataset.zoom = this.scale.toFixed(3);
  }

  shape(label, chosen) {
    const { context, labels } = this;
    const colour = labels.colour(label.name), pixel = 1 / this.scale;
    if (!Array.isArray(label.segmentation)) {
      this.mask(label.tint ??= { ...masks.tinted(labels.bits(label), labels.width, labels.height, rgb(colour)), colour }, colour, label);
      if (!chosen) return;
      const box = label.frame ??= masks.boxOf(labels.bits(label), labels.width, labels.height);
      context.strokeStyle = "#fff";
      context.lineWidth = 1.5 * pixel;
      context.setLineDash([5 * pixel, 4 * pixel]);
      if (box) context.strokeRect(box[0], box[1], box[2] - box[0], box[3] - box[1]);
      context.setLineDash([]);
      return;
    }
    const path = masks.path(label.segmentation);
    context.globalAlpha = 0.3;
    context.fillStyle = colour;
    context.fill(path);
    context.globalAlpha = 1;
    context.lineWidth = (chosen ? 4 : 3) * pixel;
    context.strokeStyle = "rgb(0 0 0 / .6)";
    context.stroke(path);
    context.lineWidth = (chosen ? 2.5 : 1.5) * pixel;
    context.strokeStyle = chosen ? "#fff" : colour;
    context.stroke(path);
    if (!chosen) return;
    for (const [ring, place] of labels.corners(label)) {
      const own = labels.vertex && labels.vertex[0] === ring && labels.vertex[1] === place;
      this.spot(label.segmentation[ring].slice(place, place + 2), own ? "#ff5a1f" : "#fff", own ? CORNER_PX + 2 : CORNER_PX);
    }
  }

  mask(tint, colour, label) {
    if (tint.colour !== colour) { label.tint = undefined; this.draw(); }
    if (tint.canvas) this.context.drawImage(tint.canvas, tint.x, tint.y);
  }

  spot([x, y], colour, radius = CORNER_PX) {
    const { context } = this;
    context.beginPath();
    context.arc(x, y, radius / this.scale, 0, 2 * Math.PI);
    context.fillStyle = colour;
    context.fill();
    context.lineWidth = 1.5 / this.scale;
    context.strokeStyle = "#000";
    context.stroke();
  }
}

export function rgb(colour) { return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)); }
