import type { Board, BoardRow, Participant } from "../api.ts";
import { byName, timeWithSeconds } from "../format.ts";
import { b } from "../i18n/board.ts";
import { reasonClause } from "../i18n/reasons.ts";
import { matches } from "../search.ts";

export type Only = "all" | "missing" | "hands";

const RANK: Record<BoardRow["state"], number> = { dropped: 0, absent: 1, joined: 2 };

/** Dropped, then absent, then present, each by name: who is missing stands on top. */
export function ordered(rows: readonly BoardRow[]): BoardRow[] {
  return [...rows].sort((x, y) => RANK[x.state] - RANK[y.state] || byName(x.site_name, y.site_name));
}

export function filtered(rows: readonly BoardRow[], query: string, only: Only): BoardRow[] {
  return rows.filter(
    (row) =>
      matches(query, row.site_name, ...row.participants.map((one) => one.name)) &&
      (only === "all" || (only === "missing" ? row.state !== "joined" : row.participants.some((one) => one.hand !== undefined))),
  );
}

/** The row's state as a sentence, with cause and time where the daemon knows them. */
export function rowSentence(row: BoardRow): string {
  const time = row.since ? timeWithSeconds(row.since) : undefined;
  const reason = row.reason && reasonClause(row.reason);
  switch (row.state) {
    case "dropped":
      return reason ? b("row.dropped", { time: time ?? "–", reason }) : b("row.dropped_unknown", { time: time ?? "–" });
    case "absent":
      if (reason && time) return b("row.absent_since", { time, reason });
      return reason ? b("row.absent_reason", { reason }) : b("row.absent");
    case "joined":
      return time ? b("row.joined", { time }) : b("state.joined");
  }
}

/** Everyone in the room. */
export function present(board: Board): Participant[] {
  return board.rows.flatMap((row) => row.participants);
}

/** Raised hands, the longest first. */
export function hands(board: Board): Participant[] {
  return present(board)
    .filter((one) => one.hand !== undefined && !one.floor)
    .sort((x, y) => (x.hand! < y.hand! ? -1 : 1));
}

/** How many `mute_all` would mute: never chair and secretary, and not who has the floor. */
export function mutable(board: Board): number {
  return present(board).filter((one) => one.mic && !one.floor && one.id !== board.floor && one.role !== "chair" && one.role !== "secretary").length;
}

/** Whom Enter in the search box means: the only connected person of the first matching site that is present. */
export function firstSpeaker(rows: readonly BoardRow[]): Participant | undefined {
  for (const row of rows) {
    const one = row.participants.find((candidate) => candidate.connected);
    if (row.state === "joined" && one) return one;
  }
  return undefined;
}
