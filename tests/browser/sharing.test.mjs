// A screen is shared with its sound, sites take less picture, a thin line falls back to sound: nobody looks at a dead picture without a reason.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, test } from "node:test";
import { barriers, pictures } from "./support/artifacts.mjs";
import { chromium, choose, click, gone, join, knows, moving, open, picture, press, says, see, state, text } from "./support/browsers.mjs";
import { ACCOUNT, Daemon } from "./support/daemon.mjs";
import { pause, until } from "./support/wait.mjs";

const CHAIR = "tinh";
const SITE = "v-bac-tra-my";
/** Has a document camera. */
const PAPER = "v-hoi-an";
const UPLINK = "isr4431--r-bac-tra-my";
/** The browser picks the tab with this title when a page asks what to share. */
const TITLE = "Báo cáo quý";
const isRed = ([r, g, b]) => r > 120 && g < 110 && b < 110;
const isBlue = ([r, g, b]) => b > 120 && r < 110 && g < 130;
const isGreen = ([r, g, b]) => g > 120 && r < 110 && b < 110;

const daemon = new Daemon("127.91.0.14");
let browsers = [];
let conference;
let chair;
let delegate;
let desk;
let self;

const isCamera = (colour) => isRed(colour) || isBlue(colour);
/** The tab, or the dark green screen that Chromium makes up where it finds none. */
const isScreen = ([r, g, b]) => g > 50 && g > 2 * r && g > 2 * b;

/** What stands below the middle of a recording's pictures, two a second. */
function colours(file) {
  const words = ["-v", "quiet", "-i", "-", "-an", "-vf", "fps=2,scale=32:18:flags=area", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"];
  const { stdout } = spawnSync("ffmpeg", words, { input: file, maxBuffer: 64 << 20 });
  const [size, pixel] = [32 * 18 * 3, (14 * 32 + 16) * 3];
  return Array.from({ length: Math.floor(stdout.length / size) }, (_, frame) => [...stdout.subarray(frame * size + pixel).subarray(0, 3)]);
}

/** The file plays while it is written: waits until it has a picture like that. */
const recorded = (what, like) =>
  until(`${what} in the recording`, async () => {
    const [newest] = await daemon.get(`/recordings?conference=${conference.id}`);
    return newest?.bytes > 0 && colours(await daemon.download(`/recordings/${newest.id}/file`)).some(like);
  }, 90_000);

before(async () => {
  const share = [`--auto-select-tab-capture-source-by-title=${TITLE}`];
  browsers = await Promise.all([chromium({ colour: [210, 30, 30], more: share }), chromium({ colour: [30, 40, 210], more: share }), chromium(), daemon.start()]).then((all) => all.slice(0, 3));
  await daemon.setUp();
  await daemon.settled();
  conference = await daemon.book("Giao ban có trình chiếu", CHAIR, [SITE, PAPER]);
  const slides = await open(browsers[0]);
  await slides.setContent(`<title>${TITLE}</title><style>body{margin:0;background:rgb(20,170,40);font:48px sans-serif;color:#fff}</style><h1>Thu ngân sách quý IV</h1><p id="n"></p>`);
  await slides.evaluate(() => {
    const sound = new AudioContext();
    const tone = sound.createOscillator();
    const loudness = sound.createGain();
    loudness.gain.value = 0.3;
    tone.connect(loudness).connect(sound.destination);
    tone.start();
    setInterval(() => (document.getElementById("n").textContent = String(performance.now())), 100);
  });
  chair = await open(browsers[0], daemon.link(conference, CHAIR));
  delegate = await open(browsers[1], daemon.link(conference, SITE));
  await join(chair, "Chủ tịch UBND tỉnh");
  await join(delegate, "Tổ công nghệ số Bắc Trà My");
  self = { chair: (await state(chair)).self.id, delegate: (await state(delegate)).self.id };
  desk = await open(browsers[2], `${daemon.https}/`);
  await desk.evaluate(async (account) => fetch("/api/v1/session", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(account) }), { username: ACCOUNT.username, password: ACCOUNT.password });
  await desk.goto(`${daemon.https}/hop/${conference.id}/dieu-hanh`);
  await see(desk, "board-row", `[data-site="${SITE}"][data-state="joined"]`);
});
after(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await daemon.stop();
});

test("a shared screen is large and heard, and who speaks is beside it", async () => {
  await moving(delegate, "the delegate sees red", "large-video", isRed);
  await click(desk, "record");
  await click(desk, "ask-yes");
  for (const page of [chair, delegate]) await see(page, "recording");
  await recorded("a camera", isCamera);
  await chair.bringToFront();
  await press(chair, "share");
  await see(chair, "share-sheet");
  assert.deepEqual(await pictures(chair, "vi-room-share-sheet"), []);
  assert.deepEqual(await barriers(chair, "share sheet"), []);
  await press(chair, "screen-start");
  await knows(chair, "the screen is shared", (known) => known.shares.slides);
  await moving(delegate, "the delegate sees the green screen", "large-video", isGreen, '[data-track="slides"]');
  await moving(delegate, "the chair is beside it", "beside-video", isRed);
  await knows(delegate, "the screen is heard", (known) => known.levels[`${self.chair}/slides`] > 0.02);
  const large = await picture(delegate, "large-video");
  assert.ok(large.width >= 640, `a screen that can be read, ${large.width} wide`);
  assert.deepEqual(await pictures(delegate, "vi-room-slides"), []);
  assert.deepEqual(await pictures(chair, "vi-room-sharing"), []);
  assert.deepEqual(await barriers(delegate, "slides"), []);
});

test("the recording has the shared screen after the camera", async () => {
  await recorded("the screen", isScreen);
  await click(desk, "record");
  await click(desk, "ask-yes");
  await gone(chair, "recording");
  const done = await until("the recording is done", async () => (await daemon.get(`/recordings?conference=${conference.id}`)).find((row) => row.state === "done"));
  const seen = colours(await daemon.download(`/recordings/${done.id}/file`));
  const camera = seen.findIndex(isCamera);
  assert.ok(camera >= 0 && seen.findIndex(isScreen) > camera, JSON.stringify(seen));
});

test("a second one is refused, what is pinned is large, and the host ends a share", async () => {
  await delegate.bringToFront();
  await delegate.evaluate(() => document.documentElement.lang);
  await click(delegate, "beside");
  await moving(delegate, "the pinned camera is large", "large-video", isRed, '[data-track="main"]');
  await moving(delegate, "the screen is a tile", "tile-video", isGreen, '[data-track="slides"]');
  await click(delegate, "unpin");
  await moving(delegate, "the screen is large again", "large-video", isGreen, '[data-track="slides"]');
  await see(desk, "slides-tag");
  assert.deepEqual(await pictures(desk, "vi-board-sharing"), []);
  assert.deepEqual(await barriers(desk, "board with shares"), []);
  await click(desk, "stop-share");
  const told = await knows(chair, "the chair is told who ended it", (known) => !known.shares.slides && known.notice?.code === "share_ended_by" && known);
  assert.equal(told.notice.args.name, ACCOUNT.display_name);
  await moving(delegate, "the chair's camera is large again", "large-video", isRed, '[data-track="main"]');
});

test("the host imposes sound only, over a reload, and lifts it", async () => {
  const impose = (mode) => desk.select(`[data-test="board-row"][data-site="${SITE}"] [data-test="impose"]`, mode);
  await impose("sound_only");
  await knows(delegate, "the mode is imposed", (known) => known.mode === "sound_only" && known.mode_by === ACCOUNT.display_name);
  await gone(delegate, "large-video");
  await says(delegate, "stage", /theo chế độ/);
  await says(delegate, "status", new RegExp(`${ACCOUNT.display_name} .*chỉ âm thanh`));
  await knows(delegate, "sound goes on", (known) => known.levels[self.chair] > 0.05);
  await gone(chair, "large-video");
  await says(chair, "stage", /Chỉ âm thanh/);
  await see(desk, "mode-tag");
  assert.deepEqual(await pictures(delegate, "vi-room-sound-only"), []);
  assert.deepEqual(await pictures(desk, "vi-board-sound-only"), []);
  await delegate.reload();
  await join(delegate, "Tổ công nghệ số Bắc Trà My");
  await knows(delegate, "a new page of the site is bound too", (known) => known.mode === "sound_only");
  await impose("none");
  await knows(delegate, "lifted", (known) => known.mode === "normal");
  await moving(delegate, "the delegate sees red again", "large-video", isRed);
  await moving(chair, "the chair sees blue again", "large-video", isBlue);
});

test("a site chooses the light picture, and it is remembered", async () => {
  await click(delegate, "devices");
  await click(delegate, "mode-light");
  await knows(delegate, "light", (known) => known.mode === "light");
  assert.deepEqual(await pictures(delegate, "vi-room-mode"), []);
  assert.deepEqual(await barriers(delegate, "mode"), []);
  await delegate.keyboard.press("Escape");
  const narrow = await until("the smallest layer", async () => {
    const now = await picture(delegate, "large-video");
    return now && now.width <= 320 && now;
  });
  assert.ok(narrow.width > 0);
  await click(delegate, "picture-again");
  await knows(delegate, "normal", (known) => known.mode === "normal");
  await moving(delegate, "the delegate sees red", "large-video", isRed);
});

// Of Chromium's made-up cameras the second films depths, which nobody can send; the third is a camera again.
test("a second camera shows papers to everybody, and the speaker beside them", async () => {
  const browser = await chromium({ more: ["--use-fake-device-for-media-stream=device-count=3"] });
  browsers.push(browser);
  const site = await open(browser, daemon.link(conference, PAPER));
  await join(site, "Tổ thư ký", { mic: false });
  await press(site, "share");
  const third = await (await see(site, "paper-camera")).evaluate((list) => list.options[1].value);
  await choose(site, "paper-camera", third);
  await press(site, "paper-start");
  await knows(site, "the papers are shared", (known) => known.shares.document && !known.shares.slides);
  for (const [page, who] of [[chair, "the chair"], [delegate, "the delegate"]]) await moving(page, `${who} sees the papers`, "large-video", isGreen, '[data-track="document"]');
  await moving(delegate, "the chair is beside them", "beside-video", isRed);
  await press(site, "stop-share");
  await knows(site, "the papers are shared no more", (known) => !known.shares.document);
  for (const [page, who] of [[chair, "the chair"], [delegate, "the delegate"]]) await see(page, "large-video", '[data-track="main"]').catch((cause) => { throw new Error(`${who} sees no camera again`, { cause }); });
  await press(site, "leave");
  await click(site, "ask-yes");
  await knows(delegate, "the site has left", (known) => known.participants.length === 2);
});

test("a line that carries no picture falls back to sound with a word, and the picture returns by itself", async () => {
  await daemon.lab("narrow", UPLINK, "64k");
  const fallen = await knows(delegate, "sound only", (known) => known.self?.fallen_since !== undefined && known);
  assert.ok(fallen.withheld.some((row) => row.why === "fallen"), JSON.stringify(fallen.withheld));
  await says(delegate, "status", /quá yếu cho hình/);
  await says(delegate, "stage", /quá yếu cho hình, tiếng vẫn có/);
  await see(desk, "fallen-tag");
  assert.deepEqual(await pictures(delegate, "vi-room-fallen"), []);
  assert.deepEqual(await pictures(desk, "vi-board-fallen"), []);
  await pause(2_000);
  await knows(delegate, "sound goes on", (known) => known.levels[self.chair] > 0.03);
  await daemon.lab("heal", UPLINK);
  await knows(delegate, "the picture is back", (known) => known.self?.fallen_since === undefined);
  await moving(delegate, "the delegate sees red again", "large-video", isRed);
  await gone(desk, "fallen-tag");
});
