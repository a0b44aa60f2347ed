// From the first start to a booked conference, by clicks; then every page as a picture and for axe.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { barriers, pictures } from "./support/artifacts.mjs";
import { choose, chromium, click, gone, open, see, text, type } from "./support/browsers.mjs";
import { ACCOUNT, Daemon } from "./support/daemon.mjs";
import { PATIENCE_MS, until } from "./support/wait.mjs";

const daemon = new Daemon("127.91.0.10");
let browser;
let page;

before(async () => {
  [browser] = await Promise.all([chromium(), daemon.start()]);
  page = await open(browser, `${daemon.https}/`);
});
after(async () => {
  await browser?.close();
  await daemon.stop();
});

const today = () => new Date(Date.now() + 7 * 3_600_000).toISOString().slice(0, 10);

test("the printed token makes the first account, and only once", async () => {
  await type(page, "setup-token", daemon.token);
  await type(page, "display-name", ACCOUNT.display_name);
  await type(page, "username", ACCOUNT.username);
  await type(page, "password", ACCOUNT.password);
  await type(page, "password-repeat", ACCOUNT.password);
  assert.deepEqual(await pictures(page, "vi-set-up"), []);
  await click(page, "set-up");
  await see(page, "verdict");
  const cookies = await browser.cookies();
  const session = cookies.find((cookie) => cookie.name === "__Host-nhipcau");
  assert.ok(session?.httpOnly && session.secure, JSON.stringify(cookies.map(({ name, httpOnly, secure }) => ({ name, httpOnly, secure }))));

  await click(page, "sign-out");
  await see(page, "sign-in");
  await type(page, "username", ACCOUNT.username);
  await type(page, "password", "không phải mật khẩu");
  await click(page, "sign-in");
  await see(page, "refusal");
  assert.deepEqual(await pictures(page, "vi-sign-in"), []);
  await type(page, "password", ACCOUNT.password);
  await click(page, "sign-in");
  await see(page, "verdict");
  await daemon.signIn();
});

test("the console shows the whole province", async () => {
  const devices = await daemon.get("/devices");
  assert.ok(devices.length >= 98, `${devices.length} devices`);
  await click(page, "nav-devices");
  await see(page, "devices");
  const rows = await until("all rows", async () => {
    const shown = await page.$$eval('[data-test="devices"] [data-row]', (found) => found.length);
    return shown === devices.length && shown;
  });
  assert.equal(rows, devices.length);
  await see(page, "lab");

  await daemon.settled();
  await page.goto(`${daemon.https}/thiet-bi/isr4431`);
  await see(page, "verdict", '[data-health="ok"]');
  await see(page, "interface", '[data-interface="Gi0/1/0"]');
});

test("a conference is booked on the desk; an overlapping one is told of", async () => {
  const book = async (title) => {
    await page.goto(`${daemon.https}/hop/moi`);
    await type(page, "title", title);
    await choose(page, "date", today());
    await choose(page, "from", "22:00");
    await choose(page, "to", "23:00");
    await click(page, "forward");
    await choose(page, "chair", "tinh");
    for (const site of ["v-bac-tra-my", "xa-tra-giang"]) await click(page, `site-${site}`);
    await click(page, "forward");
  };
  await book("Giao ban phòng chống bão");
  await see(page, "no-conflict");
  await click(page, "book-now");
  await see(page, "booked");
  const links = await page.$$eval('[data-test="join-link"]', (found) => found.map((input) => [input.dataset.site, input.value]));
  assert.deepEqual(links.map(([site]) => site).sort(), ["tinh", "v-bac-tra-my", "xa-tra-giang"]);
  for (const [, link] of links) assert.match(link, new RegExp(`^${daemon.https}/p/[a-z2-7]+#[A-Za-z0-9_-]{22}$`));
  assert.equal(new Set(links.map(([, link]) => link)).size, 3);

  const [conference] = await daemon.get("/conferences");
  const ics = await page.$eval('[data-test="ics"]', async (anchor) => (await fetch(anchor.href)).text());
  assert.match(ics, /^BEGIN:VCALENDAR\r\n/);
  assert.match(ics, /SUMMARY:Giao ban phòng chống bão/);
  assert.ok(!links.some(([, link]) => ics.includes(link.split("#")[1])), "a calendar that is passed on holds no key");

  await book("Họp trùng giờ");
  assert.match(await text(page, "conflicts"), /Giao ban phòng chống bão/);
  assert.equal(await page.$eval('[data-test="book-now"]', (button) => button.disabled), true);
  await click(page, "accept-conflicts");
  await click(page, "book-now");
  await see(page, "booked");
  assert.equal((await daemon.get("/conferences")).length, 2);
  assert.ok(conference.id > 0);
});

test("the topology shows the province in a picture and in words, and a broken link where it broke", async () => {
  const drawn = async () => Number(await page.$eval('[data-test="map"]', (map) => map.dataset.drawn ?? 0));
  const row = (spot) => `[data-spot="${spot}"]`;
  await page.goto(`${daemon.https}/so-do`);
  await until("the picture", async () => (await drawn()) > 15);
  const folded = await drawn();
  assert.ok(folded < 40, `${folded} spots: communes are folded into their regions`);
  await page.waitForSelector(row("s:v-bac-tra-my"));

  // By keyboard: unfold the region, choose a commune, show its way.
  await page.focus(`${row("s:v-bac-tra-my")} [data-test="fold"]`);
  await page.keyboard.press("Enter");
  await page.waitForSelector(row("s:xa-tra-giang"));
  await page.focus(`${row("s:xa-tra-giang")} [data-test="pick"]`);
  await page.keyboard.press("Enter");
  await click(page, "show-way");
  await until("the way in words", async () => (await page.$$('[data-test="way"] [data-link]')).length >= 2);
  assert.match(await page.evaluate(() => location.search), /diem-cau=xa-tra-giang/);

  await daemon.lab("break", "isr4431--r-bac-tra-my");
  await page.waitForSelector(`${row("s:xa-tra-giang")}[data-health="critical"]`, { timeout: PATIENCE_MS });
  await page.waitForSelector('[data-test="way"] [data-link][data-health="critical"]', { timeout: PATIENCE_MS });
  assert.equal(await drawn(), (await page.$$("[data-spot]")).length, "picture and words show the same places");
  await daemon.lab("heal", "all");
  await page.waitForSelector(`${row("s:xa-tra-giang")}[data-health="ok"]`, { timeout: PATIENCE_MS });

  // Without accents, and a place that is folded away.
  await type(page, "map-search", "tay giang");
  await page.waitForSelector('[data-found="s:v-tay-giang"]');
  await page.goto(`${daemon.https}/so-do?xem=tu-rack`);
  await page.waitForSelector(row("d:core4503"));
  assert.deepEqual(page.faults, []);
});

test("every page has its picture and no barrier, in both languages", async () => {
  await daemon.lab("break", "r-tay-giang--r-xa-avuong");
  await until("an incident", async () => (await daemon.get("/incidents?open=true")).length > 0);
  const conference = (await daemon.book("Phiên họp thử", "tinh", ["v-hoi-an", "xa-tra-giang"])).id;
  const run = await until("a run", async () => (await daemon.get("/runs"))[0]?.id);
  const pages = {
    home: "/",
    devices: "/thiet-bi",
    device: "/thiet-bi/isr4431",
    server: "/thiet-bi/srv1",
    map: "/so-do",
    way: "/so-do?diem-cau=xa-tra-giang&thiet-bi=ttdl",
    racks: "/so-do?xem=tu-rack",
    links: "/duong-truyen",
    events: "/su-kien",
    playbooks: "/kich-ban",
    run: `/kich-ban/${run}`,
    sites: "/diem-cau",
    accounts: "/tai-khoan",
    desk: "/hop",
    booking: "/hop/moi",
    conference: `/hop/${conference}`,
    live: `/hop/${conference}/dieu-hanh`,
    report: `/hop/${conference}/bao-cao`,
    missing: "/khong-co",
  };
  const wide = [];
  const grave = [];
  for (const language of ["vi", "en"]) {
    await page.evaluate((chosen) => localStorage.setItem("nhipcau.language", chosen), language);
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(daemon.https + path, { waitUntil: "domcontentloaded" });
      await see(page, "nav-home");
      await page.waitForFunction(() => !document.querySelector(".ghost"), { timeout: PATIENCE_MS });
      wide.push(...(await pictures(page, `${language}-${name}`)));
      if (language === "vi") grave.push(...(await barriers(page, name)));
    }
  }
  await page.evaluate(() => localStorage.removeItem("nhipcau.language"));
  await daemon.lab("heal", "all");
  assert.deepEqual(wide, [], "pages that can be scrolled sideways");
  assert.deepEqual(grave, [], "barriers");
});

test("a session ends where it was signed out", async () => {
  await page.goto(`${daemon.https}/`);
  await click(page, "sign-out");
  await see(page, "sign-in");
  await gone(page, "verdict");
  await page.goto(`${daemon.https}/thiet-bi`);
  await see(page, "sign-in");
  assert.deepEqual(page.faults, []);
});
