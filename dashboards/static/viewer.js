// The large image: masks on and off, by class too, zoom and pan, findings and their masks together.

import { words } from "./live.js";

// What somebody hides is kept on this device. How much is hidden always stands beside the image, so
// that nobody takes a hidden mask for a good part.
const KEPT = "lineside.overlay";
const hiddenClasses = new Set();
let masksOff = false;
let scoreFrom = 0;

function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
    masksOff = kept.masksOff === true;
    scoreFrom = Math.min(Math.max(Number(kept.scoreFrom) || 0, 0), 0.95);
    for (const name of kept.hiddenClasses ?? []) hiddenClasses.add(String(name));
  } catch { /* nothing kept, or no storage: everything is shown */ }
}

function keep() {
  try {
    localStorage.setItem(KEPT, JSON.stringify({ masksOff, scoreFrom, hiddenClasses: [...hiddenClasses] }));
  } catch { /* it holds for this page, then */ }
}

const isHidden = (element) => hiddenClasses.has(element.dataset.class) || Number(element.dataset.score) < scoreFrom;

function apply() {
  const marks = document.querySelectorAll("[data-zoom] .mark");
  // Only where it can be switched back: boards always draw everything.
  document.documentElement.dataset.marks = masksOff && document.querySelector("[data-masks]") ? "off" : "on";
  for (const box of document.querySelectorAll("[data-masks]")) box.checked = !masksOff;
  for (const box of document.querySelectorAll("[data-class-toggle]")) box.checked = !hiddenClasses.has(box.dataset.classToggle);
  for (const slider of document.querySelectorAll("[data-score-from]")) slider.value = scoreFrom;
  for (const shown of document.querySelectorAll("[data-score-shown]")) shown.textContent = scoreFrom.toLocaleString(document.documentElement.lang, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  for (const mark of marks) mark.classList.toggle("off", isHidden(mark));
  for (const row of document.querySelectorAll("tbody[data-finding]")) row.classList.toggle("off", isHidden(row));
  const number = masksOff ? marks.length : [...marks].filter(isHidden).length;
  for (const told of document.querySelectorAll("[data-hidden-masks]")) {
    told.hidden = number === 0;
    told.textContent = words.hidden.replace("{number}", number);
  }
  for (const stage of document.querySelectorAll("[data-zoom]")) place(stage);
}

// Zoom is kept by stage: x and y in px, scale 1 to 12.
const views = new WeakMap();
const viewOf = (stage) => views.get(stage) ?? { x: 0, y: 0, scale: 1 };

function place(stage) {
  const { x, y, scale } = viewOf(stage);
  const picture = stage.querySelector(".picture");
  if (!picture) return;
  picture.style.transform = scale === 1 ? "" : `translate(${x}px, ${y}px) scale(${scale})`;
  stage.classList.toggle("zoomed", scale > 1);
}

function zoom(stage, factor, clientX, clientY) {
  const view = viewOf(stage);
  const scale = Math.min(12, Math.max(1, view.scale * factor));
  const box = stage.querySelector(".picture").getBoundingClientRect();
  // The point under the pointer stays under it; `box` is where the picture is now.
  const dx = clientX - (box.left + box.width / 2);
  const dy = clientY - (box.top + box.height / 2);
  const ratio = scale / view.scale;
  views.set(stage, scale === 1 ? { x: 0, y: 0, scale: 1 }
    : { x: view.x + dx * (1 - ratio), y: view.y + dy * (1 - ratio), scale });
  place(stage);
}

function zoomCentre(factor) {
  const stage = document.querySelector("[data-zoom]");
  if (!stage) return;
  const box = stage.getBoundingClientRect();
  zoom(stage, factor, box.left + box.width / 2, box.top + box.height / 2);
}

function light(id, on) {
  if (!id) return;
  for (const element of document.querySelectorAll(`[data-finding="${CSS.escape(id)}"]`)) element.classList.toggle("lit", on);
}

export function startViewer() {
  document.addEventListener("change", (event) => {
    if (event.target.matches("input[data-masks]")) { masksOff = !event.target.checked; keep(); apply(); }
    const name = event.target.dataset?.classToggle;
    if (name !== undefined) {
      if (event.target.checked) hiddenClasses.delete(name); else hiddenClasses.add(name);
      keep();
      apply();
    }
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-score-from]")) { scoreFrom = Number(event.target.value); keep(); apply(); }
  });
  document.addEventListener("lineside:swapped", apply);
  document.addEventListener("wheel", (event) => {
    const stage = event.target.closest("[data-zoom]");
    // Without a modifier the page scrolls on, unless the image is zoomed already.
    if (!stage || !(event.ctrlKey || event.metaKey || viewOf(stage).scale > 1)) return;
    event.preventDefault();
    zoom(stage, event.deltaY < 0 ? 1.2 : 1 / 1.2, event.clientX, event.clientY);
  }, { passive: false });
  document.addEventListener("dblclick", (event) => {
    const stage = event.target.closest("[data-zoom]");
    if (stage) zoom(stage, viewOf(stage).scale > 1 ? 0 : 2.5, event.clientX, event.clientY);
  });
  document.addEventListener("pointerdown", (event) => {
    const stage = event.target.closest("[data-zoom]");
    if (!stage || viewOf(stage).scale === 1) return;
    event.preventDefault();
    const from = { ...viewOf(stage), px: event.clientX, py: event.clientY };
    const move = (moved) => {
      views.set(stage, { scale: from.scale, x: from.x + moved.clientX - from.px, y: from.y + moved.clientY - from.py });
      place(stage);
    };
    const up = () => { removeEventListener("pointermove", move); removeEventListener("pointerup", up); };
    addEventListener("pointermove", move);
    addEventListener("pointerup", up);
  });
  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey || event.target.closest("input:not([type=checkbox]), select, textarea")) return;
    if (event.key === "+" || event.key === "=") zoomCentre(1.4);
    else if (event.key === "-") zoomCentre(1 / 1.4);
    else if (event.key === "0") zoomCentre(0);
  });
  for (const name of ["mouseover", "mouseout"]) {
    document.addEventListener(name, (event) => light(event.target.closest?.("tbody[data-finding]")?.dataset.finding, name === "mouseover"));
  }
  recall();
  apply();
}
