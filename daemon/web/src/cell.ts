import { useEffect, useReducer } from "preact/hooks";

/** A value that components can watch. */
export class Cell<T> {
  private watchers = new Set<() => void>();
  constructor(private current: T) {}

  get value(): T {
    return this.current;
  }
  set value(next: T) {
    if (Object.is(next, this.current)) return;
    this.current = next;
    for (const watcher of [...this.watchers]) watcher();
  }
  /** Calls `watcher` after each change until the returned function is called. */
  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }
}

/** The cell's value; the component renders again when it changes. */
export function useCell<T>(cell: Cell<T>): T {
  const [, render] = useReducer<number, undefined>((n) => n + 1, 0);
  const drawn = cell.value;
  useEffect(() => {
    // What changed between the drawing and this moment would never be drawn otherwise.
    if (!Object.is(cell.value, drawn)) render(undefined);
    return cell.watch(() => render(undefined));
  }, [cell]);
  return drawn;
}
