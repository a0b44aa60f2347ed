// Firefox meets Chromium. Firefox offers no loopback candidates at all: it lives in a network namespace of its own, and the bridge
// announces the address of the host's end of a veth pair.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium, join, knows, moving, open, picture } from "./support/browsers.mjs";
import { coded, shown, watched } from "./support/code.mjs";
import { Daemon } from "./support/daemon.mjs";
import { Office } from "./support/namespace.mjs";
import { Screen } from "./support/screen.mjs";
import { until } from "./support/wait.mjs";

const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
const HOST = "198.18.91.1";
/** Of the screen that Firefox shares: small, for two encoders in software take what the machine has. */
const WIDTH = 800;
const why = existsSync(FIREFOX) ? Office.obstacle() ?? Screen.obstacle() : `${FIREFOX} is not there (Debian package firefox-esr)`;
if (why) {
  if (process.env.CI) throw new Error(why);
  console.log(`SKIPPED: ${why}`);
}

let office;
let daemon;
let chrome;
const screen = new Screen();
/** What is on that screen. */
let program;
let seat;

/** The next message of the seat that has the key. */
const told = (key) =>
  new Promise((resolve, reject) => {
    const ended = (code) => reject(new Error(`the seat in Firefox ended with ${code}`));
    const heard = (message) => {
      if (!(key in message)) return;
      seat.off("message", heard).off("exit", ended);
      resolve(message[key]);
    };
    seat.on("message", heard).once("exit", ended);
  });

before(async () => {
  if (why) return;
  office = new Office();
  office.up(office.line(`${HOST}/30`, "198.18.91.2/30"));
  daemon = new Daemon(HOST);
  await daemon.start();
  await daemon.setUp();
  chrome = await chromium();
  await screen.up(WIDTH, 450);
});
after(async () => {
  seat?.removeAllListeners("exit");
  if (seat?.exitCode === null) {
    const ended = new Promise((resolve) => seat.once("exit", resolve));
    seat.send("leave");
    await ended;
  }
  await chrome?.close();
  await program?.close();
  await screen.remove();
  await daemon?.stop();
  office?.remove();
});

/** What a page showed lately, judged: `count` pictures in a row of the sender, whole. */
const flows = (pictures, number, count = 10) => {
  const tail = pictures.filter((picture) => picture.where === "large-video").slice(-count);
  return tail.length === count && tail.every((picture) => picture.sound && picture.sender === number);
};

async function firefox() {
  const answer = told("shown");
  seat.send("shown");
  return answer;
}

/** Waits until both show each other's pictures; returns what Firefox said last. */
async function both() {
  const [there, here] = [[], []];
  await until("Chromium sees Firefox", async () => {
    here.push(...(await shown(chair)));
    return flows(here, 2);
  });
  return until("Firefox sees Chromium", async () => {
    const said = await firefox();
    there.push(...said.pictures);
    return flows(there, 1) && said;
  });
}

let chair;
let id;

test("Firefox and Chromium see and hear each other, picture by picture", { skip: why ?? false }, async () => {
  const conference = await daemon.book("Họp với Firefox", "tinh", ["xa-tra-giang"]);
  chair = await open(chrome);
  await coded(chair, 1);
  await watched(chair);
  await chair.goto(daemon.link(conference, "tinh"), { waitUntil: "domcontentloaded" });
  await join(chair, "Chủ trì");
  await chair.evaluate(() => window.__voice(0.5));
  const script = fileURLToPath(new URL("support/firefox_seat.mjs", import.meta.url));
  const command = ["netns", "exec", office.name, process.execPath, script, daemon.link(conference, "xa-tra-giang"), "Xã Trà Giang", "2"];
  seat = spawn("ip", command, { stdio: ["ignore", "inherit", "inherit", "ipc"], env: { ...process.env, DISPLAY: screen.name } });
  id = await told("joined");
  await both();
  await knows(chair, "Chromium hears Firefox", (known) => known.levels[id] > 0.05);
  const before = (await firefox()).received;
  await until("Firefox hears Chromium", async () => (await firefox()).received.energy > before.energy + 0.01);
  const { received } = await both();
  console.log(JSON.stringify({ measured: "firefox_received", ...received }));
  assert.equal(received.lost, 0);
});

/** A real screen with a program on it: Firefox asks for screens as everywhere, and its fake devices are no screens. */
test("Firefox shares its screen, Chromium sees it large, and it ends", { skip: why ?? false }, async () => {
  program = await chromium({ display: screen.name, more: ["--kiosk", "--window-position=0,0", `--window-size=${WIDTH},450`] });
  const [slides] = await program.pages();
  await slides.setContent('<style>body{margin:0;background:rgb(20,170,40);font:96px sans-serif;color:#fff}</style><p id="n"></p>');
  await slides.evaluate(() => setInterval(() => (document.getElementById("n").textContent = String(performance.now())), 100));
  const shared = told("shared");
  seat.send("share");
  await shared;
  const isGreen = ([r, g, b]) => g > 120 && r < 110 && b < 110;
  await moving(chair, "Chromium sees the screen of Firefox", "large-video", isGreen, '[data-track="slides"]');
  await until("in its full size, at its best", async () => (await picture(chair, "large-video")).width === WIDTH);
  const over = told("shared");
  seat.send("unshare");
  await over;
  await program.close();
  program = undefined;
  await both();
});

test("Firefox comes back by itself after the daemon was killed", { skip: why ?? false }, async () => {
  await daemon.restart();
  await knows(chair, "Chromium is back", (known) => known.phase === "in" && known.connection === "connected");
  await until("Firefox is back", async () => {
    const { phase, connection } = await firefox();
    return phase === "in" && connection === "connected";
  });
  const said = await both();
  assert.equal(said.seat, id);
});
