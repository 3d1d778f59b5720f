// Waits for an answer: the server holds each question for a moment, so that asking again is enough.
const place = document.querySelector("[data-waiting]");
const words = place.querySelector("[role=status]");
async function ask() {
  for (;;) {
    try {
      const reply = await fetch(place.dataset.waiting, { headers: { Accept: "application/json" } });
      const over = reply.redirected || [403, 404].includes(reply.status); // the login, or a page that says why
      if (over) { location.reload(); return; }
      const state = await reply.json();
      if (state.done) { location.reload(); return; }
      const now = state.before ? `Waiting: ${state.before} before it.` : "Being read.";
      if (words.textContent !== now) words.textContent = now;
    } catch {
      await new Promise((resume) => setTimeout(resume, 3000));
    }
    await new Promise((resume) => setTimeout(resume, 300));
  }
}
ask();
