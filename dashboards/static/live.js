// Keeps a page up to date. Events only say that something changed; what is shown is always what the
// server renders now, so that a lost event is never a lost fact. A part is an element with data-part:
// the address of its newest version. data-on says what changes it, data-gap how often at most (ms),
// data-every how often in any case (s), data-refresh-at when it grows old by itself.
import { morph } from "./morph.js";

// What is said, in the language of the page (m.words in macros.html).
export const words = document.getElementById("words")?.dataset ?? {};

const WATCHDOG_MS = 40_000; // the server tells every 15 s that it is still there
const POLL_MS = 5_000;
const HIDDEN_MS = 30_000;
const GATHER_MS = 700;
const SAID_MS = 5_000;
const state = new WeakMap();
let source = null;
let lostSince = null;
let lastHeard = performance.now();
let clockAhead = Date.parse(document.body.dataset.now) - Date.now() || 0;

const serverNow = () => new Date(Date.now() + clockAhead);
const partsOf = () => document.querySelectorAll("[data-part]");

function stateOf(part) {
  if (!state.has(part)) state.set(part, { flying: false, again: false, readAt: performance.now(), timer: 0 });
  return state.get(part);
}

export function refreshPart(part, { now = false } = {}) {
  const its = stateOf(part);
  if (its.flying) { its.again = true; return; }
  const wait = now ? 0 : its.readAt + Number(part.dataset.gap ?? 700) - performance.now();
  if (wait > 0) { its.timer ||= setTimeout(() => read(part, its), wait); return; }
  read(part, its);
}

async function read(part, its) {
  clearTimeout(its.timer);
  Object.assign(its, { timer: 0, flying: true, again: false, readAt: performance.now() });
  const address = part.dataset.part;
  try {
    const answer = await fetch(address, { headers: { "X-Lineside": "script" }, cache: "no-store" });
    if (answer.ok) {
      const template = document.createElement("template");
      template.innerHTML = await answer.text();
      const fresh = template.content.firstElementChild;
      await imagesOf(fresh, part);
      // Somebody walked on while this was under way.
      if (fresh && address === part.dataset.part && part.isConnected) {
        morph(part, fresh);
        part.dispatchEvent(new CustomEvent("lineside:swapped", { bubbles: true }));
      }
      answered();
    } else if (answer.status === 401) {
      location.reload(); // signed out meanwhile: the page itself leads to the sign-in
    } else if (answer.status >= 500) {
      lost(words.serverError);
    }
  } catch {
    lost();
  } finally {
    its.flying = false;
    if (its.again) refreshPart(part);
  }
}

// New images are loaded before they are shown, together with the marks that belong to them.
function imagesOf(fresh, part) {
  const shown = new Set([...part.querySelectorAll("img")].map((image) => image.src));
  const wanted = [...(fresh?.querySelectorAll("img:not([loading=lazy])") ?? [])].filter((image) => !shown.has(image.src));
  const patience = new Promise((done) => setTimeout(done, 4000));
  return Promise.race([patience, Promise.all(wanted.map((image) => {
    const early = new Image();
    early.src = image.src;
    return early.decode().catch(() => {});
  }))]);
}

export function refreshAll() { for (const part of partsOf()) refreshPart(part, { now: true }); }

function onEvent(event) {
  if (event.type === "tick") { refreshAll(); return; }
  const names = new Set(["*", event.type, `${event.type}:${event.station_id}`]);
  for (const part of partsOf()) {
    if (part.dataset.on?.split(" ").some((name) => names.has(name))) refreshPart(part);
  }
  if (event.type === "discrepancy" && event.state === "open") announce(event.station_id);
}

// What opened is said once, by whoever reads the page aloud, with the names of its stations: an image
// with three defects opens three discrepancies. Emptied again, so that the next one is said, too.
const opened = new Set();
let announcing = 0;
function announce(stationId) {
  const name = document.querySelector(`[data-key="tile-${stationId}"] h2`)?.textContent.trim();
  opened.add(name ?? "");
  announcing ||= setTimeout(() => {
    const names = [...opened].filter(Boolean).join(", ");
    const box = document.getElementById("announce");
    box.textContent = names ? `${names}: ${words.opened}` : words.opened;
    opened.clear();
    announcing = 0;
    setTimeout(() => { if (!announcing) box.textContent = ""; }, SAID_MS);
  }, GATHER_MS);
}

function lost(why = words.lost) {
  if (!lostSince) {
    lostSince = serverNow();
    const zone = document.querySelector("[data-zone]")?.dataset.zone;
    const time = lostSince.toLocaleTimeString("en-GB", { timeZone: zone });
    const bar = document.getElementById("lost");
    bar.textContent = words.since.replace("{why}", why).replace("{time}", time);
    bar.hidden = false;
  }
  show("lost", words.notLive);
}

// An answer came: if the connection was lost, it is back, and everything is read again.
function answered() {
  if (!lostSince || source?.readyState !== EventSource.OPEN) return;
  back();
  show("on", words.live);
  refreshAll();
}

function back() {
  lostSince = null;
  document.getElementById("lost").hidden = true;
  document.dispatchEvent(new CustomEvent("lineside:back"));
}

function show(name, text) {
  const live = document.getElementById("live");
  if (!live) return;
  live.dataset.state = name;
  live.lastElementChild.textContent = text;
}

// Listens to what the body names now: after a start, and where a wall goes on to another line.
export function connect() {
  const address = document.body.dataset.events;
  if (!address) return;
  source?.close();
  lastHeard = performance.now();
  source = new EventSource(address);
  const mine = source;
  const heard = () => { lastHeard = performance.now(); };
  mine.onopen = () => {
    heard();
    show("on", words.live);
    if (lostSince) back();
    // Also after the very first time: the page was rendered before the stream stood.
    refreshAll();
  };
  mine.onmessage = (message) => { heard(); onEvent(JSON.parse(message.data)); };
  mine.addEventListener("beat", (beat) => {
    heard();
    clockAhead = Date.parse(beat.data) - Date.now();
  });
  // The server ends each stream after a while, and asks anew who it is that listens.
  mine.addEventListener("again", () => { if (mine === source) connect(); });
  mine.onerror = () => {
    if (mine !== source) return;
    // Closed for good (refused: too many screens, or an error page): ask by itself, and try again.
    if (mine.readyState === EventSource.CLOSED) {
      refreshAll();
      setTimeout(() => { if (mine === source) connect(); }, POLL_MS);
      show("off", words.polling);
    } else {
      lost();
    }
  };
}

function ages() {
  const now = serverNow();
  for (const time of document.querySelectorAll("time[data-age]")) {
    const text = age((now - new Date(time.dateTime)) / 1000);
    if (time.textContent !== text) time.textContent = text;
  }
  for (const time of document.querySelectorAll("time[data-clock]")) {
    time.textContent = now.toLocaleTimeString("en-GB", { timeZone: time.dataset.zone });
  }
}

// The same words as `age` in dashboards/formats.py.
function age(seconds) {
  const s = Math.max(Math.floor(seconds), 0);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) {
    const rest = Math.floor((s % 3600) / 60);
    return rest ? `${Math.floor(s / 3600)} h ${rest} min` : `${s / 3600 | 0} h`;
  }
  return `${Math.floor(s / 86_400)} d`;
}

function everySecond() {
  ages();
  const now = serverNow();
  if (document.hidden) return;
  for (const part of partsOf()) {
    const its = stateOf(part);
    const due = part.dataset.refreshAt && now >= new Date(part.dataset.refreshAt);
    const sinceRead = performance.now() - its.readAt;
    if ((due && sinceRead > 2000) || sinceRead > Number(part.dataset.every ?? 3600) * 1000) refreshPart(part);
  }
  // A host that lost its power says no goodbye.
  if (source && performance.now() - lastHeard > WATCHDOG_MS) { lost(); connect(); }
}

export function startLive() {
  connect();
  setInterval(everySecond, 1000);
  // A browser opens six connections to a host, and a stream keeps one: tabs that nobody looks at
  // give theirs back, or the seventh would get no page at all.
  let hidden = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hidden);
    if (document.hidden) {
      hidden = setTimeout(() => { source?.close(); source = null; show("off", words.paused); }, HIDDEN_MS);
    } else if (source) {
      refreshAll();
    } else {
      connect();
    }
  });
  addEventListener("online", connect);
  addEventListener("offline", () => lost());
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => { if (event.persisted) { connect(); refreshAll(); } });
}
