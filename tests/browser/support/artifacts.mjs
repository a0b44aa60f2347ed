// Pictures of pages for people, and what a program can judge of them.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Outside the repository; `make test` says where. */
export const ARTIFACTS = process.env.NHIPCAU_ARTIFACTS ?? join(tmpdir(), "nhipcau-artifacts");
export const WIDTHS = [360, 1280, 1920];
const HEIGHTS = { 360: 740, 1280: 800, 1920: 1080 };
const SCREENS = join(ARTIFACTS, "screens");
mkdirSync(SCREENS, { recursive: true });

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Pictures of the page as it stands at every width. Returns the widths at which it can be scrolled sideways. */
export async function pictures(page, name) {
  const wide = [];
  for (const width of WIDTHS) {
    await page.setViewport({ width, height: HEIGHTS[width] });
    // Two frames: layout, then what reacts to it (charts).
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) wide.push(`${name} at ${width}`);
    await page.screenshot({ path: join(SCREENS, `${name}-${width}.png`) });
  }
  await page.setViewport({ width: 1280, height: 800 });
  return wide;
}

/** Serious and critical findings of axe, each as one line. */
export async function barriers(page, name) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const grave = found.violations.filter((violation) => ["serious", "critical"].includes(violation.impact));
  return grave.flatMap((violation) => violation.nodes.map((node) => `${name}: ${violation.id}: ${node.target.join(" ")}: ${node.failureSummary.replaceAll("\n", " ")}`));
}
