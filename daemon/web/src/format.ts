import { common } from "./i18n/common.ts";
import { formatNumber, language } from "./i18n/index.ts";

/** The zone in which every time is shown; the session or the room says which. */
let zone = "Asia/Ho_Chi_Minh";

export function showTimesIn(timeZone: string): void {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    zone = timeZone;
    formatters.clear();
  } catch {
    // a zone this browser does not know: keep the one in use
  }
}

export const timeZone = (): string => zone;

const formatters = new Map<string, Intl.DateTimeFormat>();

interface DateParts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  /** 0 = Sunday */
  weekday: number;
}

/** The wall clock of the zone at `at`. */
export function partsOf(at: Date): DateParts {
  let formatter = formatters.get(zone);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
      hour: "2-digit", minute: "2-digit", second: "2-digit", weekday: "short",
    });
    formatters.set(zone, formatter);
  }
  const parts: Record<string, string> = {};
  for (const part of formatter.formatToParts(at)) parts[part.type] = part.value;
  const number = (name: string) => Number(parts[name]);
  return {
    year: number("year"), month: number("month"), day: number("day"),
    hour: number("hour"), minute: number("minute"), second: number("second"),
    weekday: ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"].indexOf(parts.weekday ?? ""),
  };
}

const two = (n: number): string => String(n).padStart(2, "0");

/** `21/11/2026` */
export function date(at: string | Date): string {
  const p = partsOf(new Date(at));
  return `${two(p.day)}/${two(p.month)}/${p.year}`;
}
/** `08:30` */
export function time(at: string | Date): string {
  const p = partsOf(new Date(at));
  return `${two(p.hour)}:${two(p.minute)}`;
}
/** `09:14:03` */
export function timeWithSeconds(at: string | Date): string {
  return `${time(at)}:${two(partsOf(new Date(at)).second)}`;
}
/** `21/11/2026 08:30` */
export function dateTime(at: string | Date): string {
  return `${date(at)} ${time(at)}`;
}
/** The time alone when it is today, else date and time. */
export function when(at: string | Date, now = new Date()): string {
  return date(at) === date(now) ? timeWithSeconds(at) : dateTime(at);
}
/** `Thứ bảy, 21/11/2026` */
export function dayName(at: string | Date): string {
  const key = `weekday.${partsOf(new Date(at)).weekday}` as "weekday.0";
  return `${common(key)}, ${date(at)}`;
}

/** `08:30 – 10:00`, with the day in front unless both are today. */
export function span(from: string, to: string, now = new Date()): string {
  const day = date(from);
  const end = date(to) === day ? time(to) : dateTime(to);
  return day === date(now) ? `${time(from)} – ${end}` : `${day} ${time(from)} – ${end}`;
}

/** The instant at which the zone's wall clock shows `day` (`2026-11-21`) and `clock` (`08:30`); null when they are no date. */
export function fromZone(day: string, clock: string): Date | null {
  const guess = Date.parse(`${day}T${clock}:00Z`);
  if (Number.isNaN(guess)) return null;
  // The offset at the guess, then once more at the result: right but inside the hour of a clock change.
  const first = guess - offsetAt(new Date(guess));
  return new Date(guess - offsetAt(new Date(first)));
}

function offsetAt(at: Date): number {
  const p = partsOf(at);
  return Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute, p.second) - Math.floor(at.getTime() / 1000) * 1000;
}

/** `2026-11-21`, for date fields. */
export function fieldDate(at: Date): string {
  const p = partsOf(at);
  return `${p.year}-${two(p.month)}-${two(p.day)}`;
}

/** A duration in words, at most two units, or one: `2 giờ 5 phút`, `12 phút`, `40 giây`. */
export function duration(seconds: number, units_max = 2): string {
  const whole = Math.max(0, Math.round(seconds));
  const units: ["day" | "hour" | "minute" | "second", number][] = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];
  let left = whole;
  const words: string[] = [];
  for (const [unit, length] of units) {
    const n = Math.floor(left / length);
    left -= n * length;
    if (n > 0) words.push(common(`unit.${unit}`, { n }));
    // Below the first unit only its neighbour says something: nobody reads "3 ngày 12 giây".
    if (words.length === units_max || (words.length === 1 && n === 0)) break;
  }
  if (words.length === 2 && whole >= 600 && whole < 3_600) words.pop();
  return words.length === 0 ? common("unit.second", { n: 0 }) : words.join(" ");
}

/** `12 phút trước`; within five seconds `vừa xong`. */
export function ago(at: string, now = new Date()): string {
  const seconds = (now.getTime() - Date.parse(at)) / 1000;
  return seconds < 5 ? common("just_now") : common("ago", { duration: duration(seconds, 1) });
}

export function number(value: number): string {
  return formatNumber(value);
}

/** Mbit/s with one decimal under 100; Gbit/s from 1.000; kbit/s under 1. */
export function rate(bps: number | undefined): string {
  if (bps === undefined) return "–";
  if (bps >= 1e9) return `${formatNumber(bps / 1e9)} Gbit/s`;
  if (bps >= 1e8) return `${formatNumber(Math.round(bps / 1e6))} Mbit/s`;
  if (bps >= 1e6 || bps === 0) return `${formatNumber(bps / 1e6)} Mbit/s`;
  return `${formatNumber(Math.max(0.1, bps / 1e3))} kbit/s`;
}

export function bytes(count: number): string {
  const units = ["B", "KB", "MB", "GB", "TB", "PB"];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${formatNumber(value)} ${units[unit]}`;
}

export function percent(value: number | undefined): string {
  return value === undefined ? "–" : `${formatNumber(Math.round(value))}\u00a0%`;
}

/** Order of names as a Vietnamese reader expects it. */
export function byName(a: string, b: string): number {
  return a.localeCompare(b, language.value, { numeric: true, sensitivity: "base" });
}
