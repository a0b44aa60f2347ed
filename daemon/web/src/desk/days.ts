import { fieldDate, fromZone } from "../format.ts";

/** A day of the shown zone, `2026-11-21`. Reckoned as a calendar date, so no hour of a clock change can shift it. */
export type Day = string;

const DAY_MS = 86_400_000;

const utc = (day: Day): number => Date.parse(`${day}T00:00:00Z`);

export function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(utc(text)) && new Date(utc(text)).toISOString().startsWith(text);
}

export function addDays(day: Day, n: number): Day {
  return new Date(utc(day) + n * DAY_MS).toISOString().slice(0, 10);
}

/** The same day of another month, or that month's last. */
export function addMonths(day: Day, n: number): Day {
  const [year, month, date] = day.split("-").map(Number) as [number, number, number];
  const first = new Date(Date.UTC(year, month - 1 + n, 1));
  const last = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
  first.setUTCDate(Math.min(date, last));
  return first.toISOString().slice(0, 10);
}

/** The week of `day`, from Monday. */
export function weekOf(day: Day): Day[] {
  const back = (new Date(utc(day)).getUTCDay() + 6) % 7;
  return Array.from({ length: 7 }, (_, index) => addDays(day, index - back));
}

/** Whole weeks that hold the month of `day`: four to six. */
export function monthOf(day: Day): Day[][] {
  const month = day.slice(0, 7);
  const weeks: Day[][] = [];
  let week = weekOf(`${month}-01`);
  while (weeks.length === 0 || week[0]!.slice(0, 7) === month) {
    weeks.push(week);
    week = weekOf(addDays(week[0]!, 7));
  }
  return weeks;
}

/** The instant at which `day` begins in the shown zone. */
export function startOf(day: Day): Date {
  return fromZone(day, "00:00") ?? new Date(utc(day));
}

export function dayOf(at: string): Day {
  return fieldDate(new Date(at));
}

/** RFC 3339 in UTC without fractions, as the daemon writes it. */
export function stamp(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}
