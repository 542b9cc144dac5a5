// Small pieces of the page. Texts are only ever set as texts: nothing that PostHog or a DAG sends becomes markup.
import { address } from "./shell.js";

const WORDS = { fail: "Fail", warn: "Warn", pass: "Pass" };
const SIGNS = { fail: "✕", warn: "!", pass: "✓" };

/** Makes an element. `children` are elements, texts, or nothing. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null));
  return element;
}

const known = (verdict) => (verdict in WORDS ? verdict : "none");

export function badge(verdict) {
  const sign = make("span", { "aria-hidden": "true" }, SIGNS[verdict] ?? "–");
  return make("span", { class: `badge ${known(verdict)}` }, sign, ` ${WORDS[verdict] ?? "None"}`);
}

/** Days as squares; a day with a run leads to it. */
export function strip(days, dashboard, chosen, label) {
  return make("ol", { class: "strip", "aria-label": label }, days.map(({ day, verdict, run }) => {
    const words = `${day}: ${verdict ? WORDS[verdict] ?? verdict : "no run"}`;
    const square = verdict
      ? make("a", {
        class: `day ${known(verdict)}`, href: address({ dashboard, run }), title: words, "aria-label": words,
        "aria-current": run === chosen ? "true" : undefined,
      }, make("span", { "aria-hidden": "true" }, SIGNS[verdict] ?? ""))
      : make("span", { class: "day", title: words });
    return make("li", {}, square);
  }));
}

/** A dashboard's tags, each leading to the list of those that have it. */
export function tags(names) {
  if (!names.length) return null;
  return make("ul", { class: "tags", "aria-label": "Tags" }, names.map((tag) => make("li", {}, make("a", { href: address({ tag }) }, tag))));
}

const UNITS = [["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** "2 hours ago", with the instant as its title; or the instant itself. */
export function moment(iso, { long = false } = {}) {
  const instant = new Date(iso);
  const seconds = (instant - Date.now()) / 1000;
  const [unit, size] = UNITS.find(([, each]) => Math.abs(seconds) >= each) ?? ["minute", 60];
  const ago = relative.format(Math.round(seconds / size), unit);
  return make("time", { datetime: iso, title: long ? ago : exact.format(instant) }, long ? exact.format(instant) : ago);
}

export const plural = (count, one, many = `${one}s`) => `${count.toLocaleString()} ${count === 1 ? one : many}`;

export function empty(title, text) {
  return make("div", { class: "empty", role: "status" }, make("p", { class: "title" }, title), make("p", {}, text));
}
