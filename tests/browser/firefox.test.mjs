// Firefox meets Chromium. Firefox offers no loopback candidates at all: it lives in a network namespace of its own, and the bridge
// announces the address of the host's end of a veth pair.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium, join, knows, open } from "./support/browsers.mjs";
import { coded, shown, watched } from "./support/code.mjs";
import { Daemon } from "./support/daemon.mjs";
import { Office } from "./support/namespace.mjs";
import { until } from "./support/wait.mjs";

const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
const HOST = "198.18.91.1";
const why = existsSync(FIREFOX) ? Office.obstacle() : `${FIREFOX} is not there (Debian package firefox-esr)`;
if (why) {
  if (process.env.CI) throw new Error(why);
  console.log(`SKIPPED: ${why}`);
}

let office;
let daemon;
let chrome;
let seat;

/** The next message of the seat that has the key. */
const told = (key) =>
  new Promise((resolve, reject) => {
    seat.on("message", (message) => key in message && resolve(message[key]));
    seat.once("exit", (code) => reject(new Error(`the seat in Firefox ended with ${code}`)));
  });

before(async () => {
  if (why) return;
  office = new Office();
  office.up(office.line(`${HOST}/30`, "198.18.91.2/30"));
  daemon = new Daemon(HOST);
  await daemon.start();
  await daemon.setUp();
  chrome = await chromium();
});
after(async () => {
  seat?.removeAllListeners("exit");
  if (seat?.exitCode === null) {
    const ended = new Promise((resolve) => seat.once("exit", resolve));
    seat.send("leave");
    await ended;
  }
  await chrome?.close();
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
  seat = spawn("ip", command, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  id = await told("joined");
  await both();
  await knows(chair, "Chromium hears Firefox", (known) => known.levels[id] > 0.05);
  const before = (await firefox()).received;
  await until("Firefox hears Chromium", async () => (await firefox()).received.energy > before.energy + 0.01);
  const { received } = await both();
  console.log(JSON.stringify({ measured: "firefox_received", ...received }));
  assert.equal(received.lost, 0);
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
