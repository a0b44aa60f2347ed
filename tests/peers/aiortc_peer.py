"""A WHIP publisher or WHEP player made of aiortc, for tests/it.

    aiortc_peer.py publish|play URL TOKEN

Commands come on standard input, one a line: `stats`, `post` (a new session with a new connection; a former one says goodbye first, as
an encoder that is restarted does), `replace` (the same while the former one is still up), `delete`, `quit`. Each is answered by one JSON
object a line. It ends when its input ends.
"""

import asyncio
import fractions
import json
import math
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import numpy
from aiortc import (
    AudioStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.codecs.vpx import VpxPayloadDescriptor
from av import AudioFrame, VideoFrame

WIDTH, HEIGHT, RATE = 320, 180, 15
SAMPLE_RATE, SAMPLES = 48_000, 960


class Picture(VideoStreamTrack):
    """A bar that wanders over a field whose colour changes: a frozen picture differs from it at once."""

    def __init__(self):
        super().__init__()
        self.count = 0

    async def recv(self):
        await asyncio.sleep(1 / RATE)
        pixels = numpy.zeros((HEIGHT, WIDTH, 3), dtype=numpy.uint8)
        pixels[:, :] = (40 + self.count * 3 % 160, 60, 140)
        left = self.count * 7 % (WIDTH - 40)
        pixels[40:140, left : left + 40] = (250, 250, 60)
        frame = VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = self.count * 90_000 // RATE, fractions.Fraction(1, 90_000)
        self.count += 1
        return frame


class Tone(AudioStreamTrack):
    """440 Hz."""

    def __init__(self):
        super().__init__()
        self.count = 0
        self.began = None

    async def recv(self):
        self.began = self.began or time.monotonic()
        await asyncio.sleep(max(0, self.began + self.count * SAMPLES / SAMPLE_RATE - time.monotonic()))
        at = numpy.arange(SAMPLES) + self.count * SAMPLES
        tone = (numpy.sin(at * 2 * math.pi * 440 / SAMPLE_RATE) * 9_000).astype(numpy.int16)
        frame = AudioFrame.from_ndarray(tone.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, self.count * SAMPLES
        frame.time_base = fractions.Fraction(1, SAMPLE_RATE)
        self.count += 1
        return frame


class Seen:
    """What a stream of pictures says of itself, packet by packet: numbers, times, and the picture ids of VP8."""

    def __init__(self, vp8):
        self.vp8, self.packets, self.last = vp8, {}, None

    def add(self, packet):
        if self.last is None:
            self.last = packet.sequence_number + 0x10000
        # The number nearest to the one before (RFC 3550 appendix A.1).
        number = self.last + ((packet.sequence_number - self.last + 0x8000) & 0xFFFF) - 0x8000
        self.last = max(self.last, number)
        picture = None
        if packet.payload_type in self.vp8 and packet.payload:
            picture = VpxPayloadDescriptor.parse(packet.payload)[0].picture_id
        self.packets[number] = (packet.ssrc, packet.timestamp, picture)

    def said(self):
        numbers = sorted(self.packets)
        back = jumps = 0
        for before, after in zip(numbers, numbers[1:]):
            if after != before + 1:
                continue
            (_, earlier, picture), (_, later, follows) = self.packets[before], self.packets[after]
            step = (later - earlier) & 0xFFFFFFFF
            back += step >= 1 << 31
            if picture is not None and follows is not None:
                jumps += (follows - picture) & 0x7FFF != (1 if step else 0)
        return {
            "packets": len(numbers),
            "named": sum(picture is not None for _, _, picture in self.packets.values()),
            "holes": numbers[-1] - numbers[0] + 1 - len(numbers) if numbers else 0,
            "back": back,
            "jumps": jumps,
            "sources": len({source for source, _, _ in self.packets.values()}),
        }


class Peer:
    def __init__(self, way, url, token):
        self.way, self.url, self.token = way, url, token
        self.connection = None
        self.location = self.etag = None
        self.frames = self.changed = self.sounds = self.loud = 0
        self.width = self.height = 0
        self.before = None
        self.watchers = []
        self.seen = Seen(())
        # Pictures by their colour: means of U and V to the next sixteenth, or `mixed` where they differ within a picture.
        self.colours = {}
        self.colour = None

    async def post(self):
        if self.connection:
            await self.connection.close()
        return await self.begin()

    async def replace(self):
        former = self.connection
        said = await self.begin()
        await former.close()
        return said

    async def begin(self):
        for watcher in self.watchers:
            watcher.cancel()
        self.watchers.clear()
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        if self.way == "publish":
            self.connection.addTransceiver(Tone(), direction="sendonly")
            self.connection.addTransceiver(Picture(), direction="sendonly")
        else:
            self.connection.addTransceiver("audio", direction="recvonly")
            self.connection.addTransceiver("video", direction="recvonly")
            self.connection.on("track", self.track)
        await self.connection.setLocalDescription(await self.connection.createOffer())
        offer = self.connection.localDescription.sdp
        status, head, text = await self.ask("POST", self.url, offer, {"Content-Type": "application/sdp"})
        if status != 201:
            return {"status": status, "body": text}
        self.location = urllib.parse.urljoin(self.url, head["Location"])
        self.etag = head["ETag"]
        await self.connection.setRemoteDescription(RTCSessionDescription(text, "answer"))
        if self.way == "play":
            self.look(text)
        codecs = re.findall(r"a=rtpmap:\d+ ([A-Za-z0-9]+)/", text)
        return {"status": 201, "location": self.location, "etag": self.etag, "codecs": codecs}

    def look(self, answer):
        """Sees every packet of pictures just before the jitter buffer, retransmitted ones as what they stand for."""
        self.seen = Seen([int(number) for number in re.findall(r"a=rtpmap:(\d+) VP8/", answer)])
        receivers = [one.receiver for one in self.connection.getTransceivers() if one.kind == "video"]
        waiting = receivers[0]._RTCRtpReceiver__nack_generator
        add, seen = waiting.add, self.seen

        def adding(packet):
            seen.add(packet)
            return add(packet)

        waiting.add = adding

    async def ask(self, method, url, body=None, headers=()):
        def run():
            request = urllib.request.Request(url, (body or "").encode() if body else None, dict(headers), method=method)
            request.add_header("Authorization", f"Bearer {self.token}")
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    return answer.status, answer.headers, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.headers, error.read().decode()

        return await asyncio.get_running_loop().run_in_executor(None, run)

    def track(self, track):
        self.watchers.append(asyncio.ensure_future(self.watch(track)))

    async def watch(self, track):
        while True:
            frame = await track.recv()
            if track.kind == "audio":
                self.sounds += 1
                self.loud += int(numpy.abs(frame.to_ndarray().astype(numpy.int32)).mean() > 300)
                continue
            self.frames += 1
            self.width, self.height = frame.width, frame.height
            planes = frame.reformat(format="yuv420p").to_ndarray()[frame.height :].reshape(2, -1)
            self.colour = "mixed" if planes.std(axis=1).max() > 12 else ",".join(
                str(round(mean / 16) * 16) for mean in planes.mean(axis=1)
            )
            self.colours[self.colour] = self.colours.get(self.colour, 0) + 1
            small = frame.reformat(width=32, height=18, format="gray").to_ndarray().astype(numpy.int16)
            if self.before is not None and numpy.abs(small - self.before).mean() > 1:
                self.changed += 1
            self.before = small

    async def stats(self):
        said = {
            "connection": self.connection.connectionState if self.connection else "none",
            "frames": self.frames,
            "changed": self.changed,
            "sounds": self.sounds,
            "loud": self.loud,
            "width": self.width,
            "height": self.height,
            "colour": self.colour,
            "colours": self.colours,
            "seen": self.seen.said(),
        }
        if self.connection:
            for report in (await self.connection.getStats()).values():
                if report.type == "outbound-rtp":
                    said[f"sent_{report.kind}"] = report.packetsSent
        return said

    async def delete(self):
        status, _, _ = await self.ask("DELETE", self.location)
        return {"status": status}


async def main():
    peer = Peer(*sys.argv[1:4])
    loop = asyncio.get_running_loop()
    while True:
        line = (await loop.run_in_executor(None, sys.stdin.readline)).strip()
        if line in ("", "quit"):
            break
        print(json.dumps(await getattr(peer, line)()), flush=True)
    if peer.connection:
        await peer.connection.close()


asyncio.run(main())
