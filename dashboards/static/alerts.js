// A rule's form says what it would do while it is being filled in; a channel's shows what its kind
// needs. Without this script both show everything, and saving says the same.
const form = document.querySelector("form[data-preview]");
if (form) {
  const said = form.querySelector("[data-said]");
  let timer = 0;
  let asked = 0;
  const preview = async () => {
    const mine = ++asked;
    try {
      const answer = await fetch(form.dataset.preview, {
        method: "POST", body: new URLSearchParams(new FormData(form)), headers: { "X-Lineside": "script" },
      });
      if (!answer.ok || mine !== asked) return;
      said.textContent = await answer.text();
      said.hidden = false;
    } catch { /* the old sentence stays */ }
  };
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(preview, 400); });
}

const kinds = document.querySelector("form[data-kinds]");
if (kinds) {
  const chosen = kinds.querySelector("[data-kind]");
  const address = kinds.querySelector("[name=url]");
  const show = () => {
    for (const part of kinds.querySelectorAll("[data-of]")) {
      part.hidden = part.dataset.of !== chosen.value;
      // Asked for wherever an address is, so that nobody learns it from the answer alone.
      for (const field of part.querySelectorAll("input")) {
        field.disabled = part.hidden;
        field.required = !part.hidden && address.value !== "";
      }
    }
  };
  address.addEventListener("input", show);
  chosen.addEventListener("change", show);
  show();
}
