// The walk keeps its place: the address names the gap one stands before, so that a page that is
// loaded again, or was put away in a pocket, goes on there. A form that is under way is not sent
// a second time by a thumb that taps twice.
const part = document.querySelector(".walking");
if (part) {
  const gap = new URL(part.dataset.part, location.href).searchParams.get("gap");
  const url = new URL(location.href);
  if (gap && url.searchParams.get("gap") !== gap) {
    url.searchParams.set("gap", gap);
    history.replaceState(null, "", url);
  }
}
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  if (event.target.dataset.sent) { event.preventDefault(); return; }
  event.target.dataset.sent = "1";
  event.submitter?.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
