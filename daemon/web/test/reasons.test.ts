import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { beforeEach, test } from "node:test";
import { errors as enErrors } from "../src/i18n/en/common.ts";
import { errors as viErrors } from "../src/i18n/vi/common.ts";
import { language } from "../src/i18n/index.ts";
import { reasonClause, reasonSentence } from "../src/i18n/reasons.ts";
import { reasons as enReasons } from "../src/i18n/en/reasons.ts";
import { reasons as viReasons } from "../src/i18n/vi/reasons.ts";

beforeEach(() => {
  language.value = "vi";
});

// `npm run check` runs where package.json is; the protocol stands one folder up.
const protocol = readFileSync("../PROTOCOL.md", "utf8");
const section = (title: string) => protocol.split(`## ${title}`)[1]!.split("\n## ")[0]!;

test("every reason code of the protocol has a sentence in both languages, with only the arguments that it has", () => {
  const entries = [...section("Reason codes").matchAll(/`([a-z0-9_]+)`(?: \(([^)]*)\))?/g)];
  assert.ok(entries.length > 40);
  for (const [, code, list] of entries) {
    const args = new Set((list ?? "").split(",").map((name) => name.trim()).filter(Boolean));
    if (args.has("uptime_seconds")) args.add("uptime");
    for (const sentences of [viReasons, enReasons]) {
      const sentence = sentences[code!];
      assert.ok(sentence, `no sentence for ${code}`);
      // A code that occurs twice (disk_full) may have its arguments at one place only.
      for (const [, name] of sentence.matchAll(/\{(\w+)/g)) assert.ok(args.has(name!) || code === "layer_lowered", `${code} has no argument ${name}`);
    }
  }
});

test("every error code of the protocol has a sentence in both languages", () => {
  const codes = [...section("Error codes").matchAll(/`([a-z0-9_]+)`/g)].map((match) => match[1]!);
  assert.ok(codes.length > 20);
  for (const code of codes) {
    assert.ok(viErrors[code], code);
    assert.ok(enErrors[code], code);
  }
});

test("a reason names interface and device in the person's language", () => {
  const reason = { code: "line_down", args: { device: "Router Tịnh Khê", interface: "Gi0/0/1" } };
  assert.equal(reasonSentence(reason), "Cổng Gi0/0/1 của Router Tịnh Khê mất kết nối (down)");
  language.value = "en";
  assert.equal(reasonSentence(reason), "Interface Gi0/0/1 of Router Tịnh Khê is down");
});

test("numbers and durations inside a reason follow the language", () => {
  assert.equal(reasonClause({ code: "sensor_high", args: { sensor: "Nhiệt độ", value: 31.5, unit: "°C", limit: 30 } }), "Nhiệt độ cao: 31,5 °C, ngưỡng 30 °C");
  assert.equal(reasonClause({ code: "rebooted", args: { uptime_seconds: 125 } }), "vừa khởi động lại 2 phút 5 giây trước");
});

test("a code of a newer daemon is shown as it is, not hidden", () => {
  assert.equal(reasonSentence({ code: "fan_stolen", args: { fan: "3" } }), "Fan stolen, fan 3");
});
