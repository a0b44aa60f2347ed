/**
 * Waits between tries: doubling from `first_ms` to `longest_ms`, with up to a fifth taken off at random,
 * so that a hundred communes behind one repaired line do not all return in the same instant.
 */
export class Backoff {
  private tries = 0;
  constructor(private readonly first_ms: number, private readonly longest_ms: number, private readonly random: () => number = Math.random) {}

  next_ms(): number {
    const whole = Math.min(this.longest_ms, this.first_ms * 2 ** this.tries);
    this.tries = Math.min(this.tries + 1, 20);
    return Math.round(whole * (1 - this.random() / 5));
  }
  reset(): void {
    this.tries = 0;
  }
}
