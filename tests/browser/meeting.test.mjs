// Two browsers meet: they see and hear each other, the chair conducts, a line breaks and heals, the minutes are right.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import { after, before, test } from "node:test";
import { barriers, pictures } from "./support/artifacts.mjs";
import { chromium, click, gone, join, knows, moving, open, picture, see, state, text } from "./support/browsers.mjs";
import { ACCOUNT, Daemon } from "./support/daemon.mjs";
import { PATIENCE_MS, pause, until } from "./support/wait.mjs";

const CHAIR = "tinh";
const SITE = "v-bac-tra-my";
const UPLINK = "isr4431--r-bac-tra-my";
const isRed = ([r, g, b]) => r > 120 && g < 110 && b < 110;
const isBlue = ([r, g, b]) => b > 120 && r < 110 && g < 130;

const daemon = new Daemon("127.91.0.11");
let browsers = [];
let conference;
let chair;
let delegate;
let desk;

before(async () => {
  browsers = await Promise.all([chromium({ colour: [210, 30, 30] }), chromium({ colour: [30, 40, 210] }), chromium(), daemon.start()]).then((all) => all.slice(0, 3));
  await daemon.setUp();
  await daemon.settled();
  conference = await daemon.book("Giao ban trực tuyến", CHAIR, [SITE, "xa-tra-giang"]);
});
after(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await daemon.stop();
});

test("the wizard previews camera and microphone", async () => {
  delegate = await open(browsers[1], daemon.link(conference, SITE));
  await moving(delegate, "the preview", "preview", isBlue);
  await until("the meter moves", () => delegate.$eval('[data-test="meter"]', (meter) => Number(meter.getAttribute("aria-valuenow")) > 10));
  for (const check of ["check-camera", "check-mic", "check-line"]) await see(delegate, check, '[data-state="ok"]');
  assert.equal(await text(delegate, "site-name"), "Điểm vùng Bắc Trà My");
  assert.deepEqual(await pictures(delegate, "vi-wizard"), []);
  assert.deepEqual(await barriers(delegate, "wizard"), []);
});

test("two sites see and hear each other", async () => {
  chair = await open(browsers[0], daemon.link(conference, CHAIR));
  await join(chair, "Chủ tịch UBND tỉnh");
  await join(delegate, "Tổ công nghệ số Bắc Trà My");
  const [first, second] = [(await state(chair)).self, (await state(delegate)).self];
  assert.equal(first.role, "chair");
  assert.equal(second.role, "delegate");
  await moving(chair, "the chair sees blue", "large-video", isBlue);
  await moving(delegate, "the delegate sees red", "large-video", isRed);
  // The fake microphone beeps once a second; only what came over the bridge has a level.
  await knows(chair, "the chair hears the delegate", (known) => known.levels[second.id] > 0.05);
  await knows(delegate, "the delegate hears the chair", (known) => known.levels[first.id] > 0.05);
  assert.deepEqual(await pictures(chair, "vi-room-chair"), []);
  assert.deepEqual(await pictures(delegate, "vi-room-delegate"), []);
  assert.deepEqual(await barriers(chair, "room"), []);
});

test("the desk's board has every invited site", async () => {
  desk = await open(browsers[2], `${daemon.https}/`);
  const signIn = await desk.evaluate(async (account) => (await fetch("/api/v1/session", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(account) })).status, { username: ACCOUNT.username, password: ACCOUNT.password });
  assert.equal(signIn, 200);
  await desk.goto(`${daemon.https}/hop/${conference.id}/dieu-hanh`);
  await see(desk, "board-row", `[data-site="${SITE}"][data-state="joined"]`);
  await see(desk, "board-row", `[data-site="${CHAIR}"][data-state="joined"]`);
  await see(desk, "board-row", '[data-site="xa-tra-giang"][data-state="absent"]');
  assert.equal(await text(desk, "count-joined"), "2");
  assert.deepEqual(await pictures(desk, "vi-board"), []);
  assert.deepEqual(await barriers(desk, "board"), []);
});

test("the chair mutes one and all, gives the floor, lights a person", async () => {
  const { self } = await state(delegate);
  const person = `[data-participant="${self.id}"]`;
  const inPerson = (name) => `[data-test="board-person"]${person} [data-test="${name}"]`;
  const press = async (page, name) => {
    const button = await page.waitForSelector(inPerson(name), { visible: true, timeout: PATIENCE_MS });
    await button.evaluate((node) => node.click());
  };
  await click(chair, "conduct");
  await press(chair, "mute");
  await knows(delegate, "the delegate is mute", (known) => !known.mic);
  await knows(chair, "silence", (known) => !(known.levels[self.id] > 0.02));

  await click(delegate, "mic");
  await knows(chair, "the delegate speaks again", (known) => known.levels[self.id] > 0.05);
  await see(desk, "mute-all");
  await until("the desk knows the open microphone", () => desk.$eval('[data-test="mute-all"]', (button) => !button.disabled));
  await click(desk, "mute-all");
  await click(desk, "ask-yes");
  await knows(delegate, "all are mute", (known) => !known.mic);

  await click(delegate, "hand");
  await see(desk, "hand-tag");
  await press(desk, "give-floor");
  await knows(delegate, "the delegate has the floor", (known) => known.floor === self.id);
  await press(desk, "take-floor");
  await knows(delegate, "nobody has the floor", (known) => known.floor === null);
  await press(chair, "spotlight");
  await knows(delegate, "the delegate is lit", (known) => known.spotlight === self.id);
  await press(chair, "spotlight");
  await knows(delegate, "nobody is lit", (known) => known.spotlight === null);
  if ((await state(delegate)).hand) await click(delegate, "hand");
});

test("what is recorded plays and has picture and sound", async () => {
  await click(desk, "record");
  await click(desk, "ask-yes");
  for (const page of [chair, delegate]) await see(page, "recording");
  await click(delegate, "mic");
  await pause(6_000);
  await click(desk, "record");
  await click(desk, "ask-yes");
  await gone(chair, "recording");
  const [recording] = await until("the recording is done", async () => {
    const all = await daemon.get(`/recordings?conference=${conference.id}`);
    return all.length === 1 && all[0].state !== "recording" && all;
  });
  assert.equal(recording.state, "done", JSON.stringify(recording));
  const folder = mkdtempSync(path(tmpdir(), "nhipcau-recording-"));
  try {
    const file = path(folder, "meeting.mkv");
    writeFileSync(file, await daemon.download(`/recordings/${recording.id}/file`));
    const probe = JSON.parse(execFileSync("ffprobe", ["-v", "error", "-print_format", "json", "-show_streams", "-show_format", "-count_packets", file], { encoding: "utf8" }));
    const packets = Object.fromEntries(probe.streams.map((stream) => [stream.codec_type, Number(stream.nb_read_packets)]));
    assert.ok(packets.video > 10, JSON.stringify(packets));
    assert.ok(packets.audio > 50, JSON.stringify(packets));
    assert.ok(Number(probe.format.duration) > 3, probe.format.duration);
    // Decoded from end to end: a file that any player plays has no damaged packet.
    assert.equal(execFileSync("ffmpeg", ["-v", "error", "-i", file, "-f", "null", "-"], { encoding: "utf8" }), "");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a line breaks: the board names it, one run tells, the seat is kept, and healing brings all back", async () => {
  await click(delegate, "hand");
  const before = await knows(delegate, "the hand is up", (known) => known.hand && known.self?.hand !== undefined && known.self);
  const { self } = before;
  const runs = async () => (await daemon.get("/runs")).filter((run) => run.playbook === "link-down");
  assert.deepEqual(await runs(), []);

  const broken = Date.now();
  await daemon.lab("break", UPLINK);
  const sentence = await until("the board names interface and device", async () => {
    const row = await desk.$(`[data-test="board-row"][data-site="${SITE}"][data-state="dropped"]`);
    const said = row && (await row.$eval('[data-test="board-reason"]', (node) => node.innerText));
    return said && /Gi0\/\d\/\d/.test(said) && /ISR 4431/.test(said) && said;
  });
  console.log(JSON.stringify({ measured: "line_down_named_ms", value: Date.now() - broken, unit: "ms", sentence }));
  assert.deepEqual(await pictures(desk, "vi-board-line-down"), []);
  await until("the picture stands still", async () => {
    const one = await picture(delegate, "large-video");
    await pause(1_000);
    const two = await picture(delegate, "large-video");
    return !two || (one && two.frames === one.frames);
  });

  const cause = await until("the devices behind the cause", async () => {
    const found = (await daemon.get("/incidents?open=true")).find((incident) => incident.reason.code === "link_down");
    return found?.behind.length > 1 && found.behind.some((one) => one.device === "r-bac-tra-my") && found;
  });
  assert.equal(cause.device, "isr4431");
  assert.equal((await runs()).length, 1);
  const others = (await daemon.get("/runs")).filter((run) => run.playbook !== "link-down" && run.playbook !== "recording-failed");
  assert.deepEqual(others, [], "nobody is told of what stands behind");
  assert.deepEqual(cause.run_ids, (await runs()).map((run) => run.id));

  const healed = Date.now();
  await daemon.lab("heal", UPLINK);
  const back = await knows(delegate, "the delegate is back by itself", (known) => known.phase === "in" && known.connection === "connected" && known.self?.connected);
  assert.equal(back.self.role, self.role);
  assert.ok(back.self.hand !== undefined, "the hand is still up");
  await see(desk, "board-row", `[data-site="${SITE}"][data-state="joined"]`);
  await moving(chair, "the chair sees blue again", "large-video", isBlue);
  await moving(delegate, "the delegate sees red again", "large-video", isRed);
  console.log(JSON.stringify({ measured: "line_healed_picture_ms", value: Date.now() - healed, unit: "ms" }));
  const run = await until("the run ends with the recovery", async () => {
    const [only] = await runs();
    return only.state === "done" && only;
  }, 60_000);
  assert.equal((await runs()).length, 1);
  assert.ok(run.finished_at);
});

test("removed means out, and the end is the end for everybody", async () => {
  const { self } = await state(delegate);
  const button = await desk.waitForSelector(`[data-test="board-person"][data-participant="${self.id}"] [data-test="remove"]`, { visible: true });
  await button.evaluate((node) => node.click());
  await click(desk, "ask-yes");
  await see(delegate, "over-removed");
  assert.deepEqual(await pictures(delegate, "vi-room-removed"), []);
  await click(desk, "end");
  await click(desk, "ask-yes");
  await see(chair, "over-ended");
  assert.deepEqual(await pictures(chair, "vi-room-over"), []);
});

test("the report has the intervals with their reasons, as page, XLSX and CSV", async () => {
  const rows = (await daemon.get(`/conferences/${conference.id}/attendance`)).filter((row) => row.site === SITE).sort((a, b) => (a.joined_at < b.joined_at ? -1 : 1));
  assert.equal(rows.length, 2, JSON.stringify(rows));
  assert.equal(rows[0].reason.code, "line_down", JSON.stringify(rows));
  assert.ok(rows[0].left_at <= rows[1].joined_at, JSON.stringify(rows));
  assert.equal(rows[1].reason.code, "removed", JSON.stringify(rows));
  await desk.goto(`${daemon.https}/hop/${conference.id}/bao-cao`);
  const table = await text(desk, "attendance");
  assert.match(table, /Gi0\/\d\/\d/);
  assert.match(await text(desk, "absent"), /Trà Giang/);
  await see(desk, "recording-row", '[data-state="done"]');
  assert.deepEqual(await pictures(desk, "vi-report-after"), []);
  const xlsx = await daemon.download(`/conferences/${conference.id}/attendance.xlsx`);
  assert.equal(xlsx.subarray(0, 4).toString("latin1"), "PK\u0003\u0004");
  const csv = (await daemon.download(`/conferences/${conference.id}/attendance.csv`)).toString("utf8");
  assert.equal(csv.split("\n").filter((line) => line.includes("Điểm vùng Bắc Trà My")).length, 2, csv);
  for (const page of [chair, delegate, desk]) assert.deepEqual(page.faults.filter((fault) => !/WebSocket/.test(fault)), []);
});
