// Asks before a page is left on which something is typed and not sent: by Undo, a link or Back.
let typedIn = null;

document.addEventListener("input", ({ target }) => {
  if (target.form?.method === "post") typedIn = target.form;
});
document.addEventListener("submit", ({ target }) => {
  if (target === typedIn) typedIn = null;
});
// A second press while the first one is on its way would do it twice.
const sent = new Set();
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (sent.has(form)) event.preventDefault();
  sent.add(form);
  // A download does not leave the page.
  setTimeout(() => sent.delete(form), 5000);
});
addEventListener("beforeunload", (event) => {
  if (typedIn) event.preventDefault();
});

// The box above a list ticks every row of the page; without a script it is not there.
const all = document.getElementById("action-toggle");
all?.classList.add("works");
all?.addEventListener("change", () => {
  for (const box of document.querySelectorAll("#result_list .action-select")) {
    box.checked = all.checked;
  }
});
