import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import * as format from "../src/format.ts";
import { fill, harmless, language } from "../src/i18n/index.ts";

beforeEach(() => {
  language.value = "vi";
  format.showTimesIn("Asia/Ho_Chi_Minh");
});

test("times are shown in the zone of the session, not of the computer", () => {
  assert.equal(format.dateTime("2026-11-21T01:30:00Z"), "21/11/2026 08:30");
  assert.equal(format.timeWithSeconds("2026-11-20T17:00:03Z"), "00:00:03");
  assert.equal(format.date("2026-11-20T17:00:00Z"), "21/11/2026");
  format.showTimesIn("Europe/Berlin");
  assert.equal(format.dateTime("2026-07-01T22:30:00Z"), "02/07/2026 00:30");
});

test("an unknown zone leaves the one in use", () => {
  format.showTimesIn("Nowhere/Land");
  assert.equal(format.time("2026-11-21T01:30:00Z"), "08:30");
});

test("a wall clock of the zone becomes the instant, also around a clock change", () => {
  assert.equal(format.fromZone("2026-11-21", "08:30")?.toISOString(), "2026-11-21T01:30:00.000Z");
  format.showTimesIn("Europe/Berlin");
  assert.equal(format.fromZone("2026-03-29", "01:30")?.toISOString(), "2026-03-29T00:30:00.000Z");
  assert.equal(format.fromZone("2026-03-29", "03:30")?.toISOString(), "2026-03-29T01:30:00.000Z");
  assert.equal(format.fromZone("2026-10-25", "12:00")?.toISOString(), "2026-10-25T11:00:00.000Z");
  assert.equal(format.fromZone("nonsense", "12:00"), null);
});

test("numbers and rates as Vietnamese officials write them", () => {
  assert.equal(format.number(1234.5), "1.234,5");
  assert.equal(format.rate(20e6), "20 Mbit/s");
  assert.equal(format.rate(7_340_000), "7,3 Mbit/s");
  assert.equal(format.rate(1e9), "1 Gbit/s");
  assert.equal(format.rate(512_000), "512 kbit/s");
  assert.equal(format.rate(0), "0 Mbit/s");
  assert.equal(format.rate(undefined), "–");
  assert.equal(format.percent(97.4), "97\u00a0%");
  language.value = "en";
  assert.equal(format.number(1234.5), "1,234.5");
});

test("durations in words", () => {
  assert.equal(format.duration(40), "40 giây");
  assert.equal(format.duration(65), "1 phút 5 giây");
  assert.equal(format.duration(720), "12 phút");
  assert.equal(format.duration(754), "12 phút");
  assert.equal(format.duration(7500), "2 giờ 5 phút");
  assert.equal(format.duration(7500, 1), "2 giờ");
  assert.equal(format.duration(3 * 86_400 + 12), "3 ngày");
  assert.equal(format.duration(-5), "0 giây");
  language.value = "en";
  assert.equal(format.duration(3661), "1 hour 1 minute");
  assert.equal(format.duration(2), "2 seconds");
});

test("how long ago, from the clock handed in", () => {
  const now = new Date("2026-11-21T01:30:00Z");
  assert.equal(format.ago("2026-11-21T01:29:58Z", now), "vừa xong");
  assert.equal(format.ago("2026-11-21T01:17:30Z", now), "12 phút trước");
  assert.equal(format.ago("2026-11-21T02:00:00Z", now), "vừa xong");
});

test("a span names the day only when it is not today", () => {
  const now = new Date("2026-11-21T01:30:00Z");
  assert.equal(format.span("2026-11-21T01:30:00Z", "2026-11-21T03:00:00Z", now), "08:30 – 10:00");
  assert.equal(format.span("2026-11-22T01:30:00Z", "2026-11-22T03:00:00Z", now), "22/11/2026 08:30 – 10:00");
  assert.equal(format.span("2026-11-21T15:00:00Z", "2026-11-21T18:00:00Z", now), "22:00 – 22/11/2026 01:00");
});

test("sentences take their arguments; hostile text cannot reorder or break them", () => {
  assert.equal(fill("{name} · {n}", { name: "A", n: 1234 }), "A · 1.234");
  assert.equal(fill("{missing}"), "?");
  assert.equal(fill("{n} site{n:|s}", { n: 1 }), "1 site");
  assert.equal(fill("{n} site{n:|s}", { n: 0 }), "0 sites");
  // An argument that looks like a placeholder stays text.
  assert.equal(fill("{a}", { a: "{b}", b: "x" }), "{b}");
  assert.equal(harmless("a\u202Egnp.exe"), "a gnp.exe");
  assert.equal(harmless("dòng\r\nhai\u0000"), "dòng hai ");
  assert.equal(harmless("مرحبا"), "\u2068مرحبا\u2069");
});
