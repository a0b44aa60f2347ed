import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Board, BoardRow, Participant, Site } from "../src/api.ts";
import { filtered, firstSpeaker, hands, mutable, ordered, rowSentence } from "../src/board/roll.ts";
import { idOf } from "../src/console/site_form.tsx";
import { addDays, addMonths, isDay, monthOf, startOf, weekOf } from "../src/desk/days.ts";
import { clockOf, draftOf, emptyDraft, faultOfWhat, inputOf, overnight } from "../src/desk/draft.ts";
import { showTimesIn } from "../src/format.ts";
import { language } from "../src/i18n/index.ts";
import { changedTopics } from "../src/live.ts";
import { flat, pruned, treeOf } from "../src/sites_tree.ts";
import { initials } from "../src/ui/initials.ts";

beforeEach(() => {
  language.value = "vi";
  showTimesIn("Asia/Ho_Chi_Minh");
});

const person = (id: string, change: Partial<Participant> = {}): Participant => ({
  id, name: id, site: id, site_name: id, role: "delegate", kind: "person", mic: false, cam: true, muted_by_host: false, floor: false, speaking: false, connected: true, slides: false, document: false, mode: "normal", ...change,
});
const row = (name: string, state: BoardRow["state"], change: Partial<BoardRow> = {}): BoardRow => ({ site: name, site_name: name, state, health: "ok", participants: [], ...change });
const board = (rows: BoardRow[], change: Partial<Board> = {}): Board => ({
  conference: 1, state: "live", recording: { on: false }, sharing: "one", counts: { joined: 0, absent: 0, dropped: 0, invited: rows.length }, rows, ...change,
});

test("the roll puts who is missing on top", () => {
  const rows = [row("Xã B", "joined"), row("Xã A", "joined"), row("Xã D", "absent"), row("Xã C", "dropped")];
  assert.deepEqual(ordered(rows).map((one) => one.site_name), ["Xã C", "Xã D", "Xã A", "Xã B"]);
});

test("a dropped site's row says when and why, or that the cause is unknown", () => {
  const since = "2026-11-21T02:14:03Z";
  assert.equal(
    rowSentence(row("Xã Sơn Mỹ", "dropped", { since, reason: { code: "line_down", args: { device: "router Tịnh Khê", interface: "Gi0/0/1" } } })),
    "Rớt lúc 09:14:03, cổng Gi0/0/1 của router Tịnh Khê mất kết nối (down)",
  );
  assert.equal(rowSentence(row("Xã Sơn Mỹ", "dropped", { since })), "Rớt lúc 09:14:03, mất kết nối, chưa rõ nguyên nhân");
  assert.equal(rowSentence(row("Xã Gari", "absent")), "Chưa vào phòng");
});

test("search then Enter gives the floor to the first present site, not to one that is away", () => {
  const rows = ordered([row("Xã Trà Linh", "joined", { participants: [person("p1")] }), row("Xã Trà Giang", "dropped", { participants: [person("p2", { connected: false })] })]);
  assert.equal(firstSpeaker(filtered(rows, "tra", "all"))?.id, "p1");
  assert.equal(firstSpeaker(filtered(rows, "tra giang", "all")), undefined);
  assert.deepEqual(filtered(rows, "", "missing").map((one) => one.site_name), ["Xã Trà Giang"]);
});

test("hands stand in the order they were raised; who has the floor waits no longer", () => {
  const rows = [row("A", "joined", { participants: [person("a", { hand: "2026-11-21T02:05:00Z" })] }), row("B", "joined", { participants: [person("b", { hand: "2026-11-21T02:01:00Z" }), person("c", { hand: "2026-11-21T02:00:00Z", floor: true })] })];
  assert.deepEqual(hands(board(rows)).map((one) => one.id), ["b", "a"]);
});

test("mute all counts open microphones but the chair's, the secretary's and the floor's", () => {
  const rows = [row("A", "joined", { participants: [person("a", { mic: true }), person("b", { mic: true, floor: true }), person("c", { mic: true, role: "chair" }), person("e", { mic: true, role: "secretary" }), person("d")] })];
  assert.equal(mutable(board(rows)), 1);
});

const site = (id: string, parent?: string): Site => ({ id, name: `Tên ${id}`, kind: "xã", ...(parent ? { parent } : {}), health: "ok", reasons: [] });

test("the tree has any depth and loses no site, not even a ring or an orphan", () => {
  const sites = [site("a"), site("b", "a"), site("c", "b"), site("d", "c"), site("x", "y"), site("y", "x"), site("o", "gone")];
  const rows = flat(treeOf(sites));
  assert.equal(rows.length, sites.length);
  assert.equal(rows.find((node) => node.site.id === "d")?.depth, 3);
  assert.equal(rows.find((node) => node.site.id === "o")?.depth, 0);
});

test("a filtered tree keeps the parents of what matches", () => {
  const found = flat(pruned(treeOf([site("a"), site("b", "a"), site("c", "b"), site("z", "a")]), "ten c"));
  assert.deepEqual(found.map((node) => node.site.id), ["a", "b", "c"]);
});

test("days are calendar dates", () => {
  assert.equal(addDays("2026-12-31", 1), "2027-01-01");
  assert.equal(addMonths("2026-01-31", 1), "2026-02-28");
  assert.equal(addMonths("2026-01-15", -1), "2025-12-15");
  assert.deepEqual([weekOf("2026-11-22")[0], weekOf("2026-11-22")[6]], ["2026-11-16", "2026-11-22"]);
  assert.equal(startOf("2026-11-21").toISOString(), "2026-11-20T17:00:00.000Z");
  assert.ok(isDay("2028-02-29") && !isDay("2027-02-29") && !isDay("21/11/2026") && !isDay(""));
});

test("a month is shown in whole weeks from Monday", () => {
  const weeks = monthOf("2026-11-21");
  assert.equal(weeks[0]![0], "2026-10-26");
  assert.equal(weeks.at(-1)![6], "2026-12-06");
  assert.equal(monthOf("2027-02-10").length, 4);
});

test("clocks are read as people write them", () => {
  assert.deepEqual(["8:30", "08:30", "8h30", "8g", "0830", "830", "14", "24:00", "8:60", "sáng", ""].map(clockOf), ["08:30", "08:30", "08:30", "08:00", "08:30", "08:30", "14:00", null, null, null, null]);
});

test("a draft becomes what the daemon takes: UTC, the chair not repeated, no unasked keys", () => {
  const draft = { ...emptyDraft(new Date("2026-11-21T01:00:00Z")), title: " Giao ban ", chair: "tinh", sites: new Set(["tinh", "a", "b"]) };
  assert.deepEqual(inputOf(draft, false), {
    title: "Giao ban", starts_at: "2026-11-22T01:00:00Z", ends_at: "2026-11-22T03:00:00Z", chair_site: "tinh", sites: ["a", "b"], description: "",
  });
  assert.deepEqual(inputOf({ ...draft, repeat: "week", count: "4" }, true).recurrence, { every: "week", interval: 1, count: 4 });
});

test("a meeting past midnight ends on the next day; an empty one is refused", () => {
  const draft = { ...emptyDraft(new Date("2026-11-21T01:00:00Z")), title: "Trực bão", from: "22:00", to: "2:00", chair: "tinh", sites: new Set(["a"]) };
  assert.ok(overnight(draft));
  assert.equal(inputOf(draft, false).ends_at, "2026-11-22T19:00:00Z");
  assert.equal(faultOfWhat(draft), null);
  assert.equal(faultOfWhat({ ...draft, to: "22:00" }), "time_bad");
  assert.equal(faultOfWhat({ ...draft, to: "khuya" }), "time_missing");
  assert.equal(faultOfWhat({ ...draft, title: "  " }), "title");
});

test("a booking opened for change shows the zone's day and clock", () => {
  const draft = draftOf({
    id: 1, title: "T", description: "", starts_at: "2026-11-21T17:30:00Z", ends_at: "2026-11-21T18:30:00Z", state: "scheduled", chair_site: "tinh", sites: ["tinh", "a"], room: "r", joined: 0, invited: 2,
  });
  assert.deepEqual([draft.day, draft.from, draft.to, [...draft.sites]], ["2026-11-22", "00:30", "01:30", ["a"]]);
});

test("ids come from names", () => {
  assert.equal(idOf("Xã Trà Giang"), "xa-tra-giang");
  assert.equal(idOf("  Đặc khu Lý Sơn! "), "dac-khu-ly-son");
});

test("initials are of the name, not of the kind of site", () => {
  assert.equal(initials("Xã Trà Giang"), "TG");
  assert.equal(initials("Khu vực Hội An"), "HA");
  assert.equal(initials("Sở Y tế"), "YT");
  assert.equal(initials("???"), "");
});

test("only changes are taken from the stream", () => {
  assert.deepEqual([...changedTopics('{"type":"changed","what":["devices",3,"device:a"]}')!], ["devices", "device:a"]);
  assert.equal(changedTopics('{"type":"other","what":[]}'), null);
  assert.equal(changedTopics("x"), null);
});
