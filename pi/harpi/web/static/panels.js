// The three big panels: what each model says of the last window.

import { byId, make, percent, write } from "./dom.js";

export const MODELS = [
  ["knn", "kNN"],
  ["generic", "Generic"],
  ["personal", "Personal"],
];
const KINDS = { knn: "nearest takes", generic: "as shipped", personal: "yours" };
const BARS = 3;
const LEAST = 0.005;
const STALE = 4000;
const BETWEEN_WORDS = 4000;

const panels = new Map();
let ready = 0;
let stale = 0;
let spoken = "";
let spokenAt = 0;

export function build() {
  for (const [model, name] of MODELS) {
    const bars = Array.from({ length: BARS }, () => {
      const label = make("span", { class: "name" });
      const fill = make("span", { class: "fill" });
      const share = make("span", { class: "share" });
      const row = make("li", {}, label, make("span", { class: "bar" }, fill), share);
      return { row, label, fill, share };
    });
    const answer = make("p", { class: "answer" });
    const note = make("p", { class: "note" });
    const teach = make("p", { class: "teach" }, make("a", { href: "#capture" }));
    const article = make(
      "article",
      { class: "panel", "data-model": model, "data-state": "waiting", "aria-label": name },
      make("div", { class: "said-by" }, make("h2", { class: "model", "data-model": model }, name), make("p", { class: "kind" }, KINDS[model])),
      make("div", { class: "saying" }, answer, note),
      make("ul", { class: "bars" }, ...bars.map((bar) => bar.row)),
      teach,
    );
    panels.set(model, { article, answer, note, bars });
    write(answer, "…");
    byId("answers").append(article);
  }
  setReady(0);
}

/** So many activities have been recorded often enough to be learnt. */
export function setReady(activities) {
  ready = activities;
  const what = ready >= 2 ? `${ready} activities are ready: press Train` : "Teach it: record two activities, then train";
  for (const link of document.querySelectorAll(".teach a")) write(link, what);
}

export function show(state) {
  for (const [model] of MODELS) showOpinion(panels.get(model), state[model]);
  const taught = [...panels.values()].filter(({ article }) => article.dataset.state !== "untrained");
  byId("answers").style.setProperty("--letters", Math.max(0, ...taught.map(({ answer }) => answer.textContent.length)));
  document.body.dataset.worn = state.worn ?? "unknown";
  setStale(false);
  clearTimeout(stale);
  stale = setTimeout(() => setStale(true), STALE);
  speak(state);
}

function showOpinion({ article, answer, note, bars }, opinion) {
  const shares = Object.entries(opinion.probabilities).filter(([, share]) => share >= LEAST);
  if (!opinion.trained) {
    article.dataset.state = "untrained";
    write(answer, "not taught yet");
    write(note, "");
  } else if (opinion.unknown) {
    article.dataset.state = "unknown";
    write(answer, "unknown");
    write(note, shares.length ? "nearest:" : "");
  } else {
    article.dataset.state = "answer";
    write(answer, opinion.answer);
    write(note, percent(opinion.confidence));
  }
  bars.forEach(({ row, label, fill, share }, place) => {
    const [name, value] = shares[place] ?? ["", 0];
    row.dataset.empty = !name;
    row.setAttribute("aria-hidden", !name);
    write(label, name);
    write(share, name ? percent(value) : "");
    fill.style.setProperty("--share", value);
  });
}

function setStale(old) {
  byId("answers").classList.toggle("stale", old);
}

/** Tell readers of the screen, but only what is new, and not without pause. */
function speak(state) {
  const words = MODELS.map(([model, name]) => `${name}: ${inWords(state[model])}`).join(". ");
  const now = Date.now();
  if (words === spoken || now - spokenAt < BETWEEN_WORDS) return;
  spoken = words;
  spokenAt = now;
  write(byId("spoken"), words);
}

function inWords(opinion) {
  if (!opinion.trained) return "not taught yet";
  return opinion.unknown ? "unknown" : opinion.answer;
}
