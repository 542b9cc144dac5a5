// All dashboards: filters, the last verdict, the last thirty days.
import { ask } from "./page.js";
import { badge, empty, make, moment, plural, strip, tags } from "./parts.js";
import { address, remember } from "./shell.js";

const SIZE = 50;
const DAYS = 30;
const VERDICTS = [["", "All"], ["fail", "Fail"], ["warn", "Warn"], ["pass", "Pass"]];

export async function showList(main, asked) {
  document.title = "Dashboards";
  const filters = { text: asked.text ?? "", verdict: asked.verdict ?? "", tag: asked.tag ?? "", dag: asked.dag ?? "", number: Number(asked.number) || 1 };
  const results = make("section", { "aria-label": "Dashboards" });
  const count = make("p", { class: "quiet", role: "status" });
  let newest = 0;

  async function load() {
    const mine = ++newest;
    remember({ ...filters, number: filters.number > 1 ? filters.number : "" });
    const found = await ask("dashboards", { ...filters, size: SIZE, days: DAYS });
    if (mine !== newest) return; // a later question has been asked
    if (found.number > 1 && !found.dashboards.length) {
      filters.number = 1;
      return load();
    }
    form.update(found);
    count.textContent = found.total === found.all ? plural(found.all, "dashboard") : `${found.total.toLocaleString()} of ${plural(found.all, "dashboard")}`;
    results.replaceChildren(...contents(found, go));
  }
  const complain = (error) => results.replaceChildren(empty("This can't be shown", error.message));
  const change = (changed) => {
    Object.assign(filters, { number: 1 }, changed);
    load().catch(complain);
  };
  const go = (number) => {
    filters.number = number;
    load().then(() => main.focus()).catch(complain);
  };
  const form = makeForm(filters, change);
  main.replaceChildren(make("header", { class: "top" }, make("h1", {}, "Dashboards"), count), form.element, results);
  await load();
}

function makeForm(filters, change) {
  const text = make("input", { type: "search", id: "text", placeholder: "Name, number, finding, tag", autocomplete: "off", spellcheck: "false", value: filters.text });
  let waiting;
  text.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => change({ text: text.value }), 200);
  });
  const counts = new Map();
  const verdicts = make("fieldset", { class: "verdicts" }, make("legend", { class: "sr" }, "Last verdict"), VERDICTS.map(([value, word]) => {
    const radio = make("input", { type: "radio", name: "verdict", value, checked: filters.verdict === value });
    radio.addEventListener("change", () => change({ verdict: value }));
    counts.set(value, make("span", { class: "count" }));
    return make("label", {}, radio, make("span", {}, word, " ", counts.get(value)));
  }));
  const select = (name) => {
    const element = make("select", { id: name });
    element.addEventListener("change", () => change({ [name]: element.value }));
    return element;
  };
  const [tag, dag] = [select("tag"), select("dag")];
  const offer = (element, all, given) => {
    const chosen = filters[element.id];
    const values = chosen && !given.includes(chosen) ? [chosen, ...given] : given;
    element.hidden = !values.length;
    element.replaceChildren(make("option", { value: "" }, all), ...values.map((each) => make("option", { value: each, selected: each === chosen }, each)));
  };
  const element = make("form", { class: "filters", role: "search" },
    make("label", { for: "text", class: "sr" }, "Search dashboards"), text, verdicts,
    make("label", { for: "tag", class: "sr" }, "Tag"), tag,
    make("label", { for: "dag", class: "sr" }, "DAG"), dag);
  element.addEventListener("submit", (event) => event.preventDefault());

  return {
    element,
    update(found) {
      const all = Object.values(found.verdicts).reduce((sum, each) => sum + each, 0);
      for (const [value, place] of counts) place.textContent = (value ? found.verdicts[value] : all).toLocaleString();
      offer(tag, "All tags", found.tags);
      offer(dag, "All DAGs", found.dags);
    },
  };
}

function contents(found, go) {
  if (!found.all) {
    return [empty("Nothing has been analyzed yet", "A dashboard appears here after its first PostHogAnalyzeRefreshOperator or PostHogRefreshGroup has run, in a DAG that you may read.")];
  }
  if (!found.total) return [empty("No dashboard matches", "Change or clear the filters.")];
  const rows = found.dashboards.map((each) => make("tr", {},
    make("td", { class: "verdict" }, badge(each.verdict)),
    make("th", { scope: "row" },
      make("a", { href: address({ dashboard: each.dashboard }) }, each.name || each.dashboard),
      each.runs_in_a_row > 1 ? make("span", { class: "chip" }, `${plural(each.runs_in_a_row, "run")} in a row`) : null,
      make("p", { class: "quiet" }, each.summary), tags(each.tags)),
    make("td", {}, strip(each.days, each.dashboard, undefined, `Last ${DAYS} days of ${each.name}`)),
    make("td", { class: "last" }, moment(each.latest.at), make("p", { class: "quiet" }, each.latest.dag_id))));
  const heads = ["Verdict", "Dashboard", `Last ${DAYS} days`, "Last run"].map((word) => make("th", { scope: "col" }, word));
  const table = make("table", { class: "boards" }, make("thead", {}, make("tr", {}, heads)), make("tbody", {}, rows));
  return [table, pager(found, go)].filter(Boolean);
}

function pager({ number, size, total }, go) {
  const last = Math.ceil(total / size);
  if (last < 2) return null;
  const step = (word, to, possible) => {
    const button = make("button", { type: "button", disabled: !possible }, word);
    button.addEventListener("click", () => go(to));
    return button;
  };
  return make("nav", { class: "pager", "aria-label": "Pages" }, step("Previous", number - 1, number > 1), make("span", {}, `Page ${number} of ${last}`), step("Next", number + 1, number < last));
}
