import type { LocalMedia } from "./local_media.ts";
import type { Seat } from "./seat.ts";

/** What the page may be asked from the console of the browser and from tests. Reading it changes nothing. */
export interface Probe {
  state: () => Record<string, unknown>;
}

declare global {
  interface Window {
    __nhipcau?: Probe;
  }
}

let seat: Seat | null = null;
let media: LocalMedia | null = null;

/** Lets the probe speak of this seat; null in the wizard. */
export function probe(nextSeat: Seat | null, nextMedia: LocalMedia): void {
  seat = nextSeat;
  media = nextMedia;
}

window.__nhipcau = {
  state: () => {
    const local = media?.state.value;
    const devices = { audio: local?.audio != null, video: local?.video != null, audio_fault: local?.audioFault ?? null, video_fault: local?.videoFault ?? null };
    if (!seat) return { phase: "wizard", devices };
    const state = seat.state.value;
    return {
      phase: state.phase,
      ending: state.ending,
      connection: state.socketLostAt ? "socket_lost" : state.call,
      self: state.self && { ...state.self },
      participants: state.participants.map((one) => ({ ...one })),
      floor: state.floor ?? null,
      spotlight: state.spotlight ?? null,
      speaker: state.speaker,
      recording: state.recording,
      shares: { ...state.shares },
      mode: state.mode,
      mode_by: state.modeBy,
      withheld: [...state.withheld],
      slots: { video: [...state.slots.video], audio: [...state.slots.audio] },
      levels: seat.levels(),
      mic: state.mic,
      cam: state.cam,
      hand: state.hand,
      sound_blocked: state.soundBlocked,
      stats: state.stats && { ...state.stats },
      notice: state.notice?.reason ?? null,
      devices,
    };
  },
};
