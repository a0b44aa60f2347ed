import type { AccountRole, ApiError, Session } from "./api.ts";
import { api } from "./api.ts";
import { Cell } from "./cell.ts";
import { showTimesIn } from "./format.ts";
import { proposeLanguage } from "./i18n/index.ts";
import { startLive, stopLive } from "./live.ts";
import { forgetResources } from "./resource.ts";

/** Who is signed in; null until the daemon has said so. */
export const session = new Cell<Session | null>(null);
export const sessionError = new Cell<ApiError | null>(null);

/** Reads the session; call at the start and to try again. */
export async function readSession(): Promise<void> {
  try {
    adopt(await api.get<Session>("/session"));
  } catch (error) {
    sessionError.value = error as ApiError;
  }
}

/** Takes over what `/setup` or `/session` answered. */
export function adopt(next: Session): void {
  sessionError.value = null;
  proposeLanguage(next.language);
  showTimesIn(next.time_zone);
  session.value = next;
  if (next.state === "signed_in") startLive();
  else stopLive();
}

/** The daemon no longer knows this session. */
export function signedOut(): void {
  forgetResources();
  stopLive();
  const known = session.value;
  if (known?.state === "signed_in") session.value = { ...known, state: "anonymous", account: undefined };
}

export async function signOut(): Promise<void> {
  try {
    await api.remove("/session");
  } finally {
    signedOut();
  }
}

// `operator` also acts on inventory and runs, `host` on conferences; `admin` may do all.
const MAY = {
  read: ["viewer", "host", "operator", "admin"],
  host: ["host", "operator", "admin"],
  operate: ["operator", "admin"],
  administer: ["admin"],
} satisfies Record<string, AccountRole[]>;

/** Whether the signed-in account may do this; the daemon decides again on each request. */
export function may(what: keyof typeof MAY): boolean {
  const role = session.value?.account?.role;
  return role !== undefined && (MAY[what] as AccountRole[]).includes(role);
}
