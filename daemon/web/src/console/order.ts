import type { Health } from "../api.ts";

const RANK: Record<Health, number> = { critical: 0, degraded: 1, unknown: 2, ok: 3 };

/** Worst first. */
export function byHealth(a: { health: Health }, b: { health: Health }): number {
  return RANK[a.health] - RANK[b.health];
}

/** Numbers upwards, what is not known last. */
export function byNumber(a: number | undefined, b: number | undefined): number {
  return (a ?? Infinity) === (b ?? Infinity) ? 0 : (a ?? Infinity) < (b ?? Infinity) ? -1 : 1;
}
