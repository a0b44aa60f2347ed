import type { PeerRow } from "../api.ts";

/** What a technician wants to know first. */
export type Verdict = "good" | "fair" | "bad" | "gone";

/** Above these a call is not what it should be: sound breaks from 5 % loss, answers come late from 400 ms. */
const BAD = { loss: 5, rtt: 400 };
/** Above these it is worth a look. */
const FAIR = { loss: 1, rtt: 200 };

/** A word for a seat's road. */
export function verdictOf(row: Pick<PeerRow, "connected" | "loss_up_percent" | "loss_down_percent" | "rtt_ms" | "lowered">): Verdict {
  if (!row.connected) return "gone";
  const loss = Math.max(row.loss_up_percent, row.loss_down_percent);
  const rtt = row.rtt_ms ?? 0;
  if (loss >= BAD.loss || rtt >= BAD.rtt) return "bad";
  return loss >= FAIR.loss || rtt >= FAIR.rtt || row.lowered ? "fair" : "good";
}
