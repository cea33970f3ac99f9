// Sends a file as soon as it is chosen, piece by piece, and goes on where it broke off: after a
// moment without network by itself, after a reload when the same file is chosen again. Without this
// script the form brings the files.
"use strict";
(() => {
  const WAITS_MS = [500, 1000, 2000, 4000, 8000, 15000];
  const running = new Set();
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  // One request. Returns the answer's JSON; throws {stop: words} for what trying again cannot help.
  const ask = async (form, method, address, body, headers = {}) => {
    const answer = await fetch(address, {
      method,
      body,
      redirect: "manual",
      headers: {
        accept: "application/json",
        "accept-language": document.documentElement.lang,
        "x-csrf-token": form.elements.csrf.value,
        ...headers,
      },
    });
    if (answer.type === "opaqueredirect" || answer.status === 401) throw { stop: form.dataset.login };
    if (answer.status === 429 || answer.status >= 500) throw new Error(`status ${answer.status}`);
    const told = await answer.json();
    if (answer.status === 409 && "received" in told) return told;
    if (!answer.ok) {
      const faults = (told.errors ?? []).map((one) => one.message);
      throw { stop: [told.detail ?? told.title, ...faults].join(" ") };
    }
    return told;
  };

  const percent = (at) => Math.floor((100 * at.received) / at.size);
  const put = (text, at) => text.replace("{percent}", String(percent(at)));

  const show = (slot, text, at) => {
    const place = slot.querySelector(".slot-said");
    place.replaceChildren();
    if (at) {
      const bar = document.createElement("progress");
      bar.max = at.size;
      bar.value = at.received;
      bar.setAttribute("aria-label", text);
      place.append(bar);
    }
    const line = document.createElement("p");
    line.className = at ? "hint field-note" : "wrong field-note";
    line.textContent = text;
    place.append(line);
    return place;
  };

  // Sends what is not there yet; returns when all of it is.
  const send = async (form, slot, file, at) => {
    const named = new URLSearchParams({ name: file.name, size: file.size, mark: file.lastModified });
    Object.assign(at, await ask(form, "POST", slot.dataset.slot, named));
    while (at.received < at.size) {
      show(slot, put(form.dataset.sending, at), at);
      const piece = file.slice(at.received, at.received + at.piece);
      const last = at.received + piece.size === at.size;
      if (last) show(slot, form.dataset.checking, { ...at, received: at.size });
      const headers = {
        "content-type": "application/octet-stream",
        "upload-offset": String(at.received),
      };
      const told = await ask(form, "PUT", at.address, piece, headers);
      at.received = told.received;
      at.failed = 0;
    }
  };

  const refresh = async (slot) => {
    const answer = await fetch(slot.dataset.slot, { headers: { accept: "text/html" } });
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = parsed.querySelector(".slot");
    if (!answer.ok || !fresh) throw new Error("no part");
    const typed = slot.querySelector("input[name^='reference:']");
    const field = fresh.querySelector("input[name^='reference:']");
    if (typed && field) field.value = typed.value;
    const here = slot.contains(document.activeElement) || document.activeElement === document.body;
    slot.replaceWith(fresh);
    if (here) fresh.querySelector("input[type=file]").focus({ preventScroll: true });
  };

  const stopped = (form, slot, input, file, at) => {
    const place = show(slot, put(form.dataset.stopped, at), at);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-outline-primary btn-sm";
    button.textContent = form.dataset.resume;
    button.addEventListener("click", () => upload(form, slot, input, file));
    place.append(button);
  };

  const upload = async (form, slot, input, file) => {
    const at = { received: 0, size: Math.max(file.size, 1), failed: 0 };
    if (file.size > Number(form.dataset.most) * 1048576) {
      input.value = "";
      show(slot, form.dataset.large);
      return;
    }
    running.add(slot);
    input.disabled = true; // what goes up by itself does not go with the form as well
    try {
      for (;;) {
        try {
          await send(form, slot, file, at);
          await refresh(slot);
          return;
        } catch (error) {
          if (error.stop) {
            input.value = "";
            show(slot, error.stop);
            return;
          }
          if (at.failed >= WAITS_MS.length) {
            stopped(form, slot, input, file, at);
            return;
          }
          show(slot, put(form.dataset.again, at), at);
          await pause(WAITS_MS[at.failed]);
          at.failed += 1;
        }
      }
    } finally {
      input.disabled = false;
      running.delete(slot);
      if (!running.size) form.querySelector("[data-busy-note]").textContent = "";
    }
  };

  document.addEventListener("change", (event) => {
    const form = event.target.closest?.("form[data-upload]");
    if (!form || event.target.type !== "file" || !event.target.files.length) return;
    upload(form, event.target.closest("[data-slot]"), event.target, event.target.files[0]);
  });

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-upload]") || !running.size) return;
    event.preventDefault();
    event.target.querySelector("[data-busy-note]").textContent = event.target.dataset.busy;
  });
})();
