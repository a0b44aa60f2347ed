import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, api } from "./api.ts";
import { onChange } from "./live.ts";
import { signedOut } from "./session.ts";

export interface Resource<T> {
  data: T | undefined;
  /** Set when the last read failed; `data` may still hold what was read before. */
  error: ApiError | undefined;
  reload: () => void;
  /** Puts in what a change answered, without another read. */
  put: (data: T) => void;
}

/** What was read last, so that going back shows it at once while it is read again. At most 60 addresses. */
const remembered = new Map<string, unknown>();
const REMEMBERED_MAX = 60;

function remember(path: string, value: unknown): void {
  remembered.delete(path);
  remembered.set(path, value);
  if (remembered.size > REMEMBERED_MAX) remembered.delete(remembered.keys().next().value!);
}

/** Forgets everything read; for the change of account. */
export function forgetResources(): void {
  remembered.clear();
}

/** Reads `path` and reads it again when one of `topics` changes. A null path reads nothing. */
export function useResource<T>(path: string | null, topics: readonly string[] = []): Resource<T> {
  const [state, setState] = useState<{ path: string | null; data: T | undefined; error: ApiError | undefined }>({ path: null, data: undefined, error: undefined });
  const current = useRef(path);
  current.current = path;
  const reading = useRef<string | null>(null);
  const again = useRef(false);

  const reload = useCallback(() => {
    if (path === null) return;
    // One read at a time: what changes meanwhile is read once more at its end.
    if (reading.current === path) {
      again.current = true;
      return;
    }
    reading.current = path;
    api.get<T>(path).then(
      (data) => {
        remember(path, data);
        if (current.current === path) setState({ path, data, error: undefined });
      },
      (error: ApiError) => {
        if (error.code === "not_signed_in") signedOut();
        if (current.current === path) setState((old) => ({ path, data: old.path === path ? old.data : (remembered.get(path) as T | undefined), error }));
      },
    ).finally(() => {
      if (reading.current === path) reading.current = null;
      if (again.current && current.current === path) {
        again.current = false;
        reload();
      }
    });
  }, [path]);

  useEffect(() => reload(), [reload]);
  const key = topics.join("\n");
  useEffect(
    () => onChange((changed) => {
      if (changed === "all" || key.split("\n").some((topic) => changed.has(topic))) reload();
    }),
    [key, reload],
  );

  const put = (data: T) => {
    if (path === null) return;
    remember(path, data);
    setState({ path, data, error: undefined });
  };
  const fresh = state.path === path;
  return {
    data: fresh ? state.data : path === null ? undefined : (remembered.get(path) as T | undefined),
    error: fresh ? state.error : undefined,
    reload,
    put,
  };
}
