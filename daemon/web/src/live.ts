import { Backoff } from "./backoff.ts";
import { Cell } from "./cell.ts";
import { type EventRow, socketAddress } from "./api.ts";

/** When the stream of changes broke; null while it runs. */
export const brokenSince = new Cell<Date | null>(null);

type TrapListener = (event: EventRow) => void;
const trapListeners = new Set<TrapListener>();

/** Tells `listener` of traps at once, before they are stored; their id is 0. */
export function onTrap(listener: TrapListener): () => void {
  trapListeners.add(listener);
  return () => trapListeners.delete(listener);
}

type Listener = (topics: ReadonlySet<string> | "all") => void;
const listeners = new Set<Listener>();

let socket: WebSocket | null = null;
let timer = 0;
let wanted = false;
let opened = false;
const backoff = new Backoff(1_000, 20_000);

/** Tells `listener` what changed; `"all"` after the stream was broken, since what was missed is unknown. */
export function onChange(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function startLive(): void {
  if (wanted) return;
  wanted = true;
  connect();
  addEventListener("online", hurry);
}

export function stopLive(): void {
  wanted = false;
  opened = false;
  clearTimeout(timer);
  removeEventListener("online", hurry);
  socket?.close();
  socket = null;
  brokenSince.value = null;
}

function hurry(): void {
  if (socket === null && wanted) {
    clearTimeout(timer);
    backoff.reset();
    connect();
  }
}

function connect(): void {
  const next = new WebSocket(socketAddress("/live"));
  socket = next;
  next.onopen = () => {
    backoff.reset();
    if (opened) tell("all");
    opened = true;
    brokenSince.value = null;
  };
  next.onmessage = (event: MessageEvent<unknown>) => {
    const topics = changedTopics(event.data);
    if (topics) tell(topics);
    const trap = trapEvent(event.data);
    if (trap) for (const listener of [...trapListeners]) listener(trap);
  };
  next.onclose = () => {
    if (socket !== next) return;
    socket = null;
    if (!wanted) return;
    brokenSince.value ??= new Date();
    // Without a stream the page reads again at each try, so it is late, never silently old.
    tell("all");
    timer = window.setTimeout(connect, backoff.next_ms());
  };
}

function tell(topics: ReadonlySet<string> | "all"): void {
  for (const listener of [...listeners]) listener(topics);
}

/** The topics of a `changed` message; null for anything else. */
export function changedTopics(data: unknown): Set<string> | null {
  if (typeof data !== "string") return null;
  try {
    const message = JSON.parse(data) as { type?: unknown; what?: unknown };
    if (message.type !== "changed" || !Array.isArray(message.what)) return null;
    return new Set(message.what.filter((topic): topic is string => typeof topic === "string"));
  } catch {
    return null;
  }
}

/** The event of a `trap` message; null for anything else. */
export function trapEvent(data: unknown): EventRow | null {
  if (typeof data !== "string") return null;
  try {
    const message = JSON.parse(data) as { type?: unknown; event?: EventRow };
    return message.type === "trap" && message.event ? message.event : null;
  } catch {
    return null;
  }
}
