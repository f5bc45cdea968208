// How the device does, and what is wrong with it.

import { byId, count, make, when, write } from "./dom.js";
import { MODELS } from "./panels.js";

let shown = "";
let notices = [];
let problems = [];

export function setNotices(said) {
  notices = said;
  showProblems();
}

export function show(condition, visible) {
  problems = condition.problems;
  showProblems();
  byId("hint").hidden = !condition.hints.length;
  write(byId("hint"), condition.hints.join(" "));
  if (!visible) return;
  const { health, store, broker } = condition;
  const { sensor, recognition, mqtt } = health;
  byId("figures").replaceChildren(
    group("Sensor", {
      Chip: `${sensor.chip}, ${sensor.state}`,
      Rate: `${sensor.rate_hz.toFixed(2)} samples/s`,
      Lost: `${sensor.lost} of ${sensor.samples + sensor.lost} samples, ${count(sensor.gaps, "gap")}`,
      Recoveries: sensor.recoveries,
      Jitter: `${sensor.jitter_ms.toFixed(3)} ms`,
      "Chip's clock": `${sensor.clock_ppm >= 0 ? "+" : ""}${sensor.clock_ppm} ppm`,
      "Bus in use": `${(sensor.bus_share * 100).toFixed(1)} %${sensor.bus_khz ? ` at ${Math.round(sensor.bus_khz)} kHz` : ""}`,
      Temperature: sensor.temperature_c == null ? "–" : `${sensor.temperature_c.toFixed(1)} °C`,
    }),
    group("Recognition", {
      Windows: recognition.windows,
      Skipped: `${recognition.skipped} samples`,
      Failed: `${recognition.failed} windows`,
      ...Object.fromEntries(MODELS.map(([model, name]) => [name, modelWords(health.models[model])])),
    }),
    group("Links and room", {
      Broker: broker ? `${broker.address}, ${broker.connected ? "connected" : "not connected"}` : "switched off",
      Sent: `${mqtt.sent} messages, ${mqtt.dropped} dropped`,
      Takes: store ? `${store.used_mb.toFixed(1)} of ${store.limit_mb} MB, ${(store.free_mb / 1000).toFixed(1)} GB free on the disk` : "no store",
      Version: health.version,
      "Up for": duration(health.uptime_s),
    }),
  );
}

function modelWords(model) {
  if (!model?.source) return "not taught yet";
  // A head is told by when it was made.
  const source = model.source.replace(/\d{4}-\d\d-\d\dT[\d:]+Z/, when);
  return `${source}; ${model.labels} labels`;
}

function group(name, figures) {
  const entries = Object.entries(figures).flatMap(([term, value]) => [make("dt", {}, term), make("dd", {}, String(value))]);
  return make("section", { class: "card", "aria-label": name }, make("h3", {}, name), make("dl", {}, ...entries));
}

function showProblems() {
  const all = [...new Set([...problems, ...notices])];
  if (all.join("\n") === shown) return;
  shown = all.join("\n");
  byId("problems").hidden = !all.length;
  byId("warning").hidden = !all.length;
  const more = all.length > 1 ? ` And ${all.length - 1} more.` : "";
  write(byId("warning").firstElementChild, `${all[0] ?? ""}${more}`);
  byId("problems").replaceChildren(...all.map((problem) => make("li", {}, problem)));
}

function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${Math.round(seconds)} s`;
  const hours = Math.floor(minutes / 60);
  if (!hours) return `${minutes} min`;
  const days = Math.floor(hours / 24);
  return days ? `${days} d ${hours % 24} h` : `${hours} h ${minutes % 60} min`;
}
