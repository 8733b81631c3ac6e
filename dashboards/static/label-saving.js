// Reading and saving the labels: who saves second is told, and nothing that was drawn is lost.
const AUTOSAVE_MS = 15_000;

export class Saving {
  constructor(editor, say) {
    Object.assign(this, { editor, say, revision: 0, state: "draft", newClasses: [], under_way: false });
    this.url = editor.dataset.url;
    this.token = editor.querySelector("[name=csrf_token]").value;
    this.one = (name) => editor.querySelector(`[data-${name}]`);
  }

  async read() {
    const answer = await this.ask(this.url).catch(() => null);
    if (!answer?.ok) { this.say("notRead"); return null; }
    const body = await answer.json();
    this.revision = body.revision;
    this.state = body.state;
    return body;
  }

  attach(labels, tools) {
    this.labels = labels;
    this.tools = tools;
    addEventListener("beforeunload", (event) => { if (labels.dirty) event.preventDefault(); });
    setInterval(() => {
      if (labels.dirty && !tools.busy && this.state === "draft" && !this.stopped) this.save("draft", { quiet: true });
    }, AUTOSAVE_MS);
    for (const button of this.editor.querySelectorAll("[data-save]")) button.addEventListener("click", () => this.pressed(button.dataset.save));
    this.one("theirs").addEventListener("click", () => { labels.dirty = false; location.reload(); });
    this.one("mine").addEventListener("click", () => { this.revision = this.newer; this.said(null); this.save(this.wanted); });
  }

  async pressed(what) {
    const { labels } = this;
    if (what === "nothing") {
      if (labels.list.length) { this.say("notNothing", { number: labels.list.length }); return; }
      await this.save("done", { nothing: true });
    } else if (what === "done" || what === "next") {
      if (!labels.list.length && this.state !== "done") { this.say("sayNothing"); return; }
      if (this.state !== "done" || labels.dirty) if (!(await this.save("done", { nothing: !labels.list.length }))) return;
      if (what === "next") this.one("next-form").requestSubmit();
    } else await this.save("draft");
  }

  // Whether all of it is saved.
  async save(state, { nothing = false, quiet = false } = {}) {
    const { labels } = this;
    if (this.under_way) return false;
    this.under_way = true;
    const sent = labels.list;
    const annotations = sent.map(({ id, name, segmentation, origin }) => ({ id, class: name, segmentation, origin }));
    try {
      const answer = await this.ask(this.url, { revision: this.revision, annotations, state, nothing, new_classes: this.newClasses });
      const body = await answer.json().catch(() => ({}));
      if (answer.status === 409) { this.conflict(body, state); return false; }
      if (answer.status === 422) { this.faults(sent, body.faults ?? []); return false; }
      if (!answer.ok) { this.say("notSaved", { why: body.detail ?? answer.status }); return false; }
      this.revision = body.revision;
      this.state = body.state;
      // The rows that these labels are now, by what they show.
      const rows = new Map(body.annotations.map((row) => [JSON.stringify([row.name, row.segmentation]), row]));
      for (const label of sent) {
        const row = rows.get(JSON.stringify([label.name, label.segmentation]));
        if (row) Object.assign(label, { id: row.id, author: row.author, fault: "" });
      }
      if (labels.list === sent) labels.dirty = false;
      labels.tell();
      if (!quiet) this.say(nothing ? "savedNothing" : state === "done" ? "savedDone" : "saved");
      return true;
    } catch {
      this.say("notReached");
      return false;
    } finally {
      this.under_way = false;
      this.show();
    }
  }

  conflict(body, state) {
    this.newer = body.revision;
    this.wanted = state;
    this.stopped = true;
    this.said(body);
    this.say("meanwhile", { who: body.by });
  }

  said(body) {
    const panel = this.one("meanwhile");
    panel.hidden = !body;
    this.stopped = Boolean(body);
    if (!body) return;
    this.one("who").textContent = body.told;
    this.one("changes").replaceChildren(...body.changes.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    this.one("theirs").focus();
  }

  faults(sent, faults) {
    for (const label of sent) label.fault = "";
    for (const { index, detail } of faults) if (sent[index]) sent[index].fault = detail;
    const first = sent[faults.find((each) => each.index !== null)?.index];
    if (first) this.labels.choose(first.key);
    this.say("faults", { number: faults.length, first: faults[0]?.detail ?? "" });
  }

  async segment(clicks) {
    const answer = await this.ask(this.editor.dataset.segment, { on: clicks.on, beside: clicks.beside, box: clicks.box }).catch(() => null);
    if (!answer?.ok) { this.say("notReached"); return null; }
    return (await answer.json()).segmentation;
  }

  ask(url, body) {
    const headers = { Accept: "application/json", "X-Lineside": "script" };
    if (!body) return fetch(url, { headers });
    return fetch(url, { method: "POST", body: JSON.stringify(body), headers: { ...headers, "Content-Type": "application/json", "X-CSRFToken": this.token } });
  }

  show() {
    const state = this.one("state");
    state.textContent = this.one("words").dataset[this.labels.dirty ? "unsaved" : this.state === "done" ? "isDone" : "isDraft"].replace("{number}", this.revision);
    state.dataset.state = this.labels.dirty ? "unsaved" : this.state;
  }
}
