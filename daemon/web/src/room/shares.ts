import { Cell } from "../cell.ts";
import { type MediaFault, faultOf } from "./local_media.ts";

export interface SharesState {
  screen: MediaStreamTrack | null;
  /** The sound of the screen, where the browser gives it. */
  screenSound: MediaStreamTrack | null;
  paper: MediaStreamTrack | null;
  paperId: string;
  fault: { of: "screen" | "paper"; why: MediaFault } | null;
}

/** A shared screen is read, not watched: full size, few pictures a second. */
const SCREEN: MediaTrackConstraints = { width: { max: 1920 }, height: { max: 1080 }, frameRate: { ideal: 15, max: 30 } };
const PAPER: MediaTrackConstraints = { width: { ideal: 1920 }, height: { ideal: 1080 }, frameRate: { ideal: 10, max: 15 } };
// Echo cancellation and the like are made for voices and spoil music and films.
const SCREEN_SOUND: MediaTrackConstraints = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

/** Whether this browser can share a screen at all; phones cannot. */
export const canShareScreen = (): boolean => typeof navigator.mediaDevices?.getDisplayMedia === "function";

/** What one shares beside camera and microphone: the screen and a second camera. */
export class Shares {
  readonly state = new Cell<SharesState>({ screen: null, screenSound: null, paper: null, paperId: "", fault: null });

  /** Asks the person what to share. Answers whether something is shared now. */
  async openScreen(): Promise<boolean> {
    if (!canShareScreen()) return false;
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: SCREEN, audio: SCREEN_SOUND });
      this.closeScreen();
      const screen = stream.getVideoTracks()[0] ?? null;
      const sound = stream.getAudioTracks()[0] ?? null;
      if (screen) {
        screen.contentHint = "detail";
        screen.onended = () => this.closeScreen(); // the browser's own "stop sharing"
      }
      if (sound) sound.contentHint = "music";
      this.put({ screen, screenSound: sound, fault: null });
      return screen !== null;
    } catch (error) {
      // Who closes the browser's question has changed their mind; that is no fault to tell.
      const why = faultOf(error);
      this.put({ fault: why === "denied" ? null : { of: "screen", why } });
      return false;
    }
  }

  /** Opens the camera `id` for papers. Answers whether it is open. */
  async openPaper(id: string): Promise<boolean> {
    this.closePaper();
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { ...PAPER, ...(id === "" ? {} : { deviceId: { exact: id } }) } });
      const paper = stream.getVideoTracks()[0] ?? null;
      if (paper) {
        paper.contentHint = "detail";
        paper.onended = () => this.closePaper();
      }
      this.put({ paper, paperId: id, fault: null });
      return paper !== null;
    } catch (error) {
      this.put({ fault: { of: "paper", why: faultOf(error) } });
      return false;
    }
  }

  closeScreen(): void {
    this.drop(this.state.value.screen);
    this.drop(this.state.value.screenSound);
    this.put({ screen: null, screenSound: null });
  }

  closePaper(): void {
    this.drop(this.state.value.paper);
    this.put({ paper: null });
  }

  close(): void {
    this.closeScreen();
    this.closePaper();
  }

  private drop(track: MediaStreamTrack | null): void {
    if (!track) return;
    track.onended = null;
    track.stop();
  }

  private put(change: Partial<SharesState>): void {
    this.state.value = { ...this.state.value, ...change };
  }
}
