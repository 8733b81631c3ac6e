// The label editor: tools, keys, the list beside the picture, and saving. What is drawn is kept by
// label-state.js, shown by label-view.js, and made by label-tools.js.
import { Labels } from "./label-state.js";
import { Saving } from "./label-saving.js";
import { Tools } from "./label-tools.js";
import { View } from "./label-view.js";
import { startLabelKeys } from "./label-keys.js";

const editor = document.querySelector("[data-labeller]");
if (editor) start(editor);

async function start(editor) {
  const one = (name) => editor.querySelector(`[data-${name}]`);
  const words = one("words").dataset;
  const status = document.getElementById("announce");
  const say = (name, values = {}) => {
    const text = (words[name] ?? name).replace(/\{(\w+)\}/g, (_whole, key) => values[key] ?? "");
    status.textContent = text;
    one("said").textContent = text;
  };
  const image = one("picture");
  const canvas = one("canvas");
  const saving = new Saving(editor, say);
  const begun = await saving.read();
  if (!begun) return;
  try {
    await image.decode();
  } catch {
    say("noPicture");
    one("stage").classList.add("broken");
    return;
  }
  const labels = new Labels(Number(editor.dataset.width), Number(editor.dataset.height), begun.classes);
  const view = new View(canvas, image, labels);
  const tools = new Tools(view, labels, { say, segment: (clicks) => saving.segment(clicks) });
  saving.attach(labels, tools);
  labels.load(begun.annotations);

  const classes = one("classes");
  function showClasses() {
    classes.replaceChildren(...labels.classes.map((name, at) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "class-of";
      button.setAttribute("aria-pressed", String(name === tools.className));
      const swatch = document.createElement("i");
      swatch.style.setProperty("--colour", labels.colour(name));
      swatch.setAttribute("aria-hidden", "true");
      button.append(swatch, name);
      if (at < 9) {
        const key = document.createElement("kbd");
        key.textContent = String(at + 1);
        key.setAttribute("aria-hidden", "true");
        button.setAttribute("aria-keyshortcuts", String(at + 1));
        button.append(key);
      }
      button.addEventListener("click", () => useClass(name));
      return button;
    }));
  }
  function useClass(name) {
    tools.className = name;
    const label = labels.current;
    if (label && label.name !== name) labels.change(label.key, { name });
    showClasses();
    view.draw();
    say("classIs", { name });
  }
  tools.className = labels.classes[0] ?? "";

  one("new-class").addEventListener("submit", (event) => {
    event.preventDefault();
    const field = event.target.elements.name;
    const name = field.value.trim();
    if (!name) return;
    if (!labels.classes.includes(name)) { labels.classes.push(name); saving.newClasses.push(name); }
    field.value = "";
    useClass(name);
  });

  const list = one("list");
  function showList() {
    const focused = document.activeElement?.closest?.("[data-label]")?.dataset;
    const what = document.activeElement?.dataset?.do;
    list.replaceChildren(...labels.list.map((label, at) => row(label, at)));
    one("empty").hidden = labels.list.length > 0;
    one("count").textContent = labels.list.length ? String(labels.list.length) : "";
    if (focused && what) (list.querySelector(`[data-label="${focused.label}"] [data-do="${what}"]`) ?? list.querySelector(".chosen [data-do=choose]") ?? canvas).focus();
  }
  function row(label, at) {
    const item = document.createElement("li");
    item.dataset.label = label.key;
    item.classList.toggle("chosen", label.key === labels.chosen);
    item.classList.toggle("is-wrong", Boolean(label.fault));
    const button = (what, text, name, act) => {
      const made = document.createElement("button");
      made.type = "button";
      made.dataset.do = what;
      made.textContent = text;
      if (name) { made.setAttribute("aria-label", name); made.title = name; }
      made.addEventListener("click", act);
      return made;
    };
    const called = `${label.name} ${at + 1}`;
    const choose = button("choose", called, "", () => labels.choose(label.key === labels.chosen ? null : label.key));
    choose.setAttribute("aria-pressed", String(label.key === labels.chosen));
    const swatch = document.createElement("i");
    swatch.style.setProperty("--colour", labels.colour(label.name));
    choose.prepend(swatch);
    const by = document.createElement("span");
    by.className = "quiet";
    by.textContent = [words[`of_${label.origin}`] ?? label.origin, label.author].filter(Boolean).join(" · ");
    const hide = button("hide", label.hidden ? "◌" : "●", `${label.hidden ? words.show : words.hide} ${called}`, () => labels.hide(label.key));
    const remove = button("remove", "✕", `${words.remove} ${called}`, () => { labels.remove(label.key); say("removed", { name: called }); });
    item.append(choose, by, hide, remove);
    if (label.fault) {
      const problem = document.createElement("span");
      problem.className = "problem";
      problem.textContent = label.fault;
      item.append(problem);
    }
    return item;
  }

  function showTools() {
    for (const button of editor.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset.tool === tools.name));
    one("hint").textContent = words[`hint_${tools.name}`];
    one("brush-size").hidden = !["brush", "eraser"].includes(tools.name);
    one("radius").textContent = String(tools.radius);
    one("undo").disabled = !labels.done.length && !tools.points.length;
    one("redo").disabled = !labels.undone.length;
    one("take").hidden = tools.name !== "click" && tools.name !== "polygon";
  }
  const show = () => { showList(); showTools(); saving.show(); };
  labels.onChange(show);

  const acts = {
    tool: (name) => { tools.use(name); showTools(); say(`hint_${name}`); one("said").textContent = ""; },
    useClass: (at) => { if (labels.classes[at]) useClass(labels.classes[at]); },
    undo: () => { if (tools.points.length) { tools.points.pop(); view.draw(); } else if (labels.undo()) say("undone"); showTools(); },
    redo: () => { if (labels.redo()) say("redone"); },
    remove: () => {
      const label = labels.current;
      if (tools.points.length) { tools.points.pop(); view.draw(); return; }
      if (!label) return;
      if (labels.vertex) {
        const less = labels.withLess(label, labels.vertex);
        if (!less) { say("threeCorners"); return; }
        labels.vertex = null;
        labels.change(label.key, less);
      } else { labels.remove(label.key); say("removed", { name: label.name }); }
    },
    hide: () => { if (labels.current) labels.hide(labels.chosen); },
    take: () => { if (!tools.finish()) say("notYet"); showTools(); },
    cancel: () => { if (!tools.cancel()) labels.choose(null); showTools(); },
    zoomIn: () => view.zoom(1.25),
    zoomOut: () => view.zoom(0.8),
    fit: () => view.fit(),
    thicker: () => { tools.radius = Math.min(100, Math.ceil(tools.radius * 1.25)); showTools(); view.draw(); },
    thinner: () => { tools.radius = Math.max(1, Math.floor(tools.radius / 1.25)); showTools(); view.draw(); },
    model: () => {
      if (!begun.suggestions.length) return say("noModel");
      const known = new Set(labels.list.map((each) => JSON.stringify(each.segmentation)));
      const fresh = begun.suggestions.filter((each) => !known.has(JSON.stringify(each.segmentation)));
      if (fresh.length) labels.put([...labels.list, ...fresh.map((each) => labels.made({ ...each, origin: "model" }))]);
      return say("modelTaken", { number: fresh.length });
    },
    save: () => saving.save("draft"),
  };
  for (const button of editor.querySelectorAll("[data-tool]")) button.addEventListener("click", () => acts.tool(button.dataset.tool));
  for (const button of editor.querySelectorAll("[data-act]")) button.addEventListener("click", () => acts[button.dataset.act]());
  one("model").disabled = !begun.suggestions.length;
  startLabelKeys(editor, canvas, { labels, tools, view, acts, say });
  showClasses();
  show();
  tools.use("select");
  showTools();
  editor.dataset.ready = "true";
}
