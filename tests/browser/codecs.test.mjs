// A real Chromium publishes in each codec that the bridge passes, another sees the picture move, through a change of layers.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { chromium } from "./support/browsers.mjs";
import { pause, until } from "./support/wait.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const CASES = [
  { name: "VP9 with three spatial and three temporal layers", codec: "VP9", mode: "L3T3_KEY", layered: true },
  { name: "AV1 with dependency descriptors", codec: "AV1", mode: "L2T2", layered: true },
  { name: "AV1 in layers for who takes no dependency descriptor", codec: "AV1", mode: "L2T2", layered: false, told: false },
  { name: "H.264", codec: "H264", mode: "L1T1", layered: false },
];

let browser;
let room;
const answers = new Map();

before(async () => {
  const program = process.env.NHIPCAU_ROOM ?? built();
  room = spawn(program, ["127.0.0.1:0"], { stdio: ["pipe", "pipe", "inherit"] });
  createInterface({ input: room.stdout }).on("line", (line) => {
    const [verb, peer, ...rest] = line.split(" ");
    answers.get(peer)?.({ verb, text: rest.join(" ").replaceAll("\x01", "\r\n") });
  });
  browser = await chromium();
});
after(async () => {
  await browser?.close();
  room?.stdin.end();
});

/** Cargo says where it put the example. */
function built() {
  const said = execFileSync("cargo", ["build", "--locked", "-p", "nhipcau-media-rtc", "--example", "room", "--message-format=json"], { cwd: root, encoding: "utf8", maxBuffer: 64 << 20 });
  const artifacts = said.trim().split("\n").map((line) => JSON.parse(line));
  return artifacts.find((artifact) => artifact.target?.name === "room" && artifact.executable).executable;
}

function negotiate(peer, offer) {
  return new Promise((resolve, reject) => {
    answers.set(String(peer), ({ verb, text }) => (verb === "answer" ? resolve(text) : reject(new Error(text))));
    room.stdin.write(`join ${peer} ${offer.replaceAll("\r\n", "\x01")}\n`);
  });
}

/** A page with a connection: it sends a moving canvas in `codec`, or receives in two slots. */
async function seat(peer, sends, told = true) {
  const page = await browser.newPage();
  const offer = await page.evaluate(async (sends, told) => {
    const pc = (globalThis.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" }));
    if (sends) {
      const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
      const paint = canvas.getContext("2d");
      let step = 0;
      setInterval(() => {
        step += 1;
        paint.fillStyle = `hsl(${(step * 5) % 360} 80% 50%)`;
        paint.fillRect(0, 0, 640, 360);
        paint.fillStyle = "white";
        paint.fillRect((step * 13) % 600, 150, 40, 40);
      }, 50);
      const [track] = canvas.captureStream(20).getVideoTracks();
      const transceiver = pc.addTransceiver(track, { direction: "sendonly", sendEncodings: [{ scalabilityMode: sends.mode, maxBitrate: 2_000_000 }] });
      const codecs = RTCRtpReceiver.getCapabilities("video").codecs;
      const wanted = codecs.filter((codec) => codec.mimeType === `video/${sends.codec}` && !/packetization-mode=0|profile-id=[1-9]|[^-]profile=1/.test(codec.sdpFmtpLine ?? ""));
      transceiver.setCodecPreferences([...wanted, ...codecs.filter((codec) => codec.mimeType === "video/rtx")]);
    } else {
      globalThis.tracks = [0, 1].map(() => {
        const transceiver = pc.addTransceiver("video", { direction: "recvonly" });
        // A receiver of layers in AV1 needs their descriptor, which Chromium offers by itself only where it sends them.
        const extensions = transceiver.getHeaderExtensionsToNegotiate();
        for (const extension of extensions) if (extension.uri.includes("dependency-descriptor")) extension.direction = told ? "sendrecv" : "stopped";
        transceiver.setHeaderExtensionsToNegotiate(extensions);
        return transceiver.receiver;
      });
      for (const receiver of globalThis.tracks) {
        const video = Object.assign(document.createElement("video"), { muted: true, autoplay: true });
        video.srcObject = new MediaStream([receiver.track]);
        document.body.append(video);
      }
    }
    await pc.setLocalDescription(await pc.createOffer());
    return pc.localDescription.sdp;
  }, sends, told);
  if (!sends) assert.equal(offer.includes("dependency-descriptor"), told);
  const answer = await negotiate(peer, offer);
  await page.evaluate((sdp) => globalThis.pc.setRemoteDescription({ type: "answer", sdp }), answer);
  return page;
}

/** What the viewer's slot shows: frames decoded, their height, freezes, codec. */
const shown = (page, slot) =>
  page.evaluate(async (slot) => {
    const report = await globalThis.tracks[slot].getStats();
    const all = [...report.values()];
    const inbound = all.find((row) => row.type === "inbound-rtp");
    const codec = inbound && all.find((row) => row.id === inbound.codecId);
    return { frames: inbound?.framesDecoded ?? 0, height: inbound?.frameHeight ?? 0, codec: codec?.mimeType ?? "", keyframes: inbound?.pliCount ?? 0 };
  }, slot);

for (const [place, { name, codec, mode, layered, told }] of CASES.entries()) {
  test(name, async (context) => {
    const [sender, viewer] = [place * 10 + 1, place * 10 + 2];
    const pages = [await seat(sender, { codec, mode }), await seat(viewer, null, told)];
    const page = pages[1];
    await pages[1].bringToFront();
    room.stdin.write(`view ${viewer} ${sender}\n`);
    let large;
    await until("a moving large picture", async () => (large = await shown(page, 0)).frames > 30).catch(async (error) => {
      const rows = (page) => page.evaluate(async () => [...(await globalThis.pc.getStats()).values()].filter((row) => /bound-rtp|candidate-pair/.test(row.type)));
      context.diagnostic(JSON.stringify([await rows(pages[0]), await rows(page)]));
      throw error;
    });
    assert.equal(large.codec, `video/${codec}`);
    context.diagnostic(`large: ${large.height} lines`);
    // The same camera as a tile beside nobody: its smallest layer.
    room.stdin.write(`view ${viewer} 9999 ${sender}\n`);
    let tile;
    await until("a moving tile", async () => (tile = await shown(page, 1)).frames > 20);
    await pause(500);
    const before = (await shown(page, 1)).frames;
    await until("it goes on", async () => (await shown(page, 1)).frames > before + 10);
    tile = await shown(page, 1);
    context.diagnostic(`tile: ${tile.height} lines`);
    if (layered) assert.ok(tile.height < large.height, `${tile.height} of ${large.height}`);
    // Two pictures of different size under one timestamp, and nobody says which is which: it gets the smaller, here as there.
    if (told === false) assert.equal(tile.height, large.height);
    // And large again.
    const earlier = (await shown(page, 0)).frames;
    room.stdin.write(`view ${viewer} ${sender}\n`);
    await until("large again", async () => {
      const now = await shown(page, 0);
      return now.frames > earlier + 20 && now.height >= large.height;
    });
    await Promise.all(pages.map((page) => page.close()));
  });
}
