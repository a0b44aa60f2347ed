import { useEffect, useReducer } from "preact/hooks";

/** Renders the component again every `every_ms`, so that "12 phút trước" stays true. Answers the present. */
export function useNow(every_ms = 15_000): Date {
  const [, render] = useReducer<number, undefined>((n) => n + 1, 0);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) render(undefined);
    }, every_ms);
    return () => clearInterval(timer);
  }, [every_ms]);
  return new Date();
}
