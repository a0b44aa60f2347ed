import { useState } from "preact/hooks";
import { useCell } from "../cell.ts";
import { harmless } from "../i18n/index.ts";
import { r } from "../i18n/room.ts";
import { Button } from "../ui/basics.tsx";
import { Field, Select } from "../ui/forms.tsx";
import type { LocalMedia } from "./local_media.ts";
import { playTone } from "./meter.tsx";

const options = (devices: MediaDeviceInfo[]): [string, string][] =>
  devices.length === 0 ? [["", r("wizard.default_device")]] : devices.map((device) => [device.deviceId, harmless(device.label) || r("wizard.default_device")]);

/** What Chromium calls the loudspeaker that the computer prefers; Firefox lists only real ones. */
const DEFAULT = "default";
const namesDefault = (devices: MediaDeviceInfo[]) => devices.some((device) => device.deviceId === DEFAULT);
const speakers = (devices: MediaDeviceInfo[]): [string, string][] =>
  namesDefault(devices) ? options(devices) : [["", r("wizard.default_device")], ...options(devices)];

/** Camera, microphone, loudspeaker: in the wizard and on the sheet "Thiết bị". */
export function DeviceChoice({ media, speaker, onSpeaker }: { media: LocalMedia; speaker: string; onSpeaker?: (id: string) => void }) {
  const state = useCell(media.state);
  const [rung, setRung] = useState(false);
  return (
    <div class="devices">
      <Field label={r("wizard.camera")}>
        {(id) => <Select id={id} value={state.videoId} options={options(state.cameras)} test="camera" onChange={(chosen) => void media.openOne("video", chosen)} />}
      </Field>
      <Field label={r("wizard.microphone")}>
        {(id) => <Select id={id} value={state.audioId} options={options(state.microphones)} test="microphone" onChange={(chosen) => void media.openOne("audio", chosen)} />}
      </Field>
      {onSpeaker && state.speakers.length > 1 && "setSinkId" in HTMLMediaElement.prototype && (
        <Field label={r("wizard.speaker")}>
          {(id) => <Select id={id} value={speaker || (namesDefault(state.speakers) ? DEFAULT : "")} options={speakers(state.speakers)} test="speaker" onChange={onSpeaker} />}
        </Field>
      )}
      <div class="tone">
        <Button test="tone" onClick={() => { playTone(); setRung(true); }}>{r("wizard.tone")}</Button>
        {rung && <p class="quiet small">{r("wizard.tone.ask")}</p>}
      </div>
    </div>
  );
}
