// One line for what harpi answers.

import { byId, onPage, write } from "./dom.js";

const SHOWN = 7000;
let timer = 0;

export function build() {
  byId("said").querySelector("button").addEventListener("click", hide);
  window.addEventListener("hashchange", hide);
}

/** Show an answer or an event; what went wrong stays until the next, or the next view. */
export function say({ ok, message, warnings = [] }) {
  const box = byId("said");
  write(box.firstElementChild, onPage([message, ...warnings].join(" ")));
  box.dataset.ok = ok && !warnings.length ? "yes" : ok ? "doubtful" : "no";
  box.hidden = false;
  clearTimeout(timer);
  if (ok) timer = setTimeout(hide, SHOWN + 3000 * warnings.length);
}

/** Show it only where there is more to say than that it is done. */
export function sayDoubts(answer) {
  if (answer.ok && !(answer.warnings ?? []).length) hide();
  else say(answer);
}

function hide() {
  byId("said").hidden = true;
}
