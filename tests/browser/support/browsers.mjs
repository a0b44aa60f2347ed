// Real browsers, each a process of its own.

import { existsSync } from "node:fs";
import puppeteer from "puppeteer-core";
import { camera } from "./camera.mjs";
import { PATIENCE_MS, until } from "./wait.mjs";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  "--disable-background-networking",
  "--no-first-run",
  "--ignore-certificate-errors",
  "--autoplay-policy=no-user-gesture-required",
  // A window behind another one is a viewer as well.
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
  // Where loopback is all there is, a first connection would else wait for an interface that never comes, and only a second one begin.
  "--allow-loopback-in-peer-connection",
];

/** A Chromium; `colour` ([r, g, b]) makes its camera show that colour with a moving bar; `program` starts it elsewhere; `display` is where it has a window; `more` are further flags. */
export async function chromium({ colour, program = CHROMIUM, display, more = [] } = {}) {
  if (!existsSync(CHROMIUM)) throw new Error(`${CHROMIUM} is not there (Debian package chromium; make test installs it)`);
  const args = [...FLAGS, ...more, ...(colour ? [`--use-file-for-fake-video-capture=${camera(colour)}`] : [])];
  return puppeteer.launch({ executablePath: program, pipe: program !== CHROMIUM, headless: display === undefined, env: { ...process.env, ...(display && { DISPLAY: display }) }, args, acceptInsecureCerts: true, protocolTimeout: 2 * PATIENCE_MS, defaultViewport: { width: 1280, height: 800 } });
}

/** A page whose errors fail the test that looks at `page.faults`. */
export async function open(browser, address) {
  const page = await browser.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of (401|404|409)/.test(message.text())) page.faults.push(message.text());
  });
  if (address) await page.goto(address, { waitUntil: "domcontentloaded" });
  return page;
}

const selector = (name, more = "") => `[data-test="${name}"]${more}`;

/** Waits for an element by its test name and returns it. */
export async function see(page, name, more = "") {
  return page.waitForSelector(selector(name, more), { visible: true, timeout: PATIENCE_MS });
}

export async function click(page, name, more = "") {
  // The page may draw the button anew between finding and clicking.
  await until(`${name} can be clicked`, async () => {
    const element = await see(page, name, more);
    await element.evaluate((node) => node.scrollIntoView({ block: "center" }));
    await page.evaluate((found) => {
      if (found.disabled) throw new Error("is disabled");
      found.click();
    }, element);
    return true;
  });
}

/** Clicks as a hand does: what asks for a person's will (sharing a screen) believes nothing else. */
export async function press(page, name, more = "") {
  await (await see(page, name, more)).click();
}

export async function type(page, name, text) {
  const element = await see(page, name);
  await element.click();
  await element.evaluate((field) => field.select());
  await element.type(text);
}

/** Sets a field that a keyboard cannot fill the same way everywhere (dates, lists). */
export async function choose(page, name, value) {
  const element = await see(page, name);
  await element.evaluate((node, wanted) => {
    const proto = node instanceof HTMLSelectElement ? HTMLSelectElement.prototype : HTMLInputElement.prototype;
    Object.getOwnPropertyDescriptor(proto, "value").set.call(node, wanted);
    node.dispatchEvent(new Event("input", { bubbles: true }));
    node.dispatchEvent(new Event("change", { bubbles: true }));
  }, value);
}

export async function text(page, name, more = "") {
  return (await see(page, name, more)).evaluate((node) => node.innerText);
}

/** Waits until an element says what is expected. */
export async function says(page, name, expected) {
  let last = "";
  try {
    await until(`${name} says ${expected}`, async () => expected.test((last = await text(page, name))));
  } catch (cause) {
    throw new Error(`${name} says: ${last}`, { cause });
  }
}

export async function gone(page, name, more = "") {
  await page.waitForSelector(selector(name, more), { hidden: true, timeout: PATIENCE_MS });
}

/** What a room page knows. */
export const state = (page) => page.evaluate(() => window.__nhipcau.state());

/** Waits until the room page's state satisfies. */
export async function knows(page, what, satisfies) {
  return until(what, async () => {
    const known = await state(page);
    return satisfies(known) && known;
  });
}

/** Goes through the wizard of a room page. */
export async function join(page, name, { mic = true } = {}) {
  await see(page, "wizard");
  await type(page, "name", name);
  const wants = await (await see(page, "want-mic")).evaluate((node) => node.checked);
  if (wants !== mic) await click(page, "want-mic");
  await click(page, "join");
  return knows(page, `${name} is in`, (known) => known.phase === "in" && known.connection === "connected");
}

/** The mean colour of a video's picture and a digest of it, undefined while there is no picture. */
export async function picture(page, name, more = "") {
  return page.evaluate((wanted) => {
    const video = document.querySelector(wanted);
    if (!video || video.videoWidth === 0 || video.readyState < 2) return undefined;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [64, 36];
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0, 64, 36);
    const { data } = context.getImageData(0, 0, 64, 36);
    const sum = [0, 0, 0];
    let digest = 0;
    for (let at = 0; at < data.length; at += 4) {
      for (let channel = 0; channel < 3; channel += 1) {
        sum[channel] += data[at + channel];
        digest = (digest * 31 + data[at + channel]) >>> 0;
      }
    }
    return { mean: sum.map((total) => total / (data.length / 4)), digest, width: video.videoWidth, frames: video.getVideoPlaybackQuality().totalVideoFrames };
  }, selector(name, more));
}

/** Waits until a video shows a moving picture whose mean colour satisfies. */
export async function moving(page, what, name, satisfies, more = "") {
  let before;
  return until(what, async () => {
    const now = await picture(page, name, more);
    if (!now || !satisfies(now.mean)) return undefined;
    // Firefox counts no frames of a live stream; another picture is proof enough.
    const moved = before && before.digest !== now.digest;
    before ??= now;
    return moved ? now : undefined;
  });
}
