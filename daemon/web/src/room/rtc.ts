import { Backoff } from "../backoff.ts";
import type { SlotCounts } from "./messages.ts";
import { StatsReader, type CallStats } from "./call_stats.ts";

/** `lost`: it had been up and is being made again. */
export type CallState = "connecting" | "connected" | "lost";

/** Where the browser tells of its network: Chromium does, others say `online`. */
const network = (navigator as Navigator & { connection?: EventTarget & { type?: string } }).connection;

interface Listener {
  /** Carries an offer to the daemon; answers whether it left. */
  offer: (id: number, sdp: string) => boolean;
  /** Offers stay without an answer: the socket is dead, whatever the system still believes. */
  unanswered: () => void;
  state: (state: CallState) => void;
  /** The browser wants a click before it plays sound. */
  soundBlocked: (blocked: boolean) => void;
}

/** Between the browser's doubt about the connection and an ICE restart, which costs nothing if the line mends itself. Milliseconds. */
const DOUBT_MS = 200;
/**
 * A restart that has not connected after this long is repeated, for another line may be there by now; each time it waits half as long again,
 * so that a slow line gets its chance. Milliseconds.
 */
const RESTART_MS = 800;
const RESTART_LONGEST_MS = 4_000;
/** The same when the browser found no network at all to check along. Milliseconds. */
const NO_NETWORK_MS = 400;
/** An offer without an answer for this long says that the socket went with the line. Milliseconds. */
const ANSWER_MS = 2_500;
/** An attempt that has not connected after this long makes room for the next. Milliseconds. */
const ATTEMPT_MS = 8_000;
/** An attempt younger than this is left to succeed, whatever good news arrives. Milliseconds. */
const YOUNG_MS = 2_000;
/**
 * The daemon forgets a peer that was silent for 30 s, keys and all. An ICE restart keeps the keys, so it is used only well before
 * that; later attempts start afresh.
 */
const RESTART_WITHIN_MS = 12_000;

/** Best first: 720p, 360p, 180p. Bits per second. */
const LAYERS: RTCRtpEncodingParameters[] = [
  { rid: "h", scaleResolutionDownBy: 1, maxBitrate: 1_200_000 },
  { rid: "m", scaleResolutionDownBy: 2, maxBitrate: 400_000 },
  { rid: "l", scaleResolutionDownBy: 4, maxBitrate: 120_000 },
];

/** A screen in one size, twice: small letters must be read on a thin line too, so the lower layer has fewer frames instead. */
const SCREEN_LAYERS: RTCRtpEncodingParameters[] = [
  { rid: "h", scaleResolutionDownBy: 1, maxBitrate: 1_500_000, maxFramerate: 15 },
  { rid: "l", scaleResolutionDownBy: 1, maxBitrate: 250_000, maxFramerate: 3 },
];
const PAPER_LAYERS: RTCRtpEncodingParameters[] = [{ maxBitrate: 1_000_000, maxFramerate: 10 }];

/** What the page sends. */
export type Outgoing = "audio" | "video" | "screenSound" | "screen" | "paper";

/**
 * Sound and picture to and from the bridge. Keeps itself alive: it restarts ICE, and then itself, until closed. It lives apart from the
 * socket: a socket that is lost stops no picture, and one that comes back begins no new connection while the old one works.
 * The page is always the offerer; the m-lines are audio out, video out, `slots.audio` in, `slots.video` in, then what may be shared: the
 * screen's sound, the screen, the document camera. Those are idle until then, so that sharing needs no new offer.
 */
export class Call {
  private pc!: RTCPeerConnection;
  private offerId = 0;
  private current: CallState = "connecting";
  private everConnected = false;
  private connectedAt = -Infinity;
  private attemptAt = 0;
  private timer = 0;
  private closed = false;
  private generation = 0;
  private readonly backoff = new Backoff(1_000, 8_000);
  private readonly streams = new Map<string, MediaStream>();
  private readonly players: HTMLAudioElement[] = [];
  private readonly reader = new StatsReader();
  private readonly tracks: Record<Outgoing, MediaStreamTrack | null> = { audio: null, video: null, screenSound: null, screen: null, paper: null };
  private readonly senders = new Map<Outgoing, RTCRtpSender>();
  private light = false;
  private sink = "";
  private iceServers: RTCIceServer[] = [];
  private fingerprint: string | null = null;
  private askedAt: number | null = null;
  /** Restarts in a row that did not connect. */
  private restarts = 0;
  /** The offer of a new connection that has not left yet; without text while it is made. */
  private leaving: { id: number; sdp: string | null } | null = null;
  /** The frame that the connection was made in, if it was not the page itself. */
  private frame: HTMLIFrameElement | null = null;
  private networkType = network?.type;

  constructor(private readonly slots: SlotCounts, private readonly listener: Listener) {
    addEventListener("online", this.lineBack);
    network?.addEventListener("change", this.networkChanged);
  }

  /**
   * A socket was opened, for the first time or again. `known`: the seat is the one that the connection was made for; then a restart shows
   * whether the daemon still has it too, and interrupts nothing if so.
   */
  welcome(iceServers: RTCIceServer[], known: boolean): void {
    this.iceServers = iceServers;
    if (known && this.leaving !== null) {
      this.deliver();
      return;
    }
    if (known && this.isFresh()) {
      this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers });
      void this.negotiate(true);
      return;
    }
    this.build();
  }

  /** Whether the daemon may still hold the keys. */
  private isFresh(): boolean {
    return this.current === "connected" || performance.now() - this.connectedAt < RESTART_WITHIN_MS;
  }

  /**
   * The browser was without any network and has one again, the same or another. If nothing comes in by the old way, a new connection is made:
   * a restart of the old one would look for the line among those that were there before.
   */
  private readonly lineBack = async () => {
    if (this.closed || !this.pc) return;
    const { pc, generation } = this;
    const before = await packetsHeard(pc);
    await new Promise((resolve) => setTimeout(resolve, DOUBT_MS));
    const silent = (await packetsHeard(pc)) === before;
    if (silent && generation === this.generation) this.build();
  };
  /** Another kind of network beside the old one: checks along it begin now. Also fires for each new estimate of the bandwidth, which is no other line. */
  private readonly networkChanged = () => {
    if (network?.type === this.networkType) return;
    this.networkType = network?.type;
    if (!this.closed && this.isFresh()) this.retry(DOUBT_MS, false, true);
  };

  /** Sends another track, or none, without a new offer. */
  send(what: Outgoing, track: MediaStreamTrack | null): void {
    if (this.tracks[what] === track) return;
    this.tracks[what] = track;
    void this.senders.get(what)?.replaceTrack(track).catch(() => undefined); // closed meanwhile: the next connection takes it
  }

  /** Sends only the lowest layer of the camera, or all of them. */
  sendLight(light: boolean): void {
    if (this.light === light) return;
    this.light = light;
    this.applyLight();
  }

  private applyLight(): void {
    const { light } = this;
    const sender = this.senders.get("video");
    if (!sender || this.pc.connectionState === "closed") return;
    const parameters = sender.getParameters();
    if (parameters.encodings.length < 2) return;
    for (const encoding of parameters.encodings) encoding.active = !light || encoding.rid === "l";
    void sender.setParameters(parameters).catch(() => undefined); // negotiated anew meanwhile: done again then
  }

  async answer(id: number, sdp: string): Promise<void> {
    this.askedAt = null;
    if (id !== this.offerId || this.closed) return;
    const pc = this.pc;
    // Another certificate: the daemon was restarted, and knows nothing of this connection.
    const fingerprint = /^a=fingerprint:(.*)$/m.exec(sdp)?.[1] ?? null;
    if (this.fingerprint !== null && fingerprint !== this.fingerprint) {
      this.build();
      return;
    }
    this.fingerprint = fingerprint;
    try {
      await pc.setRemoteDescription({ type: "answer", sdp });
      if (this.light) this.applyLight();
    } catch (error) {
      console.error(error);
      if (pc === this.pc) this.retry(this.backoff.next_ms(), true);
    }
  }

  /** The daemon refused offer `id`. */
  refused(id: number | undefined): void {
    if (id === this.offerId) this.retry(this.backoff.next_ms(), true);
  }

  /** The line is said to be back: do not wait for the next attempt. */
  hurry(): void {
    if (this.current === "connected" || this.closed || performance.now() - this.attemptAt < YOUNG_MS) return;
    this.retry(0, false);
  }

  /** The picture in the m-line `mid`. */
  stream(mid: string): MediaStream | undefined {
    return this.streams.get(mid);
  }

  /** Loudness (root mean square, 0 to 1) of what each m-line has played since the last call, by mid. */
  async levels(): Promise<Map<string, number>> {
    if (this.current !== "connected") return new Map();
    const { pc, generation } = this;
    const incoming = pc.getTransceivers().filter((transceiver) => transceiver.direction === "recvonly" && transceiver.receiver.track.kind === "audio");
    const reports = await Promise.all(incoming.map((transceiver) => transceiver.receiver.getStats()));
    const levels = new Map<string, number>();
    if (generation !== this.generation) return levels;
    incoming.forEach((transceiver, index) => {
      if (transceiver.mid !== null) levels.set(transceiver.mid, this.reader.loudness(transceiver.mid, reports[index]!));
    });
    return levels;
  }

  /** Plays all sound; call from a click when the browser had refused. */
  async unlockSound(): Promise<void> {
    const results = await Promise.allSettled(this.players.map((player) => player.play()));
    this.listener.soundBlocked(results.some((result) => result.status === "rejected" && (result.reason as Error).name === "NotAllowedError"));
  }

  /** Plays through the loudspeaker `id`, where the browser can choose. */
  async speakThrough(id: string): Promise<void> {
    this.sink = id;
    await Promise.allSettled(this.players.map((player) => player.setSinkId?.(id)));
  }

  stats(large: string | undefined): Promise<CallStats | null> {
    return this.current === "connected" ? this.reader.read(this.pc, large) : Promise.resolve(null);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    removeEventListener("online", this.lineBack);
    network?.removeEventListener("change", this.networkChanged);
    this.tearDown();
  }

  private tearDown(): void {
    this.generation += 1;
    this.fingerprint = null;
    this.connectedAt = -Infinity;
    if (this.pc) {
      this.pc.onconnectionstatechange = null;
      this.pc.oniceconnectionstatechange = null;
      this.pc.onicecandidate = null;
      this.pc.close();
    }
    this.frame?.remove();
    this.frame = null;
    for (const player of this.players.splice(0)) {
      player.pause();
      player.srcObject = null;
    }
    this.streams.clear();
    this.reader.reset();
  }

  private build(): void {
    if (this.closed) return;
    this.tearDown();
    if (this.current === "connected") this.change("lost");
    const pc = new (this.realm().RTCPeerConnection)({ bundlePolicy: "max-bundle", rtcpMuxPolicy: "require", iceServers: this.iceServers });
    this.pc = pc;
    this.senders.clear();
    this.add(pc, "audio", "audio");
    this.add(pc, "video", "video", LAYERS);
    for (let slot = 0; slot < this.slots.audio; slot += 1) this.play(pc.addTransceiver("audio", { direction: "recvonly" }).receiver.track);
    for (let slot = 0; slot < this.slots.video; slot += 1) takeAll(pc.addTransceiver("video", { direction: "recvonly" }));
    this.add(pc, "screenSound", "audio");
    this.add(pc, "screen", "video", SCREEN_LAYERS);
    this.add(pc, "paper", "video", PAPER_LAYERS);
    pc.onconnectionstatechange = () => this.observe(pc);
    pc.oniceconnectionstatechange = () => this.observe(pc);
    void this.negotiate(false);
  }

  /**
   * Where the next connection is made: the first in the page, a later one in an empty frame of its own. Chromium tells a page of a new line
   * 1.5 to 3.5 s after it is there, but a new frame looks for itself. Others look with each connection.
   */
  private realm(): typeof globalThis {
    if (!this.everConnected || !network) return window;
    this.frame = document.createElement("iframe");
    this.frame.hidden = true;
    document.body.append(this.frame);
    const inside = this.frame.contentWindow as (Window & typeof globalThis) | null;
    return inside?.RTCPeerConnection ? inside : window;
  }

  private add(pc: RTCPeerConnection, what: Outgoing, kind: "audio" | "video", sendEncodings?: RTCRtpEncodingParameters[]): void {
    const source = this.tracks[what] ?? kind;
    let transceiver: RTCRtpTransceiver;
    try {
      transceiver = pc.addTransceiver(source, { direction: "sendonly", ...(sendEncodings ? { sendEncodings } : {}) });
    } catch {
      transceiver = pc.addTransceiver(source, { direction: "sendonly" }); // no simulcast here: one layer
    }
    if (kind === "video") prefer(transceiver, SENT);
    else preferCopies(transceiver);
    this.senders.set(what, transceiver.sender);
  }

  private play(track: MediaStreamTrack): void {
    const player = new Audio();
    player.autoplay = true;
    player.srcObject = new MediaStream([track]);
    if (this.sink !== "") void player.setSinkId?.(this.sink).catch(() => undefined);
    this.players.push(player);
    player.play().catch((error: Error) => {
      if (error.name === "NotAllowedError") this.listener.soundBlocked(true);
    });
  }

  private async negotiate(restart: boolean): Promise<void> {
    const { pc, generation } = this;
    const id = (this.offerId += 1);
    this.leaving = restart ? null : { id, sdp: null };
    this.attemptAt = performance.now();
    try {
      if (restart) pc.restartIce();
      let found = false;
      pc.onicecandidate = ({ candidate }) => {
        found ||= candidate !== null && candidate.candidate !== "";
        const none = candidate === null && !found;
        if (none && restart && id === this.offerId && this.current !== "connected") this.retry(NO_NETWORK_MS, false);
      };
      // Sent without candidates: the daemon needs none, since it learns addresses from our checks.
      await pc.setLocalDescription(await pc.createOffer({ iceRestart: restart }));
    } catch (error) {
      console.error(error);
      if (generation !== this.generation) return;
      this.leaving = null;
      this.retry(this.backoff.next_ms(), true);
      return;
    }
    if (generation !== this.generation || id !== this.offerId || this.closed) return;
    for (const transceiver of pc.getTransceivers()) {
      if (transceiver.direction === "recvonly" && transceiver.mid !== null && transceiver.receiver.track.kind === "video" && !this.streams.has(transceiver.mid)) {
        this.streams.set(transceiver.mid, new MediaStream([transceiver.receiver.track]));
      }
    }
    const sdp = pc.localDescription!.sdp;
    if (restart) this.ask(id, sdp);
    else {
      this.leaving = { id, sdp };
      this.deliver();
    }
    if (!restart) this.retry(ATTEMPT_MS + this.backoff.next_ms(), true);
    else if (this.current !== "connected") this.retry(this.restartWithin(), false);
  }

  /** Hands an offer over. Answers whether it left; then the clock runs for one that is lost on the way. */
  private ask(id: number, sdp: string): boolean {
    const left = this.listener.offer(id, sdp);
    if (left) this.askedAt ??= performance.now();
    else this.askedAt = null;
    return left;
  }

  /** Hands the offer of a new connection over, if it is made; one that finds no socket leaves with the next. */
  private deliver(): void {
    if (this.leaving?.sdp && this.ask(this.leaving.id, this.leaving.sdp)) this.leaving = null;
  }

  private restartWithin(): number {
    this.restarts += 1;
    return Math.min(RESTART_LONGEST_MS, RESTART_MS * 1.5 ** (this.restarts - 1));
  }

  private observe(pc: RTCPeerConnection): void {
    if (pc !== this.pc || this.closed) return;
    if (pc.connectionState === "connected" && pc.iceConnectionState !== "disconnected") {
      this.everConnected = true;
      this.connectedAt = performance.now();
      this.restarts = 0;
      this.backoff.reset();
      clearTimeout(this.timer);
      this.change("connected");
    } else if (pc.connectionState === "failed" || pc.iceConnectionState === "failed") {
      this.change(this.everConnected ? "lost" : "connecting");
      this.retry(this.isFresh() ? this.restartWithin() : this.backoff.next_ms(), false);
    } else if (pc.iceConnectionState === "disconnected" && this.current === "connected") {
      this.connectedAt = performance.now();
      this.change("lost");
      this.retry(DOUBT_MS, false);
    }
  }

  /** One timer for whatever comes next; `afresh` also gives up the keys, `anyway` does not ask whether all seems well. */
  private retry(wait_ms: number, afresh: boolean, anyway = false): void {
    if (this.closed) return;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      if (this.current === "connected" && !anyway) return;
      if (this.askedAt !== null && performance.now() - this.askedAt > ANSWER_MS) {
        this.askedAt = null;
        this.listener.unanswered();
      }
      if (!afresh && this.isFresh()) void this.negotiate(true);
      else this.build();
    }, wait_ms);
  }

  private change(state: CallState): void {
    if (state === this.current) return;
    this.current = state;
    this.listener.state(state);
  }
}

/** Packets that have come in over all lines of the connection, checks not among them. */
async function packetsHeard(pc: RTCPeerConnection): Promise<number> {
  let heard = 0;
  (await pc.getStats()).forEach((one: { type: string; packetsReceived?: number }) => {
    if (one.type === "transport" || one.type === "inbound-rtp") heard += one.packetsReceived ?? 0;
  });
  return heard;
}

/** Of the forms of a codec, those that the bridge takes: fewer payload types in each m-line, shorter SDP. */
const TAKEN: Record<string, (parameters: string) => boolean> = {
  vp8: () => true,
  h264: (parameters) => parameters.includes("packetization-mode=1") && /profile-level-id=(42|4d)/i.test(parameters),
  vp9: (parameters) => !parameters.includes("profile-id=") || parameters.includes("profile-id=0"),
  av1: (parameters) => !/(^|;)profile=[12]/.test(parameters),
};

/** What is sent: VP8, which weak computers encode in three sizes most cheaply; H.264 where there is no other. */
const SENT = ["vp8", "h264"];
/** What is shown: whatever cameras, encoders and room systems send. */
const SHOWN = ["vp8", "h264", "vp9", "av1"];

/** Not yet in the library of types. */
interface ExtensionChoice {
  getHeaderExtensionsToNegotiate?(): { uri: string; direction: string }[];
  setHeaderExtensionsToNegotiate?(extensions: { uri: string; direction: string }[]): void;
}

/** Every codec, and the descriptor without which layers in AV1 cannot be shown: Chromium offers it by itself only where it sends layers. */
function takeAll(transceiver: RTCRtpTransceiver): void {
  prefer(transceiver, SHOWN);
  const choice = transceiver as unknown as ExtensionChoice;
  const extensions = choice.getHeaderExtensionsToNegotiate?.();
  if (!extensions) return;
  for (const extension of extensions) if (extension.uri.includes("dependency-descriptor")) extension.direction = "sendrecv";
  try {
    choice.setHeaderExtensionsToNegotiate?.(extensions);
  } catch {
    // AV1 without layers goes without it
  }
}

/** Sound with a copy of the packet before: the bridge fills holes of this line from it, and passes it on to lines that lose packets. */
function preferCopies(transceiver: RTCRtpTransceiver): void {
  const isCopies = (codec: { mimeType: string }) => codec.mimeType.toLowerCase() === "audio/red";
  order(transceiver, "audio", (codecs) => [...codecs.filter(isCopies), ...codecs.filter((codec) => !isCopies(codec))]);
}

function prefer(transceiver: RTCRtpTransceiver, names: string[]): void {
  order(transceiver, "video", (codecs) => {
    const of = (name: string) =>
      codecs.filter((codec) => codec.mimeType.toLowerCase() === `video/${name}` && (TAKEN[name]?.(codec.sdpFmtpLine ?? "") ?? true));
    return [...names.flatMap(of), ...of("rtx")];
  });
}

/** Offers the codecs that `choose` takes of the browser's, best first. */
function order(transceiver: RTCRtpTransceiver, kind: "audio" | "video", choose: (codecs: RTCRtpCodec[]) => RTCRtpCodec[]): void {
  const codecs = RTCRtpReceiver.getCapabilities?.(kind)?.codecs;
  if (!codecs || !transceiver.setCodecPreferences) return;
  try {
    transceiver.setCodecPreferences(choose(codecs));
  } catch {
    // the browser's own order; the bridge has its own
  }
}
