// One dashboard, one run, or what a DAG run said: facts first, then the report.
import { ask } from "./page.js";
import { badge, empty, make, moment, plural, strip, tags } from "./parts.js";
import { address, airflow, leadOut, openOutside } from "./shell.js";

const DAYS = 90;

export async function showDashboard(main, asked) {
  const board = await ask("dashboard", { dashboard: asked.dashboard, days: DAYS });
  const key = asked.run || board.latest.run;
  const run = await ask("run", { run: key });
  const here = run.dashboards.find((each) => each.dashboard === asked.dashboard);
  document.title = `${board.name} · Dashboards`;
  const place = board.runs.findIndex((each) => each.run === key);
  const days = make("section", { class: "days" }, make("h2", {}, `Last ${DAYS} days`), strip(board.days, asked.dashboard, key, `Last ${DAYS} days`));
  main.replaceChildren(
    back(),
    make("header", { class: "top" },
      make("div", {}, make("h1", {}, board.name || board.dashboard), make("p", { class: "quiet" }, board.dashboard), tags(board.tags)),
      make("p", { class: "actions" }, outward("Open in PostHog", board.url), reportLink(run))),
    days,
    make("section", { class: "run" },
      make("h2", {}, key === board.latest.run ? "Last run" : "Run"), neighbours(board, place, asked.dashboard),
      here ? verdict(here) : empty("Not in this run", "This run did not look at the dashboard."),
      facts(run, here)),
    report(run),
  );
  const now = main.querySelector(".day[aria-current]");
  if (now) now.closest(".strip").scrollLeft = now.offsetLeft;
  pointAt(main, asked.view);
}

export async function showRun(main, asked) {
  const run = await ask("run", { run: asked.run });
  document.title = `${run.title} · Dashboards`;
  main.replaceChildren(back(), ...runParts(run));
  pointAt(main, asked.view);
}

export async function showDagRun(main, asked) {
  const mapped = /^\d+$/.test(asked.map_index ?? "") ? asked.map_index : -1;
  const { runs } = await ask("runs", { dag_id: asked.dag_id, run_id: asked.run_id, task_id: asked.task_id, map_index: mapped });
  if (!runs.length) {
    main.replaceChildren(empty("No dashboard was analyzed in this run", "What a PostHogAnalyzeRefreshOperator says appears here when it is done."));
    return;
  }
  const chosen = runs.find((each) => each.run === asked.run) ?? runs[0];
  const run = await ask("run", { run: chosen.run });
  const others = runs.length < 2 ? null : make("nav", { class: "tasks", "aria-label": "Analyzing tasks" }, runs.map((each) => make("a", {
    href: address({ ...asked, run: each.run }), "aria-current": each.run === chosen.run ? "page" : undefined,
  }, badge(each.verdict), ` ${each.task_id}${each.map_index >= 0 ? ` [${each.map_index}]` : ""}`)));
  main.replaceChildren(...[others, ...runParts(run)].filter(Boolean));
  pointAt(main, asked.view);
}

function runParts(run) {
  const rows = run.dashboards.map((each) => make("tr", {},
    make("td", { class: "verdict" }, badge(each.verdict)),
    make("th", { scope: "row" }, make("a", { href: address({ dashboard: each.dashboard, run: run.run }) }, each.name || each.dashboard), make("p", { class: "quiet" }, each.summary)),
    make("td", { class: "before" }, pictures(each)),
    make("td", { class: "actions" }, outward("Open in PostHog", each.url))));
  const heads = ["Verdict", "Dashboard", "Compared", "PostHog"].map((word) => make("th", { scope: "col" }, word));
  return [
    make("header", { class: "top" }, make("h1", {}, run.title), make("p", { class: "actions" }, reportLink(run))),
    facts(run),
    make("table", { class: "boards" }, make("thead", {}, make("tr", {}, heads)), make("tbody", {}, rows)),
    unreadable(run),
    report(run),
  ].filter(Boolean);
}

function back() {
  return make("p", { class: "back" }, make("a", { href: window.location.pathname }, "← All dashboards"));
}

function neighbours(board, place, dashboard) {
  const step = (word, other) => (other ? make("a", { href: address({ dashboard, run: other.run }) }, word) : make("span", { class: "quiet" }, word));
  return make("p", { class: "neighbours" }, step("← Earlier run", place < 0 ? undefined : board.runs[place + 1]), " ", step("Later run →", board.runs[place - 1]));
}

function verdict(here) {
  const streak = here.runs_in_a_row > 1 ? make("span", { class: "chip" }, `${plural(here.runs_in_a_row, "run")} in a row`) : null;
  const tiles = here.tiles.map((tile) => make("li", {}, badge(tile.verdict), make("div", {}, make("strong", {}, tile.name), make("p", {}, tile.summary))));
  return make("div", { class: "said" },
    make("p", { class: "sentence" }, badge(here.verdict), " ", here.summary, streak),
    tiles.length ? make("ul", { class: "tiles", "aria-label": "Tiles that need a look" }, tiles) : null);
}

function pictures(here) {
  return make("span", {}, here.before_at ? moment(here.before_at, { long: true }) : "no picture before", " → ", moment(here.after_at, { long: true }));
}

function facts(run, here) {
  const where = `dags/${encodeURIComponent(run.dag_id)}/runs/${encodeURIComponent(run.run_id)}`;
  const task = `${where}/tasks/${encodeURIComponent(run.task_id)}${run.map_index >= 0 ? `/mapped/${run.map_index}` : ""}`;
  const fact = (name, ...value) => make("div", {}, make("dt", {}, name), make("dd", {}, ...value));
  const inside = (text, path) => leadOut(make("a", { href: airflow(path) }, text), { newWindow: false });
  const counts = here && ["fail", "warn", "pass"].filter((each) => here.counts[each]).map((each) => `${here.counts[each]} ${each}`).join(", ");
  return make("dl", { class: "facts" },
    fact("DAG", inside(run.dag_id, `dags/${encodeURIComponent(run.dag_id)}`)),
    fact("Run", inside(run.run_id, where)),
    fact("Task", inside(run.task_id + (run.map_index >= 0 ? ` [${run.map_index}]` : ""), task)),
    fact("Looked", moment(run.at, { long: true })),
    here ? make("div", { id: "before", tabindex: "-1" }, make("dt", {}, "Compared"), make("dd", {}, pictures(here))) : null,
    counts ? fact("Tiles", counts) : null);
}

function unreadable(run) {
  if (!run.unreadable.length) return null;
  return make("section", {}, make("h2", {}, "Not compared"), make("ul", { class: "tiles" },
    run.unreadable.map(({ id, why }) => make("li", {}, make("div", {}, make("strong", {}, `Dashboard ${id}`), make("p", {}, why))))));
}

// Only what a browser can open: an address is data, and data may say javascript:.
const isWeb = (url) => /^https?:\/\//i.test(url);

function outward(text, url) {
  if (!isWeb(url)) return null;
  return leadOut(make("a", { class: "button", href: url }, text), { newWindow: true });
}

const reportAddress = (run, more) => new URL(`report${address({ run: run.run, ...more })}`, window.location.href).href;

function reportLink(run) {
  return run.report ? leadOut(make("a", { class: "button", href: reportAddress(run) }, "Open the report by itself"), { newWindow: true }) : null;
}

function report(run) {
  if (!run.report) return empty("There is no report", "This run has not written one.");
  const root = document.documentElement;
  // No script runs in it. It has our origin only so that we hear of its clicks: within Airflow's own frame it may open
  // no window, whatever we allow.
  const frame = make("iframe", { title: `Report: ${run.title}`, sandbox: "allow-same-origin", referrerpolicy: "no-referrer" });
  const follow = () => {
    frame.src = reportAddress(run, { theme: root.dataset.theme, embedded: 1 });
  };
  frame.addEventListener("load", () => openLinksOf(frame));
  follow();
  new MutationObserver(follow).observe(root, { attributes: true, attributeFilter: ["data-theme"] });
  const hint = make("p", { class: "quiet" }, "If your browser doesn't follow a link in here, open the report by itself.");
  return make("section", { class: "report" }, make("h2", {}, "Report"), hint, frame);
}

/** Opens the links of a report where the page's own links out open: in a new window, by Airflow's shell. */
function openLinksOf(frame) {
  const inside = frame.contentDocument;
  const open = (event) => {
    const link = event.target.closest?.("a[href], area[href]");
    if (!link || event.button > 1) return;
    const within = link.href.split("#", 1)[0] === inside.URL.split("#", 1)[0];
    if (within) return;
    event.preventDefault();
    if (isWeb(link.href)) openOutside(link.href, { newWindow: true });
  };
  inside?.addEventListener("click", open);
  inside?.addEventListener("auxclick", open);
}

function pointAt(main, view) {
  const part = view === "before" ? main.querySelector("#before") ?? main.querySelector(".before") : null;
  if (!part) return;
  part.classList.add("pointed");
  part.scrollIntoView({ block: "center" });
}
