// The last evaluations, with their confusion matrices.

import { get } from "./api.js";
import { byId, make, percent } from "./dom.js";
import { MODELS } from "./panels.js";

const NAMES = new Map(MODELS);
const FIGURES = [
  ["accuracy", "Accuracy"],
  ["balanced_accuracy", "Balanced"],
  ["macro_f1", "Macro F1"],
];

export async function refresh() {
  const runs = byId("runs");
  try {
    const { runs: found, problems } = await get("/api/evaluations");
    const none = "Nothing was evaluated yet. Record test takes of each activity, then run harpi evaluate.";
    runs.replaceChildren(...(found.length ? found.map(one) : [make("p", { class: "empty" }, none)]), ...problems.map((problem) => make("p", { class: "doubt" }, problem)));
  } catch (error) {
    runs.replaceChildren(make("p", { class: "empty" }, error.message));
  }
}

function one(run, place) {
  const when = new Date(run.time).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  return make(
    "details",
    { class: "card run", open: place === 0 },
    make("summary", {}, make("h3", {}, `Run ${run.number}`), ` ${when}: ${run.windows} windows of ${run.takes} takes, ${run.origin}`),
    make("div", { class: "verdict" }, summary(run), make("ul", { class: "sentences" }, ...run.sentences.map((sentence) => make("li", {}, sentence)))),
    make("p", { class: "words" }, "Windows by what was done (rows) and what was answered (columns); right answers are framed."),
    make("div", { class: "matrices" }, ...run.models.filter((model) => model.confusion).map(matrix)),
  );
}

function summary(run) {
  const row = ({ model, ...figures }) =>
    make("tr", {}, make("th", { scope: "row" }, title(model)), ...FIGURES.map(([name]) => make("td", {}, ...figure(figures[name]))));
  return make(
    "table",
    { class: "summary" },
    make("caption", {}, "Below each figure, where it lies with 95% certainty"),
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
