import type { LinkRow } from "../api.ts";

/** Reasons that say that nothing passes. */
const DOWN: readonly string[] = ["link_down", "link_lower_layer_down"];

/** A link as it may be shown: one that is down carries nothing, whatever was measured before. */
export function withoutStaleLoad(row: LinkRow): LinkRow {
  if (!row.reasons.some((reason) => DOWN.includes(reason.code))) return row;
  return { ...row, in_bps: undefined, out_bps: undefined, load_percent: undefined };
}
