// The live trace of acceleration and rotation.

import { byId, clean, colours, write } from "./dom.js";

const SECONDS = 8;
const AXES = ["x", "y", "z"];
const PANES = [
  { first: 0, title: "Acceleration, g", least: 1.5, step: 1 },
  { first: 3, title: "Rotation, °/s", least: 120, step: 100 },
];
const EASE = 0.35; // seconds in which the picture catches up with the signal
const LEFT = 34;
const RIGHT = 34;
const TITLE = 18;
const FOOT = 16;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

let points = []; // [time, ax, ay, az, gx, gy, gz]; [time] alone is a gap
let shownEnd = null;
let drawnAt = 0;
let scales = PANES.map((pane) => pane.least);

export function add(piece) {
  const last = points.at(-1)?.[0] ?? -Infinity;
  if (piece.gap && points.length) points.push([piece.time]);
  piece.values.forEach((values, place) => {
    const time = piece.time + place * piece.step;
    if (time > last) points.push([time, ...values]);
  });
  // After a restart of the device its clock may have begun anew.
  if (piece.time < last - SECONDS) points = points.slice(-piece.values.length);
  const end = points.at(-1)?.[0];
  const first = points.findIndex(([time]) => time > end - SECONDS - 2);
  points = points.slice(Math.max(0, first));
  if (shownEnd === null || Math.abs(end - shownEnd) > SECONDS) shownEnd = end;
}

export function run() {
  let latest = null;
  function step(now) {
    requestAnimationFrame(step);
    const canvas = byId("trace");
    const end = points.at(-1)?.[0];
    if (end === undefined || !canvas.clientHeight) return;
    const passed = Math.min((now - drawnAt) / 1000, 0.2);
    if (calm.matches ? end === latest : now - drawnAt < 30) return;
    shownEnd = calm.matches ? end : shownEnd + (end - shownEnd) * (1 - Math.exp(-passed / EASE));
    latest = end;
    drawnAt = now;
    drawAll(canvas);
  }
  requestAnimationFrame(step);
  setInterval(describe, 5000);
}

function drawAll(canvas) {
  const { context, width, height } = clean(canvas);
  const [ink, soft, line] = colours("ink", "soft", "line");
  const lines = colours("axis-x", "axis-y", "axis-z");
  const paneHeight = (height - FOOT) / PANES.length;
  const right = width - RIGHT;
  const x = (time) => right - ((shownEnd - time) / SECONDS) * (right - LEFT);
  PANES.forEach((pane, index) => {
    const top = index * paneHeight + TITLE;
    const bottom = (index + 1) * paneHeight - 4;
    const middle = (top + bottom) / 2;
    const peak = points.reduce((most, point) => {
      const at = point.slice(1 + pane.first, 4 + pane.first).map(Math.abs);
      return Math.max(most, ...at);
    }, pane.least);
    scales[index] += (peak * 1.08 - scales[index]) * 0.1;
    const y = (value) => middle - (value / scales[index]) * ((bottom - top) / 2);

    context.lineWidth = 1;
    context.strokeStyle = line;
    context.fillStyle = soft;
    context.textBaseline = "middle";
    context.textAlign = "left";
    context.fillText(pane.title, LEFT, top - TITLE / 2);
    context.textAlign = "right";
    const mark = Math.max(1, Math.floor(scales[index] / pane.step / 2)) * pane.step;
    for (const value of [-mark, 0, mark]) {
      const at = Math.round(y(value)) + 0.5;
      context.beginPath();
      context.moveTo(LEFT, at);
      context.lineTo(right, at);
      context.stroke();
      context.fillText(String(value).replace("-", "−"), LEFT - 6, at);
    }

    context.save();
    context.beginPath();
    context.rect(LEFT, top, right - LEFT, bottom - top);
    context.clip();
    context.lineWidth = 1.6;
    context.lineJoin = "round";
    AXES.forEach((_, axis) => {
      context.strokeStyle = lines[axis];
      context.beginPath();
      let pen = false;
      for (const point of points) {
        if (point.length === 1) {
          pen = false;
          continue;
        }
        const value = y(point[1 + pane.first + axis]);
        if (pen) context.lineTo(x(point[0]), value);
        else context.moveTo(x(point[0]), value);
        pen = true;
      }
      context.stroke();
    });
    context.restore();

    // The axes are named where their lines end, so that colour alone need not tell them apart.
    const newest = points.findLast((point) => point.length > 1 && point[0] <= shownEnd);
    if (!newest) return;
    const places = AXES.map((name, axis) => ({
      name,
      colour: lines[axis],
      at: y(newest[1 + pane.first + axis]),
    })).sort((a, b) => a.at - b.at);
    spread(places, 13, top + 6, bottom - 6);
    context.textAlign = "left";
    context.font = "600 12px system-ui, sans-serif";
    for (const { name, colour, at } of places) {
      context.fillStyle = colour;
      context.fillRect(right + 6, at - 4, 8, 8);
      context.fillStyle = ink;
      context.fillText(name, right + 19, at);
    }
    context.font = "11px system-ui, sans-serif";
  });
  context.fillStyle = soft;
  context.textAlign = "left";
  context.fillText(`${SECONDS} s ago`, LEFT, height - FOOT / 2);
  context.textAlign = "right";
  context.fillText("now", right, height - FOOT / 2);
}

/** Move labels apart that would lie on one another. */
function spread(places, apart, top, bottom) {
  places.forEach((place, i) => {
    place.at = Math.max(place.at, i ? places[i - 1].at + apart : top);
  });
  for (let i = places.length - 1; i >= 0; i -= 1) {
    const limit = i === places.length - 1 ? bottom : places[i + 1].at - apart;
    places[i].at = Math.min(places[i].at, limit);
  }
}

/** The same for those who cannot see it. */
function describe() {
  const recent = points.filter((point) => point.length > 1).slice(-50);
  if (!recent.length) return;
  const mean = (axis) => recent.reduce((sum, point) => sum + point[1 + axis], 0) / recent.length;
  const turning = Math.max(...recent.map((point) => Math.hypot(...point.slice(4))));
  const gravity = AXES.map((name, axis) => `${name} ${mean(axis).toFixed(1)}`).join(", ");
  write(byId("trace-words"), `Mean acceleration ${gravity} g; turning at up to ${Math.round(turning)} °/s.`);
}
