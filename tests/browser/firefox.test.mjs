// Firefox meets Chromium. Firefox offers no loopback candidates at all: it lives in a network namespace of its own, and the bridge
// announces the address of the host's end of a veth pair.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium, join, knows, moving, open } from "./support/browsers.mjs";
import { Daemon } from "./support/daemon.mjs";

const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
const NAMESPACE = `nhipcau-${process.pid}`;
// Interface names have at most 15 letters.
const [OUTSIDE, INSIDE] = [`nco${process.pid}`, `nci${process.pid}`];
const [HOST_IP, GUEST_IP] = ["198.18.91.1", "198.18.91.2"];

const ip = (...words) => execFileSync("ip", words, { stdio: "pipe" });

/** Why this test cannot run here, or undefined. */
function obstacle() {
  if (!existsSync(FIREFOX)) return `${FIREFOX} is not there (Debian package firefox-esr)`;
  try {
    ip("netns", "add", NAMESPACE);
    ip("link", "add", OUTSIDE, "type", "veth", "peer", "name", INSIDE, "netns", NAMESPACE);
    ip("addr", "add", `${HOST_IP}/30`, "dev", OUTSIDE);
    ip("link", "set", OUTSIDE, "up");
    ip("-n", NAMESPACE, "addr", "add", `${GUEST_IP}/30`, "dev", INSIDE);
    ip("-n", NAMESPACE, "link", "set", INSIDE, "up");
    ip("-n", NAMESPACE, "link", "set", "lo", "up");
    return undefined;
  } catch (error) {
    return `a network namespace cannot be made here: ${String(error.stderr ?? error).trim()}`;
  }
}

function clean() {
  for (const words of [["link", "del", OUTSIDE], ["netns", "del", NAMESPACE]]) {
    try {
      ip(...words);
    } catch {
      // was never made
    }
  }
}

const why = obstacle();
if (why) {
  clean();
  console.log(`SKIPPED: ${why}`);
}

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
  daemon = new Daemon(HOST_IP);
  await daemon.start();
  await daemon.setUp();
  chrome = await chromium({ colour: [210, 30, 30] });
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
  clean();
});

test("Firefox and Chromium see and hear each other", { skip: why ?? false }, async () => {
  const conference = await daemon.book("Họp với Firefox", "tinh", ["xa-tra-giang"]);
  const chair = await open(chrome, daemon.link(conference, "tinh"));
  await join(chair, "Chủ trì");
  const script = fileURLToPath(new URL("support/firefox_seat.mjs", import.meta.url));
  const command = ["netns", "exec", NAMESPACE, process.execPath, script, daemon.link(conference, "xa-tra-giang"), "Xã Trà Giang"];
  seat = spawn("ip", command, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const id = await told("joined");
  const seen = told("seen");
  // Firefox's own fake camera changes its colour all the time.
  await moving(chair, "Chromium sees Firefox", "large-video", (mean) => Math.max(...mean) > 20);
  await knows(chair, "Chromium hears Firefox", (known) => known.levels[id] > 0.05);
  assert.equal((await seen).length, 3);
});
