import type { Reason } from "../api.ts";
import { duration } from "../format.ts";
import { harmless, openWords } from "./index.ts";
import { eventKinds as viKinds, reasons as viReasons } from "./vi/reasons.ts";
import { eventKinds as enKinds, reasons as enReasons } from "./en/reasons.ts";

const reasonWords = openWords(viReasons, enReasons);
const kindWords = openWords(viKinds, enKinds);

/** A reason as a clause, lower-case, without a full stop. A code of a newer daemon shows as it is. */
export function reasonClause(reason: Reason): string {
  const args: Record<string, string | number> = { ...reason.args };
  if (typeof args.uptime_seconds === "number") args.uptime = duration(args.uptime_seconds);
  const sentence = reasonWords(reason.code, args);
  if (sentence !== undefined) return sentence;
  const rest = Object.entries(reason.args ?? {}).map(([key, value]) => `${key} ${value}`);
  return harmless([reason.code.replaceAll("_", " "), ...rest].join(", "));
}

/** The reason as a sentence: a capital in front. */
export function reasonSentence(reason: Reason): string {
  return capital(reasonClause(reason));
}

export function capital(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

export function eventKind(kind: string): string {
  return kindWords(kind) ?? harmless(kind.replaceAll("_", " "));
}
