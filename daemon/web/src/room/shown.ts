import type { Participant } from "../api.ts";
import type { SeatState } from "./seat.ts";

export type Track = "main" | "slides" | "document";

/** One picture of one participant. */
export interface Shown {
  one: Participant;
  track: Track;
}

/** The picture's name in the protocol: `p1`, `p1/slides`, `p1/document`. */
export function nameOf(participant: string, track: Track): string {
  return track === "main" ? participant : `${participant}/${track}`;
}

/** Everything that others share, each person's screen before their document camera. */
export function sharedBy(participants: readonly Participant[], self: string | undefined): Shown[] {
  return participants
    .filter((one) => one.id !== self)
    .flatMap((one) => [...(one.slides ? [{ one, track: "slides" as const }] : []), ...(one.document ? [{ one, track: "document" as const }] : [])]);
}

/** What is large: the daemon's first video slot; before it says so, what was chosen, is shared, is lit or speaks. */
export function largeOf(state: SeatState): Shown | undefined {
  const find = (id: string | null | undefined): Participant | undefined => (id === state.self?.id ? undefined : state.participants.find((one) => one.id === id));
  const slot = state.slots.video[0];
  if (slot) {
    const one = find(slot.participant);
    return one && { one, track: slot.track };
  }
  if (state.pinned !== null) {
    const [id, track = "main"] = state.pinned.split("/") as [string, Track?];
    const one = find(id);
    return one && { one, track };
  }
  // No picture flows at all: the stage names the one that would be there, and says why it is not.
  const held = state.withheld.find((row) => row.why !== "estimate");
  const missing = held && find(held.participant);
  if (held && missing) return { one: missing, track: held.track };
  const [shared] = sharedBy(state.participants, state.self?.id);
  if (shared) return shared;
  // Of two who meet, the other is who it is about, with a picture or without.
  const others = state.participants.filter((one) => one.id !== state.self?.id);
  const one = find(state.spotlight) ?? find(state.speaker) ?? find(state.floor) ?? (others.length === 1 ? others[0] : undefined);
  return one && { one, track: "main" };
}

/** Who speaks beside a shared picture: the daemon's last video slot while the first one is shared. */
export function besideOf(state: SeatState): Participant | undefined {
  const [first] = state.slots.video;
  const last = state.slots.video.at(-1);
  if (!first || first.track === "main" || !last || last.track !== "main" || state.slots.video.length < 2) return undefined;
  return state.participants.find((one) => one.id === last.participant);
}
