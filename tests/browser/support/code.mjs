// Pictures that say who sent them and when: a camera that shows a number in black and white, and a reader of what is on the screen.

/** Pictures a second, and so the unit of the number in the picture. */
export const RATE = 12;
/** Numbers begin again after this many: five minutes and more. */
export const NUMBERS = 4096;

/**
 * Gives a page a camera with a code and a microphone that can be loud, before its own scripts run.
 * In the page, `__voice(level)` sets the loudness (0 to 1), `__camera` counts pictures and their longest pause.
 */
export const coded = (page, sender) => page.evaluateOnNewDocument(installCamera, sender, RATE, NUMBERS);

/** Keeps what the page shows in `__shown`: which element, for whom, what the picture says. And its connections, in `__calls`. */
export const watched = (page) => page.evaluateOnNewDocument(installReader, NUMBERS);

function installCamera(sender, rate, numbers) {
  if (window.parent !== window) return;
  const bits = (number) => {
    const check = (sender * 37 + (number ^ (number >> 4)) * 11 + 0x5a) & 0xff;
    return [[sender, 4], [number, 12], [check, 8]].flatMap(([value, count]) => Array.from({ length: count }, (_, place) => (value >> (count - 1 - place)) & 1));
  };
  window.__camera = { pictures: 0, longest_ms: 0 };
  let before = performance.now();
  let voice;
  window.__voice = (level) => voice?.gain.setValueAtTime(level, 0);
  // Chromium takes pictures also from a window behind others; Firefox only from a canvas, and only in front.
  const film = (canvas) => {
    if (window.MediaStreamTrackGenerator === undefined) return { track: canvas.captureStream(rate).getVideoTracks()[0], show: async () => undefined };
    const track = new MediaStreamTrackGenerator({ kind: "video" });
    const writer = track.writable.getWriter();
    return { track, show: (now) => writer.write(new VideoFrame(canvas, { timestamp: now * 1_000 })) };
  };
  const camera = () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [640, 360];
    const context = canvas.getContext("2d");
    const { track, show } = film(canvas);
    const timer = setInterval(() => {
      if (track.readyState === "ended") return clearInterval(timer);
      bits(Math.floor((Date.now() * rate) / 1_000) % numbers).forEach((bit, place) => {
        context.fillStyle = bit ? "#d8d8d8" : "#282828";
        context.fillRect((place % 8) * 80, Math.floor(place / 8) * 120, 80, 120);
      });
      const now = performance.now();
      window.__camera.longest_ms = Math.max(window.__camera.longest_ms, now - before);
      window.__camera.pictures += 1;
      before = now;
      show(now).catch(() => clearInterval(timer));
    }, 1_000 / rate);
    return track;
  };
  const microphone = () => {
    const context = new AudioContext();
    const tone = new OscillatorNode(context, { frequency: 300 + sender * 50 });
    const level = voice?.gain.value ?? 0;
    voice = new GainNode(context, { gain: level });
    const out = context.createMediaStreamDestination();
    tone.connect(voice).connect(out);
    tone.start();
    return out.stream.getAudioTracks()[0];
  };
  // Firefox starts no AudioContext where there is no loudspeaker; its own fake microphone hums.
  const native = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  const listen = async () => (window.MediaStreamTrackGenerator === undefined ? (await native({ audio: true })).getAudioTracks()[0] : microphone());
  navigator.mediaDevices.getUserMedia = async ({ audio, video }) => new MediaStream([...(audio ? [await listen()] : []), ...(video ? [camera()] : [])]);
}

function installReader(numbers) {
  // A connection after the first is made in a frame.
  window.__calls = window.parent.__calls ?? [];
  const Native = RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(...rest) {
      super(...rest);
      window.__calls.push(this);
    }
  };
  if (window.parent !== window) return;
  window.__shown = [];
  const [width, height] = [64, 36];
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const read = (video) => {
    context.drawImage(video, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    let code = 0;
    for (let place = 0; place < 24; place += 1) {
      // The middle of a block: its edges are soft.
      const [x, y] = [(place % 8) * 8 + 4, Math.floor(place / 8) * 12 + 6];
      const luma = data[(y * width + x) * 4 + 1];
      code = (code << 1) | (luma > 128 ? 1 : 0);
    }
    const [sender, number] = [code >> 20, (code >> 8) & 0xfff];
    return { sender, number, sound: (code & 0xff) === ((sender * 37 + (number ^ (number >> 4)) * 11 + 0x5a) & 0xff) && number < numbers };
  };
  const follow = (video) => {
    const each = () => {
      if (!video.isConnected) return;
      window.__shown.push({ at: Date.now(), where: video.dataset.test, participant: video.dataset.participant, width: video.videoWidth, ...read(video) });
      if (window.__shown.length > 20_000) window.__shown.splice(0, 10_000);
      video.requestVideoFrameCallback(each);
    };
    video.requestVideoFrameCallback(each);
  };
  const known = new WeakSet();
  setInterval(() => {
    for (const video of document.querySelectorAll('[data-test="large-video"], [data-test="tile-video"]')) {
      if (!known.has(video)) {
        known.add(video);
        follow(video);
      }
    }
  }, 20);
}

/** What was shown since the page's last answer. */
export const shown = (page) => page.evaluate(() => window.__shown.splice(0));

/** Sums over what the page receives now, from the browser's own statistics. */
export async function received(page) {
  return page.evaluate(async () => {
    const sums = { decoded: 0, freezes: 0, frozen_s: 0, lost: 0, keyframes: 0, energy: 0, concealed: 0, samples: 0 };
    const call = window.__calls.at(-1);
    (await call.getStats()).forEach((row) => {
      if (row.type !== "inbound-rtp") return;
      sums.decoded += row.framesDecoded ?? 0;
      sums.freezes += row.freezeCount ?? 0;
      sums.frozen_s += row.totalFreezesDuration ?? 0;
      sums.keyframes += row.keyFramesDecoded ?? 0;
      sums.lost += Math.max(0, row.packetsLost ?? 0);
      sums.energy += row.totalAudioEnergy ?? 0;
      // What silence of a muted or absent sender conceals is no loss.
      sums.concealed += (row.concealedSamples ?? 0) - (row.silentConcealedSamples ?? 0);
      sums.samples += row.totalSamplesReceived ?? 0;
    });
    return sums;
  });
}

/** How far `after` lies behind `before` on the circle of numbers; negative when it went back. */
export const distance = (before, after) => ((after - before + NUMBERS + NUMBERS / 2) % NUMBERS) - NUMBERS / 2;

/** How long ago a picture was taken when it was shown, milliseconds; page and camera have one clock. */
export const age = ({ at, number }) => Math.round((distance(number, Math.floor((at * RATE) / 1_000) % NUMBERS) * 1_000) / RATE);
