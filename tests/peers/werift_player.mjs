// A WHEP player made of werift, for tests/it. werift brings no decoder: what it receives goes as plain RTP to ffmpeg on loopback.
//
//     werift_player.mjs play URL TOKEN
//
// Commands and answers as in aiortc_peer.py, and `restart`: an ICE restart by PATCH (RFC 9725 section 4.3.2).

import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { RTCPeerConnection, RTCRtpCodecParameters } from "werift";

const [, url, token] = process.argv.slice(2);
const WIDTH = 32, HEIGHT = 18, FRAME = WIDTH * HEIGHT;
const stats = { frames: 0, changed: 0, sounds: 0, packets: 0, connection: "none" };
const udp = createSocket("udp4");
let connection, location, decoder, port;

const freePort = () => new Promise((resolve) => {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1", () => {
    const { port } = socket.address();
    socket.close(() => resolve(port));
  });
});

async function decode() {
  port = await freePort();
  const file = join(mkdtempSync(join(tmpdir(), "werift-")), "stream.sdp");
  writeFileSync(file, `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=video ${port} RTP/AVP 96\na=rtpmap:96 VP8/90000\n`);
  decoder = spawn("ffmpeg", ["-loglevel", "error", "-protocol_whitelist", "file,udp,rtp", "-fflags", "nobuffer", "-i", file,
    "-an", "-vf", `scale=${WIDTH}:${HEIGHT}`, "-pix_fmt", "gray", "-f", "rawvideo", "-fps_mode", "passthrough", "pipe:1"], { stdio: ["ignore", "pipe", "inherit"] });
  let rest = Buffer.alloc(0), before;
  decoder.stdout.on("data", (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    for (; rest.length >= FRAME; rest = rest.subarray(FRAME)) {
      const frame = Buffer.from(rest.subarray(0, FRAME));
      stats.frames += 1;
      if (before && frame.reduce((sum, pixel, index) => sum + Math.abs(pixel - before[index]), 0) / FRAME > 1) stats.changed += 1;
      before = frame;
    }
  });
}

const ask = (method, address, kind, body, more = {}) =>
  fetch(address, { method, body, headers: { authorization: `Bearer ${token}`, ...(kind ? { "content-type": kind } : {}), ...more } });

const commands = {
  async post() {
    await connection?.close();
    if (!decoder) await decode();
    connection = new RTCPeerConnection({
      // Without one werift asks a server on the Internet.
      iceServers: [{ urls: "stun:127.0.0.1:9" }],
      bundlePolicy: "max-bundle",
      codecs: {
        audio: [new RTCRtpCodecParameters({ mimeType: "audio/opus", clockRate: 48000, channels: 2, payloadType: 111 })],
        video: [new RTCRtpCodecParameters({ mimeType: "video/VP8", clockRate: 90000, payloadType: 96, rtcpFeedback: [{ type: "nack" }, { type: "nack", parameter: "pli" }] })],
      },
    });
    connection.connectionStateChange.subscribe((state) => (stats.connection = state));
    for (const kind of ["audio", "video"]) {
      const transceiver = connection.addTransceiver(kind, { direction: "recvonly" });
      transceiver.onTrack.subscribe((track) => {
        track.onReceiveRtp.subscribe((packet) => {
          if (kind === "audio") return (stats.sounds += 1);
          stats.packets += 1;
          packet.header.payloadType = 96;
          packet.header.extension = false;
          packet.header.extensions = [];
          udp.send(packet.serialize(), port, "127.0.0.1");
        });
        if (kind !== "video") return;
        // A decoder that starts in the middle, or lost a packet, needs a keyframe; ffmpeg has no way to ask.
        const timer = setInterval(() => transceiver.receiver.sendRtcpPLI(track.ssrc).catch(() => clearInterval(timer)), 2_000);
      });
    }
    await connection.setLocalDescription(await connection.createOffer());
    const answer = await ask("POST", url, "application/sdp", connection.localDescription.sdp);
    const body = await answer.text();
    if (answer.status !== 201) return { status: answer.status, body };
    location = new URL(answer.headers.get("location"), url).href;
    await connection.setRemoteDescription({ type: "answer", sdp: body });
    commands.remote = body;
    return { status: 201, location, etag: answer.headers.get("etag") };
  },
  async restart() {
    const offer = await connection.createOffer({ iceRestart: true });
    await connection.setLocalDescription(offer);
    const own = connection.localDescription.sdp;
    const lines = own.split(/\r?\n/).filter((line) => /^a=(ice-ufrag|ice-pwd|candidate|mid):/.test(line));
    const answer = await ask("PATCH", location, "application/trickle-ice-sdpfrag", `${lines.join("\r\n")}\r\n`, { "if-match": "*" });
    const body = await answer.text();
    if (answer.status !== 200) return { status: answer.status, body };
    const fresh = (key) => body.split("\r\n").find((line) => line.startsWith(`a=${key}:`));
    const sdp = commands.remote.replace(/a=ice-ufrag:[^\r\n]*/g, fresh("ice-ufrag")).replace(/a=ice-pwd:[^\r\n]*/g, fresh("ice-pwd"));
    await connection.setRemoteDescription({ type: "answer", sdp });
    // werift gathers and takes the new credentials; its checks are begun by hand.
    for (const transport of connection.iceTransports) await transport.start();
    const changed = sdp !== commands.remote;
    commands.remote = sdp;
    return { status: 200, etag: answer.headers.get("etag"), changed };
  },
  async trickle(tag) {
    const answer = await ask("PATCH", location, "application/trickle-ice-sdpfrag", "a=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\n", { "if-match": tag });
    return { status: answer.status };
  },
  async stats() {
    return stats;
  },
  async delete() {
    const answer = await ask("DELETE", location);
    return { status: answer.status };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...words] = line.trim().split(" ");
  if (command === "quit" || command === "") break;
  console.log(JSON.stringify(await commands[command](...words)));
}
decoder?.kill();
process.exit(0);
