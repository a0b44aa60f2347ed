import assert from "node:assert/strict";
import { test } from "node:test";
import * as viCommon from "../src/i18n/vi/common.ts";
import * as enCommon from "../src/i18n/en/common.ts";
import * as viConsole from "../src/i18n/vi/console.ts";
import * as enConsole from "../src/i18n/en/console.ts";
import * as viDesk from "../src/i18n/vi/desk.ts";
import * as enDesk from "../src/i18n/en/desk.ts";
import * as viBoard from "../src/i18n/vi/board.ts";
import * as enBoard from "../src/i18n/en/board.ts";
import * as viRoom from "../src/i18n/vi/room.ts";
import * as enRoom from "../src/i18n/en/room.ts";
import * as viReasons from "../src/i18n/vi/reasons.ts";
import * as enReasons from "../src/i18n/en/reasons.ts";

type Part = Record<string, Record<string, string>>;
const pairs: [string, Part, Part][] = [
  ["common", viCommon, enCommon],
  ["console", viConsole, enConsole],
  ["desk", viDesk, enDesk],
  ["board", viBoard, enBoard],
  ["room", viRoom, enRoom],
  ["reasons", viReasons, enReasons],
];

const placeholders = (sentence: string) => [...new Set([...sentence.matchAll(/\{(\w+)/g)].map((match) => match[1]))].sort();

for (const [name, vi, en] of pairs) {
  test(`${name}: both languages have the same keys and the same arguments`, () => {
    assert.deepEqual(Object.keys(vi).sort(), Object.keys(en).sort());
    for (const part of Object.keys(vi)) {
      assert.deepEqual(Object.keys(vi[part]!).sort(), Object.keys(en[part]!).sort(), part);
      for (const key of Object.keys(vi[part]!)) {
        assert.notEqual(vi[part]![key]!.trim(), "", key);
        assert.deepEqual(placeholders(vi[part]![key]!), placeholders(en[part]![key]!), key);
      }
    }
  });
}
