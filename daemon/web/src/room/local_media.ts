import { Cell } from "../cell.ts";

/** Why there is no picture or no sound of one's own. */
export type MediaFault = "insecure" | "denied" | "none" | "busy" | "failed" | "ended";

export interface LocalMediaState {
  audio: MediaStreamTrack | null;
  video: MediaStreamTrack | null;
  audioFault: MediaFault | null;
  videoFault: MediaFault | null;
  /** A question to the person is open, or a device starts. */
  opening: boolean;
  microphones: MediaDeviceInfo[];
  cameras: MediaDeviceInfo[];
  speakers: MediaDeviceInfo[];
  audioId: string;
  videoId: string;
}

const AUDIO: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
// 720p is what three simulcast layers (720p, 360p, 180p) are made from; browsers drop layers below it.
const VIDEO: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25, max: 30 } };

/** One's own camera and microphone. */
export class LocalMedia {
  readonly state = new Cell<LocalMediaState>({
    audio: null, video: null, audioFault: null, videoFault: null, opening: false,
    microphones: [], cameras: [], speakers: [], audioId: "", videoId: "",
  });

  constructor() {
    navigator.mediaDevices?.addEventListener?.("devicechange", () => void this.list());
  }

  /** Opens both at once, so that the browser asks one question; else each alone, so that one broken device does not cost the other. */
  async open(): Promise<void> {
    if (!navigator.mediaDevices?.getUserMedia) {
      this.put({ audioFault: "insecure", videoFault: "insecure" });
      return;
    }
    this.put({ opening: true });
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: AUDIO, video: VIDEO });
      this.take("audio", stream.getAudioTracks()[0] ?? null);
      this.take("video", stream.getVideoTracks()[0] ?? null);
    } catch {
      await this.openOne("audio");
      await this.openOne("video");
    }
    this.put({ opening: false });
    await this.list();
  }

  /** Opens one device (again), `id` when the person chose it. */
  async openOne(kind: "audio" | "video", id = this.state.value[`${kind}Id`]): Promise<void> {
    if (!navigator.mediaDevices?.getUserMedia) return;
    this.drop(kind);
    const chosen = id === "" ? {} : { deviceId: { exact: id } };
    try {
      const stream = await navigator.mediaDevices.getUserMedia(kind === "audio" ? { audio: { ...AUDIO, ...chosen } } : { video: { ...VIDEO, ...chosen } });
      this.take(kind, stream.getTracks()[0] ?? null);
    } catch (error) {
      this.put({ [`${kind}Fault`]: faultOf(error), [kind]: null });
    }
    await this.list();
  }

  /** Lets the device go; its light goes out. */
  drop(kind: "audio" | "video"): void {
    const track = this.state.value[kind];
    if (track) {
      track.onended = null;
      track.stop();
    }
    this.put({ [kind]: null, [`${kind}Fault`]: null });
  }

  close(): void {
    this.drop("audio");
    this.drop("video");
  }

  private take(kind: "audio" | "video", track: MediaStreamTrack | null): void {
    if (track) track.onended = () => this.put({ [kind]: null, [`${kind}Fault`]: "ended" });
    this.put({ [kind]: track, [`${kind}Fault`]: track ? null : "none", [`${kind}Id`]: track?.getSettings().deviceId ?? "" });
  }

  private async list(): Promise<void> {
    try {
      const devices = await navigator.mediaDevices.enumerateDevices();
      const of = (kind: MediaDeviceKind) => devices.filter((device) => device.kind === kind && device.deviceId !== "");
      this.put({ microphones: of("audioinput"), cameras: of("videoinput"), speakers: of("audiooutput") });
    } catch {
      // the list stays as it was; the devices in use are not touched by it
    }
  }

  private put(change: Partial<LocalMediaState>): void {
    this.state.value = { ...this.state.value, ...change };
  }
}

/** The fault behind what `getUserMedia` threw. */
export function faultOf(error: unknown): MediaFault {
  switch ((error as { name?: unknown } | null)?.name) {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "none";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    default:
      return "failed";
  }
}
