"use strict";
/* The report's controls. What is chosen stands in the address behind #, so that a link shows the same. All text goes
   in as text, never as markup. */

const read = name => JSON.parse(document.getElementById(name).textContent);
const {sets, beside, nothing} = read("data");
const state = new URLSearchParams(location.hash.slice(1));
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const MOST = 15;  // recordings shown at either end

const clips = {};
/** Called by the files beside a page in a folder: a recording's signals. */
globalThis.sebenchClip = (name, clip) => { clips[name] = clip; };

function change(changes) {
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") state.delete(name); else state.set(name, value);
  }
  history.replaceState(null, "", `#${state}`);
  render();
}

const chosen = (name, known, fallback) => known.includes(state.get(name)) ? state.get(name) : fallback;
const number = (name, most, fallback) => {
  const value = Number(state.get(name) ?? fallback);
  return Number.isInteger(value) && value >= 0 && value < most ? value : fallback;
};

function context() {
  const at = number("dataset", sets.length, 0), set = sets[at];
  const metrics = Object.keys(set.metrics), count = set.systems.length;
  const metric = chosen("metric", metrics, metrics[0]);
  const control = Math.max(0, set.systems.findIndex(system => system.control));
  const a = number("a", count, set.best[metric] ?? count - 1);
  return {at, set, metrics, metric, a, b: number("b", count, a === control ? count - 1 : control)};
}

function render() {
  const now = context();
  for (const part of all("[data-dataset]")) part.hidden = part.dataset.dataset !== String(now.at);
  for (const part of all("[data-metric]")) {
    part.hidden = part.dataset.metric !== now.metric;
  }
  options("metric", now.metrics.map(name => [name, now.set.metrics[name].label]), now.metric);
  const systems = now.set.systems.map((system, i) => [i, system.label]);
  options("a", systems, now.a), options("b", systems, now.b);
  const dataset = document.getElementById("dataset");
  if (dataset) dataset.value = now.at;
  leaderboard(now);
  if (now.metric) differences(now), ends(now);
  clip(now);
}

function options(id, entries, value) {
  const select = document.getElementById(id);
  const wanted = JSON.stringify(entries);
  if (select.dataset.entries !== wanted) {
    select.replaceChildren(...entries.map(([key, label]) => element("option", {value: key}, label)));
    select.dataset.entries = wanted;
  }
  select.value = value;
}

function leaderboard({at}) {
  const filter = state.get("filter") ?? "";
  const input = document.getElementById("filter");
  if (input.value !== filter) input.value = filter;
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  for (const table of all(`table.leaderboard[data-of="${at}"]`)) {
    const heads = all("th", table), rows = all("tbody tr", table);
    const column = heads.findIndex(head => head.dataset.sort === state.get("sort"));
    const down = state.get("down") === "1";
    for (const [i, head] of heads.entries()) {
      head.setAttribute("aria-sort", i !== column ? "none" : down ? "descending" : "ascending");
    }
    const value = row => row.cells[Math.max(column, 0)].dataset.value;
    const order = (x, y) => {
      if (column < 0) return x.dataset.place - y.dataset.place;
      const [p, q] = [value(x), value(y)], sign = down ? -1 : 1;
      if (p === "" || q === "") return (p === "") - (q === "");  // what has no value comes last, either way
      return sign * (heads[column].dataset.kind === "text" ? p.localeCompare(q) : p - q);
    };
    table.tBodies[0].append(...rows.sort(order));
    for (const row of rows) row.hidden = !words.every(word => row.dataset.words.includes(word));
    document.getElementById("shown").textContent = `${rows.filter(row => !row.hidden).length} of ${rows.length}`;
  }
}

const shown = (value, decimals) => value === null ? "–" : value.toFixed(decimals).replace("-", "−");
const level = p => p === null ? "–" : p < 0.001 ? "< 0.001" : p.toFixed(3);

function differences({set, metric}) {
  const {decimals, direction, label} = set.metrics[metric];
  const pairs = set.pairs[metric];
  const most = Math.max(...pairs.flatMap(pair => [Math.abs(pair[2] ?? 0), Math.abs(pair[3] ?? 0), Math.abs(pair[4] ?? 0)]), 1e-12);
  const rows = pairs.map(([first, second, difference, low, high, p, rank, dz, biserial, n, better], i) => {
    const name = at => element("td", {class: "name", "data-system": at}, set.systems[at].label);
    const bar = element("div", {class: "forest"});
    const place = value => 50 + 50 * value / most;
    if (low !== null && high !== null) {
      bar.append(element("i", {class: "line"}));
      bar.lastChild.style.cssText = `left:${place(low)}%;width:${place(high) - place(low)}%`;
    }
    bar.append(element("i", {class: "dot"}));
    bar.lastChild.style.left = `${place(difference)}%`;
    const listen = element("button", {type: "button", class: "link", onclick: () => compare(first, second)}, "listen");
    const text = better === 0 ? (direction ? "not told apart" : "") : `${set.systems[better > 0 ? first : second].label} is better`;
    return element("tr", {class: better ? "told" : ""}, name(first), name(second), element("td", {}, bar),
      element("td", {}, shown(difference, decimals + 1)),
      element("td", {}, low === null ? "too few" : `${shown(low, decimals + 1)} to ${shown(high, decimals + 1)}`),
      element("td", {}, level(p)), element("td", {}, level(rank)), element("td", {}, shown(dz, 2)),
      element("td", {}, shown(biserial, 2)), element("td", {}, String(n)), element("td", {class: "name"}, text),
      element("td", {}, listen));
  });
  const table = document.getElementById("pairs");
  table.caption.textContent = `${label}: first minus second, over the recordings that both have`;
  table.tBodies[0].replaceChildren(...rows);
}

function compare(a, b) {
  change({a, b, clip: null});
  document.getElementById("listen").scrollIntoView();
}

/** The recordings on which a and b differ most, either way: shown scores subtracted, as the tables have them. */
function ends({set, metric, a, b}) {
  const {decimals, direction} = set.metrics[metric];
  const [first, second] = [set.scores[metric][a], set.scores[metric][b]];
  const found = [];
  first.forEach((value, i) => {
    if (value !== null && second[i] !== null) found.push([i, value - second[i]]);
  });
  found.sort((x, y) => (direction || 1) * (y[1] - x[1]));
  const list = (id, entries) => document.getElementById(id).replaceChildren(...entries.map(([i, difference]) =>
    clipButton(set, i, `${difference > 0 ? "+" : ""}${shown(difference, decimals + 1)}`)));
  const ahead = found.filter(([, difference]) => (direction || 1) * difference > 0);
  const behind = found.filter(([, difference]) => (direction || 1) * difference < 0).reverse();
  list("ahead", ahead.slice(0, MOST)), list("behind", behind.slice(0, MOST));
  for (const [id, system, entries] of [["ahead-title", a, ahead], ["behind-title", b, behind]]) {
    document.getElementById(id).textContent = `${set.systems[system].label} ${direction ? "ahead" : "higher"} (${entries.length})`;
  }
}

function clipButton(set, i, text) {
  const tags = Object.entries(set.tags).filter(([, values]) => values[i] !== null)
    .map(([name, values]) => `${name} ${values[i]}`).join(", ");
  return element("li", {}, element("button", {type: "button", class: "clip", title: tags, "data-clip": i,
    onclick: () => show(i)}, element("span", {}, set.clips[i]), element("b", {}, text)));
}

function show(i) {
  change({clip: i});
  document.getElementById("clip").scrollIntoView({block: "nearest"});
}

let open = null, player = null, texts = null;

async function clip({at, set}) {
  const i = number("clip", set.clips.length, -1), name = i < 0 ? null : `${at}-${i}`;
  for (const button of all("button[data-clip]")) button.setAttribute("aria-pressed", button.dataset.clip === String(i));
  if (name === open) return;
  player?.stop();
  open = name, player = null;
  const place = document.getElementById("clip");
  if (name === null) return place.replaceChildren();
  texts ||= read("texts");
  const about = texts[at], sound = await signals(name);
  if (name !== open) return;
  const scores = element("table", {class: "scores"}, element("thead", {}, element("tr", {}, element("th", {scope: "col"}, "method"),
    ...Object.values(set.metrics).map(metric => element("th", {scope: "col"}, metric.heading)),
    element("th", {scope: "col", class: "left"}, "recognised, or why a score is missing"))), element("tbody", {}, ...set.systems.map((system, s) =>
    element("tr", {}, element("th", {scope: "row", "data-system": s}, system.label),
      ...Object.entries(set.metrics).map(([metric, {decimals}]) => element("td", {}, shown(set.scores[metric][s][i], decimals))),
      element("td", {class: "text"}, [about.recognised[s]?.[i], about.missing[s]?.[i]].filter(Boolean).join("; "))))));
  const tags = Object.entries(set.tags).filter(([, values]) => values[i] !== null);
  const listening = element("div");
  place.replaceChildren(...[
    element("h3", {}, set.clips[i]),
    element("p", {class: "tags"}, ...tags.map(([tag, values]) => element("span", {}, `${tag}: ${values[i]}`))),
    sound?.transcript ? element("blockquote", {}, sound.transcript) : null,
    listening,
    element("div", {class: "wide", tabindex: 0, role: "region", "aria-label": "Scores of this recording"}, scores),
  ].filter(Boolean));
  if (sound) player = new Player(listening, sound);
  else listening.append(element("p", {class: "muted"}, nothing));
  globalThis.player = player;
}

/** A recording's signals: in this page, or in a file beside it. */
async function signals(name) {
  const here = document.getElementById(`clip-${name}`);
  if (here) return JSON.parse(here.textContent);
  if (!beside || clips[name]) return clips[name] ?? null;
  await new Promise(resolve => {
    document.head.append(element("script", {src: `clips/${name}.js`, onload: resolve, onerror: resolve}));
  });
  return clips[name] ?? null;
}

document.addEventListener("pointerover", event => {
  const system = event.target.closest?.("[data-system]")?.dataset.system;
  document.body.classList.toggle("dimmed", system !== undefined);
  for (const mark of all(".charts [data-system]")) mark.classList.toggle("on", mark.dataset.system === system);
});

for (const id of ["dataset", "metric", "a", "b", "filter"]) {  // not all that fills in a form sends "input" for a list
  const happens = id === "filter" ? "input" : "change";
  document.getElementById(id)?.addEventListener(happens, event => change({
    [id]: event.target.value, ...(id === "dataset" ? {metric: null, a: null, b: null, clip: null, sort: null} : {})}));
}
for (const button of all("th[data-sort] button")) {
  button.addEventListener("click", () => {
    const {sort, first} = button.parentElement.dataset;
    const again = state.get("sort") === sort;
    change({sort, down: again ? 1 - state.get("down") : first});
  });
}
for (const button of all("button[data-open]")) {
  button.addEventListener("click", () => {
    change({a: button.dataset.a, clip: button.dataset.open, metric: button.dataset.by});
    document.getElementById("listen").scrollIntoView();
  });
}
for (const link of all("a[data-to]")) {  // the address behind # is the state's
  link.addEventListener("click", event => {
    event.preventDefault();
    document.getElementById(link.dataset.to).scrollIntoView();
  });
}
for (const button of all("button[data-theme]")) {
  button.addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
}
addEventListener("hashchange", () => {
  for (const name of [...state.keys()]) state.delete(name);
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) state.set(name, value);
  render();
});
render();
document.body.classList.add("ready");
