// Puts the pieces of the page together.

import { logOut } from "./api.js";
import * as capture from "./capture.js";
import * as day from "./day.js";
import { byId, write } from "./dom.js";
import * as guide from "./guide.js";
import * as heads from "./heads.js";
import * as health from "./health.js";
import * as now from "./now.js";
import * as panels from "./panels.js";
import * as results from "./results.js";
import * as said from "./said.js";
import { follow } from "./stream.js";
import * as takes from "./takes.js";
import * as trace from "./trace.js";
import * as training from "./training.js";
import * as transfer from "./transfer.js";

const VIEWS = ["inference", "capture", "day", "takes", "results", "health"];
const LINKS = { live: "live", connecting: "reconnecting", paused: "paused" };
let condition = null;

const view = () => document.body.dataset.view;

function turnTo(name) {
  document.body.dataset.view = name;
  for (const each of document.querySelectorAll(".view")) each.hidden = each.id !== `view-${name}`;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (name === "takes") takes.refresh();
  if (name === "day") day.refresh();
  if (name === "results") showResults();
  if (name === "health" && condition) health.show(condition, true);
  if (name === "capture") training.drawLoss();
}

function readAddress() {
  const name = location.hash.slice(1);
  turnTo(VIEWS.includes(name) ? name : "inference");
  window.scrollTo(0, 0);
}

function showResults() {
  results.refresh();
  heads.refresh();
}

function showSituation(situation) {
  document.body.dataset.state = situation.state;
  now.show(situation);
  capture.show(situation);
  guide.show(situation);
  training.show(situation);
  panels.setReady(training.ready(situation).length);
  day.setActivities(situation.labels.map(({ label }) => label));
  panels.setActivities(situation.labels.map(({ label }) => label));
  results.show(situation);
  heads.show(situation);
  health.setNotices(situation.notices);
}

const handlers = {
  situation(situation) {
    training.forgetProgress();
    showSituation(situation);
    takes.changed(view() === "takes");
    if (view() === "results") showResults();
  },
  session(event) {
    training.happened(event);
    showSituation(event.situation);
    if (event.kind === "progress") return;
    takes.changed(view() === "takes");
    if (view() === "results") showResults();
    // Whoever asked on a page was answered there.
    if (event.outcome && view() === "capture") training.revealOutcome();
    else if (event.source !== "page") said.say(event);
  },
  verdict: panels.show,
  trace: trace.add,
  health(said) {
    condition = said;
    now.setClock(said.health.time);
    health.show(said, view() === "health");
  },
};

function greet(hello) {
  write(byId("device"), hello.device);
  document.title = `harpi ${hello.device}`;
  capture.greet(hello);
  byId("logout").hidden = !hello.login;
}

function showLink(state) {
  document.body.dataset.link = state;
  // Nothing that is pressed would reach harpi.
  byId("main").inert = state === "connecting";
  write(byId("link-text"), LINKS[state]);
}

panels.build();
said.build();
now.build();
capture.build();
guide.build();
training.build();
takes.build();
transfer.build();
day.build();
results.build();
byId("logout").addEventListener("click", logOut);
window.addEventListener("hashchange", readAddress);
window.addEventListener("resize", training.drawLoss);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", training.drawLoss);
readAddress();
trace.run();
follow(handlers, greet, showLink);
