"""A WHIP encoder made of GStreamer's webrtcbin, for tests/it.

    gstreamer_encoder.py vp8|h264 URL TOKEN

Commands and answers as in aiortc_peer.py, and `colour AARRGGBB`: from now on the picture is that colour and nothing else.
"""

import json
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

VIDEO = {
    "vp8": "vp8enc deadline=1 target-bitrate=400000 keyframe-max-dist=60 ! rtpvp8pay pt=96",
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast bitrate=400 key-int-max=60 bframes=0"
    " ! video/x-h264,profile=constrained-baseline ! rtph264pay pt=96 config-interval=-1 aggregate-mode=zero-latency",
}
SOURCE = "videotestsrc name=source is-live=true pattern=ball motion=sweep ! video/x-raw,width=320,height=180,framerate=15/1"
SOUND = "audiotestsrc is-live=true freq=440 volume=0.4 ! audioconvert ! audioresample ! opusenc ! rtpopuspay pt=97"
ANSWER_WITHIN_SECONDS = 20


class Encoder:
    def __init__(self, codec, url, token):
        self.codec, self.url, self.token = codec, url, token
        self.pipeline = self.rtc = self.location = None

    def post(self):
        if self.pipeline:
            self.pipeline.set_state(Gst.State.NULL)
        self.pipeline = Gst.parse_launch(
            f"webrtcbin name=rtc bundle-policy=max-bundle {SOURCE} ! {VIDEO[self.codec]} ! rtc. {SOUND} ! rtc."
        )
        self.rtc = self.pipeline.get_by_name("rtc")
        gathered = threading.Event()

        def offered(promise, *_):
            promise.wait()
            # The offer is the reply's own: the reply must outlive it.
            self.reply = promise.get_reply()
            self.rtc.emit("set-local-description", self.reply.get_value("offer"), Gst.Promise.new())

        def wanted(rtc):
            for index in range(2):
                transceiver = rtc.emit("get-transceiver", index)
                if transceiver:
                    transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
                    transceiver.set_property("do-nack", True)
            rtc.emit("create-offer", None, Gst.Promise.new_with_change_func(offered, None, None))

        def gathering(rtc, _):
            if rtc.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
                gathered.set()

        self.rtc.connect("on-negotiation-needed", wanted)
        self.rtc.connect("notify::ice-gathering-state", gathering)
        self.pipeline.set_state(Gst.State.PLAYING)
        if not gathered.wait(ANSWER_WITHIN_SECONDS):
            return {"status": 0, "body": "no candidates"}
        offer = self.rtc.get_property("local-description").sdp.as_text()
        status, head, text = self.ask("POST", self.url, offer, {"Content-Type": "application/sdp"})
        if status != 201:
            return {"status": status, "body": text, "offer": offer}
        self.location = urllib.parse.urljoin(self.url, head["Location"])
        _, sdp = GstSdp.SDPMessage.new_from_text(text)
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
        promise = Gst.Promise.new()
        self.rtc.emit("set-remote-description", answer, promise)
        promise.wait()
        return {"status": 201, "location": self.location, "etag": head["ETag"]}

    def ask(self, method, url, body=None, headers=()):
        request = urllib.request.Request(url, body.encode() if body else None, dict(headers), method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_WITHIN_SECONDS) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def stats(self):
        state = self.rtc.get_property("connection-state") if self.rtc else None
        return {"connection": state.value_nick if state else "none"}

    def colour(self, argb):
        source = self.pipeline.get_by_name("source")
        source.set_property("foreground-color", int(argb, 16))
        source.set_property("pattern", "solid-color")
        return {}

    def delete(self):
        return {"status": self.ask("DELETE", self.location)[0]}


def main():
    Gst.init(None)
    threading.Thread(target=GLib.MainLoop().run, daemon=True).start()
    encoder = Encoder(*sys.argv[1:4])
    for line in sys.stdin:
        command, *words = line.split() or ["quit"]
        if command == "quit":
            break
        print(json.dumps(getattr(encoder, command)(*words)), flush=True)
    if encoder.pipeline:
        encoder.pipeline.set_state(Gst.State.NULL)


main()
