import { useEffect, useRef } from "preact/hooks";
import { r } from "../i18n/room.ts";

/** A reading this often looks alive and costs a weak PC little. Milliseconds. */
const READ_MS = 66;
/** Quiet room to loud voice, in decibels below full scale. */
const QUIET_DB = -60;
const LOUD_DB = -10;

/** Root mean square of samples, as 0 to 1 between a quiet room and a loud voice. */
export function loudness(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < samples.length; index += 1) sum += samples[index]! ** 2;
  const db = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-12);
  return Math.min(1, Math.max(0, (db - QUIET_DB) / (LOUD_DB - QUIET_DB)));
}

/** Listens to a track until the returned function is called. */
export function listen(track: MediaStreamTrack, hear: (level: number) => void): () => void {
  const context = new AudioContext();
  const source = context.createMediaStreamSource(new MediaStream([track]));
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    if (context.state === "suspended") void context.resume();
    analyser.getFloatTimeDomainData(samples);
    hear(loudness(samples));
  }, READ_MS);
  return () => {
    clearInterval(timer);
    source.disconnect();
    void context.close();
  };
}

/** The bar that moves while one speaks. Draws past the component tree: it changes fifteen times a second. */
export function Meter({ track, onLevel }: { track: MediaStreamTrack | null; onLevel?: (level: number) => void }) {
  const bar = useRef<HTMLSpanElement>(null);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const show = (level: number) => {
      if (bar.current) bar.current.style.transform = `scaleX(${level.toFixed(3)})`;
      box.current?.setAttribute("aria-valuenow", String(Math.round(level * 100)));
      onLevel?.(level);
    };
    show(0);
    if (!track) return;
    return listen(track, show);
  }, [track]);
  return (
    <div ref={box} class="meter" role="meter" aria-label={r("meter")} aria-valuemin={0} aria-valuemax={100} aria-valuenow={0} data-test="meter">
      <span ref={bar} />
    </div>
  );
}

/** Two soft notes, so that one hears that the loudspeaker works. */
export function playTone(): void {
  const context = new AudioContext();
  const gain = context.createGain();
  gain.gain.value = 0.15;
  gain.connect(context.destination);
  for (const [index, hertz] of [523, 659].entries()) {
    const note = context.createOscillator();
    note.frequency.value = hertz;
    note.connect(gain);
    note.start(context.currentTime + index * 0.3);
    note.stop(context.currentTime + index * 0.3 + 0.25);
    if (index === 1) note.onended = () => void context.close();
  }
}
