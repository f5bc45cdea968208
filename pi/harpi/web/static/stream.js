// Follows what happens, for as long as somebody looks.

import { hello } from "./api.js";

const SILENCE = 8000; // harpi says how it does every 2 s: the connection is dead
const HIDDEN = 20000; // out of sight for so long, a page lets go of its connection
const PATIENCE = [500, 1000, 2000, 4000, 8000]; // between one try and the next

/**
 * Call `handlers[name]` with every event, and `onLink` with "live", "connecting" or "paused".
 */
export function follow(handlers, onHello, onLink) {
  let source = null;
  let failures = 0;
  let watchdog = 0;
  let letGo = 0;
  let retry = 0;

  function close() {
    source?.close();
    source = null;
    clearTimeout(watchdog);
    clearTimeout(retry);
  }

  function again() {
    close();
    onLink("connecting");
    if (document.hidden) return;
    retry = setTimeout(open, PATIENCE[Math.min(failures, PATIENCE.length - 1)]);
    failures += 1;
  }

  function alive() {
    clearTimeout(watchdog);
    watchdog = setTimeout(again, SILENCE);
  }

  async function open() {
    close();
    try {
      onHello(await hello());
    } catch {
      return again();
    }
    const mine = new EventSource("/api/events");
    source = mine;
    alive();
    mine.onerror = () => source === mine && again();
    mine.onopen = () => {
      failures = 0;
      onLink("live");
    };
    for (const [name, handle] of Object.entries(handlers)) {
      mine.addEventListener(name, (event) => {
        alive();
        handle(JSON.parse(event.data));
      });
    }
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(letGo);
    if (document.hidden) {
      letGo = setTimeout(() => {
        close();
        onLink("paused");
      }, HIDDEN);
    } else if (source === null || source.readyState !== EventSource.OPEN) {
      failures = 0;
      open();
    }
  });
  // A page that the browser keeps for the way back must not keep its connection.
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => event.persisted && open());
  window.addEventListener("online", () => {
    failures = 0;
    open();
  });
  open();
}
