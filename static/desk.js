// Asks before a page is left on which something is typed and not sent: by Undo, a link or Back.
let typedIn = null;

document.addEventListener("input", ({ target }) => {
  if (target.form?.method === "post") typedIn = target.form;
});
document.addEventListener("submit", ({ target }) => {
  if (target === typedIn) typedIn = null;
});
addEventListener("beforeunload", (event) => {
  if (typedIn) event.preventDefault();
});
