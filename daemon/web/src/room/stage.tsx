import { useEffect, useRef, useState } from "preact/hooks";
import type { Participant } from "../api.ts";
import { r } from "../i18n/room.ts";
import { common } from "../i18n/common.ts";
import { Name } from "../ui/basics.tsx";
import { initials } from "../ui/initials.ts";
import { Icon } from "./icons.tsx";
import { Picture, useShown } from "./picture.tsx";
import type { Seat, SeatState } from "./seat.ts";

/** Who is large: the daemon's first video slot; before it says so, the person chosen. */
export function largeOf(state: SeatState): Participant | undefined {
  const id = state.slots.video[0]?.participant ?? state.pinned ?? state.spotlight ?? state.speaker ?? state.floor;
  return id === state.self?.id ? undefined : state.participants.find((one) => one.id === id);
}

/** Nothing arrives: what the daemon last said of speakers is no longer true. */
function isLost(state: SeatState): boolean {
  return state.socketLostAt !== null || state.call === "lost";
}

/** The large picture, with one's own small in its corner. */
export function Stage({ seat, state }: { seat: Seat; state: SeatState }) {
  const box = useRef<HTMLDivElement>(null);
  const large = largeOf(state);
  const others = state.participants.filter((one) => one.id !== state.self?.id);
  return (
    <div class="stage" ref={box} data-test="stage">
      {isLost(state)
        ? (
          <div class="stage-empty" data-test="stage-lost">
            <p class="stage-title">{r("stage.lost")}</p>
            <p>{r("stage.lost.sub")}</p>
          </div>
        )
        : large
        ? <Large key={large.id} seat={seat} state={state} one={large} />
        : (
          <div class="stage-empty">
            <p class="stage-title">{r(others.length === 0 ? "stage.alone" : "stage.nobody")}</p>
            {others.length === 0 && <p>{r("stage.alone.sub")}</p>}
          </div>
        )}
      <Self seat={seat} state={state} />
      {typeof document.documentElement.requestFullscreen === "function" && (
        <button
          type="button" class="stage-full" aria-label={r("stage.full")} title={r("stage.full")} data-test="fullscreen"
          onClick={() => void (document.fullscreenElement ? document.exitFullscreen() : box.current?.requestFullscreen())}
        >
          <Icon name="full" />
        </button>
      )}
    </div>
  );
}

function Large({ seat, state, one }: { seat: Seat; state: SeatState; one: Participant }) {
  const slot = state.slots.video[0];
  const stream = slot?.participant === one.id ? seat.stream(slot.mid) : undefined;
  const visible = one.cam && one.connected && stream !== undefined;
  const [shown, setShown] = useShown(visible ? stream : undefined);
  return (
    <>
      {visible && <Picture stream={stream} onShown={setShown} test="large-video" participant={one.id} />}
      {(!visible || !shown) && <NoPicture one={one} waiting={one.cam} />}
      <Plate one={one} large />
      <div class="stage-tags">
        {state.pinned === one.id && <button type="button" class="stage-tag" data-test="unpin" onClick={() => seat.pin(null)}><Icon name="pin" />{r("stage.pinned")}</button>}
        {state.pinned === null && state.spotlight === one.id && <span class="stage-tag">{r("stage.spotlight")}</span>}
      </div>
    </>
  );
}

/** Instead of a picture: who it would be, and why there is none. */
function NoPicture({ one, waiting }: { one: Participant; waiting: boolean }) {
  const why = !one.connected ? r("stage.dropped") : waiting ? r("stage.waiting_picture") : r("stage.no_cam");
  return (
    <div class="no-picture">
      <span class="no-picture-letters" aria-hidden="true">{initials(one.site_name || one.name)}</span>
      <span class="no-picture-why">{why}</span>
    </div>
  );
}

function Plate({ one, large }: { one: Participant; large?: boolean }) {
  return (
    <div class={large ? "plate large" : "plate"}>
      <Icon name={one.mic ? "mic" : "mic_off"} />
      <span class="unseen">{r(one.mic ? "person.mic_on" : "person.mic_off")}</span>
      <span class="plate-site"><Name>{one.site_name}</Name></span>
      {one.name !== one.site_name && <span class="plate-name"><Name>{one.name}</Name></span>}
      {large && one.role !== "delegate" && <span class="plate-role">{common(`role.${one.role}`)}</span>}
      {one.hand !== undefined && <span class="plate-hand"><Icon name="hand" /><span class="unseen">{r("person.hand")}</span></span>}
    </div>
  );
}

/** One of the small pictures. A click shows it large. */
export function Tile({ seat, state, one }: { seat: Seat; state: SeatState; one: Participant }) {
  const slot = state.slots.video.find((candidate, index) => index > 0 && candidate?.participant === one.id);
  const stream = slot ? seat.stream(slot.mid) : undefined;
  const visible = one.cam && one.connected && stream !== undefined;
  const [shown, setShown] = useShown(visible ? stream : undefined);
  const speaking = !isLost(state) && (one.speaking || state.speaker === one.id);
  return (
    <button
      type="button"
      class={`tile${speaking ? " speaking" : ""}${one.floor ? " floor" : ""}${one.connected ? "" : " dropped"}`}
      title={r("stage.pin", { name: one.site_name || one.name })}
      data-test="tile"
      data-participant={one.id}
      onClick={() => seat.pin(state.pinned === one.id ? null : one.id)}
    >
      {visible && <Picture stream={stream} onShown={setShown} test="tile-video" participant={one.id} />}
      {(!visible || !shown) && <NoPicture one={one} waiting={one.cam} />}
      <Plate one={one} />
    </button>
  );
}

/** One's own picture, small, in a place that does not move. */
function Self({ seat, state }: { seat: Seat; state: SeatState }) {
  const [stream, setStream] = useState<MediaStream>();
  const track = seat.media.state.value.video;
  useEffect(() => setStream(track ? new MediaStream([track]) : undefined), [track]);
  return (
    <div class="self" data-test="self">
      {state.cam && stream
        ? <Picture stream={stream} mirror test="self-video" />
        : <div class="no-picture"><span class="no-picture-why">{r("stage.no_cam")}</span></div>}
      <div class="plate"><Icon name={state.mic || state.talking ? "mic" : "mic_off"} /><span class="plate-site">{r("self")}</span></div>
    </div>
  );
}
