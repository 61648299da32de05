// The button works from the moment that allauth's script listens to it.
document.addEventListener("DOMContentLoaded", () => {
  document.getElementById("passkey-button").disabled = false;
});

// Says on the page that a passkey did not work; allauth's script would only log it.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const problem = document.getElementById("passkey-problem");
  problem.hidden = false;
  problem.focus();
});
