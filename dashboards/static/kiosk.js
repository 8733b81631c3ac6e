// A board on a wall: everything but the line is hidden, the screen stays on, and the page finds back
// by itself after whatever happens to the network or the server. ?kiosk=1 opens it so at once, for a
// browser that starts with the screen; ?cycle=30 goes on to the next line every 30 s.
import { connect } from "./live.js";
import { toast } from "./lineside.js";
import "./sound.js";

const root = document.documentElement;
const QUIET_MS = 60_000; // somebody at the screen is not taken away from what he looks at
let lock = null;
let touchedAt = -QUIET_MS;
let since = performance.now();

const isOn = () => root.dataset.kiosk === "on";
const holder = () => document.querySelector(".wall-buttons");

async function keepAwake() {
  if (!isOn() || document.hidden || lock || !navigator.wakeLock) return Boolean(lock);
  try {
    lock = await navigator.wakeLock.request("screen");
    lock.addEventListener("release", () => { lock = null; });
  } catch { return false; }
  return true;
}

function remember(on) {
  const url = new URL(location.href);
  if (on) url.searchParams.set("kiosk", "1"); else for (const name of ["kiosk", "cycle"]) url.searchParams.delete(name);
  history.replaceState(null, "", url);
}

async function enter({ asked }) {
  root.dataset.kiosk = "on";
  since = performance.now();
  remember(true);
  show();
  // Only a tap or a key may ask for the whole screen.
  if (asked) await root.requestFullscreen?.().catch(() => {});
  const awake = await keepAwake();
  const said = document.querySelector("[data-kiosk-toggle]")?.dataset;
  if (asked && said) toast(awake ? said.awake : said.asleep);
}

function leave() {
  delete root.dataset.kiosk;
  remember(false);
  lock?.release();
  if (document.fullscreenElement) document.exitFullscreen();
  show();
}

function show() {
  for (const button of document.querySelectorAll("[data-kiosk-toggle]")) {
    button.hidden = false;
    button.setAttribute("aria-pressed", String(isOn()));
  }
}

const toggle = () => (isOn() ? leave() : enter({ asked: true }));

// The next line's board in the place of this one. Not by a link: leaving the page would end the
// full screen, and the sound that somebody let through.
async function goOn() {
  since = performance.now();
  const address = new URL(holder().dataset.next, location.href);
  try {
    const answer = await fetch(address, { cache: "no-store" });
    if (!answer.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const name of ["main", ".crumbs", ".facts"]) {
      document.querySelector(name).replaceWith(document.adoptNode(fresh.querySelector(name)));
    }
    document.title = fresh.title;
    document.body.dataset.events = fresh.body.dataset.events;
    history.replaceState(null, "", address);
    show();
    document.dispatchEvent(new CustomEvent("lineside:swapped"));
    connect();
  } catch { /* the bar on top says that the connection is lost; the next turn tries again */ }
}

function everySecond() {
  const seconds = Number(holder()?.dataset.cycle);
  if (!isOn() || document.hidden || !seconds || !holder().dataset.next) return;
  const now = performance.now();
  if (now - since >= seconds * 1000 && now - touchedAt >= QUIET_MS) goOn();
}

// A server that came back may be another version, whose pages this script does not know.
async function takeNewVersion() {
  if (!isOn()) return;
  const mine = document.querySelector("link[rel=stylesheet]").href;
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const its = fresh.querySelector("link[rel=stylesheet]")?.getAttribute("href");
    if (answer.redirected || (its && new URL(its, location.href).href !== mine)) location.reload();
  } catch { /* away again: the next return looks again */ }
}

document.addEventListener("click", (event) => { if (event.target.closest("[data-kiosk-toggle]")) toggle(); });
document.addEventListener("keydown", (event) => {
  touchedAt = performance.now();
  if (event.metaKey || event.ctrlKey || event.altKey || event.target.closest("input:not([type=checkbox]), select, textarea, dialog[open]")) return;
  const key = event.key.toLowerCase();
  if (key === "k") toggle();
  else if (key === "escape" && isOn()) leave();
  else if (key === "a") document.querySelector(".discrepancies li.open form[data-act] button")?.click();
});
document.addEventListener("pointerdown", () => { touchedAt = performance.now(); });
document.addEventListener("fullscreenchange", () => { if (!document.fullscreenElement && isOn()) leave(); });
document.addEventListener("visibilitychange", keepAwake);
document.addEventListener("lineside:back", takeNewVersion);
setInterval(everySecond, 1000);

const asked = new URLSearchParams(location.search);
if (asked.has("kiosk") || asked.has("cycle")) enter({ asked: false });
show();
