"use strict";

const $ = (id) => document.getElementById(id);
const picture = $("picture");
const NAMES = {
  starting: "starting",
  running: "running",
  idle: "idle",
  paused: "paused",
  recovering: "camera recovering",
  stalled: "stalled",
  ended: "the run has ended",
};
let state = null;
let streaming = false;
let switching = false;
let refused = 0; // when the live view could not be had

function seconds(value) {
  if (value === null) return "–";
  if (value < 1) return "now";
  if (value < 120) return `${Math.floor(value)} s ago`;
  return value < 7200 ? `${Math.floor(value / 60)} min ago` : `${Math.floor(value / 3600)} h ago`;
}

function text(element, value) {
  if (element.textContent !== value) element.textContent = value; // a screen reader is told of changes only
}

/** The live view is asked for only while it can be seen: then alone frames are drawn. */
function look() {
  const wanted = !document.hidden && state !== null && ["running", "idle", "stalled", "recovering"].includes(state.state);
  if (wanted === streaming || (wanted && Date.now() - refused < 3000)) return;
  streaming = wanted;
  picture.hidden = !wanted;
  if (wanted) picture.src = `/stream?${Date.now()}`;
  else picture.removeAttribute("src");
}

function said() {
  if (state.state === "stalled") return `stalled: last frame ${seconds(state.age_s)}`;
  if (state.state === "recovering" && state.age_s !== null) return `camera recovering: last frame ${seconds(state.age_s)}`;
  if (state.state === "running" && !state.healthy) return "resuming";
  if (state.healthy && state.reasons.length) return `${NAMES[state.state]}, ${state.reasons.join("; ")}`;
  return NAMES[state.state];
}

function covered() {
  switch (state.state) {
    case "running": return state.healthy ? "" : "Resuming …";
    case "idle": return "";
    case "paused": {
      const by = state.reasons.find((reason) => reason.startsWith("paused by "));
      return by ? `${by[0].toUpperCase()}${by.slice(1)}.` : "Paused. Nothing is read.";
    }
    case "starting": return "Waiting for the first frame …";
    case "recovering": return `Camera recovering. Last frame ${seconds(state.age_s)}.`;
    case "stalled": return `Stalled. Last frame ${seconds(state.age_s)}.`;
    default: return "The run has ended.";
  }
}

function made(tag, kind, content) {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  if (content !== undefined) element.textContent = content;
  return element;
}

function percent(value) {
  return `${Math.round(100 * value)} %`;
}

function faceItem(reading) {
  const item = made("li");
  const name = made("div", "face-name");
  name.append(made("span", "emotion"), made("span", "number", `face ${reading.track}`));
  const bars = made("ul", "bars");
  bars.setAttribute("aria-label", `Probabilities of face ${reading.track}`);
  for (const _ of reading.probabilities) {
    const line = made("li");
    const bar = made("span", "bar");
    bar.setAttribute("aria-hidden", "true");
    bar.append(made("span"));
    line.append(made("span", "label"), bar, made("span", "value"));
    bars.append(line);
  }
  item.dataset.track = reading.track;
  item.append(name, made("p", "reason"), bars);
  return item;
}

function showReading(item, reading) {
  text(item.querySelector(".emotion"), reading.emotion);
  const reason = item.querySelector(".reason");
  text(reason, reading.reason === null ? "" : `${reading.reason}; most probable: ${reading.top}`);
  reason.hidden = reading.reason === null;
  item.querySelectorAll(".bars li").forEach((line, index) => {
    const [label, value] = reading.probabilities[index];
    text(line.querySelector(".label"), label);
    text(line.querySelector(".value"), percent(value));
    line.classList.toggle("top", label === reading.top);
    line.querySelector(".bar span").style.width = `${100 * value}%`;
  });
}

function showReadings() {
  const list = $("faces");
  const wanted = new Set(state.readings.map((reading) => String(reading.track)));
  for (const item of [...list.children]) if (!wanted.has(item.dataset.track)) item.remove();
  for (const reading of [...state.readings].sort((a, b) => a.track - b.track)) {
    let item = [...list.children].find((each) => each.dataset.track === String(reading.track));
    if (!item) {
      item = faceItem(reading);
      list.append(item);
    }
    showReading(item, reading);
  }
  const nobody = $("nobody");
  nobody.hidden = state.readings.length > 0;
  text(nobody, state.healthy ? "No face in view." : "No readings at present.");
}

function milliseconds(value) {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

function showFigures() {
  const latency = state.latencies.latency;
  text($("rate"), state.rate.toFixed(1));
  text($("latency"), latency ? milliseconds(latency.p50) : "–");
  text($("age"), seconds(state.age_s));
  text($("frames"), state.frames.toLocaleString("en"));
  text($("dropped"), state.dropped.toLocaleString("en"));
  const heat = state.temperature === null ? "–" : `${Math.round(state.temperature)} °C`;
  text($("temperature"), state.throttled ? `${heat}, slowed down` : heat);
  const rows = $("stages");
  const stages = Object.entries(state.latencies);
  while (rows.children.length > stages.length) rows.lastChild.remove();
  stages.forEach(([stage, spread], index) => {
    let row = rows.children[index];
    if (!row) {
      row = made("tr");
      const head = made("th");
      head.scope = "row";
      row.append(head, made("td"), made("td"));
      rows.append(row);
    }
    text(row.children[0], stage);
    text(row.children[1], milliseconds(spread.p50));
    text(row.children[2], milliseconds(spread.p95));
  });
}

function show() {
  const status = $("status");
  status.dataset.state = state.state;
  text($("status-text"), said());
  text($("cover"), covered());
  picture.classList.toggle("old", state.state === "stalled" || state.state === "recovering");
  if (state.width) $("frame").style.aspectRatio = `${state.width} / ${state.height}`;
  text($("source"), state.width ? `${state.source}` : state.source);
  const button = $("pause");
  button.disabled = state.state === "ended";
  text(button, state.state === "paused" ? "Resume" : "Pause");
  document.title = ["running", "idle"].includes(state.state) ? "mien" : `mien: ${said()}`;
  showReadings();
  showFigures();
  look();
}

function lost() {
  $("status").dataset.state = "lost";
  text($("status-text"), "no connection to mien");
  text($("cover"), "No connection to mien. Trying again …");
  $("pause").disabled = true;
  $("faces").replaceChildren();
  $("nobody").hidden = false;
  text($("nobody"), "No readings at present.");
  for (const figure of document.querySelectorAll(".numbers dd")) text(figure, "–"); // they were true once
  $("stages").replaceChildren();
  state = null;
  look();
}

let source = null;
let heard = Date.now();

function listen() {
  if (source) source.close();
  source = new EventSource("/events");
  source.onmessage = (event) => {
    heard = Date.now();
    state = JSON.parse(event.data);
    show();
  };
  source.onerror = lost;
}

$("pause").addEventListener("click", async () => {
  if (switching) return; // not disabled meanwhile: it would lose the keyboard's focus
  switching = true;
  const button = $("pause");
  try {
    const answer = await fetch(button.textContent === "Pause" ? "/pause" : "/resume", { method: "POST" });
    if (!answer.ok) text($("status-text"), `refused: ${await answer.text()}`);
  } catch {
    lost();
  }
  switching = false;
});

picture.addEventListener("error", () => {
  streaming = false;
  refused = Date.now();
  picture.hidden = true; // asked for again with the next event
});
document.addEventListener("visibilitychange", look);
// An event is due every second or so: silence is a lost device, whatever the connection pretends.
setInterval(() => {
  if (Date.now() - heard > 5000) {
    lost();
    heard = Date.now();
    listen();
  }
}, 1000);
listen();
