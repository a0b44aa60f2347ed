import type { Board, Command, Mode, Participant, Reason, RoomPreview, ShareRule } from "../api.ts";
import type { Track } from "./shown.ts";

/** What the room page says on its socket; see `daemon/PROTOCOL.md`. */
export type ToDaemon =
  | { type: "join"; token: string; name: string; resume?: string; mic: boolean; cam: boolean }
  | { type: "offer"; id: number; sdp: string }
  | { type: "media"; mic: boolean; cam: boolean }
  | { type: "view"; large: string | null; tiles: string[] }
  | { type: "share"; slides: boolean; document: boolean }
  | { type: "mode"; mode: Mode }
  | { type: "hand"; raised: boolean }
  | { type: "stats"; rtt_ms: number; loss_percent: number; width: number; fps: number; freezes: number }
  | { type: "leave" }
  | (Command & { ref?: string });

export interface SlotUse {
  mid: string;
  participant: string;
  track: Track;
}
/** A picture that the page asked for and does not get. */
export interface Withheld {
  participant: string;
  track: Track;
  why: "mode" | "estimate" | "fallen" | "codec";
}
export interface SlotCounts {
  audio: number;
  video: number;
}
export interface Welcome {
  type: "welcome";
  self: Participant;
  resume: string;
  room: RoomPreview;
  /** The daemon's own relay, for lines that let nothing out but TLS. */
  ice_servers: { urls: string[]; username: string; credential: string }[];
  slots: SlotCounts;
}

/** What it hears. */
export type FromDaemon =
  | Welcome
  | { type: "answer"; id: number; sdp: string }
  | { type: "roster"; participants: Participant[]; floor?: string; spotlight?: string; recording: boolean; sharing: ShareRule; board?: Board }
  | { type: "slots"; video: (SlotUse | null)[]; audio: (SlotUse | null)[]; withheld: Withheld[] }
  | { type: "shares"; slides: boolean; document: boolean; by?: string }
  | { type: "mode"; mode: Mode; by?: string }
  | { type: "speaker"; participant: string | null }
  | { type: "muted"; by: string }
  | { type: "floor"; granted: boolean }
  | { type: "notice"; reason: Reason }
  | { type: "error"; code: string; ref?: string; id?: number }
  | { type: "done"; ref: string }
  | { type: "removed" }
  | { type: "ended" }
  | { type: "replaced" };

/** The message, or null when it is none: a daemon of another version may say more than this page knows. */
export function parseMessage(data: unknown): FromDaemon | null {
  if (typeof data !== "string") return null;
  try {
    const message: unknown = JSON.parse(data);
    return typeof message === "object" && message !== null && typeof (message as { type?: unknown }).type === "string" ? (message as FromDaemon) : null;
  } catch {
    return null;
  }
}
