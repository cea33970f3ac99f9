// Keeps what is typed into a form with data-keep, in this tab alone, until the server has taken it:
// a login that ran out or a reload loses nothing. Never passwords, files or hidden fields.
"use strict";
(() => {
  const skipped = new Set(["hidden", "password", "file", "submit", "button"]);
  const SENT = "kept-form";
  const place = (form) => `keep:${location.pathname}:${form.dataset.keep}`;
  const fields = (form) => [...form.elements].filter((one) => one.name && !skipped.has(one.type));

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
    form.addEventListener("submit", () => sessionStorage.setItem(SENT, key));
  };

  // Only the form that was taken is forgotten: what stands in the others of the page is not sent yet.
  if (document.body.dataset.note === "ok") sessionStorage.removeItem(sessionStorage.getItem(SENT));

  const look = () => document.querySelectorAll("form[data-keep]").forEach(attach);
  look();
  document.addEventListener("htmx:after:swap", look);
})();
