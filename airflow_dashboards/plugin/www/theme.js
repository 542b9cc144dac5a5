// Follows the theme of Airflow's shell, and the system's where the page is opened by itself. Runs before the first paint.
"use strict";
(() => {
  const shell = (() => {
    try {
      return window.parent !== window ? window.parent.document.documentElement : null;
    } catch {
      return null; // framed by somebody else
    }
  })();
  const system = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => {
    const named = shell && ["dark", "light"].find((name) => shell.classList.contains(name));
    const theme = named || (system.matches ? "dark" : "light");
    if (document.documentElement.dataset.theme !== theme) document.documentElement.dataset.theme = theme;
  };
  follow();
  system.addEventListener("change", follow);
  if (shell) new MutationObserver(follow).observe(shell, { attributes: true, attributeFilter: ["class"] });
})();
