// What the page needs of Airflow's shell around it: the address bar, and links that lead out of the frame.

const shell = (() => {
  try {
    return window.parent !== window && window.parent.document.baseURI ? window.parent : null;
  } catch {
    return null; // opened by itself, or framed by somebody else
  }
})();

/** The parameters of the address: the page's own, or those of the shell that was opened with a deep link. */
export function parameters() {
  const own = read(window.location.search);
  const isPage = shell && /\/plugin\/posthog-dashboards\/?$/.test(shell.location.pathname);
  return own.size || !isPage ? own : read(shell.location.search);
}

// Not URLSearchParams: the shell puts run ids into addresses as they are, and their "+" is a plus.
function read(search) {
  const found = new Map();
  for (const pair of search.slice(1).split("&").filter(Boolean)) {
    const [name, value = ""] = pair.split("=", 2).map((part) => {
      try {
        return decodeURIComponent(part);
      } catch {
        return part;
      }
    });
    if (value && !/^\{[A-Z_]+\}$/.test(value)) found.set(name, value);
  }
  return found;
}

export function address(values) {
  const query = Object.entries(values)
    .filter(([, value]) => value !== undefined && value !== null && value !== "")
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  return query.length ? `?${query.join("&")}` : "";
}

/** Keeps the addresses of page and shell in step, so that what is in the address bar can be sent to somebody. */
export function remember(values) {
  const search = address(values);
  const path = window.location.pathname;
  if (window.location.search !== search) window.history.replaceState(null, "", `${path}${search}`);
  if (shell && /\/plugin\/posthog-dashboards(\/|$)/.test(shell.location.pathname) && shell.location.search !== search) {
    shell.history.replaceState(shell.history.state, "", `${shell.location.pathname}${search}`);
  }
}

/** The base of Airflow's own pages. */
const base = new URL("../", window.location.href);
export const airflow = (path) => new URL(path, base).href;

/**
 * Opens an address outside of the frame. The shell's frame may neither open windows nor leave, so the shell does it: it
 * is of the same origin, and clicks a link of its own.
 */
export function openOutside(url, { newWindow }) {
  const where = (shell ?? window).document;
  const out = where.createElement("a");
  out.href = url;
  out.rel = "noopener noreferrer";
  if (newWindow) out.target = "_blank";
  where.body.append(out);
  out.click();
  out.remove();
}

/** Makes a link lead out of the frame. */
export function leadOut(link, { newWindow }) {
  link.target = newWindow ? "_blank" : "_top";
  link.rel = "noopener noreferrer";
  link.addEventListener("click", (event) => {
    if (!shell) return;
    event.preventDefault();
    openOutside(link.href, { newWindow: newWindow || event.ctrlKey || event.metaKey || event.shiftKey });
  });
  return link;
}
