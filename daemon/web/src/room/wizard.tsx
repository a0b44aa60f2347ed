import { useEffect, useState } from "preact/hooks";
import { type RoomPreview, api } from "../api.ts";
import { useCell } from "../cell.ts";
import { span } from "../format.ts";
import { common } from "../i18n/common.ts";
import { r } from "../i18n/room.ts";
import { Button, Name } from "../ui/basics.tsx";
import { Check, Field, Text } from "../ui/forms.tsx";
import { type Check as CheckResult, type LineMs, browserOf, checksOf } from "./checks.ts";
import { DeviceChoice } from "./device_choice.tsx";
import type { LocalMedia } from "./local_media.ts";
import { Meter } from "./meter.tsx";
import { Picture } from "./picture.tsx";

/** A voice, not the noise of the room, on the meter's scale of 0 to 1. */
const VOICE_LEVEL = 0.3;
const NAME = "nhipcau.name";

interface WizardProps {
  room: string;
  token: string;
  preview: RoomPreview;
  media: LocalMedia;
  join: (name: string, wants: { mic: boolean; cam: boolean }) => void;
}

/** Three checks with live proof, a name, and in. Nothing here keeps a person out of the meeting. */
export function Wizard({ room, token, preview, media, join }: WizardProps) {
  const state = useCell(media.state);
  const [name, setName] = useState(() => remembered() ?? preview.site_name);
  const [mic, setMic] = useState(preview.role === "chair");
  const [cam, setCam] = useState(true);
  const [heard, setHeard] = useState(false);
  const [line, setLine] = useState<LineMs>(null);
  const [stream, setStream] = useState<MediaStream>();

  useEffect(() => {
    if (state.audio === null && state.video === null) void media.open();
    void measureLine(room, token).then(setLine);
  }, []);
  useEffect(() => setStream(state.video ? new MediaStream([state.video]) : undefined), [state.video]);
  useEffect(() => setHeard(false), [state.audio]);

  const noCamera = state.video === null && state.videoFault !== null;
  const noMic = state.audio === null && state.audioFault !== null;
  const checks = checksOf(state, heard, line, browserOf(navigator.userAgent));
  const word = noCamera && noMic ? r("wizard.join_listening") : noCamera ? r("wizard.join_without_camera") : r("wizard.join");
  const enter = () => {
    const shown = name.trim();
    if (shown === "") return;
    remember(shown);
    if (!cam) media.drop("video");
    join(shown, { mic: mic && !noMic, cam: cam && !noCamera });
  };
  const retry = () => {
    if (noCamera) void media.openOne("video");
    if (noMic) void media.openOne("audio");
    if (Number.isNaN(line)) void measureLine(room, token).then(setLine);
  };

  return (
    <main class="wizard" data-test="wizard">
      <header class="wizard-head">
        <h1 data-test="room-title"><Name>{preview.title}</Name></h1>
        <p class="num">{span(preview.starts_at, preview.ends_at)}</p>
        <p>{r("site")}: <b data-test="site-name"><Name>{preview.site_name}</Name></b> · {r("your_role")}: {common(`role.${preview.role}`)}</p>
        {preview.state === "scheduled" && <p class="quiet">{r("not_yet")}</p>}
      </header>
      <section class="wizard-see" aria-label={r("wizard.preview")}>
        <div class="preview">
          {stream ? <Picture stream={stream} mirror test="preview" /> : <p class="no-picture-why">{r(state.opening ? "wizard.asking" : "wizard.no_picture")}</p>}
        </div>
        <Meter track={state.audio} onLevel={(level) => level > VOICE_LEVEL && setHeard(true)} />
        <ul class="checks">{checks.map((check) => <CheckLine key={check.name} check={check} />)}</ul>
        {checks.some((check) => check.state === "bad") && <Button test="check-again" onClick={retry}>{r("wizard.retry")}</Button>}
      </section>
      <form class="wizard-form" onSubmit={(event) => { event.preventDefault(); enter(); }}>
        <h2>{r("wizard.title")}</h2>
        <Field label={r("wizard.name")} hint={r("wizard.name.hint")}>
          {(id) => <Text id={id} value={name} onInput={setName} required maxLength={80} autoComplete="name" test="name" />}
        </Field>
        <DeviceChoice media={media} speaker="" />
        <div class="wizard-wants">
          <Check checked={mic} onChange={setMic} test="want-mic">{r("wizard.mic_on")}</Check>
          <Check checked={cam} onChange={setCam} test="want-cam">{r("wizard.cam_on")}</Check>
        </div>
        <p class={preview.recording ? "banner critical" : "quiet small"} data-test="consent">{r(preview.recording ? "wizard.consent_on" : "wizard.consent")}</p>
        <Button type="submit" kind="primary" test="join" disabled={name.trim() === ""}>{word}</Button>
      </form>
    </main>
  );
}

const MARKS: Record<CheckResult["state"], string> = { ok: "M3 8.5 6.5 12 13 4.5", wait: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M8 5v3.2l2 1.3", bad: "M8 3.5v5.5M8 12.2v.3" };

function CheckLine({ check }: { check: CheckResult }) {
  return (
    <li class={`check-line ${check.state}`} data-test={`check-${check.name}`} data-state={check.state}>
      <svg viewBox="0 0 16 16" aria-hidden="true"><path d={MARKS[check.state]} fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" /></svg>
      <div>
        <p>{check.text}</p>
        {check.blocked && <AddressBar />}
        {check.fix.map((fix) => <p key={fix} class="quiet small">{fix}</p>)}
      </div>
    </li>
  );
}

/** Where the browser hides its permissions: at the left of the address. */
function AddressBar() {
  return (
    <svg class="address-bar" viewBox="0 0 240 44" aria-hidden="true">
      <rect x="1" y="9" width="238" height="26" rx="13" fill="none" stroke="currentColor" stroke-opacity=".45" />
      <circle cx="18" cy="22" r="16" class="address-ring" fill="none" stroke-width="3" />
      <path d="M12 18h12M12 26h12" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" />
      <circle cx="21" cy="18" r="2.2" fill="currentColor" /><circle cx="15" cy="26" r="2.2" fill="currentColor" />
      <path d="M44 22h110" stroke="currentColor" stroke-opacity=".35" stroke-width="5" stroke-linecap="round" />
    </svg>
  );
}

/** The best of three: the first also pays for opening the connection. */
async function measureLine(room: string, token: string): Promise<LineMs> {
  let best = Infinity;
  for (let round = 0; round < 3; round += 1) {
    const start = performance.now();
    try {
      await api.roomPreview(room, token);
      best = Math.min(best, performance.now() - start);
    } catch {
      // one lost answer is not yet a bad line
    }
  }
  return best === Infinity ? NaN : best;
}

function remembered(): string | null {
  try {
    return localStorage.getItem(NAME);
  } catch {
    return null;
  }
}
function remember(name: string): void {
  try {
    localStorage.setItem(NAME, name);
  } catch {
    // typed again next time
  }
}
