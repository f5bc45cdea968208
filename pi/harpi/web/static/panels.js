// harpi's answer, and the three panels: what each model says of the last window.

import { send } from "./api.js";
import { byId, make, percent, write } from "./dom.js";
import { say } from "./said.js";

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
  byId("wrong").addEventListener("change", correct);
  setReady(0);
}

/** So many activities have been recorded often enough to be learnt. */
export function setReady(activities) {
  ready = activities;
  const what = ready >= 2 ? `${ready} activities are ready: press Train` : "Teach it: record two activities, then train";
  for (const link of document.querySelectorAll(".teach a")) write(link, what);
}

/** The activities that a wrong answer can be corrected to. */
export function setActivities(labels) {
  const select = byId("wrong");
  if (select.dataset.labels === labels.join("\n")) return;
  select.dataset.labels = labels.join("\n");
  select.replaceChildren(make("option", { value: "" }, "…"), ...labels.map((label) => make("option", { value: label }, label)));
}

async function correct() {
  const label = byId("wrong").value;
  byId("wrong").value = "";
  if (label) say(await send("correct", { label }));
}

function showActivity({ activity, worn }) {
  const box = byId("activity");
  box.dataset.state = worn === false ? "not-worn" : !activity.trained ? "untrained" : activity.unknown ? "unknown" : "answer";
  write(byId("activity-answer"), worn === false ? "not worn" : inWords(activity));
  write(byId("activity-share"), box.dataset.state === "answer" ? percent(activity.confidence) : "");
}

export function show(state) {
  showActivity(state);
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
  for (const part of ["activity", "answers"]) byId(part).classList.toggle("stale", old);
}

/** Tell readers of the screen, but only what is new, and not without pause. */
function speak(state) {
  const words = state.worn === false ? "not worn" : inWords(state.activity);
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
