import { useEffect, useRef, useState } from "preact/hooks";
import { type Board, type Command, socketAddress } from "../api.ts";
import { Backoff } from "../backoff.ts";

export interface DeskLine {
  board: Board | undefined;
  /** When the socket was lost; null while it works or has never worked. */
  lostAt: Date | null;
  ended: boolean;
  /** Why the daemon does not let us in. */
  refused: string | undefined;
  /** Sends now or not at all; answers whether it left. */
  send: (command: Command) => boolean;
}

type FromDaemon =
  | { type: "board"; board: Board }
  | { type: "error"; code: string; for?: string; ref?: string }
  | { type: "done"; ref: string }
  | { type: "ended" };

/** The live board of a conference, and the way for commands. `refusal` hears of those that failed. */
export function useDesk(conference: string, refusal: (code: string) => void): DeskLine {
  const [board, setBoard] = useState<Board>();
  const [lostAt, setLostAt] = useState<Date | null>(null);
  const [ended, setEnded] = useState(false);
  const [refused, setRefused] = useState<string>();
  const socket = useRef<WebSocket | null>(null);
  const refs = useRef(0);

  useEffect(() => {
    const backoff = new Backoff(500, 8_000);
    let timer = 0;
    let over = false;
    let heard = false;
    const connect = () => {
      const next = new WebSocket(socketAddress(`/desk/${encodeURIComponent(conference)}`));
      socket.current = next;
      next.onmessage = (event: MessageEvent<unknown>) => {
        if (typeof event.data !== "string") return;
        let message: FromDaemon;
        try {
          message = JSON.parse(event.data) as FromDaemon;
        } catch {
          return;
        }
        if (message.type === "board") {
          heard = true;
          backoff.reset();
          setLostAt(null);
          setRefused(undefined);
          setBoard(message.board);
        } else if (message.type === "ended") {
          over = true;
          setEnded(true);
        } else if (message.type === "error") {
          if (heard) refusal(message.code);
          else setRefused(message.code);
        }
      };
      next.onclose = () => {
        if (socket.current !== next) return;
        socket.current = null;
        if (over) return;
        if (heard) setLostAt((since) => since ?? new Date());
        timer = window.setTimeout(connect, backoff.next_ms());
      };
    };
    connect();
    return () => {
      over = true;
      clearTimeout(timer);
      socket.current?.close();
      socket.current = null;
    };
  }, [conference]);

  const send = (command: Command): boolean => {
    if (socket.current?.readyState !== WebSocket.OPEN) return false;
    refs.current += 1;
    socket.current.send(JSON.stringify({ ...command, ref: `d${refs.current}` }));
    return true;
  };
  return { board, lostAt, ended, refused, send };
}
