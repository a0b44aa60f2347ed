import type { Health } from "../api.ts";

/** How full a line is, 0–100 %, with the colour of its health. The number stands beside it in words. */
export function LoadBar({ percent, health }: { percent: number | undefined; health: Health }) {
  const width = Math.min(100, Math.max(0, percent ?? 0));
  return <div class={`load health-${health}`} aria-hidden="true"><span style={{ width: `${width}%` }} /></div>;
}
