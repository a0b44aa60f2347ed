import type { Participant } from "../api.ts";
import { byName } from "../format.ts";

/** The daemon fills at most eleven tiles beside the large picture. */
const TILES_MAX = 11;

/** How many tiles fit beside (wide) or under (narrow) the stage. CSS pixels at a font of 16 px. */
export function tilesThatFit(width: number, height: number): number {
  if (width >= 1000) return Math.min(TILES_MAX, Math.max(2, Math.floor((height - 48) / 124)) * (width >= 1500 ? 2 : 1));
  return Math.min(TILES_MAX, Math.max(2, Math.floor(width / 150)));
}

/** The tiles in an order that stays: chair, secretary, then by site. The large picture and oneself are not among them. */
export function tileOrder(participants: readonly Participant[], self: string | undefined, large: string | undefined): Participant[] {
  const rank = (one: Participant) => (one.role === "chair" ? 0 : one.role === "secretary" ? 1 : 2);
  return participants
    .filter((one) => one.id !== self && one.id !== large)
    .sort((a, b) => rank(a) - rank(b) || byName(a.site_name, b.site_name) || byName(a.name, b.name) || (a.id < b.id ? -1 : 1));
}

/** Page `page` (from 0) of the tiles, and how many pages there are; a page beyond the last shows the last. */
export function pageOf<T>(all: readonly T[], page: number, size: number): { shown: T[]; page: number; pages: number } {
  const pages = Math.max(1, Math.ceil(all.length / size));
  const current = Math.min(Math.max(0, page), pages - 1);
  return { shown: all.slice(current * size, (current + 1) * size), page: current, pages };
}
