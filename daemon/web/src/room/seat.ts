import type { Board, Command, Mode, Participant, Reason, RoomPreview, ShareRule } from "../api.ts";
import { Cell } from "../cell.ts";
import { Call, type CallState } from "./rtc.ts";
import type { CallStats } from "./call_stats.ts";
import type { LocalMedia } from "./local_media.ts";
import type { FromDaemon, SlotUse, Withheld } from "./messages.ts";
import { Shares } from "./shares.ts";
import { nameOf } from "./shown.ts";
import { Signal } from "./signal.ts";

export type Ending = "left" | "removed" | "ended" | "replaced" | "no_such_room" | "room_ended" | "too_many_peers";

export interface SeatState {
  /** `waiting`: the room is not open yet; asked again by itself. */
  phase: "joining" | "waiting" | "in" | "over";
  ending: Ending | null;
  /** When the socket was lost; null while it works. */
  socketLostAt: Date | null;
  call: CallState;
  callLostAt: Date | null;
  soundBlocked: boolean;
  self: Participant | null;
  room: RoomPreview | null;
  participants: Participant[];
  floor: string | undefined;
  spotlight: string | undefined;
  recording: boolean;
  board: Board | undefined;
  slots: { video: (SlotUse | null)[]; audio: (SlotUse | null)[] };
  withheld: Withheld[];
  sharing: ShareRule;
  /** What the daemon lets this page share now. */
  shares: { slides: boolean; document: boolean };
  /** How much picture this page takes and gives, and who imposed that. */
  mode: Mode;
  modeBy: string | null;
  speaker: string | null;
  /** What the person wants; the microphone is also on while the space bar is held. */
  mic: boolean;
  cam: boolean;
  talking: boolean;
  hand: boolean;
  /** The person's own choice of the large picture, by its name. */
  pinned: string | null;
  mutedBy: string | null;
  invited: boolean;
  notice: { reason: Reason; at: Date } | null;
  stats: CallStats | null;
  /** The last refusal: of a command, or of joining. */
  refusal: { code: string; at: Date } | null;
}

/** How often the connection is measured and reported, milliseconds. */
const STATS_MS = 5_000;
/** How often the loudness of the others is read, milliseconds. */
const LISTEN_MS = 1_000;
/** Between questions whether the room has opened, milliseconds. */
const WAIT_MS = 10_000;
/** Changes of the view are gathered this long, so that a resize is one message. Milliseconds. */
const VIEW_MS = 250;

const FATAL: readonly string[] = ["no_such_room", "room_ended", "too_many_peers"] satisfies Ending[];

/** One's place in a live room: the socket, the call, and what both have said. */
export class Seat {
  readonly state: Cell<SeatState>;
  private signal: Signal | null = null;
  private call: Call | null = null;
  private ticker = 0;
  private listener = 0;
  private heard: ReadonlyMap<string, number> = new Map();
  private viewTimer = 0;
  private view: { large: string | null; tiles: string[] } = { large: null, tiles: [] };
  private sentView = "";
  private sentMedia = "";
  private sentShares = "";
  /** What the person chose; remembered by this browser, since the line stays as thin as it is. */
  private chosen: Mode = keptMode();
  readonly shares = new Shares();
  private refs = 0;
  private readonly unwatch: (() => void)[];

  constructor(
    private readonly roomId: string,
    private readonly token: string,
    private readonly name: string,
    readonly media: LocalMedia,
    wants: { mic: boolean; cam: boolean },
  ) {
    this.state = new Cell<SeatState>({
      phase: "joining", ending: null, socketLostAt: null, call: "connecting", callLostAt: null, soundBlocked: false,
      self: null, room: null, participants: [], floor: undefined, spotlight: undefined, recording: false, board: undefined,
      slots: { video: [], audio: [] }, withheld: [], sharing: "one",
      shares: { slides: false, document: false }, mode: this.chosen, modeBy: null, speaker: null, mic: wants.mic, cam: wants.cam, talking: false, hand: false,
      pinned: null, mutedBy: null, invited: false, notice: null, stats: null, refusal: null,
    });
    this.unwatch = [media.state.watch(() => this.applyMedia()), this.shares.state.watch(() => this.applyShares())];
    addEventListener("pagehide", this.hide);
    this.applyMedia();
    this.join();
  }

  /** Ends everything of this seat; the page shows `ending`. */
  private end(ending: Ending): void {
    clearInterval(this.ticker);
    clearInterval(this.listener);
    clearTimeout(this.viewTimer);
    removeEventListener("pagehide", this.hide);
    for (const unwatch of this.unwatch) unwatch();
    this.shares.close();
    this.signal?.close();
    this.call?.close();
    this.call = null;
    if (ending !== "replaced") this.keepResume(null);
    this.put({ phase: "over", ending, callLostAt: null, socketLostAt: null });
  }

  leave(): void {
    this.signal?.send({ type: "leave" });
    this.media.close();
    this.end("left");
  }

  setMic(on: boolean): void {
    this.put({ mic: on, mutedBy: on ? null : this.state.value.mutedBy, invited: on ? false : this.state.value.invited });
    this.applyMedia();
    if (on && this.media.state.value.audio === null) void this.media.openOne("audio");
  }

  /** The space bar: on while held. */
  setTalking(on: boolean): void {
    if (this.state.value.talking === on || (on && (this.state.value.mic || this.media.state.value.audio === null))) return;
    this.put({ talking: on });
    this.applyMedia();
  }

  async setCam(on: boolean): Promise<void> {
    this.put({ cam: on });
    if (this.state.value.mode === "sound_only") return;
    if (on && this.media.state.value.video === null) await this.media.openOne("video");
    // The lamp beside the lens goes out: people trust it more than a word on the screen.
    else if (!on) this.media.drop("video");
    this.applyMedia();
  }

  setHand(raised: boolean): void {
    this.put({ hand: raised });
    this.signal?.send({ type: "hand", raised });
  }

  pin(name: string | null): void {
    this.put({ pinned: name });
    this.see(name, this.view.tiles);
  }

  /** How much picture this site takes and gives from now on. */
  choose(mode: Mode): void {
    this.chosen = mode;
    keepMode(mode);
    this.signal?.send({ type: "mode", mode });
  }

  /** What is on the screen now; only that is sent to this page. */
  see(large: string | null, tiles: string[]): void {
    this.view = { large, tiles: tiles.slice(0, 11) };
    if (this.viewTimer === 0) this.viewTimer = window.setTimeout(() => this.sendView(), VIEW_MS);
  }

  command(command: Command): void {
    this.refs += 1;
    this.signal?.send({ ...command, ref: `c${this.refs}` });
  }

  stream(mid: string): MediaStream | undefined {
    return this.call?.stream(mid);
  }

  unlockSound(): Promise<void> {
    return this.call?.unlockSound() ?? Promise.resolve();
  }

  speakThrough(id: string): void {
    void this.call?.speakThrough(id);
  }

  /** Loudness of each participant that was heard in the last second, 0 to 1. */
  levels(): Record<string, number> {
    const levels: Record<string, number> = {};
    for (const slot of this.state.value.slots.audio) if (slot) levels[nameOf(slot.participant, slot.track)] = this.heard.get(slot.mid) ?? 0;
    return levels;
  }

  private readonly hide = (event: PageTransitionEvent) => {
    // A page put aside whole may come back; one that goes has left, and the roll shall say so at once.
    if (event.persisted) return;
    this.signal?.send({ type: "leave" });
    this.keepResume(null);
  };

  private join(): void {
    this.signal = new Signal(this.roomId, {
      hello: () => {
        const { mic, cam } = this.wanted();
        const resume = this.resume();
        return { type: "join", token: this.token, name: this.name, ...(resume ? { resume } : {}), mic, cam };
      },
      message: (message) => this.hear(message),
      lost: () => {
        if (this.state.value.phase === "in") this.put({ socketLostAt: this.state.value.socketLostAt ?? new Date() });
        else if (this.state.value.refusal === null) this.put({ refusal: { code: "network", at: new Date() } });
      },
    });
  }

  private hear(message: FromDaemon): void {
    const { value } = this.state;
    switch (message.type) {
      case "welcome": {
        this.keepResume(message.resume);
        const { mode } = message.self;
        if (message.self.mode_by === undefined && mode !== this.chosen) this.signal?.send({ type: "mode", mode: this.chosen });
        this.put({
          mode, modeBy: message.self.mode_by ?? null, shares: { slides: message.self.slides, document: message.self.document },
          phase: "in", self: message.self, room: message.room, recording: message.room.recording, socketLostAt: null, refusal: null,
          hand: message.self.hand !== undefined, invited: message.self.floor && !value.mic,
        });
        this.sentMedia = JSON.stringify(this.wanted());
        this.sentView = "";
        this.sendView();
        this.call ??= new Call(message.slots, {
          offer: (id, sdp) => this.signal?.send({ type: "offer", id, sdp }) ?? false,
          unanswered: () => this.signal?.reopen(0),
          state: (call) => this.put({ call, callLostAt: call === "lost" ? new Date() : null, stats: null }),
          soundBlocked: (soundBlocked) => this.put({ soundBlocked }),
        });
        this.sentShares = "";
        this.sendTracks();
        this.call.welcome(message.ice_servers, message.self.id === value.self?.id);
        this.applyShares();
        if (mode === "sound_only") void this.applyMode();
        clearInterval(this.ticker);
        this.ticker = window.setInterval(() => void this.measure(), STATS_MS);
        clearInterval(this.listener);
        this.listener = window.setInterval(() => void this.call?.levels().then((heard) => (this.heard = heard)).catch(() => undefined), LISTEN_MS);
        return;
      }
      case "answer":
        void this.call?.answer(message.id, message.sdp);
        return;
      case "roster": {
        const self = message.participants.find((one) => one.id === value.self?.id) ?? value.self;
        this.put({
          participants: message.participants, floor: message.floor, spotlight: message.spotlight, recording: message.recording, sharing: message.sharing,
          board: message.board, self, hand: self?.hand !== undefined,
        });
        if (value.pinned !== null && !this.isThere(value.pinned, message.participants)) this.pin(null);
        return;
      }
      case "slots":
        this.put({ slots: { video: message.video, audio: message.audio }, withheld: message.withheld });
        return;
      case "shares":
        this.put({ shares: { slides: message.slides, document: message.document } });
        if (message.by !== undefined) {
          this.put({ notice: { reason: { code: "share_ended_by", args: { name: message.by } }, at: new Date() } });
          if (!message.slides) this.shares.closeScreen();
          if (!message.document) this.shares.closePaper();
        }
        this.sendTracks();
        return;
      case "mode":
        // What was said of the picture before is about another picture.
        this.put({ mode: message.mode, modeBy: message.by ?? null, notice: null });
        void this.applyMode();
        return;
      case "speaker":
        this.put({ speaker: message.participant });
        return;
      case "muted":
        this.put({ mic: false, talking: false, mutedBy: message.by, invited: false });
        this.applyMedia();
        return;
      case "floor":
        this.put({ invited: message.granted && !value.mic, hand: message.granted ? false : value.hand });
        return;
      case "notice":
        this.put({ notice: { reason: message.reason, at: new Date() } });
        if (message.reason.code === "line_back") this.call?.hurry();
        return;
      case "error":
        this.refuse(message.code, message.id);
        return;
      case "done":
        return;
      case "removed":
      case "ended":
      case "replaced":
        this.media.close();
        this.end(message.type);
        return;
    }
  }

  private refuse(code: string, offer: number | undefined): void {
    if (offer !== undefined) {
      this.call?.refused(offer);
      return;
    }
    if (this.state.value.phase !== "in" || this.state.value.socketLostAt !== null) {
      if (FATAL.includes(code)) this.end(code as Ending);
      else {
        if (code === "room_not_open") this.put({ phase: "waiting" });
        else this.put({ refusal: { code, at: new Date() } });
        this.signal?.reopen(WAIT_MS);
      }
      return;
    }
    if (code === "share_taken" || code === "share_not_allowed") {
      if (!this.state.value.shares.slides) this.shares.closeScreen();
      if (!this.state.value.shares.document) this.shares.closePaper();
    }
    this.put({ refusal: { code, at: new Date() } });
  }

  private wanted(): { mic: boolean; cam: boolean } {
    const { mic, talking, cam } = this.state.value;
    const { audio, video } = this.media.state.value;
    return { mic: (mic || talking) && audio !== null, cam: cam && video !== null && this.state.value.mode !== "sound_only" };
  }

  private isThere(name: string, participants: readonly Participant[]): boolean {
    const [id, track] = name.split("/");
    const one = participants.find((candidate) => candidate.id === id);
    return one !== undefined && (track === undefined || (track === "slides" ? one.slides : one.document));
  }

  private sendTracks(): void {
    const { audio, video } = this.media.state.value;
    const { screen, screenSound, paper } = this.shares.state.value;
    const { slides, document } = this.state.value.shares;
    this.call?.send("audio", audio);
    this.call?.send("video", this.wanted().cam ? video : null);
    // Nothing is sent that nobody may see: it would only take the line from the camera.
    this.call?.send("screen", slides ? screen : null);
    this.call?.send("screenSound", slides ? screenSound : null);
    this.call?.send("paper", document ? paper : null);
    this.call?.sendLight(this.state.value.mode === "light");
  }

  /** Tells the daemon what is shared, when that changed. */
  private applyShares(): void {
    const { screen, paper } = this.shares.state.value;
    const wanted = { slides: screen !== null, document: paper !== null };
    const text = JSON.stringify(wanted);
    const nothing = !wanted.slides && !wanted.document && this.sentShares === "";
    if (!nothing && text !== this.sentShares && this.signal?.send({ type: "share", ...wanted })) this.sentShares = text;
    this.sendTracks();
  }

  /** Camera and shares follow the mode; the lamp beside the lens goes out with the picture. */
  private async applyMode(): Promise<void> {
    const { mode, cam } = this.state.value;
    if (mode === "sound_only") {
      this.shares.close();
      this.media.drop("video");
    } else if (cam && this.media.state.value.video === null) await this.media.openOne("video");
    this.applyMedia();
  }

  private applyMedia(): void {
    const { audio } = this.media.state.value;
    const wanted = this.wanted();
    if (audio) audio.enabled = wanted.mic;
    this.sendTracks();
    const text = JSON.stringify(wanted);
    if (text !== this.sentMedia && this.signal?.send({ type: "media", ...wanted })) this.sentMedia = text;
  }

  private sendView(): void {
    clearTimeout(this.viewTimer);
    this.viewTimer = 0;
    const text = JSON.stringify(this.view);
    if (text !== this.sentView && this.state.value.phase === "in" && this.signal?.send({ type: "view", ...this.view })) this.sentView = text;
  }

  private async measure(): Promise<void> {
    const stats = (await this.call?.stats(this.state.value.slots.video[0]?.mid).catch(() => null)) ?? null;
    if (this.state.value.phase !== "in") return;
    this.put({ stats });
    if (stats) this.signal?.send({ type: "stats", ...stats });
  }

  private put(change: Partial<SeatState>): void {
    this.state.value = { ...this.state.value, ...change };
  }

  // Kept for a tab that the browser discards and loads again; a tab that is closed has left.
  private resume(): string | null {
    try {
      return sessionStorage.getItem(`nhipcau.resume.${this.roomId}`);
    } catch {
      return null;
    }
  }
  private keepResume(resume: string | null): void {
    try {
      if (resume === null) sessionStorage.removeItem(`nhipcau.resume.${this.roomId}`);
      else sessionStorage.setItem(`nhipcau.resume.${this.roomId}`, resume);
    } catch {
      // not kept: a discarded tab joins as new
    }
  }
}

const MODE_KEY = "nhipcau.mode";

function keptMode(): Mode {
  try {
    const kept = localStorage.getItem(MODE_KEY);
    return kept === "light" || kept === "sound_only" ? kept : "normal";
  } catch {
    return "normal";
  }
}

function keepMode(mode: Mode): void {
  try {
    localStorage.setItem(MODE_KEY, mode);
  } catch {
    // not kept: the seat in the room still knows it
  }
}
