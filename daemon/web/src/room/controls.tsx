import { useEffect } from "preact/hooks";
import { useCell } from "../cell.ts";
import { useNow } from "../clock.ts";
import { r } from "../i18n/room.ts";
import { Button } from "../ui/basics.tsx";
import { ask } from "../ui/dialog.tsx";
import { Icon, type IconName } from "./icons.tsx";
import type { Seat, SeatState } from "./seat.ts";
import { statusOf } from "./status.ts";

interface BigProps {
  icon: IconName;
  word: string;
  on: boolean;
  disabled?: boolean;
  test: string;
  onClick: () => void;
}

function Big({ icon, word, on, disabled, test, onClick }: BigProps) {
  return (
    <button
      type="button"
      class={on ? "big on" : "big"}
      aria-pressed={on}
      disabled={disabled}
      data-test={test}
      onClick={(event) => {
        // A mouse leaves no focus behind, so that the space bar opens the microphone instead of pressing this again.
        if (event.detail > 0) event.currentTarget.blur();
        onClick();
      }}
    >
      <Icon name={icon} />
      <span>{word}</span>
    </button>
  );
}

/** Three big buttons with words, at the left one's devices, at the right the way out. */
export function Controls({ seat, state, openDevices, openShares }: { seat: Seat; state: SeatState; openDevices: () => void; openShares: () => void }) {
  useSpaceToTalk(seat);
  const shares = state.shares.slides || state.shares.document;
  const sounds = state.mode === "sound_only";
  const films = state.cam && !sounds;
  const leave = async () => {
    if (await ask(r("leave.title"), r("leave.text"), r("leave"))) seat.leave();
  };
  return (
    <footer class="controls">
      <div class="small-controls">
        <button type="button" class="small-control" data-test="devices" onClick={openDevices}><Icon name="devices" /><span>{r("devices")}</span></button>
        <button type="button" class={shares ? "small-control on" : "small-control"} aria-pressed={shares} data-test="share" onClick={openShares}><Icon name="share" /><span>{r(shares ? "share.on" : "share")}</span></button>
      </div>
      <div class="bigs">
        <Big icon={state.mic || state.talking ? "mic" : "mic_off"} word={r(state.mic ? "mic.on" : "mic.off")} on={state.mic || state.talking} test="mic" onClick={() => seat.setMic(!state.mic)} />
        <Big icon={films ? "cam" : "cam_off"} word={r(sounds ? "stage.sound_only" : films ? "cam.on" : "cam.off")} on={films} disabled={sounds} test="cam" onClick={() => void seat.setCam(!state.cam)} />
        <Big icon="hand" word={r(state.hand ? "hand.lower" : "hand.raise")} on={state.hand} test="hand" onClick={() => seat.setHand(!state.hand)} />
      </div>
      <button type="button" class="small-control leave" data-test="leave" onClick={() => void leave()}><Icon name="leave" /><span>{r("leave")}</span></button>
    </footer>
  );
}

/** The sentence under the picture. */
export function StatusStrip({ seat, state }: { seat: Seat; state: SeatState }) {
  const now = useNow(5_000);
  const media = useCell(seat.media.state);
  const status = statusOf(state, media, now);
  return (
    <div class={`status ${status.level}`} role="status" data-test="status" data-level={status.level}>
      <span>{status.text}</span>
      {status.action === "unlock" && <Button kind="primary" test="unlock-sound" onClick={() => void seat.unlockSound()}>{r("status.unlock")}</Button>}
      {status.action === "picture" && <Button test="picture-again" onClick={() => seat.choose("normal")}>{r("mode.again")}</Button>}
      {status.action === "stop_share" && <Button test="stop-share" onClick={() => seat.shares.close()}>{r("share.stop")}</Button>}
      {status.action === "mic" && <Button kind="primary" test="invited-mic" onClick={() => seat.setMic(true)}>{r("mic.off")}</Button>}
    </div>
  );
}

function useSpaceToTalk(seat: Seat): void {
  useEffect(() => {
    // Space in a field writes and on a button presses; anywhere else it opens the microphone.
    const elsewhere = (target: EventTarget | null) => !(target instanceof Element && target.closest("input, textarea, select, button, a, summary, dialog"));
    const down = (event: KeyboardEvent) => {
      if (event.code !== "Space" || !elsewhere(event.target)) return;
      event.preventDefault();
      if (!event.repeat) seat.setTalking(true);
    };
    const up = (event: KeyboardEvent) => {
      if (event.code === "Space") seat.setTalking(false);
    };
    const away = () => seat.setTalking(false);
    addEventListener("keydown", down);
    addEventListener("keyup", up);
    addEventListener("blur", away);
    return () => {
      removeEventListener("keydown", down);
      removeEventListener("keyup", up);
      removeEventListener("blur", away);
    };
  }, [seat]);
}
