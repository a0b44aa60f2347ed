// A device that says hostile things, looked at in a real browser: nothing of it runs, hides or breaks out of its line.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { agent, integer, octets, oid, ticks } from "./support/agent.mjs";
import { chromium, open, see } from "./support/browsers.mjs";
import { ACCOUNT, Daemon } from "./support/daemon.mjs";
import { until } from "./support/wait.mjs";

const IP = "127.91.7.7";
const PORT = 16161;
const COMMUNITY = "cong-dong-xau";
/** Nobody listens there; a request for it would be the planted script's or picture's. */
const PLANTED = "planted.invalid";
const SCRIPT = `<img src="https://${PLANTED}/x" onerror="window.planted=1"><script src="https://${PLANTED}/y"></script><svg onload="window.planted=2">`;
const TRICKS = "mot\r\nhai\x1b[31mdo\x07\u202etxt.exe\u2066";
const BROKEN = Buffer.from([0xff, 0xfe, 0x20, 0xc3, 0x28]);
/** Orders to terminals, ends of lines, and what turns reading round. */
const MARKS = /[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]/;

const DEVICE = [
  ["1.3.6.1.2.1.1.1.0", octets(SCRIPT + TRICKS)],
  ["1.3.6.1.2.1.1.2.0", oid("1.3.6.1.4.1.8072.3.2.10")],
  ["1.3.6.1.2.1.1.3.0", ticks(65_000)],
  ["1.3.6.1.2.1.1.4.0", octets(Buffer.concat([BROKEN, Buffer.from(TRICKS)]))],
  ["1.3.6.1.2.1.1.5.0", octets(`ten-xau${SCRIPT}${TRICKS}`)],
  ["1.3.6.1.2.1.1.6.0", octets(`=HYPERLINK("https://${PLANTED}")${TRICKS}`)],
  ["1.3.6.1.2.1.2.2.1.1.7", integer(7)],
  ["1.3.6.1.2.1.2.2.1.2.7", octets(SCRIPT)],
  ["1.3.6.1.2.1.2.2.1.3.7", integer(6)],
  ["1.3.6.1.2.1.2.2.1.7.7", integer(1)],
  ["1.3.6.1.2.1.2.2.1.8.7", integer(1)],
  ["1.3.6.1.2.1.31.1.1.1.1.7", octets(`cong${TRICKS}`)],
  ["1.3.6.1.2.1.31.1.1.1.18.7", octets(`nhan${SCRIPT}`)],
];

const config = `credentials: [{name: xau, version: v2c, community: "env:NHIPCAU_TEST_COMMUNITY"}]
devices: [{id: xau, name: '<img src=x onerror="window.planted=3">', address: "${IP}:${PORT}", credentials: [xau], poll: 2s}]
`;
const daemon = new Daemon("127.91.0.10", { config, env: { NHIPCAU_TEST_COMMUNITY: COMMUNITY } });
let browser;
let page;
let socket;
const planted = [];
const dialogs = [];

before(async () => {
  socket = await agent(IP, PORT, DEVICE);
  [browser] = await Promise.all([chromium(), daemon.start()]);
  await daemon.setUp();
  page = await open(browser);
  page.on("request", (request) => request.url().includes(PLANTED) && planted.push(request.url()));
  page.on("dialog", (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  await page.goto(`${daemon.https}/`);
  await (await see(page, "username")).type(ACCOUNT.username);
  await (await see(page, "password")).type(ACCOUNT.password);
  await (await see(page, "sign-in", "[type=submit],button[data-test=sign-in]")).click();
  await see(page, "verdict");
});
after(async () => {
  await browser?.close();
  socket?.close();
  await daemon.stop();
});

test("a hostile device is plain text on every page that shows it", async () => {
  const known = await until("the device's port", async () => {
    const device = await daemon.get("/devices/xau");
    return device.interfaces.length === 1 && device;
  });
  assert.match(known.sys_name, /^ten-xau<img/);
  // linkDown of the port under a name of its own, from the device's address.
  await promisify(execFile)("snmptrap", ["-v2c", "-c", COMMUNITY, `--clientaddr=${IP}`, "127.91.0.1:16162", "", "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.2.1.2.2.1.1.7", "i", "7", "1.3.6.1.2.1.2.2.1.2.7", "s", SCRIPT + TRICKS], { env: { PATH: process.env.PATH, MIBS: "" } });
  await until("its event", async () => JSON.stringify(await daemon.get("/events?limit=100")).includes("xau"));

  const shown = { "/": false, "/thiet-bi": true, "/thiet-bi/xau": true, "/su-kien": false, "/so-do": false, "/so-do?thiet-bi=xau": false };
  for (const [path, names] of Object.entries(shown)) {
    await page.goto(daemon.https + path, { waitUntil: "domcontentloaded" });
    await see(page, "nav-home");
    await page.waitForFunction(() => !document.querySelector(".ghost"));
    if (names) await page.waitForFunction(() => document.body.innerText.includes("<img src=x onerror="));
    if (path.endsWith("/xau")) await page.waitForFunction(() => document.body.innerText.includes("ten-xau<img"));
    const seen = await page.evaluate(() => ({
      planted: window.planted,
      foreign: [...document.querySelectorAll("[onerror],[onload],[src]")].map((node) => node.outerHTML).filter((html) => /planted|onerror|onload/.test(html.split(">")[0])),
      text: document.body.innerText,
      title: document.title,
    }));
    assert.equal(seen.planted, undefined, path);
    assert.deepEqual(seen.foreign, [], path);
    assert.doesNotMatch(seen.text, MARKS, path);
    assert.doesNotMatch(seen.title, /[\n\r]/, path);
    assert.doesNotMatch(seen.title, MARKS, path);
  }
  // One line each: no cell of the device's texts keeps the end of a line.
  for (const text of [known.sys_name, known.sys_descr, known.location, known.contact, known.interfaces[0].name, known.interfaces[0].alias]) {
    assert.doesNotMatch(text, /[\n\r]/);
    assert.doesNotMatch(text, MARKS);
  }
  assert.deepEqual(planted, []);
  assert.deepEqual(dialogs, []);
  assert.deepEqual(page.faults, []);
});
