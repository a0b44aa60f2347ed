import type { Board, Command, Participant, Reason, RoomPreview } from "../api.ts";
import { Cell } from "../cell.ts";
import { Call, type CallState } from "./rtc.ts";
import type { CallStats } from "./call_stats.ts";
import type { LocalMedia } from "./local_media.ts";
import type { FromDaemon, SlotUse } from "./messages.ts";
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
  speaker: string | null;
  /** What the person wants; the microphone is also on while the space bar is held. */
  mic: boolean;
  cam: boolean;
  talking: boolean;
  hand: boolean;
  /** The person's own choice of the large picture. */
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
  private refs = 0;
  private readonly unwatch: () => void;

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
      slots: { video: [], audio: [] }, speaker: null, mic: wants.mic, cam: wants.cam, talking: false, hand: false,
      pinned: null, mutedBy: null, invited: false, notice: null, stats: null, refusal: null,
    });
    this.unwatch = media.state.watch(() => this.applyMedia());
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
    this.unwatch();
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
    if (on && this.media.state.value.video === null) await this.media.openOne("video");
    // The lamp beside the lens goes out: people trust it more than a word on the screen.
    else if (!on) this.media.drop("video");
    this.applyMedia();
  }

  setHand(raised: boolean): void {
    this.put({ hand: raised });
    this.signal?.send({ type: "hand", raised });
  }

  pin(participant: string | null): void {
    this.put({ pinned: participant });
    this.see(participant, this.view.tiles);
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
    for (const slot of this.state.value.slots.audio) if (slot) levels[slot.participant] = this.heard.get(slot.mid) ?? 0;
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
        this.put({
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
        this.call.welcome(message.ice_servers, message.self.id === value.self?.id, this.media.state.value.audio, this.media.state.value.video);
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
        const here = new Set(message.participants.map((one) => one.id));
        this.put({
          participants: message.participants, floor: message.floor, spotlight: message.spotlight, recording: message.recording,
          board: message.board, self, hand: self?.hand !== undefined,
        });
        if (value.pinned !== null && !here.has(value.pinned)) this.pin(null);
        return;
      }
      case "slots":
        this.put({ slots: { video: message.video, audio: message.audio } });
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
    this.put({ refusal: { code, at: new Date() } });
  }

  private wanted(): { mic: boolean; cam: boolean } {
    const { mic, talking, cam } = this.state.value;
    const { audio, video } = this.media.state.value;
    return { mic: (mic || talking) && audio !== null, cam: cam && video !== null };
  }

  private applyMedia(): void {
    const { audio, video } = this.media.state.value;
    const wanted = this.wanted();
    if (audio) audio.enabled = wanted.mic;
    if (this.call) {
      this.call.send("audio", audio);
      this.call.send("video", wanted.cam ? video : null);
    }
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
