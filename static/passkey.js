// The button works from the moment that allauth's script listens to it. What that does, the page
// says: one script less than with allauth's own.
document.addEventListener("DOMContentLoaded", () => {
  const start = document.getElementById("passkey-start");
  window.allauth.webauthn.forms[start.dataset.task](JSON.parse(start.textContent));
  const button = document.getElementById("passkey-button");
  // allauth's script sends the form itself, once it has the passkey; Enter in a field presses too.
  button.addEventListener("click", (event) => event.preventDefault());
  button.disabled = false;
  // The sign-in page has a button only where it can work.
  const section = document.getElementById("passkey-section");
  if (section && window.PublicKeyCredential) {
    section.hidden = false;
  }
});

// Says on the page that a passkey did not work; allauth's script would only log it.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const problem = document.getElementById("passkey-problem");
  problem.hidden = false;
  problem.focus();
});
