// The threshold studio in the browser: the results come once, and every move of a slider is counted
// here. It counts as `inspection/threshold_curves.py` does; a browser test holds the two together.
const Z = 1.959963984540054; // of 95 %
const [PASS, WARN, FAIL] = [0, 1, 2];

function held(value, band, { warn, fail }) {
  if (fail !== null) {
    if (value - band > fail) return FAIL;
    if (value + band > fail) return WARN;
  }
  return warn !== null && value > warn ? WARN : PASS;
}

function severity([base, , , findings], settings, data) {
  let worst = base;
  const counts = data.classes.map(() => 0);
  for (const [number, score, ...values] of findings) {
    const setting = settings[number];
    if (score < setting.score) continue;
    counts[number] += 1;
    for (const [index, quantity] of data.quantities[number].entries()) {
      const value = values[2 * index];
      if (value !== null) worst = Math.max(worst, held(value, data.guard_k * values[2 * index + 1], setting.limits[quantity]));
    }
  }
  for (const [number, setting] of settings.entries()) {
    if (setting.limits.count) worst = Math.max(worst, held(counts[number], 0, setting.limits.count));
  }
  return worst;
}

function wilson(share, size) {
  const middle = share + Z * Z / (2 * size);
  const half = Z * Math.sqrt(Math.max(share * (1 - share), 0) / size + Z * Z / (4 * size * size));
  const scale = 1 + Z * Z / size;
  return [Math.max(0, (middle - half) / scale), Math.min(1, (middle + half) / scale)];
}

const sum = (values) => values.reduce((all, each) => all + each, 0);
const between = (value, low, high) => Math.max(Math.min(value, high), low);

function goodAmong(changed) {
  const low = changed.filter(([, bad]) => bad === 0).length;
  const high = changed.length - changed.filter(([, bad]) => bad === 1).length;
  if (low === high) return { value: low, low, high };
  const sample = changed.filter(([, , weight]) => weight !== null);
  if (!sample.length) return { value: null, low, high };
  const whole = sum(sample.map(([, , weight]) => weight));
  const share = sum(sample.filter(([, bad]) => bad === 0).map(([, , weight]) => weight)) / whole;
  const size = whole ** 2 / sum(sample.map(([, , weight]) => weight ** 2));
  const bounds = wilson(share, size);
  const number = (part) => between(part * changed.length, low, high);
  return { value: number(share), low: number(bounds[0]), high: number(bounds[1]) };
}

function less(one, other) {
  const value = one.value === null || other.value === null ? null : one.value - other.value;
  return { value, low: one.low - other.high, high: one.high - other.low };
}

function rest(number, of) {
  return { value: number.value === null ? null : of - number.value, low: of - number.high, high: of - number.low };
}

function compare(data, before, after, rejects) {
  const stops = (row, settings) => severity(row, settings, data) >= rejects;
  const was = data.rows.map((row) => stops(row, before));
  const now = data.rows.map((row) => stops(row, after));
  const released = data.rows.filter((_, index) => was[index] && !now[index]);
  const stopped = data.rows.filter((_, index) => now[index] && !was[index]);
  const [goodReleased, goodStopped] = [goodAmong(released), goodAmong(stopped)];
  return {
    before: sum(was), after: sum(now),
    false_calls: less(goodStopped, goodReleased),
    escapes: less(rest(goodReleased, released.length), rest(goodStopped, stopped.length)),
  };
}

const rounded = (value) => (value >= 10 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, ""));
function signed(value) {
  const text = rounded(Math.abs(value));
  if (Number(text) === 0) return "0";
  return `${value < 0 ? "−" : "+"}${text}`;
}

const outcome = document.querySelector("[data-results]");
const form = document.querySelector("[data-studio]");
const fieldOf = (slider) => document.getElementById(slider.dataset.for);

// A field that is empty is no limit; one that is no number leaves the last answer.
function typed(name) {
  const field = document.getElementById(name);
  if (!field) return null;
  const text = field.value.trim().replace(",", ".");
  return text === "" ? null : Number(text);
}

function settingsOf(data) {
  return data.classes.map((name, number) => ({
    score: typed(`score:${name}`) ?? 0,
    limits: Object.fromEntries([...data.quantities[number], "count"]
      .map((quantity) => [quantity, { warn: typed(`warn:${name}:${quantity}`), fail: typed(`fail:${name}:${quantity}`) }])
      .filter(([, { warn, fail }]) => warn !== null || fail !== null)),
  }));
}

function show(name, text) {
  outcome.querySelector(`[data-out="${name}"]`).textContent = text;
}

function tell(name, number, perShift) {
  const scaled = number.value === null ? null : number.value * perShift;
  const text = scaled === null ? "" : rounded(Math.abs(scaled));
  let said = outcome.dataset.none;
  if (scaled === null) said = outcome.dataset.unknown;
  else if (Number(text) !== 0) said = (scaled < 0 ? outcome.dataset.fewer : outcome.dataset.more).replace("{n}", text);
  show(name, said);
  show(`${name}_between`, `${signed(number.low * perShift)} … ${signed(number.high * perShift)}`);
}

async function start() {
  const answer = await fetch(outcome.dataset.results);
  if (!answer.ok) return; // the form still counts, by its button
  const data = await answer.json();
  const now = data.before.map(({ score, limits }) => ({ score, limits }));
  let asked = 0;
  const count = () => {
    asked = 0;
    const after = settingsOf(data);
    if (after.some(({ score, limits }) => Number.isNaN(score) || Object.values(limits).some(({ warn, fail }) => Number.isNaN(warn) || Number.isNaN(fail)))) return;
    for (const [number, setting] of after.entries()) {
      for (const quantity of data.quantities[number]) setting.limits[quantity] ??= { warn: null, fail: null };
    }
    const found = compare(data, now, after, form.elements.rejects.value === "fail" ? FAIL : WARN);
    show("before", found.before);
    show("after", found.after);
    tell("false_calls", found.false_calls, data.per_shift);
    tell("escapes", found.escapes, data.per_shift);
    outcome.dataset.counted = "here";
  };
  const soon = () => { asked ||= requestAnimationFrame(count); };
  for (const slider of form.querySelectorAll("input[type=range]")) {
    slider.hidden = false;
    slider.addEventListener("input", () => { fieldOf(slider).value = slider.value; soon(); });
    fieldOf(slider).addEventListener("input", () => {
      const value = Number(fieldOf(slider).value.replace(",", "."));
      if (!Number.isNaN(value)) slider.value = value;
      soon();
    });
  }
  form.elements.rejects.addEventListener("change", soon);
  form.querySelector("[data-count]").hidden = true;
  count();
}

if (outcome && form) start();
