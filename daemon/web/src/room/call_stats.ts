/** How the call fares; differences are since the last reading. */
export interface CallStats {
  rtt_ms: number;
  loss_percent: number;
  /** Of the large picture; 0 when there is none. */
  width: number;
  fps: number;
  freezes: number;
}

interface Totals {
  lost: number;
  received: number;
  freezes: number;
}

interface Inbound {
  type: string;
  kind?: string;
  mid?: string;
  packetsLost?: number;
  packetsReceived?: number;
  freezeCount?: number;
  frameWidth?: number;
  framesPerSecond?: number;
  nominated?: boolean;
  state?: string;
  currentRoundTripTime?: number;
}

/** Turns the browser's running totals into figures of the last interval. */
export class StatsReader {
  private before: Totals = { lost: 0, received: 0, freezes: 0 };

  private readonly heard = new Map<string, { energy: number; seconds: number }>();

  reset(): void {
    this.heard.clear();
    this.before = { lost: 0, received: 0, freezes: 0 };
  }

  async read(pc: RTCPeerConnection, large: string | undefined): Promise<CallStats> {
    const report = await pc.getStats();
    const rows: Inbound[] = [];
    report.forEach((row) => rows.push(row as Inbound));
    return this.digest(rows, large);
  }

  /** Root mean square of what was played since the last reading, 0 to 1. */
  loudness(mid: string, report: RTCStatsReport): number {
    let now = { energy: 0, seconds: 0 };
    report.forEach((row: { type: string; totalAudioEnergy?: number; totalSamplesDuration?: number }) => {
      if (row.type === "inbound-rtp") now = { energy: row.totalAudioEnergy ?? 0, seconds: row.totalSamplesDuration ?? 0 };
    });
    const before = this.heard.get(mid) ?? { energy: 0, seconds: 0 };
    this.heard.set(mid, now);
    const seconds = now.seconds - before.seconds;
    return seconds <= 0 ? 0 : Math.sqrt(Math.max(0, now.energy - before.energy) / seconds);
  }

  digest(rows: Inbound[], large: string | undefined): CallStats {
    const now: Totals = { lost: 0, received: 0, freezes: 0 };
    let [rtt, width, fps] = [0, 0, 0];
    for (const row of rows) {
      if (row.type === "candidate-pair" && row.nominated && row.state === "succeeded") rtt = row.currentRoundTripTime ?? rtt;
      if (row.type !== "inbound-rtp") continue;
      now.lost += Math.max(0, row.packetsLost ?? 0);
      now.received += row.packetsReceived ?? 0;
      now.freezes += row.freezeCount ?? 0;
      if (row.kind === "video" && row.mid === large) {
        width = row.frameWidth ?? 0;
        fps = row.framesPerSecond ?? 0;
      }
    }
    const lost = Math.max(0, now.lost - this.before.lost);
    const received = Math.max(0, now.received - this.before.received);
    const freezes = Math.max(0, now.freezes - this.before.freezes);
    this.before = now;
    return {
      rtt_ms: Math.round(rtt * 1000),
      loss_percent: lost + received === 0 ? 0 : Math.round((1000 * lost) / (lost + received)) / 10,
      width,
      fps: Math.round(fps),
      freezes,
    };
  }
}
