// The last evaluations, with their confusion matrices, and the button that begins another.

import { get, send } from "./api.js";
import { byId, count, make, onPage, percent, when, write } from "./dom.js";
import { MODELS } from "./panels.js";
import { sayDoubts } from "./said.js";

const NAMES = new Map([...MODELS, ["answer", "harpi"]]);
const FIGURES = [
  ["accuracy", "Accuracy"],
  ["balanced_accuracy", "Balanced"],
  ["macro_f1", "Macro F1"],
];

export function build() {
  byId("evaluate").addEventListener("click", async () => sayDoubts(await send("evaluate")));
}

const SURE_FROM = 6; // test takes; with fewer an interval says nothing

/** Test takes that each activity should have. */
export const testsWanted = (labels) => Math.max(2, Math.ceil(SURE_FROM / Math.max(1, labels.length)));

let going = false;

/** There are so many test takes, and the evaluation goes on or does not. */
export function show({ state, evaluating, labels }) {
  const tested = labels.filter((each) => each.tests);
  const missing = labels.filter((each) => !each.tests).map(({ label }) => label);
  if (going !== evaluating) byId("runs").querySelector(".empty")?.replaceChildren(nothingYet(evaluating));
  going = evaluating;
  byId("evaluate").disabled = evaluating || tested.length < 2 || state === "recording" || state === "testing";
  byId("evaluate").classList.toggle("main", tested.length > 1);
  write(byId("evaluate"), evaluating ? "Evaluating …" : "Evaluate");
  write(byId("testable"), testable(tested, missing));
}

const nothingYet = (evaluating) => (evaluating ? "The first evaluation goes on." : "Nothing was evaluated yet.");

function testable(tested, missing) {
  if (!tested.length) return "Tick “Test take” under Capture and record each activity once: what a model has never learnt shows what it is worth.";
  if (tested.length < 2) return `There are test takes of ${tested[0].label} alone. Record another activity, too.`;
  const takes = tested.reduce((sum, each) => sum + each.tests, 0);
  const rest = missing.length ? ` None of ${missing.join(", ")} yet.` : "";
  const few = takes < SURE_FROM ? ` With ${SURE_FROM} or more, the result can be sure.` : "";
  return `There are ${count(takes, "test take")} of ${count(tested.length, "activity", "activities")}.${rest}${few}`;
}

export async function refresh() {
  const runs = byId("runs");
  const open = new Set([...runs.querySelectorAll("details[open]")].map(({ dataset }) => dataset.run));
  try {
    const { runs: found, problems } = await get("/api/evaluations");
    runs.replaceChildren(
      ...found.map((run, place) => one(run, place === 0 || open.has(String(run.number)))),
      ...problems.map((problem) => make("p", { class: "doubt" }, problem)),
    );
    if (!found.length) runs.append(make("p", { class: "empty" }, nothingYet(going)));
  } catch (error) {
    runs.replaceChildren(make("p", { class: "empty" }, error.message));
  }
}

function one(run, open) {
  return make(
    "details",
    { class: "card run", open, "data-run": run.number },
    make("summary", {}, make("h3", {}, `Run ${run.number}`), make("span", { class: "words" }, `${when(run.time)}. ${count(run.windows, "window")} of ${run.origin}`)),
    make("div", { class: "verdict" }, summary(run), make("ul", { class: "sentences" }, ...run.sentences.map((sentence) => make("li", {}, inPercent(sentence))))),
    make("p", { class: "words" }, "Windows by what was done (rows) and what was answered (columns). Right answers are framed."),
    make("div", { class: "matrices" }, ...run.models.filter((model) => model.confusion).map(matrix)),
  );
}

/** The figures beside are percents, too. */
const inPercent = (sentence) => onPage(sentence).replace(/\b[01]\.\d\d\b/g, (share) => percent(Number(share)));

function summary(run) {
  const row = ({ model, ...figures }) =>
    make("tr", {}, make("th", { scope: "row" }, title(model)), ...FIGURES.map(([name]) => make("td", {}, ...figure(figures[name]))));
  return make(
    "table",
    { class: "summary" },
    make("caption", {}, "Below each figure, its 95% interval"),
    make("thead", {}, make("tr", {}, make("td"), ...FIGURES.map(([, head]) => make("th", { scope: "col" }, head)))),
    make("tbody", {}, ...run.models.map(row)),
  );
}

function figure(value) {
  if (!value) return ["–"];
  const range = value.low == null ? "" : `${Math.round(value.low * 100)}–${percent(value.high)}`;
  return [make("strong", {}, percent(value.value)), make("small", {}, range)];
}

function title(model) {
  return make("span", { class: "model", "data-model": model }, NAMES.get(model) ?? model);
}

function matrix({ model, confusion }) {
  const { labels, answers } = confusion;
  const silent = confusion.counts.some((row) => row.at(-1));
  const columns = silent ? [...answers, "no answer"] : answers;
  const counts = confusion.counts.map((row) => row.slice(0, columns.length));
  const head = make("tr", {}, make("td"), ...columns.map((answer) => make("th", { scope: "col" }, make("span", {}, answer))));
  const body = counts.map((row, place) => {
    const total = row.reduce((sum, value) => sum + value, 0);
    const cells = row.map((value, column) => {
      const cell = make("td", { class: answers[column] === labels[place] ? "right" : "wrong" }, value ? String(value) : "");
      cell.style.setProperty("--share", total ? value / total : 0);
      return cell;
    });
    return make("tr", {}, make("th", { scope: "row" }, labels[place]), ...cells);
  });
  return make(
    "div",
    { class: "scroll", tabindex: 0, role: "group", "aria-label": `Confusion matrix of ${NAMES.get(model) ?? model}` },
    make("table", { class: "matrix" }, make("caption", {}, title(model)), make("thead", {}, head), make("tbody", {}, ...body)),
  );
}
