// A tone when something fails that had not failed before. Off until somebody switches it on, on this
// device: a browser lets a page sound only after a tap or a key. What is new is read off the page
// ([data-newest-fail]), not off the events, of which one may be lost.
import { toast } from "./lineside.js";

const KEPT = "lineside.sound";
const LEAST_PAUSE_MS = 2000;
let context = null;
let newest = { page: "", id: 0 };
let soundedAt = -LEAST_PAUSE_MS;

const wanted = () => { try { return localStorage.getItem(KEPT) === "on"; } catch { return false; } };

// Two falling notes: told apart from the beeps of machines, and heard over fans.
function sound() {
  if (context?.state !== "running" || performance.now() - soundedAt < LEAST_PAUSE_MS) return;
  soundedAt = performance.now();
  [880, 587].forEach((hertz, place) => {
    const from = context.currentTime + place * 0.22;
    const note = new OscillatorNode(context, { type: "triangle", frequency: hertz });
    const loudness = new GainNode(context, { gain: 0 });
    loudness.gain.setValueAtTime(0, from);
    loudness.gain.linearRampToValueAtTime(0.5, from + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.001, from + 0.2);
    note.connect(loudness).connect(context.destination);
    note.start(from);
    note.stop(from + 0.21);
  });
}

async function wake() {
  context ??= new AudioContext();
  if (context.state !== "running") await context.resume().catch(() => {});
  show();
}

function show() {
  for (const button of document.querySelectorAll("[data-sound]")) {
    button.hidden = typeof AudioContext === "undefined";
    button.setAttribute("aria-pressed", String(wanted()));
    // Wanted, but the browser waits for a tap: the page was opened again.
    button.dataset.silent = String(wanted() && context?.state !== "running");
  }
}

async function toggle() {
  const on = !wanted();
  try { localStorage.setItem(KEPT, on ? "on" : "off"); } catch { /* for this page only, then */ }
  const said = document.querySelector("[data-sound]").dataset;
  if (on) { await wake(); soundedAt = -LEAST_PAUSE_MS; sound(); }
  toast(on ? said.saidOn : said.saidOff);
  show();
}

function look() {
  show();
  const marked = document.querySelector("[data-newest-fail]");
  const id = Number(marked?.dataset.newestFail) || 0;
  const isNew = newest.page === location.pathname && id > newest.id;
  newest = { page: location.pathname, id: Math.max(id, newest.page === location.pathname ? newest.id : 0) };
  if (isNew && wanted()) sound();
}

document.addEventListener("click", (event) => { if (event.target.closest("[data-sound]")) toggle(); });
document.addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey || event.target.closest("input:not([type=checkbox]), select, textarea, dialog[open]")) return;
  if (event.key.toLowerCase() === "o" && document.querySelector("[data-sound]")) toggle();
});
for (const name of ["pointerdown", "keydown"]) {
  document.addEventListener(name, () => { if (wanted()) wake(); }, { capture: true, passive: true });
}
document.addEventListener("lineside:swapped", look);
look();
