import type { LocalMediaState, MediaFault } from "./local_media.ts";
import { r } from "../i18n/room.ts";

export type Browser = "chromium" | "firefox" | "safari";

/** Which family's words for "allow the camera" fit; Edge, Cốc Cốc and Opera are Chromium. */
export function browserOf(agent: string): Browser {
  if (/firefox|fxios/i.test(agent)) return "firefox";
  return /chrom|crios|edg/i.test(agent) ? "chromium" : "safari";
}

export interface Check {
  name: "camera" | "mic" | "line";
  state: "ok" | "wait" | "bad";
  text: string;
  /** The way out, where the text alone does not say it. */
  fix: string[];
  /** A drawing of where to click helps. */
  blocked: boolean;
}

/** Round trip to the daemon over HTTP; `null` not measured yet, `NaN` failed. Milliseconds. */
export type LineMs = number | null;

/** Above it, two people begin to talk into each other. Milliseconds. */
const SLOW_MS = 300;

/** The three checks of the wizard, each with proof or with the fix. */
export function checksOf(media: LocalMediaState, heard: boolean, line_ms: LineMs, browser: Browser): Check[] {
  return [
    device("camera", media.video !== null, media.videoFault, r("check.camera.ok"), r("check.camera.wait"), browser),
    media.audio !== null && !heard
      ? { name: "mic", state: "wait", text: r("check.mic.speak"), fix: [], blocked: false }
      : device("mic", media.audio !== null, media.audioFault, r("check.mic.ok"), r("check.mic.wait"), browser),
    line(line_ms),
  ];
}

function device(name: "camera" | "mic", works: boolean, fault: MediaFault | null, ok: string, wait: string, browser: Browser): Check {
  if (works) return { name, state: "ok", text: ok, fix: [], blocked: false };
  if (fault === null) return { name, state: "wait", text: wait, fix: [], blocked: false };
  if (fault === "insecure") return { name, state: "bad", text: r("fault.insecure"), fix: [], blocked: false };
  const denied = fault === "denied";
  return { name, state: "bad", text: r(`fault.${name}.${fault}`), fix: denied ? [r(`fix.${browser}`), r("fix.system")] : [], blocked: denied };
}

function line(ms: LineMs): Check {
  const check = { name: "line", fix: [], blocked: false } as const;
  if (ms === null) return { ...check, fix: [], state: "wait", text: r("check.line.wait") };
  if (Number.isNaN(ms)) return { ...check, fix: [], state: "bad", text: r("check.line.bad") };
  return { ...check, fix: [], state: ms > SLOW_MS ? "bad" : "ok", text: r(ms > SLOW_MS ? "check.line.slow" : "check.line.ok", { ms: Math.round(ms) }) };
}
