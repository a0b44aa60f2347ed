import type { LocalMediaState } from "./local_media.ts";
import type { SeatState } from "./seat.ts";
import { timeWithSeconds } from "../format.ts";
import { r } from "../i18n/room.ts";
import { capital, reasonClause } from "../i18n/reasons.ts";

export interface Status {
  level: "ok" | "note" | "warn";
  text: string;
  /** What the button beside the sentence does. */
  action?: "unlock" | "mic" | "picture" | "stop_share";
}

/** A notice is news for this long, milliseconds. */
const NOTICE_MS = 20_000;
/** Beyond these a person notices: Opus conceals up to about 5 %, and talk collides above 400 ms there and back. */
const LOSS_PERCENT_MAX = 5;
const RTT_MS_MAX = 400;

/** The one sentence under the picture: the most pressing truth about "do they see and hear me?". */
export function statusOf(seat: SeatState, media: Pick<LocalMediaState, "audio" | "video">, now: Date): Status {
  if (seat.socketLostAt) return { level: "warn", text: r("status.socket_lost", { time: timeWithSeconds(seat.socketLostAt) }) };
  if (seat.call === "lost") return { level: "warn", text: r("status.call_lost", { time: timeWithSeconds(seat.callLostAt ?? now) }) };
  if (seat.call === "connecting") return { level: "note", text: r("status.connecting") };
  if (seat.soundBlocked) return { level: "warn", text: r("status.sound_blocked"), action: "unlock" };
  if (seat.invited && !seat.mic) return { level: "note", text: r("status.invited"), action: "mic" };
  if (seat.mutedBy !== null && !seat.mic) return { level: "note", text: r("status.muted_by", { name: seat.mutedBy }) };
  const fallen = seat.self?.fallen_since;
  if (fallen !== undefined) return { level: "warn", text: r("status.fallen", { time: timeWithSeconds(fallen) }) };
  if (seat.notice && now.getTime() - seat.notice.at.getTime() < NOTICE_MS) {
    return { level: seat.notice.reason.code.endsWith("_back") ? "ok" : "warn", text: `${capital(reasonClause(seat.notice.reason))}.` };
  }
  if (seat.stats && (seat.stats.loss_percent > LOSS_PERCENT_MAX || seat.stats.rtt_ms > RTT_MS_MAX)) return { level: "warn", text: r("status.weak") };
  if (seat.mode !== "normal") {
    if (seat.modeBy !== null) return { level: "note", text: r(`status.mode_by.${seat.mode}`, { name: seat.modeBy }) };
    return { level: "note", text: r(`status.mode.${seat.mode}`), action: "picture" };
  }
  if (seat.shares.slides || seat.shares.document) return { level: "ok", text: r(seat.shares.slides ? "status.sharing" : "status.sharing_paper"), action: "stop_share" };
  if (seat.talking) return { level: "ok", text: r("status.talking") };
  if (media.audio === null) return { level: "note", text: r("status.no_mic") };
  if (seat.mic && !seat.participants.some((one) => one.connected && one.id !== seat.self?.id)) return { level: "note", text: r("status.alone") };
  if (seat.mic) return { level: "ok", text: r(seat.self?.floor ? "status.floor" : "status.mic_on") };
  if (seat.hand) return { level: "note", text: r("status.hand") };
  return { level: "note", text: r("status.mic_off") };
}
