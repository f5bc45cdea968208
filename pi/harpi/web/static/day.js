// The diary: a day or a week as bars, totals, and bouts that can be corrected.

import { get, send } from "./api.js";
import { byId, count, draw, make, percent, write } from "./dom.js";
import { say } from "./said.js";

const HEIGHT = 28;
const HUES = 8;
const RENEW_SECONDS = 30;

let last = null; // the day that is shown, or the last of the week; null is today
let today = null;
let activities = [];
let asked = 0;
let drawn = ""; // the bouts that are listed; a button that is being pressed is not replaced by its like

export function build() {
  byId("day-before").addEventListener("click", () => move(-1));
  byId("day-after").addEventListener("click", () => move(1));
  byId("day-week").addEventListener("change", refresh);
  setInterval(() => document.body.dataset.view === "day" && last === null && !isEditing() && refresh(), RENEW_SECONDS * 1000);
}

/** What the wearer may have done, for corrections. */
export function setActivities(labels) {
  activities = labels;
}

export async function refresh() {
  const mine = (asked += 1);
  const week = byId("day-week").checked;
  try {
    const found = await get(`/api/days?count=${week ? 7 : 1}${last ? `&last=${last}` : ""}`);
    if (mine !== asked) return;
    today = found.today;
    show(found, week);
  } catch (error) {
    byId("day-lines").replaceChildren(make("p", { class: "empty" }, error.message));
  }
}

const isEditing = () => document.activeElement?.closest?.("#day-bouts form");

function move(direction) {
  if (today === null) return; // nothing has been told yet
  const moment = new Date(`${last ?? today}T12:00:00Z`);
  moment.setUTCDate(moment.getUTCDate() + direction * (byId("day-week").checked ? 7 : 1));
  const wanted = moment.toISOString().slice(0, 10);
  last = wanted >= today ? null : wanted;
  refresh();
}

const nameOf = ({ kind, activity }) => activity ?? kind.replace("_", " ");

/** A day as people say it. */
function dateOf(date) {
  const moment = new Date(`${date}T12:00:00Z`);
  return moment.toLocaleDateString([], { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
}

function lengthOf(seconds) {
  const minutes = Math.round(seconds / 60);
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function show({ days, goal_minutes, goal_activities }, week) {
  const totals = sum(days);
  const hues = new Map(totals.filter(({ kind }) => kind === "activity").map((total, place) => [total.activity, `hue-${place % HUES}`]));
  const hueOf = (one) => (one.kind === "activity" ? hues.get(one.activity) : one.kind);
  write(byId("day-title"), week ? `Week to ${dateOf(days.at(-1).date)}` : dateOf(days[0].date));
  byId("day-after").disabled = last === null;
  byId("day-lines").replaceChildren(...days.map((day) => line(day, hueOf, week)), hours());
  byId("day-totals").replaceChildren(...totals.map((total) => row(total, hueOf(total))));
  if (!totals.length) byId("day-totals").append(make("caption", { class: "empty" }, "The diary has nothing of it."));
  const goal = byId("day-goal");
  goal.hidden = week || goal_minutes === null;
  const done = totals.filter(({ activity }) => goal_activities.includes(activity)).reduce((all, { seconds }) => all + seconds, 0);
  write(goal, `Goal: ${Math.round(done / 60)} of ${goal_minutes} minutes of ${goal_activities.join(", ")}`);
  if (isEditing()) return; // what somebody types is not taken away
  if (drawn === (drawn = JSON.stringify([week, days[0].bouts]))) return;
  byId("day-bouts").replaceChildren(...(week ? [] : [...days[0].bouts].reverse().map((bout) => item(bout, hueOf(bout)))));
}

/** Add the totals of days up, the longest activity first. */
function sum(days) {
  const found = new Map();
  for (const total of days.flatMap((day) => day.totals)) {
    const before = found.get(nameOf(total)) ?? { ...total, seconds: 0, bouts: 0 };
    found.set(nameOf(total), { ...before, seconds: before.seconds + total.seconds, bouts: before.bouts + total.bouts });
  }
  return [...found.values()].sort((a, b) => (a.kind !== "activity") - (b.kind !== "activity") || b.seconds - a.seconds);
}

function line(day, hueOf, named) {
  const words = day.totals.map((total) => `${nameOf(total)} ${lengthOf(total.seconds)}`).join(", ") || "nothing";
  const picture = draw("svg", { viewBox: `0 0 ${day.seconds} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", class: "day-line", "aria-label": `${dateOf(day.date)}: ${words}` });
  for (const bout of day.bouts) {
    picture.append(draw("rect", { x: bout.start, y: 0, width: Math.max(bout.end - bout.start, 1), height: HEIGHT, class: hueOf(bout) }));
  }
  return make("div", { class: "day-row" }, named ? make("span", { class: "words" }, dateOf(day.date)) : null, picture);
}

function hours() {
  return make("p", { class: "day-hours words", "aria-hidden": "true" }, ...[0, 6, 12, 18, 24].map((hour) => make("span", {}, `${hour}`)));
}

function row(total, hue) {
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, make("span", { class: `swatch ${hue}`, "aria-hidden": "true" }), nameOf(total)),
    make("td", {}, lengthOf(total.seconds)),
    make("td", { class: "words" }, count(total.bouts, "bout")),
  );
}

function item(bout, hue) {
  const facts = [lengthOf(bout.end - bout.start), bout.corrected ? "corrected" : bout.confidence !== null && `${percent(bout.confidence)} sure`, bout.interruptions && count(bout.interruptions, "interruption")];
  const tools = make("div", { class: "row tools" });
  const fill = () => {
    tools.replaceChildren();
    if (bout.number) tools.append(make("button", { type: "button", "aria-label": `Correct ${nameOf(bout)} at ${bout.begun}`, click: () => ask(tools, bout, fill) }, "Correct"));
  };
  fill();
  return make(
    "li",
    { class: "card bout" },
    make("span", { class: `swatch ${hue}`, "aria-hidden": "true" }),
    make("div", { class: "grow" }, make("h3", {}, nameOf(bout), make("small", {}, bout.begun)), make("p", { class: "words" }, facts.filter(Boolean).join(" · "))),
    tools,
  );
}

function ask(tools, bout, back) {
  const input = make("input", { value: bout.activity ?? "", list: "day-labels", maxlength: 48, "aria-label": `What it was at ${bout.begun}`, autocomplete: "off", required: true });
  const known = make("datalist", { id: "day-labels" }, ...activities.map((label) => make("option", { value: label })));
  const save = async (event) => {
    event.preventDefault();
    const answer = await send("correct", { label: input.value.trim(), bout: bout.number });
    say(answer);
    back();
    if (answer.ok) {
      byId("day-title").focus({ preventScroll: true });
      refresh();
    }
  };
  tools.replaceChildren(make("form", { class: "row", submit: save, keydown: (event) => event.key === "Escape" && back() }, input, known, make("button", { type: "submit", class: "main" }, "Save")));
  input.focus();
  input.select();
}
