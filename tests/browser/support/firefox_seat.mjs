// A seat in Firefox, as a child process: it runs where Firefox runs, because Firefox listens to its driver on loopback only.
// Arguments: the link, the name, the number in its pictures. Tells its parent `{ joined }` and, when it is asked for `shown`, what the
// page showed since and what the browser counted. `share` and `unshare` press the page's buttons; what is shared is the screen that
// DISPLAY names. It ends when the parent does.

import puppeteer from "puppeteer-core";
import { join, knows, open, press, see, state } from "./browsers.mjs";
import { coded, received, shown, watched } from "./code.mjs";

const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
const [link, name, number] = process.argv.slice(2);

const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath: FIREFOX,
  headless: true,
  acceptInsecureCerts: true,
  defaultViewport: { width: 1280, height: 800 },
  extraPrefsFirefox: {
    "media.navigator.streams.fake": true,
    "media.navigator.permission.disabled": true,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    // Nothing is fetched from the network while the test runs.
    "media.gmp-manager.updateEnabled": false,
    "network.captive-portal-service.enabled": false,
    "network.connectivity-service.enabled": false,
  },
});
const end = async () => {
  await browser.close().catch(() => undefined);
  process.exit(0);
};
process.on("disconnect", () => void end());
process.on("message", (message) => message === "leave" && void end());

const page = await open(browser);
await coded(page, Number(number));
await watched(page);
await page.goto(link, { waitUntil: "domcontentloaded" });
const known = await join(page, name);
await page.evaluate(() => window.__voice(0.5));
process.on("message", async (message) => {
  if (message !== "shown") return;
  const { phase, connection, self } = await state(page);
  process.send({ shown: { pictures: await shown(page), received: await received(page), phase, connection, seat: self?.id } });
});
process.on("message", async (message) => {
  if (message === "share") {
    await press(page, "share");
    await see(page, "share-sheet");
    await press(page, "screen-start");
    await knows(page, "the screen is shared", (now) => now.shares.slides);
    process.send({ shared: true });
  }
  if (message === "unshare") {
    await press(page, "stop-share");
    await knows(page, "the screen is shared no more", (now) => !now.shares.slides);
    process.send({ shared: false });
  }
});
process.send({ joined: known.self.id });
