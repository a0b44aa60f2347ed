import type { Conference, ConferenceInput, Recurrence } from "../api.ts";
import { fieldDate, fromZone, time } from "../format.ts";
import { addDays, stamp } from "./days.ts";

/** A booking as the form holds it: dates and clocks of the shown zone. */
export interface Draft {
  title: string;
  day: string;
  from: string;
  to: string;
  description: string;
  repeat: Recurrence["every"] | "none";
  /** Empty when the repetition ends on a day (`until`). */
  count: string;
  /** What the form does not offer but a booking may have; kept as it is. */
  interval: number;
  until: string | undefined;
  chair: string;
  sites: ReadonlySet<string>;
}

/** Most repetitions that the form offers. */
export const COUNT_MAX = 366;

/** Tomorrow at eight, two hours: the usual briefing. */
export function emptyDraft(now: Date): Draft {
  return { title: "", day: addDays(fieldDate(now), 1), from: "08:00", to: "10:00", description: "", repeat: "none", count: "4", interval: 1, until: undefined, chair: "", sites: new Set() };
}

export function draftOf(conference: Conference): Draft {
  return {
    title: conference.title,
    day: fieldDate(new Date(conference.starts_at)),
    from: time(conference.starts_at),
    to: time(conference.ends_at),
    description: conference.description,
    repeat: conference.recurrence?.every ?? "none",
    count: conference.recurrence?.count === undefined ? (conference.recurrence?.until ? "" : "4") : String(conference.recurrence.count),
    interval: conference.recurrence?.interval ?? 1,
    until: conference.recurrence?.until,
    chair: conference.chair_site,
    sites: new Set(conference.sites.filter((site) => site !== conference.chair_site)),
  };
}

/** A clock as people write it (`8:30`, `8h30`, `0830`, `8`) as `08:30`; null when it is none. */
export function clockOf(text: string): string | null {
  const match = /^\s*(\d{1,2})\s*(?:[:.hg]\s*(\d{2})?|(\d{2}))?\s*$/i.exec(text);
  if (!match) return null;
  const [hour, minute] = [Number(match[1]), Number(match[2] ?? match[3] ?? 0)];
  return hour < 24 && minute < 60 ? `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}` : null;
}

/** Whether the meeting runs past midnight: its end on the clock is before its start. */
export function overnight(draft: Draft): boolean {
  const [from, to] = [clockOf(draft.from), clockOf(draft.to)];
  return from !== null && to !== null && to < from;
}

export type WhatFault = "title" | "time_missing" | "time_bad";

export function faultOfWhat(draft: Draft): WhatFault | null {
  if (draft.title.trim() === "") return "title";
  const [from, to] = [clockOf(draft.from), clockOf(draft.to)];
  if (from === null || to === null || fromZone(draft.day, from) === null) return "time_missing";
  return from === to ? "time_bad" : null;
}

/** What is sent; `faultOfWhat` must be null. */
export function inputOf(draft: Draft, acceptConflicts: boolean): ConferenceInput {
  const starts = fromZone(draft.day, clockOf(draft.from)!)!;
  const ends = fromZone(overnight(draft) ? addDays(draft.day, 1) : draft.day, clockOf(draft.to)!)!;
  const end = draft.count.trim() === "" && draft.until !== undefined ? { until: draft.until } : { count: Math.min(COUNT_MAX, Math.max(1, Math.round(Number(draft.count)) || 1)) };
  return {
    title: draft.title.trim(),
    starts_at: stamp(starts),
    ends_at: stamp(ends),
    chair_site: draft.chair,
    sites: [...draft.sites].filter((site) => site !== draft.chair),
    description: draft.description.trim(),
    ...(draft.repeat === "none" ? {} : { recurrence: { every: draft.repeat, interval: draft.interval, ...end } }),
    ...(acceptConflicts ? { accept_conflicts: true } : {}),
  };
}
