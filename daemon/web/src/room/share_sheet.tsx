import { useState } from "preact/hooks";
import type { Mode } from "../api.ts";
import { useCell } from "../cell.ts";
import { harmless } from "../i18n/index.ts";
import { r } from "../i18n/room.ts";
import { Button } from "../ui/basics.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Choice, Field, Select } from "../ui/forms.tsx";
import type { Seat, SeatState } from "./seat.ts";
import { canShareScreen } from "./shares.ts";

/** What one can show beside one's face: the screen, and papers under a second camera. */
export function ShareSheet({ seat, state, close }: { seat: Seat; state: SeatState; close: () => void }) {
  const shares = useCell(seat.shares.state);
  const { cameras, videoId } = useCell(seat.media.state);
  const others = cameras.filter((camera) => camera.deviceId !== videoId);
  const [paper, setPaper] = useState("");
  const chosen = paper || shares.paperId || others[0]?.deviceId || "";
  const barred = state.mode === "sound_only" || state.self?.role === "viewer" || (state.sharing === "hosts" && state.self?.role !== "chair" && state.self?.role !== "secretary");
  const screen = async () => {
    if (await seat.shares.openScreen()) close();
  };
  const camera = async () => {
    if (await seat.shares.openPaper(chosen)) close();
  };
  return (
    <Dialog title={r("share")} onClose={close} test="share-sheet">
      {barred && <p class="banner degraded" data-test="share-barred">{r(state.mode === "sound_only" ? "share.barred.sound_only" : "share.barred")}</p>}
      <section class="share-part">
        <h3>{r("share.screen")}</h3>
        <p class="quiet">{r(canShareScreen() ? "share.screen.text" : "share.screen.unable")}</p>
        {shares.screen
          ? <Button test="screen-stop" onClick={() => seat.shares.closeScreen()}>{r("share.screen.stop")}</Button>
          : <Button kind="primary" test="screen-start" disabled={barred || !canShareScreen()} onClick={() => void screen()}>{r("share.screen.start")}</Button>}
        {shares.screen && <p class="quiet small">{r(shares.screenSound ? "share.screen.sound" : "share.screen.mute")}</p>}
      </section>
      <section class="share-part">
        <h3>{r("share.paper")}</h3>
        <p class="quiet">{r(others.length === 0 ? "share.paper.none" : "share.paper.text")}</p>
        {others.length > 1 && (
          <Field label={r("wizard.camera")}>
            {(id) => <Select id={id} value={chosen} options={others.map((one): [string, string] => [one.deviceId, harmless(one.label) || r("wizard.default_device")])} test="paper-camera" onChange={setPaper} />}
          </Field>
        )}
        {shares.paper
          ? <Button test="paper-stop" onClick={() => seat.shares.closePaper()}>{r("share.paper.stop")}</Button>
          : <Button kind="primary" test="paper-start" disabled={barred || others.length === 0} onClick={() => void camera()}>{r("share.paper.start")}</Button>}
      </section>
      {shares.fault && <p class="banner degraded" role="alert" data-test="share-fault">{r(shares.fault.of === "paper" && shares.fault.why === "busy" ? "fault.camera.busy" : "share.failed")}</p>}
    </Dialog>
  );
}

const MODES: readonly Mode[] = ["normal", "light", "sound_only"];

/** How much picture a thin line is to carry. */
export function ModeChoice({ seat, state }: { seat: Seat; state: SeatState }) {
  return (
    <section class="share-part">
      <h3>{r("mode")}</h3>
      <Choice<Mode> value={state.mode} onChange={(mode) => seat.choose(mode)} label={r("mode")} test="mode" options={MODES.map((mode) => [mode, r(`mode.${mode}`)])} />
      <p class="quiet small" data-test="mode-text">{state.modeBy === null ? r(`mode.${state.mode}.text`) : r("mode.imposed", { name: state.modeBy })}</p>
    </section>
  );
}
