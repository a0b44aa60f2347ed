import { Backoff } from "../backoff.ts";
import { socketAddress } from "../api.ts";
import { type FromDaemon, type ToDaemon, parseMessage } from "./messages.ts";

/** A socket whose bytes have not left for this long is dead, whatever the system still believes. Milliseconds. */
const STUCK_MS = 10_000;
/** How long a socket may take to open, milliseconds. */
const OPEN_MS = 8_000;

interface Listener {
  /** The first message of each new socket. */
  hello: () => ToDaemon;
  message: (message: FromDaemon) => void;
  lost: () => void;
}

/** The room's socket: opens again by itself until closed, and says `hello` first each time. */
export class Signal {
  private socket: WebSocket | null = null;
  private timer = 0;
  private watch = 0;
  private stuckSince = 0;
  private closed = false;
  private readonly backoff = new Backoff(500, 8_000);

  constructor(private readonly room: string, private readonly listener: Listener) {
    addEventListener("online", this.hurry);
    this.connect();
  }

  /** Sends now or not at all: what was meant for a lost socket is stale on the next one. Answers whether it was sent. */
  send(message: ToDaemon): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  close(): void {
    this.closed = true;
    removeEventListener("online", this.hurry);
    clearTimeout(this.timer);
    clearInterval(this.watch);
    this.socket?.close();
    this.socket = null;
  }

  /** Drops the socket and opens another after `wait_ms`, or after the next backoff. */
  reopen(wait_ms?: number): void {
    const old = this.socket;
    this.socket = null;
    old?.close();
    this.again(wait_ms);
  }

  private again(wait_ms = this.backoff.next_ms()): void {
    clearInterval(this.watch);
    clearTimeout(this.timer);
    if (!this.closed) this.timer = window.setTimeout(() => this.connect(), wait_ms);
  }

  // The browser was without any network: a socket that still looks open may hang on an address that is gone.
  private readonly hurry = () => {
    this.backoff.reset();
    this.reopen(0);
  };

  private connect(): void {
    if (this.closed) return;
    const socket = new WebSocket(socketAddress(`/room/${encodeURIComponent(this.room)}`));
    this.socket = socket;
    const opening = setTimeout(() => this.drop(socket), OPEN_MS);
    socket.onopen = () => {
      clearTimeout(opening);
      if (this.socket !== socket) return;
      this.stuckSince = 0;
      socket.send(JSON.stringify(this.listener.hello()));
      this.watch = window.setInterval(() => this.checkStuck(socket), 1_000);
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (this.socket !== socket) return;
      const message = parseMessage(event.data);
      if (message === null) return;
      // Only a daemon that takes us in counts as back; one that refuses at once must not be asked every half second.
      if (message.type === "welcome") this.backoff.reset();
      this.listener.message(message);
    };
    socket.onclose = () => {
      clearTimeout(opening);
      this.drop(socket);
    };
  }

  private drop(socket: WebSocket): void {
    if (this.socket !== socket) return;
    this.socket = null;
    socket.close();
    this.listener.lost();
    this.again();
  }

  // A cut cable leaves a TCP connection open for minutes; unsent bytes tell sooner.
  private checkStuck(socket: WebSocket): void {
    if (socket.bufferedAmount === 0) {
      this.stuckSince = 0;
      return;
    }
    const now = performance.now();
    if (this.stuckSince === 0) this.stuckSince = now;
    else if (now - this.stuckSince > STUCK_MS) this.drop(socket);
  }
}
