// What is asked of the looks of every page.

import { AxeBuilder } from "@axe-core/playwright";

/**
 * What of the page moves by itself, once it has been drawn. On a busy machine Chromium may draw a page that it has read in
 * part, and the rest of it moves what is there; a page that does something wrong does it each time.
 */
export async function moved(page) {
  let found = await shifts(page);
  for (let tries = 0; found.length && tries < 2; tries += 1) {
    await page.reload();
    found = await shifts(page);
  }
  return found;
}

const shifts = (page) =>
  page.evaluate(async () => {
    const entries = [];
    const add = (list) => entries.push(...list.getEntries());
    new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
    await document.fonts.ready;
    await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn, 50)));
    const said = ({ node, previousRect: from, currentRect: to }) =>
      `${(node?.outerHTML ?? node?.textContent ?? "something").slice(0, 80)}: ${from.x},${from.y} → ${to.x},${to.y}`;
    return entries.flatMap(({ value, sources }) => [`${value}`, ...sources.map(said)]);
  });

/** What is to blame for a page that is wider than the screen. */
export const stickingOut = (page) =>
  page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const wide = (element) => element.getBoundingClientRect().right > clientWidth;
    return [...document.querySelectorAll("body *")].filter(wide).map((element) => element.outerHTML.slice(0, 80));
  });

/** What keeps people from reading the page. It takes a script of its own, which the site's policy rightly forbids. */
export async function barriers(page) {
  // Where nothing may run, it would wait for itself for ever.
  const { violations } = await new AxeBuilder({ page }).exclude("iframe[sandbox]").analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
}
