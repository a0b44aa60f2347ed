import { useEffect, useState } from "preact/hooks";
import { Roll } from "../board/board.tsx";
import { Conduct, Floor } from "../board/conduct.tsx";
import { useCell } from "../cell.ts";
import { useNow } from "../clock.ts";
import { time } from "../format.ts";
import { common, errorSentence } from "../i18n/common.ts";
import { r } from "../i18n/room.ts";
import { Brand } from "../ui/brand.tsx";
import { Name } from "../ui/basics.tsx";
import { Dialog, say } from "../ui/dialog.tsx";
import { Controls, StatusStrip } from "./controls.tsx";
import { DeviceChoice } from "./device_choice.tsx";
import { Icon } from "./icons.tsx";
import { Meter } from "./meter.tsx";
import { People } from "./people.tsx";
import type { Seat, SeatState } from "./seat.ts";
import { ModeChoice, ShareSheet } from "./share_sheet.tsx";
import { type Shown, nameOf, sharedBy } from "./shown.ts";
import { Stage } from "./stage.tsx";
import { Tiles } from "./tiles.tsx";

type Side = "people" | "conduct" | null;

/** The room: the others large, oneself small, three buttons, one sentence. */
export function LiveRoom({ seat, state }: { seat: Seat; state: SeatState }) {
  const [side, setSide] = useState<Side>(null);
  const [devices, setDevices] = useState(false);
  const [sharing, setSharing] = useState(false);
  const [speaker, setSpeaker] = useState("");
  useCell(seat.media.state);
  useEffect(() => {
    if (state.refusal) say(errorSentence(state.refusal.code), true);
  }, [state.refusal]);
  const conducts = state.self?.role === "chair" || state.self?.role === "secretary";
  const others = state.participants.filter((one) => one.id !== state.self?.id).length;
  const shared = sharedBy(state.participants, state.self?.id);
  const tiles = others > 1 || shared.length > 0;
  useEffect(() => announce(shared, state), [shared.map(({ one, track }) => nameOf(one.id, track)).join(" ")]);
  return (
    <div class="room" data-test="room" data-connection={state.socketLostAt ? "socket_lost" : state.call}>
      <Bar state={state} side={side} setSide={setSide} conducts={conducts} />
      <main class={`room-body${side ? " with-side" : ""}${tiles ? " with-tiles" : ""}`}>
        <Stage seat={seat} state={state} />
        {tiles && <Tiles seat={seat} state={state} />}
        {!tiles && <ViewNobody seat={seat} pinned={state.pinned} />}
        {side === "people" && (
          <SidePanel title={r("people.title")} close={() => setSide(null)}><People state={state} /></SidePanel>
        )}
        {side === "conduct" && conducts && state.board && (
          <SidePanel title={r("conduct")} close={() => setSide(null)}>
            <Conduct board={state.board} send={(command) => seat.command(command)} />
            <Floor board={state.board} send={(command) => seat.command(command)} />
            <Roll board={state.board} send={(command) => seat.command(command)} self={state.self?.id} />
          </SidePanel>
        )}
      </main>
      <StatusStrip seat={seat} state={state} />
      <Controls seat={seat} state={state} openDevices={() => setDevices(true)} openShares={() => setSharing(true)} />
      {sharing && <ShareSheet seat={seat} state={state} close={() => setSharing(false)} />}
      {devices && (
        <Dialog title={r("devices")} onClose={() => setDevices(false)} test="devices-sheet">
          <ModeChoice seat={seat} state={state} />
          <Meter track={seat.media.state.value.audio} />
          <DeviceChoice
            media={seat.media}
            speaker={speaker}
            onSpeaker={(id) => {
              setSpeaker(id);
              seat.speakThrough(id);
            }}
          />
        </Dialog>
      )}
    </div>
  );
}

let announced: ReadonlySet<string> = new Set();

/** Says once that somebody has begun to share; what was shared when one came in needs no word. */
function announce(shared: readonly Shown[], state: SeatState): void {
  const names = new Set(shared.map(({ one, track }) => nameOf(one.id, track)));
  const begun = shared.find(({ one, track }) => !announced.has(nameOf(one.id, track)));
  announced = names;
  if (begun && state.call === "connected") say(r(`share.began.${begun.track === "slides" ? "slides" : "document"}`, { name: begun.one.site_name }));
}

/** With one other person the stage shows all there is. */
function ViewNobody({ seat, pinned }: { seat: Seat; pinned: string | null }) {
  useEffect(() => seat.see(pinned, []), [seat, pinned]);
  return null;
}

function Bar({ state, side, setSide, conducts }: { state: SeatState; side: Side; setSide: (side: Side) => void; conducts: boolean }) {
  const now = useNow(10_000);
  const floor = state.participants.find((one) => one.id === state.floor);
  const speaking = state.participants.find((one) => one.id === state.speaker);
  const toggle = (which: Exclude<Side, null>) => setSide(side === which ? null : which);
  return (
    <header class="room-bar">
      <Brand />
      <div class="room-title">
        <h1 data-test="room-title"><Name>{state.room?.title}</Name></h1>
        <p class="room-who" data-test="who">
          {floor
            ? r("floor.now", { name: floor.site_name })
            : speaking
              ? r("speaking.now", { name: speaking.id === state.self?.id ? r("self") : speaking.site_name })
              : state.room?.site_name ?? ""}
        </p>
      </div>
      {state.recording && <span class="recording" role="status" data-test="recording"><span class="rec-dot" aria-hidden="true" />{r("recording")}</span>}
      <span class="room-clock num">{time(now)}</span>
      <div class="room-tools">
        <button type="button" class="bar-button" aria-pressed={side === "people"} data-test="people" onClick={() => toggle("people")}><Icon name="people" /><span>{r("people", { n: state.participants.length })}</span></button>
        {conducts && <button type="button" class="bar-button" aria-pressed={side === "conduct"} data-test="conduct" onClick={() => toggle("conduct")}><Icon name="conduct" /><span>{r("conduct")}</span></button>}
      </div>
    </header>
  );
}

function SidePanel({ title, close, children }: { title: string; close: () => void; children: preact.ComponentChildren }) {
  return (
    <aside class="room-side" aria-label={title} data-test="side">
      <header class="dialog-head">
        <h2>{title}</h2>
        <button type="button" class="icon-button" aria-label={common("close")} data-test="side-close" onClick={close}>
          <svg viewBox="0 0 16 16" aria-hidden="true"><path d="m3 3 10 10M13 3 3 13" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" /></svg>
        </button>
      </header>
      <div class="room-side-body">{children}</div>
    </aside>
  );
}
