import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Participant } from "../src/api.ts";
import { Backoff } from "../src/backoff.ts";
import { language } from "../src/i18n/index.ts";
import { StatsReader } from "../src/room/call_stats.ts";
import { browserOf, checksOf } from "../src/room/checks.ts";
import { faultOf, type LocalMediaState } from "../src/room/local_media.ts";
import { parseMessage } from "../src/room/messages.ts";
import { loudness } from "../src/room/meter.tsx";
import type { SeatState } from "../src/room/seat.ts";
import { besideOf, largeOf, nameOf, sharedBy } from "../src/room/shown.ts";
import { statusOf } from "../src/room/status.ts";
import { pageOf, tileOrder, tilesThatFit } from "../src/room/tiling.ts";

beforeEach(() => {
  language.value = "vi";
});

const person = (id: string, change: Partial<Participant> = {}): Participant => ({
  id, name: id, site: id, site_name: `Xã ${id}`, role: "delegate", kind: "person", mic: false, cam: true, muted_by_host: false, floor: false, speaking: false, connected: true, slides: false, document: false, mode: "normal", ...change,
});

const seat = (change: Partial<SeatState> = {}): SeatState => ({
  phase: "in", ending: null, socketLostAt: null, call: "connected", callLostAt: null, soundBlocked: false, self: person("me"), room: null,
  participants: [], floor: undefined, spotlight: undefined, recording: false, board: undefined, slots: { video: [], audio: [] }, withheld: [], sharing: "one",
  shares: { slides: false, document: false }, mode: "normal", modeBy: null, speaker: null,
  mic: false, cam: true, talking: false, hand: false, pinned: null, mutedBy: null, invited: false, notice: null, stats: null, refusal: null, ...change,
});
const now = new Date("2026-11-21T02:14:30Z");
const sounding = { audio: {} as MediaStreamTrack, video: null };
const media: LocalMediaState = { audio: null, video: null, audioFault: null, videoFault: null, opening: false, microphones: [], cameras: [], speakers: [], audioId: "", videoId: "" };

test("the status tells the most pressing truth first", () => {
  const lost = new Date("2026-11-21T02:14:03Z");
  assert.match(statusOf(seat({ socketLostAt: lost, soundBlocked: true }), sounding, now).text, /09:14:03/);
  assert.equal(statusOf(seat({ call: "lost", callLostAt: lost, mic: true }), sounding, now).level, "warn");
  assert.equal(statusOf(seat({ soundBlocked: true, invited: true }), sounding, now).action, "unlock");
  assert.equal(statusOf(seat({ invited: true }), sounding, now).action, "mic");
  assert.match(statusOf(seat({ mutedBy: "Chủ trì" }), sounding, now).text, /Chủ trì/);
  assert.match(statusOf(seat(), sounding, now).text, /phím cách/);
  assert.match(statusOf(seat(), { audio: null, video: null }, now).text, /chưa có micro/);
});

test("nobody is said to hear where nobody is connected", () => {
  const gone = person("xa", { connected: false });
  assert.match(statusOf(seat({ mic: true, participants: [person("me"), gone] }), sounding, now).text, /Chưa có điểm cầu nào khác/);
  assert.match(statusOf(seat({ mic: true, participants: [person("me"), person("xa")] }), sounding, now).text, /Mọi người nghe thấy/);
});

test("a notice is news for a while, then the steady state shows again", () => {
  const notice = { reason: { code: "line_back", args: {} }, at: new Date(now.getTime() - 1_000) };
  assert.deepEqual(statusOf(seat({ notice }), sounding, now), { level: "ok", text: "Đường truyền đã có trở lại." });
  const old = { ...notice, at: new Date(now.getTime() - 60_000) };
  assert.match(statusOf(seat({ notice: old }), sounding, now).text, /tắt tiếng/);
});

test("a weak line is said when loss or delay is felt", () => {
  const stats = { rtt_ms: 40, loss_percent: 0, width: 640, fps: 25, freezes: 0 };
  assert.doesNotMatch(statusOf(seat({ stats }), sounding, now).text, /Đường truyền yếu/);
  assert.match(statusOf(seat({ stats: { ...stats, loss_percent: 9 } }), sounding, now).text, /Đường truyền yếu/);
  assert.match(statusOf(seat({ stats: { ...stats, rtt_ms: 900 } }), sounding, now).text, /Đường truyền yếu/);
});

test("sound only is said with its reason and what to do, for as long as it lasts", () => {
  const fallen = statusOf(seat({ self: person("me", { fallen_since: "2026-11-21T02:14:03Z" }) }), sounding, now);
  assert.equal(fallen.level, "warn");
  assert.match(fallen.text, /09:14:03.*chỉ còn tiếng.*tắt bớt/);
  const own = statusOf(seat({ mode: "sound_only" }), sounding, now);
  assert.equal(own.action, "picture");
  const imposed = statusOf(seat({ mode: "light", modeBy: "Chị Hoa" }), sounding, now);
  assert.match(imposed.text, /Chị Hoa/);
  assert.equal(imposed.action, undefined, "what the host imposed, the site does not lift");
  assert.equal(statusOf(seat({ shares: { slides: true, document: false } }), sounding, now).action, "stop_share");
});

test("a shared screen is large, who speaks is beside it, and other shares are pictures of their own", () => {
  const [a, b] = [person("a", { slides: true }), person("b", { document: true })];
  const shared = seat({ participants: [person("me"), a, b], speaker: "b" });
  assert.deepEqual(sharedBy(shared.participants, "me").map(({ one, track }) => nameOf(one.id, track)), ["a/slides", "b/document"]);
  assert.deepEqual(sharedBy(shared.participants, "a").length, 1, "never one's own");
  assert.equal(largeOf(shared)?.track, "slides", "before the daemon has said anything");
  const slot = (participant: string, track: "main" | "slides" | "document") => ({ mid: participant, participant, track });
  const flowing = { ...shared, slots: { video: [slot("b", "document"), null, slot("a", "main")], audio: [] } };
  assert.deepEqual([largeOf(flowing)?.one.id, largeOf(flowing)?.track], ["b", "document"]);
  assert.equal(besideOf(flowing)?.id, "a");
  assert.equal(besideOf({ ...flowing, slots: { video: [slot("b", "main"), null, slot("a", "main")], audio: [] } }), undefined);
  assert.equal(largeOf({ ...shared, pinned: "b" })?.track, "main");
  // Nothing flows, and the daemon says of which picture it holds back why.
  assert.equal(largeOf({ ...shared, withheld: [{ participant: "b", track: "document", why: "fallen" }] })?.one.id, "b");
  const silent = seat({ participants: [person("me"), person("c")], withheld: [{ participant: "c", track: "main", why: "mode" }] });
  assert.equal(largeOf(silent)?.one.id, "c", "nobody speaks, and the stage still says why it is dark");
});

test("tiles keep their order: the chair, then by site; neither oneself nor the large picture", () => {
  const all = [person("c"), person("a"), person("đ"), person("me"), person("z", { role: "chair" }), person("large")];
  assert.deepEqual(tileOrder(all, "me", "large").map((one) => one.id), ["z", "a", "c", "đ"]);
});

test("never more tiles than the daemon fills, and a page that vanished shows the last", () => {
  assert.equal(tilesThatFit(4000, 4000), 11);
  assert.equal(tilesThatFit(320, 500), 2);
  assert.deepEqual(pageOf([1, 2, 3, 4, 5], 9, 2), { shown: [5], page: 2, pages: 3 });
  assert.deepEqual(pageOf([], 0, 4), { shown: [], page: 0, pages: 1 });
});

test("figures of the last interval come from the browser's totals", () => {
  const reader = new StatsReader();
  const rows = (lost: number, received: number, freezes: number) => [
    { type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.042 },
    { type: "inbound-rtp", kind: "video", mid: "5", packetsLost: lost, packetsReceived: received, freezeCount: freezes, frameWidth: 1280, framesPerSecond: 24.7 },
    { type: "inbound-rtp", kind: "audio", mid: "2", packetsLost: 0, packetsReceived: 0 },
  ];
  reader.digest(rows(10, 990, 1), "5");
  assert.deepEqual(reader.digest(rows(15, 1085, 3), "5"), { rtt_ms: 42, loss_percent: 5, width: 1280, fps: 25, freezes: 2 });
  assert.equal(reader.digest(rows(15, 1085, 3), "9").width, 0);
});

test("loudness: silence is nothing, full scale is all", () => {
  assert.equal(loudness(new Float32Array(64)), 0);
  assert.equal(loudness(new Float32Array(64).fill(0.9)), 1);
  const voice = loudness(Float32Array.from({ length: 1024 }, (_, index) => 0.05 * Math.sin(index / 5)));
  assert.ok(voice > 0.3 && voice < 0.9, String(voice));
});

test("each failing device says its fix; a missing one does not fail the other", () => {
  const denied = checksOf({ ...media, videoFault: "denied", audio: {} as MediaStreamTrack }, true, 20, "firefox");
  assert.equal(denied[0]!.state, "bad");
  assert.ok(denied[0]!.blocked && denied[0]!.fix.length === 2);
  assert.equal(denied[1]!.state, "ok");
  assert.equal(checksOf({ ...media, audio: {} as MediaStreamTrack }, false, 20, "chromium")[1]!.state, "wait");
  assert.match(checksOf({ ...media, videoFault: "insecure", audioFault: "insecure" }, false, null, "chromium")[0]!.text, /https/);
  assert.deepEqual([20, 900, NaN, null].map((ms) => checksOf(media, false, ms, "chromium")[2]!.state), ["ok", "bad", "bad", "wait"]);
});

test("what getUserMedia throws becomes a fault with a name", () => {
  const of = (name: string) => faultOf(Object.assign(new Error(name), { name }));
  assert.deepEqual(["NotAllowedError", "NotFoundError", "OverconstrainedError", "NotReadableError", "TypeError"].map(of), ["denied", "none", "none", "busy", "failed"]);
  assert.equal(faultOf(undefined), "failed");
});

test("browsers are told apart by family", () => {
  assert.equal(browserOf("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) coc_coc_browser/117 Chrome/111 Safari/537.36"), "chromium");
  assert.equal(browserOf("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"), "firefox");
  assert.equal(browserOf("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15"), "safari");
});

test("what is no message is ignored", () => {
  assert.equal(parseMessage("{"), null);
  assert.equal(parseMessage("null"), null);
  assert.equal(parseMessage('{"type":1}'), null);
  assert.equal(parseMessage(new ArrayBuffer(2)), null);
  assert.deepEqual(parseMessage('{"type":"ended"}'), { type: "ended" });
});

test("waits double up to the longest, spread below it, and begin anew", () => {
  const least = new Backoff(500, 8_000, () => 0);
  assert.deepEqual(Array.from({ length: 6 }, () => least.next_ms()), [500, 1_000, 2_000, 4_000, 8_000, 8_000]);
  least.reset();
  assert.equal(least.next_ms(), 500);
  assert.equal(new Backoff(1_000, 8_000, () => 1).next_ms(), 800);
});
