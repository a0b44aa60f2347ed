import { useMemo, useState } from "preact/hooks";
import type { Board, BoardRow, Command, Mode, Participant } from "../api.ts";
import { timeWithSeconds } from "../format.ts";
import { b } from "../i18n/board.ts";
import { Button, Empty, HealthMark, Name } from "../ui/basics.tsx";
import { ask } from "../ui/dialog.tsx";
import { Choice, Text } from "../ui/forms.tsx";
import { type Only, filtered, firstSpeaker, ordered, rowSentence } from "./roll.ts";

export type Send = (command: Command) => void;

/** The roll: every invited site, who is missing on top with cause and time. */
export function Roll({ board, send, self }: { board: Board; send: Send; self?: string }) {
  const [query, setQuery] = useState("");
  const [only, setOnly] = useState<Only>("all");
  const all = useMemo(() => ordered(board.rows), [board.rows]);
  const rows = filtered(all, query, only);
  return (
    <section class="roll" aria-label={b("title")} data-test="board">
      <Counts board={board} />
      <div class="roll-tools">
        <form
          class="roll-search"
          onSubmit={(event) => {
            event.preventDefault();
            const one = query.trim() === "" ? undefined : firstSpeaker(rows);
            if (!one) return;
            send({ type: "give_floor", participant: one.id });
            setQuery("");
          }}
        >
          <Text type="search" value={query} onInput={setQuery} placeholder={b("search")} label={b("search")} test="board-search" />
        </form>
        <Choice<Only> value={only} onChange={setOnly} label={b("title")} test="board-only" options={[["all", b("only.all")], ["missing", b("only.missing")], ["hands", b("only.hands")]]} />
      </div>
      {board.rows.length === 0
        ? <Empty title={b("nobody")} />
        : rows.length === 0
          ? <p class="quiet roll-none">{b("search.none")}</p>
          : <ul class="roll-rows">{rows.map((row) => <Row key={row.site} row={row} board={board} send={send} self={self} />)}</ul>}
    </section>
  );
}

function Counts({ board }: { board: Board }) {
  const { counts } = board;
  return (
    <p class="roll-counts" data-test="board-counts">
      <span><b class="num" data-test="count-joined">{counts.joined}</b>/<span class="num">{counts.invited}</span> {b("joined")}</span>
      <span class={counts.dropped > 0 ? "health-critical" : "quiet"}><b class="num" data-test="count-dropped">{counts.dropped}</b> {b("dropped")}</span>
      <span class={counts.absent > 0 ? "health-degraded" : "quiet"}><b class="num" data-test="count-absent">{counts.absent}</b> {b("absent")}</span>
    </p>
  );
}

function Row({ row, board, send, self }: { row: BoardRow; board: Board; send: Send; self: string | undefined }) {
  return (
    <li class={`roll-row ${row.state}`} data-test="board-row" data-site={row.site} data-state={row.state}>
      <div class="roll-site">
        <span class={`state state-${row.state}`}>{b(`state.${row.state}`)}</span>
        <b><Name>{row.site_name}</Name></b>
        {row.health !== "ok" && row.state === "joined" && <HealthMark health={row.health} />}
      </div>
      <p class="roll-sentence" data-test="board-reason">
        {rowSentence(row)}{row.state === "dropped" && <>. {b("row.kept")}</>}
        {row.line && row.state === "joined" && <span class="quiet">{" · "}{b("row.line", { line: row.line })}</span>}
      </p>
      {row.participants.map((one) => <Person key={one.id} one={one} board={board} send={send} self={self} named={row.participants.length > 1 || one.name !== row.site_name} />)}
      {row.state !== "absent" && <Impose row={row} send={send} />}
    </li>
  );
}

const IMPOSED: Record<string, Mode> = { light: "light", sound_only: "sound_only" };

/** How much picture the host lets the site's line carry. */
function Impose({ row, send }: { row: BoardRow; send: Send }) {
  return (
    <label class="roll-impose">
      <span class="quiet small">{b("mode")}<span class="unseen"> <Name>{row.site_name}</Name></span></span>
      <select class="input compact" data-test="impose" value={row.imposed ?? "none"} onChange={(event) => send({ type: "set_mode", site: row.site, mode: IMPOSED[event.currentTarget.value] ?? null })}>
        {(["none", "light", "sound_only"] as const).map((mode) => <option key={mode} value={mode}>{b(`mode.${mode}`)}</option>)}
      </select>
    </label>
  );
}

function modeWord(one: Participant): string {
  const mode = b(one.mode === "light" ? "mode.tag.light" : "mode.tag.sound_only");
  return one.mode_by === undefined ? mode : b("mode.by", { mode, name: one.mode_by });
}

function Person({ one, board, send, self, named }: { one: Participant; board: Board; send: Send; self: string | undefined; named: boolean }) {
  const floor = one.floor || board.floor === one.id;
  const spotlit = board.spotlight === one.id;
  const name = one.name || one.site_name;
  return (
    <div class="roll-person" data-test="board-person" data-participant={one.id}>
      <span class="roll-name">
        {named && <Name>{one.name}</Name>}
        {one.kind !== "person" && <span class="tag device" data-test="device-tag">{b(`kind.${one.kind}`)}</span>}
        {one.speaking && <span class="tag ok">{b("speaking")}</span>}
        {floor && <span class="tag live">{b("floor")}</span>}
        {one.hand !== undefined && !floor && <span class="tag degraded" data-test="hand-tag">{b("hand", { time: timeWithSeconds(one.hand) })}</span>}
        {spotlit && <span class="tag">{b("spotlight.on")}</span>}
        {one.slides && <span class="tag live" data-test="slides-tag">{b("sharing.slides")}</span>}
        {one.document && <span class="tag live">{b("sharing.document")}</span>}
        {one.mode !== "normal" && <span class="tag degraded" data-test="mode-tag">{modeWord(one)}</span>}
        {one.fallen_since !== undefined && <span class="tag degraded" data-test="fallen-tag">{b("fallen", { time: timeWithSeconds(one.fallen_since) })}</span>}
        {one.connected && !one.speaking && one.kind !== "player" && <span class="quiet small">{b(one.mic ? "mic_on" : "mic_off")}</span>}
      </span>
      {one.connected && (
        <span class="roll-acts">
          {one.kind !== "player" && <Commands one={one} floor={floor} spotlit={spotlit} send={send} />}
          {(one.slides || one.document) && <Button test="stop-share" onClick={() => send({ type: "stop_share", participant: one.id })}>{b("stop_share")}</Button>}
          {one.id !== self && (
            <Button
              test="remove"
              kind="danger"
              onClick={() => void ask(b("remove.title", { name }), b(one.kind === "person" ? "remove.text" : "remove.text.device"), b("remove")).then((yes) => yes && send({ type: "remove", participant: one.id }))}
            >
              {b("remove")}
            </Button>
          )}
        </span>
      )}
    </div>
  );
}

/** What is done with who can be seen and heard. */
function Commands({ one, floor, spotlit, send }: { one: Participant; floor: boolean; spotlit: boolean; send: Send }) {
  // Nobody sits at an encoder who could turn its sound on again.
  const unmutes = one.kind === "encoder" && one.muted_by_host;
  return (
    <>
      {floor
        ? <Button test="take-floor" onClick={() => send({ type: "take_floor" })}>{b("take_floor")}</Button>
        : <Button test="give-floor" onClick={() => send({ type: "give_floor", participant: one.id })}>{b("give_floor")}</Button>}
      {unmutes
        ? <Button test="unmute" onClick={() => send({ type: "unmute", participant: one.id })}>{b("unmute")}</Button>
        : <Button test="mute" disabled={!one.mic} onClick={() => send({ type: "mute", participant: one.id })}>{b(one.mic ? "mute" : one.muted_by_host ? "muted" : "mute")}</Button>}
      <Button test="spotlight" pressed={spotlit} onClick={() => send({ type: "spotlight", participant: spotlit ? null : one.id })}>{b(spotlit ? "spotlight.off" : "spotlight")}</Button>
    </>
  );
}
