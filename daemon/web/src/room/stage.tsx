import { useEffect, useRef, useState } from "preact/hooks";
import type { Participant } from "../api.ts";
import { r } from "../i18n/room.ts";
import { common } from "../i18n/common.ts";
import { Name } from "../ui/basics.tsx";
import { initials } from "../ui/initials.ts";
import { Icon } from "./icons.tsx";
import { Picture, useShown } from "./picture.tsx";
import type { Seat, SeatState } from "./seat.ts";
import { type Shown, type Track, largeOf, nameOf } from "./shown.ts";

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
        ? <Large key={nameOf(large.one.id, large.track)} seat={seat} state={state} shown={large} />
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

/** Whether somebody sends this picture at all; a camera that is wanted rests while its site takes sound only. */
function isSent({ one, track }: Shown): boolean {
  return track === "main" ? one.cam && one.mode !== "sound_only" : track === "slides" ? one.slides : one.document;
}

function Large({ seat, state, shown: { one, track } }: { seat: Seat; state: SeatState; shown: Shown }) {
  const slot = state.slots.video[0];
  const stream = slot?.participant === one.id && slot.track === track ? seat.stream(slot.mid) : undefined;
  const visible = isSent({ one, track }) && one.connected && stream !== undefined;
  const [shown, setShown] = useShown(visible ? stream : undefined);
  return (
    <>
      {visible && <Picture stream={stream} onShown={setShown} test="large-video" participant={one.id} track={track} />}
      {(!visible || !shown) && <NoPicture state={state} shown={{ one, track }} />}
      <Plate one={one} track={track} large />
      <div class="stage-tags">
        {state.pinned === nameOf(one.id, track) && <button type="button" class="stage-tag" data-test="unpin" onClick={() => seat.pin(null)}><Icon name="pin" />{r("stage.pinned")}</button>}
        {state.pinned === null && state.spotlight === one.id && track === "main" && <span class="stage-tag">{r("stage.spotlight")}</span>}
      </div>
    </>
  );
}

/** A picture that has not come after this long has a reason at its sender's. Milliseconds. */
const LATE_MS = 6_000;

/** Why there is no picture, never nothing. */
function whyNone(state: SeatState, shown: Shown, late: boolean): string {
  const { one, track } = shown;
  if (!one.connected) return r("stage.dropped");
  if (!isSent(shown)) {
    if (track !== "main") return r("stage.share_ended");
    if (one.mode !== "sound_only") return r("stage.no_cam");
    return one.mode_by === undefined ? r("stage.sound_only") : r("stage.sound_only_by", { name: one.mode_by });
  }
  const withheld = state.withheld.find((row) => row.participant === one.id && row.track === track);
  if (withheld) return r(`stage.withheld.${withheld.why}`);
  // While one's own line is away nobody else is to blame.
  return r(late && state.call === "connected" ? "stage.late_picture" : "stage.waiting_picture");
}

/** Instead of a picture: who it would be, and why there is none. */
function NoPicture({ state, shown }: { state: SeatState; shown: Shown }) {
  const { one, track } = shown;
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    const timer = setTimeout(() => setLate(true), LATE_MS);
    return () => clearTimeout(timer);
  }, [one.id, track, state.call]);
  const why = whyNone(state, shown, late);
  return (
    <div class="no-picture" data-test="no-picture">
      <span class="no-picture-letters" aria-hidden="true">{initials(one.site_name || one.name)}</span>
      <span class="no-picture-why">{why}</span>
    </div>
  );
}

function Plate({ one, track = "main", large }: { one: Participant; track?: Track; large?: boolean }) {
  if (track !== "main") {
    return (
      <div class={large ? "plate large" : "plate"}>
        <Icon name={track === "slides" ? "screen" : "paper"} />
        <span class="plate-role">{r(`track.${track}`)}</span>
        <span class="plate-site"><Name>{one.site_name}</Name></span>
      </div>
    );
  }
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
export function Tile({ seat, state, shown: { one, track }, test = "tile" }: { seat: Seat; state: SeatState; shown: Shown; test?: string }) {
  const slot = state.slots.video.find((candidate, index) => index > 0 && candidate?.participant === one.id && candidate.track === track);
  const stream = slot ? seat.stream(slot.mid) : undefined;
  const visible = isSent({ one, track }) && one.connected && stream !== undefined;
  const [shown, setShown] = useShown(visible ? stream : undefined);
  const speaking = !isLost(state) && track === "main" && (one.speaking || state.speaker === one.id);
  const name = nameOf(one.id, track);
  return (
    <button
      type="button"
      class={`tile${track === "main" ? "" : " shared"}${speaking ? " speaking" : ""}${one.floor ? " floor" : ""}${one.connected ? "" : " dropped"}`}
      title={r("stage.pin", { name: one.site_name || one.name })}
      data-test={test}
      data-participant={one.id}
      data-track={track}
      onClick={() => seat.pin(state.pinned === name ? null : name)}
    >
      {visible && <Picture stream={stream} onShown={setShown} test={`${test}-video`} participant={one.id} track={track} />}
      {(!visible || !shown) && <NoPicture state={state} shown={{ one, track }} />}
      <Plate one={one} track={track} />
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
      {state.cam && stream && state.mode !== "sound_only"
        ? <Picture stream={stream} mirror test="self-video" />
        : <div class="no-picture"><span class="no-picture-why">{r(state.mode === "sound_only" ? "stage.sound_only" : "stage.no_cam")}</span></div>}
      <div class="plate"><Icon name={state.mic || state.talking ? "mic" : "mic_off"} /><span class="plate-site">{r("self")}</span></div>
    </div>
  );
}
