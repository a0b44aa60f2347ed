// A seat in Firefox, as a child process: it runs where Firefox runs, because Firefox listens to its driver on loopback only.
// Arguments: the link, the name. Tells its parent `{ joined }`, then `{ seen }`, and ends when the parent does.

import puppeteer from "puppeteer-core";
import { join, knows, moving, open } from "./browsers.mjs";

const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
const [link, name] = process.argv.slice(2);

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

const page = await open(browser, link);
const known = await join(page, name);
process.send({ joined: known.self.id });
const seen = await moving(page, "Firefox sees red", "large-video", ([r, g, b]) => r > 120 && g < 110 && b < 110);
await knows(page, "Firefox hears the chair", (state) => Object.values(state.levels).some((level) => level > 0.05));
process.send({ seen: seen.mean });
