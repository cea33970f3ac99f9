// Keeps what is typed into a form with data-keep, in this tab alone, until the server has taken it:
// a login that ran out or a reload loses nothing. It belongs to whoever typed it: another person's
// page takes it away, and so does logging out. Never passwords, files or hidden fields, and never
// what has to be said anew each time: a signature, or a control with data-nokeep.
"use strict";
(() => {
  const skipped = new Set(["hidden", "password", "file", "submit", "button"]);
  const KEPT = "keep:";
  const SENT = "kept-form";
  const LEAVE = "/logout";
  const who = document.body.dataset.who ?? "";
  const mine = `${KEPT}${who}:`;
  const target = (form) => new URL(form.getAttribute("action") ?? "", location.href).pathname;
  // By the form's own address: after an error the page stands at that, not where it stood before.
  const place = (form) => `${mine}${target(form)}:${form.dataset.keep}`;
  const fields = (form) =>
    [...form.elements].filter(
      (one) =>
        one.name && !skipped.has(one.type) && one.name !== "signed" && !("nokeep" in one.dataset),
    );

  const forget = (unwanted) =>
    Object.keys(sessionStorage)
      .filter((key) => key.startsWith(KEPT) && unwanted(key))
      .forEach((key) => sessionStorage.removeItem(key));

  const read = (form) =>
    fields(form)
      .filter((one) => !(one.type === "checkbox" || one.type === "radio") || one.checked)
      .map((one) => [one.name, one.value]);

  const put = (form, pairs) => {
    const values = new Map();
    for (const [name, value] of pairs) values.set(name, [...(values.get(name) ?? []), value]);
    for (const one of fields(form)) {
      const found = values.get(one.name) ?? [];
      if (one.type === "checkbox" || one.type === "radio") one.checked = found.includes(one.value);
      else if (found.length) one.value = found.shift();
    }
  };

  const attach = (form) => {
    if (form.dataset.kept) return;
    form.dataset.kept = "yes";
    const key = place(form);
    const stored = sessionStorage.getItem(key);
    // What the server gives back after an error is newer than what was kept before it.
    if (stored && !form.querySelector("[aria-invalid=true]")) put(form, JSON.parse(stored));
    form.addEventListener("input", () => sessionStorage.setItem(key, JSON.stringify(read(form))));
  };

  // Every form that is sent is the last one that was, also one that keeps nothing.
  document.addEventListener("submit", ({ target: form }) => {
    if (form.dataset.keep === undefined) sessionStorage.removeItem(SENT);
    else sessionStorage.setItem(SENT, place(form));
    if (target(form) === LEAVE) forget(() => true);
  });

  // The server has taken a form when it says so, or sends the browser on from it without a word. A
  // way through the login leads over another host: such redirects are not counted (WHATWG HTML,
  // navigation timing), and what was typed stays.
  const taken = () => {
    const note = document.body.dataset.note;
    const [way] = performance.getEntriesByType("navigation");
    return note ? note === "ok" : way?.type === "navigate" && way.redirectCount > 0;
  };

  // Nobody's page, as of a login that failed, takes nothing away.
  if (who) forget((key) => !key.startsWith(mine));
  // Only the form that was taken is forgotten: what stands in the others of the page is not sent yet.
  const sent = sessionStorage.getItem(SENT);
  if (sent && taken()) sessionStorage.removeItem(sent);
  sessionStorage.removeItem(SENT);

  const look = () => document.querySelectorAll("form[data-keep]").forEach(attach);
  look();
  document.addEventListener("htmx:after:swap", look);
})();
