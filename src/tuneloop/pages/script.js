"use strict";
(() => {
  const root = document.documentElement;
  // A file opened from disk may refuse storage; the page then forgets the choice, and works.
  const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const keep = (name, value) => { try { localStorage.setItem(name, value); } catch { return; } };
  const chinese = () => root.lang.startsWith("zh");

  const wished = kept("tuneloop-language") || (navigator.languages || [navigator.language]).find((one) => /^(zh|en)/i.test(one));
  if (wished) root.lang = /^zh/i.test(wished) ? "zh-CN" : "en";
  const theme = kept("tuneloop-theme");
  if (theme) root.dataset.theme = theme;

  document.getElementById("language").onclick = () => {
    root.lang = chinese() ? "en" : "zh-CN";
    keep("tuneloop-language", root.lang);
  };
  document.getElementById("theme").onclick = () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    keep("tuneloop-theme", root.dataset.theme);
  };
  const buttons = document.querySelectorAll("[data-filter]");
  for (const button of buttons) {
    button.onclick = () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      for (const article of document.querySelectorAll("article")) {
        article.hidden = button.dataset.filter !== "all" && article.dataset.outcome !== button.dataset.filter;
      }
    };
  }
})();
